/**
 * The output gets every message and a newline, however slow or odd what takes them; and what is wrong
 * with it is told in one sentence.
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

Deno.test("append() writes each payload and a newline, behind what is there", async () => {
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

/** Takes a few bytes at a time, and often none. */
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

Deno.test("append() goes on after partial writes, and when its reader can take more", async () => {
  const sink = new ReluctantSink(0, 1, 0, 0, 3);
  const clock = new VirtualClock();
  const output = new OutputFile("-", sink, undefined, clock);
  const appended = output.append(texts("one", "two", "three"));
  await clock.advance(1_000);
  assertEquals(sink.taken, "one\ntwo\nthree\n");
  await appended;
  assertEquals(clock.pending, 0);
  await output.close();
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
  Deno.test(`openOutput() says what is wrong with an output ${what}`, async () => {
    const { message } = await assertRejects(() => openOutput(path), OutputError);
    assertStringIncludes(message, `cannot open the output ${path}: ${text}`);
  });
}

/** A program that appends lines until that fails, and tells what it was told, on stderr. */
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

/** The words that run it. */
function appending(folder: StoreFolder, path: string, batches: number): string[] {
  const program = folder.file("append.ts");
  Deno.writeTextFileSync(program, APPEND);
  const options = ["--quiet", "--no-check", "--no-config", "--allow-read", "--allow-write"];
  return [Deno.execPath(), "run", ...options, program, path, String(batches)];
}

async function stderrOf(words: readonly string[]): Promise<string> {
  const [program, ...args] = words;
  const { stderr } = await new Deno.Command(program!, { args, stdin: "null" }).output();
  return decoder.decode(stderr).trim();
}

/** Runs words with their stdout piped to a shell command: its stdout, and the stderr of both. */
async function piped(words: readonly string[], reader: string): Promise<[string, string]> {
  const args = ["-c", `"$@" | ${reader}`, "sh", ...words];
  const { stdout, stderr } = await new Deno.Command("sh", { args, stdin: "null" }).output();
  return [decoder.decode(stdout).trim(), decoder.decode(stderr).trim()];
}

const isWindows = Deno.build.os === "windows";
const testUnix = (name: string, test: () => Promise<void>) =>
  testUnless(isWindows ? "it takes a POSIX shell" : undefined, name, test);

testUnix("a slow reader of stdout gets all, and holds up nothing else", async () => {
  using folder = new StoreFolder();
  const words = appending(folder, "-", 100);
  const [count, told] = await piped(words, "{ sleep 0.5; wc -c; }");
  assertEquals(count, String(100 * 256 * 64));
  assert(Number(told.replace("ticks ", "")) > 10, told);
});

testUnix("a stdout that does not block loses nothing", async () => {
  using folder = new StoreFolder();
  const unblock = "import fcntl,os,sys; " +
    "fcntl.fcntl(1, fcntl.F_SETFL, fcntl.fcntl(1, fcntl.F_GETFL) | os.O_NONBLOCK); " +
    "os.execvp(sys.argv[1], sys.argv[1:])";
  const words = ["python3", "-c", unblock, ...appending(folder, "-", 100)];
  const [count] = await piped(words, "{ sleep 0.5; wc -c; }");
  assertEquals(count, String(100 * 256 * 64));
});

testUnix("append() says so when the reader of stdout is gone", async () => {
  using folder = new StoreFolder();
  const [, told] = await piped(appending(folder, "-", 1_000_000), "head -c 100 >/dev/null");
  assertEquals(told, "cannot write to stdout: its reader is gone");
});

testUnix("a pipe with a name gets all, and says so when its reader is gone", async () => {
  using folder = new StoreFolder();
  const pipe = folder.file("pipe");
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  const read = (command: string) =>
    new Deno.Command("sh", { args: ["-c", `${command} < ${pipe}`], stdout: "piped" }).output();
  const [{ stdout }, told] = await Promise.all([
    read("wc -c"),
    stderrOf(appending(folder, pipe, 100)),
  ]);
  assertEquals(decoder.decode(stdout).trim(), String(100 * 256 * 64));
  assertStringIncludes(told, "ticks");
  const [, gone] = await Promise.all([
    read("head -c 100 >/dev/null"),
    stderrOf(appending(folder, pipe, 1_000_000)),
  ]);
  assertEquals(gone, `cannot write the output ${pipe}: its reader is gone`);
});

testUnless(
  whyNoUnprivilegedUser(),
  "openOutput() says so when this user may not write",
  async () => {
    using folder = new StoreFolder();
    Deno.writeTextFileSync(folder.output, "", { mode: 0o444 });
    const told = await stderrOf([...AS_UNPRIVILEGED_USER, ...appending(folder, folder.output, 1)]);
    const start = `cannot open the output ${folder.output}: this user may not write it`;
    assertStringIncludes(told, start);
  },
);

const whyNoDisk = whyNot("unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt");

testUnless(whyNoDisk, "append() says so when the disk is full", async () => {
  using folder = new StoreFolder();
  const script = 'mount -t tmpfs -o size=64k tmpfs "$0" && exec "$@"';
  const disk = folder.file("disk");
  Deno.mkdirSync(disk);
  const words = appending(folder, `${disk}/out`, 1_000);
  const told = await stderrOf(["unshare", "--mount", "sh", "-c", script, disk, ...words]);
  const start = `cannot write the output ${disk}/out: `;
  assertEquals(told, `${start}no space is left on its disk; make room, and start again`);
});
