/**
 * What the server does when its output is a file: appends to it, and ends when it cannot, without having
 * confirmed what is not there.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { AS_UNPRIVILEGED_USER, whyNoUnprivilegedUser } from "../support/unprivileged_user.ts";
import { Folder } from "../support/folder.ts";
import { freePort } from "../support/ports.ts";
import { startCommand, startServer } from "../support/process.ts";
import { doubts, startInput } from "../support/real_stage.ts";
import { onlySentence, runCommand } from "../support/run.ts";
import { testUnless } from "../support/skip.ts";

const encoder = new TextEncoder();
const HOST = "127.0.0.1";

/** Sends a text to a server for one session. */
async function send(text: string, output: string, ...args: string[]): Promise<void> {
  const port = freePort();
  await using server = await startServer(port, "--output", output, "--once", ...args);
  await using client = startInput(port);
  await client.write(encoder.encode(text));
  await client.endInput();
  assertEquals([await client.ended(), await server.ended()], [0, 0], server.stderr);
}

for (const withStore of [false, true]) {
  const how = withStore ? " with --store" : "";
  Deno.test(`--output${how} makes the file, then appends to it, and ends a cut-off line`, async () => {
    using folder = new Folder();
    const output = `${folder.path}/messages.txt`;
    const store = withStore ? ["--store", `${folder.path}/store.db`] : [];
    await send("one\n", output, ...store);
    assertEquals(await Deno.readTextFile(output), "one\n");
    await send("two\nthree\n", output, ...store);
    assertEquals(await Deno.readTextFile(output), "one\ntwo\nthree\n");
  });
}

Deno.test("--output ends a line that was cut off before it appends to it", async () => {
  using folder = new Folder();
  const output = `${folder.path}/messages.txt`;
  await Deno.writeTextFile(output, "cut o");
  await send("two\n", output);
  assertEquals(await Deno.readTextFile(output), "cut o\ntwo\n");
});

Deno.test("an --output that cannot be opened: one sentence, and 2", async () => {
  using folder = new Folder();
  const cases = [[`${folder.path}/none/x`, /there is no such f/], [
    folder.path,
    /it is a folder/,
  ]] as const;
  for (const [output, why] of cases) {
    const args = [HOST, String(freePort()), "--output", output, "--duration=0.1"];
    const sentence = onlySentence(await runCommand("server", args), 2);
    assertStringIncludes(sentence, `cannot open the output ${output}: `);
    assertMatch(sentence, why);
  }
});

const noLock = Deno.build.os === "windows" ? "a lock would keep readers out there" : undefined;

testUnless(
  noLock,
  "an --output of another server: one sentence, and 2, until that is killed",
  async () => {
    using folder = new Folder();
    const [output, link] = [`${folder.path}/messages.txt`, `${folder.path}/link.txt`];
    await using first = await startServer(freePort(), "--output", output);
    await Deno.symlink(output, link);
    const more = [[], ["--workers=2"], ["--store", `${folder.path}/store.db`]];
    for (const [i, path] of [output, link, output].entries()) {
      const args = [HOST, String(freePort()), "--output", path, "--duration=0.1", ...more[i]!];
      const sentence = onlySentence(await runCommand("server", args), 2);
      assertStringIncludes(sentence, `cannot open the output ${path}: another server appends to`);
    }
    first.kill("SIGKILL");
    await first.ended();
    await using _next = await startServer(freePort(), "--output", output, ...more[2]!);
  },
);

testUnless(
  whyNoUnprivilegedUser(),
  "an --output that may not be written: one sentence, and 2",
  async () => {
    using folder = new Folder();
    const output = `${folder.path}/messages.txt`;
    await Deno.writeTextFile(output, "", { mode: 0o444 });
    await Deno.chmod(folder.path, 0o755);
    const args = [HOST, String(freePort()), "--output", output, "--duration=0.1"];
    const outcome = await runCommand("server", args, { before: AS_UNPRIVILEGED_USER });
    assertMatch(onlySentence(outcome, 2), /cannot open the output .*messages\.txt: /);
  },
);

const noShell = Deno.build.os === "windows" ? "it takes ulimit" : undefined;

testUnless(noShell, "an --output that is full ends the server; nothing is confirmed", async () => {
  using folder = new Folder();
  const port = freePort();
  const args = [HOST, String(port), "--output", `${folder.path}/messages.txt`];
  // No file may grow beyond 8 blocks of 512 bytes; to write more is then an error, and no signal.
  const before = ["sh", "-c", 'trap "" XFSZ; ulimit -f 8; exec "$@"', "sh"];
  await using server = startCommand("server", args, { before });
  await server.event("listening");
  await using client = startInput(port);
  await client.write(encoder.encode("one\n"));
  await client.event("data_confirmed");
  await client.write(encoder.encode(`${"x".repeat(9_000)}\n`));
  assertEquals([await server.ended(), await client.ended()], [1, 1]);
  assertMatch(server.stderr, /cannot write the output \S+messages\.txt: /);
  assertMatch(server.stderr, / lost \(store or output failed\): 1 of 2 data messages confirmed/);
  assertEquals(await doubts(client), { confirmed_up_to: 1, data_sent: 2, in_doubt: [[2, 2]] });
  // What is not delivered must not look settled.
  const { reason } = await client.event("terminated");
  assert(["closed", "reset"].includes(reason), reason);
});

Deno.test("--output - is a value, as --output=- is", async () => {
  const args = [HOST, String(freePort()), "--output", "-", "--duration=0.1"];
  const { code, stderr } = await runCommand("server", args);
  assertEquals(code, 0, stderr);
});

Deno.test("a server logs of many sessions alike twenty and how many more, unless all are asked for", async () => {
  using folder = new Folder();
  const port = freePort();
  const sessions = 30;
  for (
    const [options, shown] of [
      [[], 20],
      [["--verbose"], sessions],
      [["--log-dir", folder.path], sessions],
    ] as const
  ) {
    await using server = await startServer(port, ...options);
    await using client = startCommand("client", [
      ...[HOST, String(port), `--sessions=${sessions}`, "--count=1", "--data-interval=0.1"],
    ]);
    assertEquals(await client.ended(), 0, client.stderr);
    server.kill("SIGTERM");
    assertEquals(await server.ended(), 0, server.stderr);
    const lines = server.stderr.split("\n").filter((line) => line.includes("session open with"));
    const more = lines.filter((line) =>
      /and \d+ more(, the last of them)?: session open/.test(line)
    );
    assertEquals([lines.length - more.length, more.length > 0], [shown, shown < sessions]);
    assertEquals(server.events.filter(({ event }) => event === "connected").length, sessions);
  }
});
