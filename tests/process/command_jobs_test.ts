/**
 * The live view of a client that a shell stops, continues and ends as a job, on a real terminal.
 *
 * @module
 */
import { assert } from "@std/assert";
import { Folder } from "../support/folder.ts";
import { freePort } from "../support/ports.ts";
import { commandWords, startServer } from "../support/process.ts";
import { testUnless } from "../support/skip.ts";
import { Tmux, whyNoTmux } from "../support/tmux.ts";

// Executables may have a Deno before 2.9, which cannot stop itself: it is stopped at once.
const noWay = Deno.env.get("PULSEWIRE_DIST")
  ? "executables may be of a Deno before 2.9"
  : undefined;
const reason = whyNoTmux() ?? noWay;

/**
 * Waits until the job of a client on this port has stopped, every process of it: one that shares the terminal with
 * the shell before that may still take what is typed, or stop only after `fg`.
 */
async function jobHasStopped(port: number): Promise<void> {
  for (;;) {
    const { stdout } = await new Deno.Command("ps", { args: ["-eo", "pgid=,stat=,args="] })
      .output();
    const all = new TextDecoder().decode(stdout).split("\n").map((line) => line.trim().split(/ +/));
    const group = all.find((words) => words.join(" ").includes(`127.0.0.1 ${port} --quiet`))?.[0];
    if (all.every(([pgid, stat]) => pgid !== group || /^[TZ]/.test(stat!))) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

for (const how of ["by a shell", "by what a shell has started, such as a task"]) {
  const name = `Ctrl-Z, bg and fg do what they are to do with a client started ${how}`;
  testUnless(reason, name, async () => {
    const port = freePort();
    await using _server = await startServer(port);
    const isLeader = how === "by a shell";
    const words = commandWords("client");
    const run = isLeader ? words : ["sh", "-c", '"$@"; :', "sh", ...words];
    await using terminal = await Tmux.open({ rows: 40, env: { NO_COLOR: "1" }, run });
    await terminal.enter(`run 127.0.0.1 ${port} --quiet`);
    await terminal.shows(/^no outage$/m);
    await terminal.press("C-z");
    const stopped = await terminal.shows(/^\[1\]\+ +Stopped [^]*^\$$/m);
    await jobHasStopped(port);
    if (isLeader) assert(!stopped.includes("? keys"), stopped);
    await terminal.enter("clear; fg");
    // Where the shell waits for another process, the view before Ctrl-Z stays until the screen is cleared.
    await terminal.shows(/^(?![^]*Stopped)[^]*\nno outage\n\? keys$/);
    await terminal.press("C-z");
    await terminal.shows(/^\[1\]\+ +Stopped [^]*^\$$/m);
    await jobHasStopped(port);
    await terminal.enter("clear; bg");
    await terminal.enter("jobs");
    await terminal.shows(/^\[1\]\+ +Running /m);
    await terminal.enter("clear; fg");
    await terminal.shows(/^no outage\n\? keys$/m);
    await terminal.press("q");
    await terminal.shows(/^ended as asked[^]*^\$$/m);
    await terminal.enter("clear; jobs; stty");
    const end = await terminal.shows(/^speed [^]*\$$/m);
    assert(!/-icanon|-echo\b|Stopped/.test(end), end);
  });
}

testUnless(reason, "Ctrl-Z stops no client of a task that goes on itself, as of Deno", async () => {
  const port = freePort();
  await using _server = await startServer(port);
  const run = ["sh", "-c", 'trap : TSTP; "$@"; :', "sh", ...commandWords("client")];
  await using terminal = await Tmux.open({ rows: 40, env: { NO_COLOR: "1" }, run });
  await terminal.enter(`run 127.0.0.1 ${port} --quiet`);
  await terminal.shows(/^no outage$/m);
  await terminal.press("C-z");
  await terminal.shows(/\nno outage\n[^]*\nno outage\n\? keys$/);
  await terminal.press("q");
  await terminal.shows(/^ended as asked[^]*^\$$/m);
});

/** Stops a client, continues it in the background and ends it by a line for the shell: neither stops it again. */
async function endInBackground(line: string, env: Record<string, string> = {}): Promise<void> {
  const port = freePort();
  await using _server = await startServer(port);
  const run = commandWords("client");
  await using terminal = await Tmux.open({ rows: 40, env: { NO_COLOR: "1", ...env }, run });
  await terminal.enter(`run 127.0.0.1 ${port} --quiet`);
  await terminal.shows(/^no outage$/m);
  await terminal.press("C-z");
  await terminal.shows(/^\[1\]\+ +Stopped [^]*^\$$/m);
  await jobHasStopped(port);
  await terminal.enter(`clear; ${line}; wait; clear; jobs; stty`);
  const end = await terminal.shows(/^speed [^]*\$$/m);
  assert(!/-icanon|-echo\b|Stopped/.test(end), end);
}

testUnless(
  reason,
  "a client in the background ends there, and leaves the terminal to the shell",
  () => endInBackground("bg; kill %1"),
);

testUnless(reason, "a client ends in the background while a child asks where it is", async () => {
  using folder = new Folder();
  const { path } = folder;
  // In place of a slow child: it answers nothing before `kill %1` ends it, too.
  const slow =
    `[ "$1" = /proc/self/stat ] && [ -e ${path}/hold ] && : >${path}/asked && exec sleep 60`;
  Deno.writeTextFileSync(`${path}/cat`, `#!/bin/sh\n${slow}\nexec /bin/cat "$@"\n`, {
    mode: 0o755,
  });
  const untilAsked = `until [ -e ${path}/asked ]; do sleep 0.01; done`;
  await endInBackground(`: >${path}/hold; bg; ${untilAsked}; kill %1`, {
    PATH: `${path}:${Deno.env.get("PATH")}`,
  });
});
