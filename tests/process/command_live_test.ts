/**
 * The live view of real commands on a real terminal: what is on the screen, and that nothing of it is left.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Folder } from "../support/folder.ts";
import { freePort } from "../support/ports.ts";
import { Command, commandWords, startServer } from "../support/process.ts";
import { testUnless } from "../support/skip.ts";
import { Tmux, whyNoTmux } from "../support/tmux.ts";

const reason = whyNoTmux();
const test = (name: string, body: () => Promise<void>) => testUnless(reason, name, body);

/** Short timers: silent after 1 s, dead 3 s later. */
const SHORT = [
  "--data-interval=0.2",
  "--data-threshold=1",
  "--heartbeat-interval=0.3",
  "--heartbeat-threshold=1",
  "--heartbeat-additional-tries=2",
];

/** A command on a terminal, which is as wide as the test wants. */
function open(role: "client" | "server", options: Partial<Parameters<typeof Tmux.open>[0]> = {}) {
  const env = { NO_COLOR: "1", ...options.env };
  return Tmux.open({ ...options, env, run: commandWords(role) });
}

/** The view on a screen: the lines from its first on, with `#` for each number and `=` for bars. */
function viewOn(screen: string): string[] {
  const lines = screen.split("\n").map((line) => line.trimEnd());
  const first = lines.findLastIndex((line) => /^(\w+ for \d|\S+ sessions?\b|nobody)/.test(line));
  return lines.slice(first).map((line) =>
    line.replace(/^[▁-█ ·]*[▁-█][▁-█ ·]*(?=\d)/, "= ").replace(/\d[\d.,]*(m\d\ds)?/g, "#")
      .replace(/session [#a-f]+/, "session ID").replace(/ago: [a-z ]+ ·/, "ago: CAUSE ·")
      .replace("heartbeats", "heartbeat")
  );
}

/** The view of a client's session that is well; while a confirmation is due, it says so in place of the next message. */
const WELL = /^ok for .* · next data .*\n[^]*^round trip [^]*^\? keys$/m;

const ONE = ["session ID · to #:# · # s old", "round trip # ms · p# # ms · p# # ms"];

test("a client shows its session: well, silent, well again, dead, and then nothing", async () => {
  const port = freePort();
  await using server = await startServer(port, ...SHORT);
  await using terminal = await open("client", { columns: 120 });
  await terminal.enter(`run 127.0.0.1 ${port} --quiet ${SHORT.join(" ")}`);
  const well = await terminal.shows(WELL);
  assertEquals(viewOn(well), [
    "ok for # s · next data message in # s · data phase",
    ...ONE,
    "= # s, up to # ms",
    "sent # · confirmed # · in doubt #",
    "no outage",
    "? keys",
  ]);
  server.kill("SIGSTOP");
  const silent = await terminal.shows(/^silent for .* · dead in .*missed/m);
  assertEquals(viewOn(silent), [
    "silent for # s · dead in # s · # heartbeat missed, # left · heartbeat phase",
    ...ONE,
    "= # s, up to # ms",
    "sent # · confirmed # · in doubt #",
    "# outage · last # s ago: CAUSE · # s · lasts",
    "? keys",
  ]);
  server.kill("SIGCONT");
  const again = await terminal.shows(/^ok for [^]*recovered/m);
  assertEquals(viewOn(again).slice(-2), [
    "# outage · last # s ago: CAUSE · # s · recovered",
    "? keys",
  ]);
  server.kill("SIGSTOP");
  const dead = await terminal.shows(/^lost \(silent\): [^]*^\$$/m);
  server.kill("SIGCONT");
  assert(!/\? keys|round trip .* p50|outages? ·/.test(dead), dead);
  assertMatch(await terminal.screen({ scrolled: true }), /^\$ run [^]*silent[^]*dead/);
});

test("a server says that nobody is connected, and shows the totals and ten of many sessions", async () => {
  const port = freePort();
  await using terminal = await open("server", { rows: 30 });
  await terminal.enter(`run 127.0.0.1 ${port}`);
  assertEquals(viewOn(await terminal.shows(/nobody is connected/)), [
    "nobody is connected · running for # s",
    "? keys",
  ]);
  const clientWords = [...commandWords("client"), "127.0.0.1", String(port), "--quiet", "--json"];
  await using client = new Command("clients", [
    ...clientWords,
    "--sessions=1000",
    "--ramp=0.5",
    "--data-interval=5",
  ]);
  const row = /^[\da-f]{16} 127\.0\.0\.1:\d+ +ok +[\d.]+ s +silent in [\d.]+ s$/;
  const many = await terminal.shows(/^1,000 sessions · 1,000 ok$/m);
  const lines = many.split("\n");
  const head = lines.findIndex((line) => line.startsWith("session "));
  assertMatch(lines[head]!, /^session +peer +state +for +then$/);
  for (const line of lines.slice(head + 1, head + 11)) assertMatch(line, row);
  assertEquals(lines[head + 11], "? keys");
  client.kill("SIGTERM");
  await client.ended();
  await terminal.shows(/^nobody is connected · running for [\d.]+ s · 1,000 opened, 1,000 ended$/m);
  await terminal.press("q");
  const end = await terminal.shows(/^\$$/m);
  assert(!/^\? keys|^session +peer/m.test(end), end);
});

test("a client's keys pause, sort, explain themselves and end it in order", async () => {
  const port = freePort();
  await using _server = await startServer(port);
  await using terminal = await open("client");
  await terminal.enter(
    `run 127.0.0.1 ${port} --quiet --data-interval 0.2 --sessions 2; echo $?; stty`,
  );
  await terminal.shows(/^2 sessions · 2 ok$/m);
  await terminal.press("?");
  await terminal.shows(/^p pause · s sort \(worst first\) · q quit · \? hide keys$/m);
  await terminal.press("s");
  await terminal.shows(/^session\* [^]*s sort \(by session\)/m);
  await terminal.press("p");
  const paused = await terminal.shows(/paused: p goes on/);
  await terminal.press("?");
  const later = await terminal.shows(/paused: p goes on · \? keys/);
  const confirmed = (screen: string) => /confirmed [\d,]+/.exec(screen)![0];
  assertEquals(confirmed(later), confirmed(paused));
  await terminal.press("p");
  await terminal.shows(/^(?![^]*paused)[^]*\? keys/);
  await terminal.press("q");
  // Ended as asked, and the terminal is as it was: lines, which are shown as they are typed.
  const end = await terminal.shows(/^0\nspeed [^]*\$$/m);
  assert(!/-icanon|-echo\b|\? keys/.test(end), end);
});

test("a terminal whose mode cannot be told is not changed, and has no keys", async () => {
  const port = freePort();
  await using _server = await startServer(port);
  using folder = new Folder();
  // As where Ctrl-C ends the child that asks for the mode.
  const stty = '[ "$1" = -g ] && kill -INT $$\nexec /usr/bin/stty "$@"\n';
  Deno.writeTextFileSync(`${folder.path}/stty`, `#!/bin/sh\n${stty}`, { mode: 0o755 });
  await using terminal = await open("client", { columns: 100 });
  const own = `PATH=${folder.path}:$PATH`;
  await terminal.enter(`clear; ${own} run 127.0.0.1 ${port}; /usr/bin/stty`);
  await terminal.shows(/^ok for /m);
  await terminal.press("C-c");
  const end = await terminal.shows(/^speed [^]*\$$/m);
  assert(!/-icanon|-echo\b|\? keys/.test(end), end);
});

test("the view is right after a resize, down to 40 columns and up to 250", async () => {
  const port = freePort();
  await using _server = await startServer(port);
  await using terminal = await open("client");
  await terminal.enter(`run 127.0.0.1 ${port} --quiet`);
  await terminal.shows(WELL);
  const wide = [
    "ok for # s · next data message in # s · data phase",
    ...ONE,
    "= # s, up to # ms",
    "sent # · confirmed # · in doubt #",
    "no outage",
    "? keys",
  ];
  await terminal.resize(40, 24);
  assertEquals(viewOn(await terminal.shows(/^next data[^]*^to 127[^]*^\? keys$/m)), [
    "ok for # s",
    "next data message in # s · data phase",
    "session ID",
    "to #:# · # s old",
    "round trip # ms · p# # ms",
    "p# # ms",
    "= # s, up to # ms",
    "sent # · confirmed # · in doubt #",
    "no outage",
    "? keys",
  ]);
  await terminal.resize(250, 24);
  assertEquals(
    viewOn(await terminal.shows(/· next data .*\nsession .* · to [^]*^\? keys$/m)),
    wide,
  );
  await terminal.resize(80, 24);
  const screen = await terminal.shows(WELL);
  assertEquals(viewOn(screen), wide);
  assertEquals(screen.match(/\? keys/g)?.length, 1, screen);
});

test("SIGTERM and Ctrl-C give the terminal back", async () => {
  const port = freePort();
  await using _server = await startServer(port);
  await using terminal = await open("client", { columns: 100 });
  for (const how of ["TERM", "INT"]) {
    await terminal.enter(
      `clear; run 127.0.0.1 ${port} --log-stamps original; echo "status $?"; stty`,
    );
    await terminal.shows(/^\? keys$/m);
    if (how === "INT") await terminal.press("C-c");
    else await terminate(await pidOf(`127.0.0.1 ${port} --log-stamps`));
    const end = await terminal.shows(/^status 0\nspeed [^]*\$$/m);
    assertMatch(end, /^ended as asked: [^]*status 0/m);
    assert(!/-icanon|-echo\b|\? keys/.test(end), end);
  }
});

// The defect is in the source, not in an executable.
const noDefect = Deno.env.get("PULSEWIRE_DIST") ? "executables have no defect" : undefined;
testUnless(reason ?? noDefect, "a defect gives the terminal back", async () => {
  const words = commandWords("server");
  const script = words.pop()!.replace(/server\.ts$/, "tests/support/defective.ts");
  const run = [...words, script, "thrown after a second", "127.0.0.1"];
  await using terminal = await Tmux.open({ columns: 100, env: { NO_COLOR: "1" }, run });
  await terminal.enter(`run ${freePort()}; echo "status $?"; stty`);
  await terminal.shows(/^nobody is connected [^]*\? keys$/m);
  const end = await terminal.shows(/^status 1\nspeed [^]*\$$/m);
  assertMatch(end, /a defect of this program: Error: on purpose/);
  assert(!/-icanon|-echo\b|\? keys/.test(end), end);
});

test("there is no view for a dumb terminal, in a pipe, or beside --json on the same terminal", async () => {
  const port = freePort();
  await using _server = await startServer(port);
  await using terminal = await open("client", { columns: 200, rows: 50 });
  const commands = [
    `TERM=dumb run 127.0.0.1 ${port} --count 3 --data-interval 0.3`,
    `run 127.0.0.1 ${port} --count 3 --data-interval 0.3 --live 2>&1 | cat -v`,
    `run 127.0.0.1 ${port} --count 3 --data-interval 0.3 --json`,
    `run 127.0.0.1 ${port} --count 3 --data-interval 0.3 --no-live`,
  ];
  for (const command of commands) {
    await terminal.enter(`clear; ${command}; echo end`);
    const screen = await terminal.shows(/^end\n\$$/m, { scrolled: true });
    assertMatch(screen, /3 (sent, 3 )?confirmed/);
    assert(!/\? keys|for [\d.]+ s · |\^\[/.test(screen), screen);
  }
  await terminal.enter(`clear; run 127.0.0.1 ${port} --json --live; echo "status $?"`);
  const refused = await terminal.shows(/^status 2$/m);
  assertMatch(
    refused,
    /--live and --json: both use this terminal; redirect stdout, or leave one out/,
  );
});

test("the view has colours, unless NO_COLOR says otherwise", async () => {
  const port = freePort();
  await using _server = await startServer(port);
  for (const NO_COLOR of ["", "1"]) {
    await using terminal = await open("client", { env: { NO_COLOR } });
    await terminal.enter(`run 127.0.0.1 ${port} --quiet`);
    const screen = await terminal.shows(/ok for/, { styled: true });
    assertEquals(screen.includes("\x1b[32mok for"), NO_COLOR === "", screen);
  }
});

/** The process id of the command with these words; a task or a shell before it has others in between. */
async function pidOf(words: string): Promise<string> {
  const { stdout } = await new Deno.Command("pgrep", { args: ["-f", "-n", words] }).output();
  return new TextDecoder().decode(stdout).trim();
}

async function terminate(pid: string): Promise<void> {
  await new Deno.Command("kill", { args: ["-TERM", pid] }).output();
}
