/**
 * What becomes of an output whose server is killed, whose disk is full, or that is moved: real servers
 * and disks.
 *
 * @module
 */
import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { freePort } from "../support/ports.ts";
import { commandWords, isListening, startCommand } from "../support/process.ts";
import { onlySentence, runCommand } from "../support/run.ts";
import { testUnless } from "../support/skip.ts";
import { SmallDisk, whyNoDisk } from "../support/small_disk.ts";
import { startCommitter } from "../support/store_committer.ts";
import { StoreFolder } from "../support/store_folder.ts";

const encoder = new TextEncoder();
const HOST = "127.0.0.1";

/** Starts a server and a client that sends its stdin; the reader of a pipe must be there. */
async function start(folder: StoreFolder, output: string, ...more: string[]) {
  const where = [HOST, String(freePort())];
  const server = startCommand("server", [...where, "--output", output, ...more]);
  await server.event("listening");
  const client = () =>
    startCommand("client", [...where, "--stdin", "--duration=60"], { stdin: "piped" });
  return { server, client, store: folder.store };
}

const why = Deno.build.os === "windows" ? "it takes mkfifo" : undefined;

testUnless(why, "a pipe gets nothing again after a pause and SIGKILL", async () => {
  using folder = new StoreFolder();
  const pipe = folder.file("pipe");
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  const read = () => new Deno.Command("cat", { args: [pipe], stdout: "piped" }).output();
  const first = read();
  const store = ["--store", folder.store];
  const { server, client } = await start(folder, pipe, ...store);
  await using _server = server;
  await using sender = client();
  const input = Array.from({ length: 2_000 }, (_, i) => `line ${i}\n`).join("");
  await sender.write(encoder.encode(input));
  await sender.event("data_confirmed", ({ seq }) => seq === 2_000);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  server.kill("SIGKILL");
  await server.ended();
  assertEquals(new TextDecoder().decode((await first).stdout), input);
  const again = read();
  const { server: next } = await start(folder, pipe, ...store);
  await using _next = next;
  next.kill("SIGTERM");
  assertEquals(await next.ended(), 0, next.stderr);
  assertEquals(new TextDecoder().decode((await again).stdout), "");
});

testUnless(why, "stdout gets again only what came in the last second before SIGKILL", async () => {
  using folder = new StoreFolder();
  const where = [HOST, String(freePort())];
  const [deno, ...words] = commandWords("server");
  const args = [...words, ...where, "--quiet", "--output=-", "--store", folder.store];
  const serve = async () => {
    const server = new Deno.Command(deno!, { args, stdout: "piped" }).spawn();
    await isListening(Number(where[1]), server);
    return server;
  };
  await using first = await serve();
  const client = ["--stdin", "--duration=60"];
  await using sender = startCommand("client", [...where, ...client], { stdin: "piped" });
  const send = async (from: number, to: number) => {
    const numbers = Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}\n`);
    await sender.write(encoder.encode(numbers.join("")));
    await sender.event("data_confirmed", ({ seq }) => seq === to);
  };
  await send(1, 100);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  await send(101, 102);
  first.kill("SIGKILL");
  const { stdout } = await first.output();
  assert(new TextDecoder().decode(stdout).endsWith("\nline 101\nline 102\n"));
  await using next = await serve();
  next.kill("SIGTERM");
  const again = new TextDecoder().decode((await next.output()).stdout);
  assert("line 101\nline 102\n".endsWith(again), again);
});

testUnless(why, "what a pipe holds when its reader dies is in the store", async () => {
  using folder = new StoreFolder();
  const pipe = folder.file("pipe");
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  const starting = start(folder, pipe, "--store", folder.store);
  const reader = await Deno.open(pipe);
  const { server, client } = await starting;
  await using _server = server;
  await using sender = client();
  await sender.write(encoder.encode("one\ntwo\n"));
  await sender.event("data_confirmed", ({ seq }) => seq === 2);
  reader.close();
  await sender.write(encoder.encode("three\n"));
  assertEquals([await server.ended(), await sender.ended()], [1, 1]);
  const { in_doubt } = await sender.event("summary");
  assertEquals([in_doubt, payloads(folder)], [[[3, 3]], "one\ntwo\nthree\n"]);
});

Deno.test("an --output with lines of another program: one sentence, and 2, until it is moved", async () => {
  using folder = new StoreFolder();
  const { server, client } = await start(folder, folder.output, "--store", folder.store);
  await using _server = server;
  await using sender = client();
  await sender.write(encoder.encode("one\n"));
  await sender.event("data_confirmed");
  server.kill("SIGTERM");
  await server.ended();
  Deno.writeTextFileSync(folder.output, "mine\n", { append: true });
  const args = ["--store", folder.store, "--output", folder.output, "--duration=0.1"];
  const again = () => runCommand("server", [HOST, String(freePort()), "--quiet", ...args]);
  assertStringIncludes(
    onlySentence(await again(), 2),
    "it has data that this server did not write",
  );
  assertEquals(folder.written, "one\nmine\n");
  Deno.renameSync(folder.output, folder.file("old.txt"));
  assertEquals((await again()).code, 0);
});

for (const withStore of [true, false]) {
  const how = withStore ? "with" : "without";
  testUnless(
    why,
    `a server ${how} a store ends when its --output is moved, and confirms nothing more`,
    async () => {
      using folder = new StoreFolder();
      const store = withStore ? ["--store", folder.store] : [];
      const { server, client } = await start(folder, folder.output, ...store);
      await using _server = server;
      await using sender = client();
      await sender.write(encoder.encode("one\n"));
      await sender.event("data_confirmed");
      Deno.renameSync(folder.output, folder.file("old.txt"));
      await sender.write(encoder.encode("two\n"));
      assertEquals([await server.ended(), await sender.ended()], [1, 1]);
      assertStringIncludes(
        server.stderr,
        `cannot write the output ${folder.output}: it was deleted`,
      );
      const { in_doubt } = await sender.event("summary");
      assertEquals(in_doubt, [[2, 2]]);
      if (!withStore) return;
      const { server: next } = await start(folder, folder.output, ...store);
      await using _next = next;
      assertEquals(folder.written, "two\n");
    },
  );
}

Deno.test("a server without a store reports a cut-off last line of its --output", async () => {
  using folder = new StoreFolder();
  Deno.writeTextFileSync(folder.output, "one\ncut o");
  const { server } = await start(folder, folder.output);
  await using _server = server;
  await server.stderrText(
    `|| WARNING || the last line of the output ${folder.output} was incomplete`,
  );
});

/** Fills the disk with the output, and the store with about 1.3 MB more; gives the last message. */
async function fill(folder: StoreFolder, disk: SmallDisk): Promise<number> {
  await using first = startCommitter([folder.store, `${disk.path}/out`], disk.words);
  assertStringIncludes((await first.event("failed")).text, "no space is left on its disk");
  await first.ended();
  await using second = startCommitter([folder.store, "", "300"]);
  await second.ended();
  return second.events.findLast((each) => each.event === "confirmed")!.seq;
}

/** Starts with the output, and ends; gives the error if there was one. */
async function restart(folder: StoreFolder, output: string, disk: SmallDisk) {
  await using committer = startCommitter([folder.store, output, "0"], disk.words);
  await committer.ended();
  return committer.events.find((each) => each.event === "failed")?.text;
}

function payloads(folder: StoreFolder): string {
  const rows = folder.query("SELECT CAST(payload AS TEXT) AS text FROM messages ORDER BY number");
  return rows.map(({ text }) => `${text}\n`).join("");
}

testUnless(
  whyNoDisk,
  "an --output on a full disk: 1, at the start 2, and on with space",
  async () => {
    using folder = new StoreFolder();
    await using disk = await SmallDisk.open(folder, "512k");
    const output = `${disk.path}/out`;
    const where = [HOST, String(freePort())];
    const args = [...where, "--store", folder.store, "--output", output];
    const serve = () => startCommand("server", args, { before: disk.words });
    await using first = serve();
    await first.event("listening");
    const input = `one\n${"x".repeat(100_000)}\n`;
    await using client = startCommand("client", [...where, "--stdin", "--reconnect"], {
      stdin: "piped",
    });
    await client.write(encoder.encode(input.slice(0, 4)));
    await client.event("data_confirmed");
    await disk.fill();
    await client.write(encoder.encode(input.slice(4)));
    await client.endInput();
    assertEquals(await first.ended(), 1, first.stderr);
    await using second = serve();
    assertEquals(await second.ended(), 2, second.stderr);
    assertStringIncludes(second.stderr, "no space is left on its disk");
    await disk.free();
    await using _third = serve();
    assertEquals(await client.ended(), 0, client.stderr);
    assertEquals(await disk.text(output), input);
  },
);

testUnless(whyNoDisk, "an output on a full disk goes on once there is space", async () => {
  using folder = new StoreFolder();
  await using disk = await SmallDisk.open(folder, "512k");
  const output = `${disk.path}/out`;
  await fill(folder, disk);
  await disk.run("mv", output, folder.file("old.txt"));
  // A new file that fills up as well is continued, too.
  assertStringIncludes(await restart(folder, output, disk) ?? "", "no space is left");
  await disk.run("mount", "-o", "remount,size=8m", disk.path);
  assertEquals(await restart(folder, output, disk), undefined);
  const old = Deno.readTextFileSync(folder.file("old.txt"));
  assertContinues(old, await disk.text(output), payloads(folder));
});

testUnless(
  whyNoDisk,
  "an output on a full disk goes on in new files when they are moved away",
  async () => {
    using folder = new StoreFolder();
    await using disk = await SmallDisk.open(folder, "512k");
    const output = `${disk.path}/out`;
    await fill(folder, disk);
    let all = "";
    const expected = payloads(folder);
    for (let file = 1;; file++) {
      assertLess(file, 8, "no progress");
      all = join(all, await disk.text(output), expected);
      await disk.run("rm", output);
      if (await restart(folder, output, disk) === undefined) break;
    }
    assertContinues(all, await disk.text(output), expected);
  },
);

testUnless(whyNoDisk, "what a full disk has no space for is written elsewhere", async () => {
  using folder = new StoreFolder();
  await using disk = await SmallDisk.open(folder, "512k");
  await fill(folder, disk);
  assertEquals(await restart(folder, folder.output, disk), undefined);
  const old = await disk.text(`${disk.path}/out`);
  assertContinues(old, folder.written, payloads(folder));
});

/** Most that may be written again in a new file: a piece of catching up, or a batch of messages. */
const TWICE_BYTES = 66_000;

/** Joins what is in one file and the next one, which may repeat the end of it. */
function join(before: string, next: string, expected: string): string {
  const at = expected.indexOf(next.slice(0, next.indexOf("\n") + 1));
  assert(at <= before.length, "messages are missing");
  assertLess(before.length - at, TWICE_BYTES);
  const all = before.slice(0, at) + next;
  assert(expected.startsWith(all), "the output is not what was confirmed");
  return all;
}

function assertContinues(before: string, next: string, expected: string): void {
  assertEquals(join(before, next, expected).length, expected.length);
}
