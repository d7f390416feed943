/**
 * What the server does when its output is a file: appends to it, and ends when it cannot, without having
 * confirmed what is not there.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { AS_UNPRIVILEGED_USER, whyNoUnprivilegedUser } from "../support/unprivileged_user.ts";
import { withFolder } from "../support/log_folder.ts";
import { type Command, freePort, startCommand } from "../support/process.ts";
import { onlySentence, runCommand } from "../support/run.ts";
import { testUnless } from "../support/skip.ts";

const encoder = new TextEncoder();
const HOST = "127.0.0.1";
/** Ends a command that the test does not kill. */
const LIFETIME = "--duration=60";

function startClient(port: number, ...args: string[]): Command {
  const words = [HOST, String(port), "--stdin", LIFETIME, ...args];
  return startCommand("client", words, { stdin: "piped" });
}

async function startServer(port: number, output: string, ...args: string[]): Promise<Command> {
  const server = startCommand("server", [HOST, String(port), "--output", output, ...args]);
  await server.event("listening");
  return server;
}

/** Sends a text to a server for one session. */
async function send(text: string, output: string, ...args: string[]): Promise<void> {
  const port = freePort();
  await using server = await startServer(port, output, "--once", ...args);
  await using client = startClient(port);
  await client.write(encoder.encode(text));
  await client.endInput();
  assertEquals([await client.ended(), await server.ended()], [0, 0], server.stderr);
}

/** The fields of a summary that say what is in doubt. */
async function doubts(client: Command) {
  const { confirmed_up_to, data_sent, in_doubt } = await client.event("summary");
  return { confirmed_up_to, data_sent, in_doubt };
}

for (const withStore of [false, true]) {
  const how = withStore ? " with --store" : "";
  Deno.test(`--output${how} makes the file, then appends to it, and ends a cut-off line`, async () => {
    await withFolder(async (folder) => {
      const output = `${folder}/messages.txt`;
      const store = withStore ? ["--store", `${folder}/store.db`] : [];
      await send("one\n", output, ...store);
      assertEquals(await Deno.readTextFile(output), "one\n");
      await send("two\nthree\n", output, ...store);
      assertEquals(await Deno.readTextFile(output), "one\ntwo\nthree\n");
    });
  });
}

Deno.test("--output ends a line that was cut off before it appends to it", async () => {
  await withFolder(async (folder) => {
    const output = `${folder}/messages.txt`;
    await Deno.writeTextFile(output, "cut o");
    await send("two\n", output);
    assertEquals(await Deno.readTextFile(output), "cut o\ntwo\n");
  });
});

Deno.test("an --output that cannot be opened: one sentence, and 2", async () => {
  await withFolder(async (folder) => {
    const cases = [[`${folder}/none/x`, /there is no such f/], [folder, /it is a folder/]] as const;
    for (const [output, why] of cases) {
      const args = [HOST, String(freePort()), "--output", output, "--duration=0.1"];
      const sentence = onlySentence(await runCommand("server", args), 2);
      assertStringIncludes(sentence, `cannot open the output ${output}: `);
      assertMatch(sentence, why);
    }
  });
});

const noLock = Deno.build.os === "windows" ? "a lock would keep readers out there" : undefined;

testUnless(
  noLock,
  "an --output of another server: one sentence, and 2, until that is killed",
  async () => {
    await withFolder(async (folder) => {
      const [output, link] = [`${folder}/messages.txt`, `${folder}/link.txt`];
      await using first = await startServer(freePort(), output);
      await Deno.symlink(output, link);
      const more = [[], ["--workers=2"], ["--store", `${folder}/store.db`]];
      for (const [i, path] of [output, link, output].entries()) {
        const args = [HOST, String(freePort()), "--output", path, "--duration=0.1", ...more[i]!];
        const sentence = onlySentence(await runCommand("server", args), 2);
        assertStringIncludes(sentence, `cannot open the output ${path}: another server appends to`);
      }
      first.kill("SIGKILL");
      await first.ended();
      await using _next = await startServer(freePort(), output, ...more[2]!);
    });
  },
);

testUnless(
  whyNoUnprivilegedUser(),
  "an --output that may not be written: one sentence, and 2",
  async () => {
    await withFolder(async (folder) => {
      const output = `${folder}/messages.txt`;
      await Deno.writeTextFile(output, "", { mode: 0o444 });
      await Deno.chmod(folder, 0o755);
      const args = [HOST, String(freePort()), "--output", output, "--duration=0.1"];
      const outcome = await runCommand("server", args, { before: AS_UNPRIVILEGED_USER });
      assertMatch(onlySentence(outcome, 2), /cannot open the output .*messages\.txt: /);
    });
  },
);

const noShell = Deno.build.os === "windows" ? "it takes ulimit" : undefined;

testUnless(noShell, "an --output that is full ends the server; nothing is confirmed", async () => {
  await withFolder(async (folder) => {
    const port = freePort();
    const args = [HOST, String(port), "--output", `${folder}/messages.txt`];
    // No file may grow beyond 8 blocks of 512 bytes; to write more is then an error, and no signal.
    const before = ["sh", "-c", 'trap "" XFSZ; ulimit -f 8; exec "$@"', "sh"];
    await using server = startCommand("server", args, { before });
    await server.event("listening");
    await using client = startClient(port);
    await client.write(encoder.encode("one\n"));
    await client.event("data_confirmed");
    await client.write(encoder.encode(`${"x".repeat(9_000)}\n`));
    assertEquals([await server.ended(), await client.ended()], [1, 1]);
    assertMatch(server.stderr, /cannot write the output \S+messages\.txt: /);
    assertEquals(await doubts(client), { confirmed_up_to: 1, data_sent: 2, in_doubt: [[2, 2]] });
    // What is not delivered must not look settled.
    const { reason } = await client.event("terminated");
    assert(["closed", "reset"].includes(reason), reason);
  });
});

Deno.test("--output - is a value, as --output=- is", async () => {
  const args = [HOST, String(freePort()), "--output", "-", "--duration=0.1"];
  const { code, stderr } = await runCommand("server", args);
  assertEquals(code, 0, stderr);
});
