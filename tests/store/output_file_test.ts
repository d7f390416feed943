/**
 * The output gets every message and a newline, however slow its reader is; every error is one sentence.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { openOutput, OutputFile } from "../../lib/store/output_file.ts";
import { OutputError } from "../../lib/store/store.ts";
import { AS_UNPRIVILEGED_USER, whyNoUnprivilegedUser } from "../support/unprivileged_user.ts";
import { StoreFolder } from "../support/store_folder.ts";
import { testUnless, whyNot } from "../support/skip.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

function texts(...each: string[]): Uint8Array[] {
  return each.map((text) => encoder.encode(text));
}

Deno.test("append() writes each payload and a newline after the content of the file", async () => {
  using folder = new StoreFolder();
  const first = await openOutput(folder.output);
  await first.append(texts("one", "", "two"));
  await first.append([]);
  assertEquals(folder.written, "one\n\ntwo\n");
  await first.close();
  const second = await openOutput(folder.output);
  await second.append([Uint8Array.of(0, 255, 10)]);
  await second.close();
  assertEquals(Deno.readFileSync(folder.output).slice(-4), Uint8Array.of(0, 255, 10, 10));
  assertEquals(Deno.statSync(folder.output).size, 13);
});

Deno.test("openOutput() ends a line that was cut off", async () => {
  using folder = new StoreFolder();
  Deno.writeTextFileSync(folder.output, "one\ncut o");
  const output = await openOutput(folder.output);
  await output.append(texts("two"));
  await output.close();
  assertEquals(folder.written, "one\ncut o\ntwo\n");
});

/** Takes a few bytes at each write, or none. */
class ReluctantSink {
  taken = "";
  calls = 0;
  readonly #takes: number[];

  constructor(...takes: number[]) {
    this.#takes = takes;
  }

  write(bytes: Uint8Array): Promise<number> {
    const count = this.#takes[this.calls++ % this.#takes.length]!;
    if (count === 0) return Promise.reject(new Deno.errors.WouldBlock("later"));
    const some = bytes.subarray(0, count);
    this.taken += decoder.decode(some);
    return Promise.resolve(some.length);
  }
}

Deno.test("append() continues after partial writes, and when its reader can take more", async () => {
  const sink = new ReluctantSink(0, 1, 0, 0, 3);
  const clock = new VirtualClock();
  const output = new OutputFile("-", sink, undefined, { clock });
  const appended = output.append(texts("one", "two", "three"));
  await clock.advance(1_000);
  assertEquals(sink.taken, "one\ntwo\nthree\n");
  await appended;
  assertEquals(clock.pending, 0);
  await output.close();
});

Deno.test("append() says after 2 s that nobody takes what it writes, and once that is written", async () => {
  const clock = new VirtualClock();
  const told: string[] = [];
  const tell = (text: string) => told.push(`${clock.now()} ${text}`);
  const refusals = Array.from({ length: 300 }, () => 0);
  const output = new OutputFile("pipe", new ReluctantSink(...refusals, 100), undefined, {
    clock,
    tell,
  });
  const appended = output.append(texts("one"));
  await clock.advance(1_999);
  assertEquals(told, []);
  await clock.advance(10_000);
  await appended;
  assertEquals(told, [
    "2000 writing the output pipe has taken 2 s: its reader has stopped, or is slow; nothing is " +
    "confirmed until it is done",
    "3000 writing the output pipe was done after 3.0 s",
  ]);
  assertEquals(clock.pending, 0);
});

Deno.test("append() makes one write of a batch", async () => {
  const sink = new ReluctantSink(1_000_000);
  const output = new OutputFile("-", sink);
  await output.append(Array.from({ length: 256 }, () => encoder.encode("message")));
  assertEquals([sink.calls, sink.taken], [1, "message\n".repeat(256)]);
  await output.close();
});

Deno.test("close() ends a wait for a reader that takes nothing", async () => {
  const output = new OutputFile("-", new ReluctantSink(0));
  const appended = assertRejects(() => output.append(texts("one")), OutputError, "it is closed");
  await output.close();
  await appended;
});

const UNUSABLE: readonly [what: string, path: string, text: string][] = [
  [
    "in a folder that is not there",
    "/no/such/folder/out",
    "there is no such folder; make it first",
  ],
  ["that is a folder", ROOT, "it is a folder; name a file in it"],
  ["below a file", `${ROOT}deno.json/out`, "what stands before its last part is not a folder"],
];

for (const [what, path, text] of UNUSABLE) {
  Deno.test(`openOutput() explains what is wrong with an output ${what}`, async () => {
    const { message } = await assertRejects(() => openOutput(path), OutputError);
    assertStringIncludes(message, `cannot open the output ${path}: ${text}`);
  });
}

/** A program that appends lines until that fails; writes the error to stderr, or how often it ticked. */
const APPEND = `
  import { openOutput } from "${ROOT}lib/store/output_file.ts";
  const line = new TextEncoder().encode("x".repeat(63));
  const batch = Array(256).fill(line);
  let ticks = 0;
  const interval = setInterval(() => ticks++, 5);
  try {
    const output = await openOutput(Deno.args[0]);
    for (let n = 0; n < Number(Deno.args[1]); n++) await output.append(batch);
    await output.close();
    console.error("ticks", ticks);
  } catch (error) {
    console.error(error.message);
  }
  clearInterval(interval);
`;

/** The bytes of that many batches. */
const bytesOf = (batches: number) => String(batches * 256 * 64);

/** The command line that runs it. */
function appending(folder: StoreFolder, path: string, batches: number): string[] {
  const program = folder.file("append.ts");
  Deno.writeTextFileSync(program, APPEND);
  const options = ["--quiet", "--no-check", "--no-config", "--allow-read", "--allow-write"];
  return [Deno.execPath(), "run", ...options, program, path, String(batches)];
}

/** Kills a program after so many milliseconds: one that waits for the other end of a pipe never ends. */
const LIMIT_MS = 20_000;

async function run(...words: string[]): Promise<{ stdout: string; stderr: string }> {
  const [program, ...args] = words;
  const options = { args, stdin: "null", signal: AbortSignal.timeout(LIMIT_MS) } as const;
  const { stdout, stderr } = await new Deno.Command(program!, options).output();
  return { stdout: decoder.decode(stdout).trim(), stderr: decoder.decode(stderr).trim() };
}

/** Runs a command line with its stdout piped to a shell command: the stdout of that, stderr of both. */
function piped(words: readonly string[], reader: string) {
  return run("sh", "-c", `"$@" | ${reader}`, "sh", ...words);
}

const isWindows = Deno.build.os === "windows";
const testUnix = (name: string, test: () => Promise<void>) =>
  testUnless(isWindows ? "it takes a POSIX shell" : undefined, name, test);

/** Words before a command line that make its stdout non-blocking. */
const NON_BLOCKING = [
  "python3",
  "-c",
  "import os,sys; os.set_blocking(1, False); os.execvp(sys.argv[1], sys.argv[1:])",
];

testUnix(
  "a slow reader of stdout gets all, whether that blocks or not, and delays no timer",
  async () => {
    using folder = new StoreFolder();
    const words = appending(folder, "-", 100);
    // It pauses after the first byte, while the pipe fills up.
    const slow = "{ dd bs=1 count=1 2>/dev/null; sleep 0.3; cat; } | wc -c";
    const results = await Promise.all([
      piped(words, slow),
      piped([...NON_BLOCKING, ...words], slow),
    ]);
    for (const { stdout, stderr } of results) {
      assertEquals(stdout, bytesOf(100));
      assert(Number(stderr.replace("ticks ", "")) > 10, stderr);
    }
  },
);

testUnix("append() fails when the reader of stdout is gone", async () => {
  using folder = new StoreFolder();
  const { stderr } = await piped(appending(folder, "-", 1_000_000), "head -c 100 >/dev/null");
  assertEquals(stderr, "cannot write to stdout: its reader is gone");
});

testUnix("a named pipe gets all, and append() fails when its reader is gone", async () => {
  using folder = new StoreFolder();
  const pipe = folder.file("pipe");
  await run("mkfifo", pipe);
  const write = (batches: number) => run(...appending(folder, pipe, batches));
  // The shell itself opens the pipe, so that it is what the limit kills.
  const read = (command: string) => run("sh", "-c", `exec ${command} < ${pipe}`);
  const [{ stdout }, { stderr }] = await Promise.all([read("wc -c"), write(100)]);
  assertStringIncludes(stderr, "ticks");
  assertEquals(stdout, bytesOf(100));
  const [, failed] = await Promise.all([read("head -c 100"), write(1_000_000)]);
  assertEquals(failed.stderr, `cannot write the output ${pipe}: its reader is gone`);
});

testUnless(
  whyNoUnprivilegedUser(),
  "openOutput() explains that this user may not write",
  async () => {
    using folder = new StoreFolder();
    Deno.writeTextFileSync(folder.output, "", { mode: 0o444 });
    const { stderr } = await run(...AS_UNPRIVILEGED_USER, ...appending(folder, folder.output, 1));
    const start = `cannot open the output ${folder.output}: this user may not write it`;
    assertStringIncludes(stderr, start);
  },
);

const whyNoDisk = whyNot("unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt");

testUnless(whyNoDisk, "append() fails when the disk is full", async () => {
  using folder = new StoreFolder();
  const script = 'mount -t tmpfs -o size=64k tmpfs "$0" && exec "$@"';
  const disk = folder.file("disk");
  Deno.mkdirSync(disk);
  const words = appending(folder, `${disk}/out`, 1_000);
  const { stderr } = await run("unshare", "--mount", "sh", "-c", script, disk, ...words);
  const start = `cannot write the output ${disk}/out: `;
  assertEquals(stderr, `${start}no space is left on its disk; make room, and start again`);
});
