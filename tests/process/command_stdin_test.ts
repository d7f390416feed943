/**
 * The lines of the client's stdin: sent as they are, no faster than they are confirmed, and accounted for
 * when they cannot be.
 *
 * @module
 */
import { assert, assertEquals, assertLess, assertMatch, assertStringIncludes } from "@std/assert";
import { Folder } from "../support/folder.ts";
import { SOON_MS } from "../support/lateness.ts";
import { freePort } from "../support/ports.ts";
import { type Command, startCommand, startServer } from "../support/process.ts";
import { noProcessMemory, residentBytes } from "../support/process_memory.ts";
import { Random } from "../support/random.ts";
import { Relay, type Way } from "../support/relay.ts";
import { eachOf } from "../support/run.ts";
import { testUnless } from "../support/skip.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Detection predicted: 1.5 s + 2 × 0.75 s = 3 s: the paths of tests go through a process that may be busy. */
const IMPATIENT = ["--data-threshold=1.5", "--heartbeat-threshold=0.75"]
  .concat("--heartbeat-additional-tries=1");
const PATIENT = ["--data-threshold=60"];

/** A server that appends to a file, a path to it, and clients that send their stdin over that. */
class Pipe implements AsyncDisposable {
  private constructor(
    readonly server: Command,
    readonly relay: Relay,
    readonly output: string,
    private readonly stack: AsyncDisposableStack,
  ) {}

  static async open(...args: string[]): Promise<Pipe> {
    await using made = new AsyncDisposableStack();
    const output = `${made.use(new Folder()).path}/messages.txt`;
    const port = freePort();
    const server = made.use(await startServer(port, "--output", output, ...PATIENT, ...args));
    const relay = made.use(await Relay.open(port));
    return new Pipe(server, relay, output, made.move());
  }

  client(...args: string[]): Command {
    const words = ["127.0.0.1", String(this.relay.port), "--stdin", ...args];
    return this.stack.use(startCommand("client", words, { stdin: "piped" }));
  }

  /** All that the server has appended. */
  get written(): Uint8Array {
    return Deno.readFileSync(this.output);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack.disposeAsync();
  }
}

function numbered(count: number): string {
  return Array.from({ length: count }, (_, i) => `line ${i + 1}\n`).join("");
}

/** Inputs, and the lines that they are made of. */
const INPUTS: readonly [what: string, input: Uint8Array, lines: number][] = [
  ["nothing", encoder.encode(""), 0],
  ["one line", encoder.encode("hello\n"), 1],
  ["no final newline", encoder.encode("one\ntwo"), 2],
  ["empty lines", encoder.encode("\n\nthree\n\n"), 4],
  ["CRLF", encoder.encode("one\r\n\r\n"), 2],
  ["frames of the protocol", encoder.encode("TERMINATE done\nDATA 9 1\nx\nCONFIRM 99\n"), 4],
  ["what is not UTF-8", Uint8Array.from([0xff, 0xfe, 0x00, 0x80, 0x0a, 0x00, 0x0a]), 2],
  ["random bytes", Uint8Array.from([...new Random(7).bytes(300_000), 0x0a]), NaN],
  ["a line of a megabyte", new Uint8Array(1_048_576).fill(0x78), 1],
];

Deno.test("each line of stdin is a data message, byte for byte, whatever it holds", async () => {
  await eachOf(INPUTS, async ([what, input, lines]) => {
    await using pipe = await Pipe.open("--once");
    const client = pipe.client();
    await client.write(input);
    await client.endInput();
    assertEquals([await client.ended(), await pipe.server.ended()], [0, 0], client.stderr);
    const ends = input.length === 0 || input.at(-1) === 0x0a ? [] : [0x0a];
    const expected = Uint8Array.from([...input, ...ends]);
    // Not assertEquals, which would show all of both.
    assert(isSame(pipe.written, expected), `${what}: it is not what was sent`);
    const count = expected.filter((byte) => byte === 0x0a).length;
    if (!Number.isNaN(lines)) assertEquals(count, lines, what);
    const { data_bytes, data_sent, in_doubt } = await client.event("summary");
    assertEquals([data_bytes, data_sent, in_doubt], [expected.length - count, count, []], what);
  });
});

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

Deno.test("a line comes when it comes, and the end of input ends the client", async () => {
  await using pipe = await Pipe.open();
  const client = pipe.client(...IMPATIENT);
  await client.write(encoder.encode("first\nsec"));
  await client.event("data_confirmed", ({ seq }) => seq === 1);
  // There is nothing to say; the session lives on.
  await client.event("heartbeat_answered");
  await client.write(encoder.encode("ond\nthird"));
  await client.event("data_confirmed", ({ seq }) => seq === 2);
  await client.endInput();
  assertEquals(await client.ended(), 0, client.stderr);
  assertEquals(decoder.decode(pipe.written), "first\nsecond\nthird\n");
  const { by, reason } = await client.event("terminated");
  assertEquals([by, reason], ["self", "done"]);
});

Deno.test("a line that is too long ends the client with 1; those before it arrive", async () => {
  const limits = [
    [["--max-message-bytes=10"], [], /line 3 of stdin has more than 10 bytes/],
    [[], ["--max-message-bytes=10"], /the next data message has 11 bytes; the server accepts 10/],
  ] as const;
  for (const [ours, theirs, says] of limits) {
    await using pipe = await Pipe.open(...theirs);
    const client = pipe.client("--reconnect", ...ours);
    await client.write(encoder.encode("1234567890\n2\n"));
    await client.event("data_confirmed", ({ seq }) => seq === 2);
    await client.write(encoder.encode("12345678901\n4\n"));
    assertEquals(await client.ended(), 1, client.stderr);
    assertMatch((await client.event("terminated")).text, says);
    const { data_sent, in_doubt } = await client.event("summary");
    assertEquals([data_sent, in_doubt], [2, []]);
    assertEquals(decoder.decode(pipe.written), "1234567890\n2\n");
  }
});

Deno.test("a stdin that cannot be read ends the client with 1, and says so", async () => {
  await using pipe = await Pipe.open();
  const words = ["127.0.0.1", String(pipe.relay.port), "--stdin", "--reconnect"];
  const before = ["sh", "-c", 'exec "$@" </', "sh"];
  await using client = startCommand("client", words, { before });
  assertEquals(await client.ended(), 1, client.stderr);
  assertStringIncludes((await client.event("terminated")).text, "stdin cannot be read");
});

for (const [way, arrives] of [["toServer", false], ["toClient", true]] as [Way, boolean][]) {
  Deno.test(`a path that dies ${way}: the client says exactly what is in doubt`, async () => {
    await using pipe = await Pipe.open();
    const client = pipe.client(...IMPATIENT, "--window=16");
    const count = 1_000;
    await client.write(encoder.encode(numbered(8)));
    await client.event("data_confirmed", ({ seq }) => seq === 8);
    pipe.relay.line.silence(way);
    await client.write(encoder.encode(numbered(count).split("\n").slice(8).join("\n")));
    await client.endInput();
    assertEquals(await client.ended(), 1, client.stderr);
    const { by, reason } = await client.event("terminated");
    assertEquals([by, reason], ["self", "silent"]);
    const { confirmed_up_to, data_sent, in_doubt } = await client.event("summary");
    assertEquals([confirmed_up_to, data_sent, in_doubt], [8, 24, [[9, 24]]]);
    assertStringIncludes(client.stderr, `${count - 24} lines were read but never sent`);
    assertStringIncludes(client.stderr, "in doubt: 9 to 24");
    if (arrives) await pipe.server.event("data_received", ({ seq }) => seq === 24);
    pipe.server.kill("SIGTERM");
    assertEquals(await pipe.server.ended(), 0, pipe.server.stderr);
    assertEquals(decoder.decode(pipe.written), numbered(arrives ? 24 : 8));
  });
}

Deno.test("with --reconnect, a path that dies costs nothing", async () => {
  await using pipe = await Pipe.open();
  const client = pipe.client(...IMPATIENT, "--reconnect", "--window=16");
  await client.write(encoder.encode(numbered(8)));
  await client.event("data_confirmed", ({ seq }) => seq === 8);
  pipe.relay.line.silence("toServer", "toClient");
  await client.write(encoder.encode(numbered(1_000).split("\n").slice(8).join("\n")));
  await client.endInput();
  assertEquals(await client.ended(), 0, client.stderr);
  const { data_resent, data_sent, in_doubt } = await client.event("summary");
  assertEquals([data_resent, data_sent, in_doubt], [16, 1_000, []]);
  assertEquals(decoder.decode(pipe.written), numbered(1_000));
});

Deno.test("Ctrl-C ends a client whose input goes on, and it says what is left", async () => {
  await using pipe = await Pipe.open();
  const client = pipe.client("--window=4", ...PATIENT);
  await client.write(encoder.encode(numbered(3)));
  await client.event("data_confirmed", ({ seq }) => seq === 3);
  pipe.server.kill("SIGSTOP");
  await client.write(encoder.encode(numbered(10)));
  await client.event("data_sent", ({ seq }) => seq === 7);
  const signalled_ms = performance.now();
  client.kill("SIGINT");
  assertEquals(await client.ended(), 0, client.stderr);
  assertLess(performance.now() - signalled_ms, SOON_MS);
  const { confirmed_up_to, in_doubt } = await client.event("summary");
  assertEquals([confirmed_up_to, in_doubt], [3, [[4, 7]]]);
  assertMatch(client.stderr, /6 lines were read but never sent\nthe input was not read to its end/);
  pipe.server.kill("SIGCONT");
});

const LINE = encoder.encode("x".repeat(999) + "\n");
const CHUNK = new Uint8Array(64 * LINE.length).map((_, i) => LINE[i % LINE.length]!);
/** More than would fit into any buffer on the way. */
const OFFERED_CHUNKS = 800;
/** How long, in milliseconds, a chunk waits before the way counts as full. */
const FULL_MS = 3_000;
/** What the system's buffers and the client's may take at most. */
const TAKEN_BYTES = 16_000_000;
const GROWTH_BYTES = 32_000_000;

testUnless(
  noProcessMemory,
  "a frozen server holds up the producer; memory stays flat",
  async () => {
    await using pipe = await Pipe.open();
    const client = pipe.client(...PATIENT, "--quiet");
    await client.write(CHUNK);
    await client.event("data_confirmed", ({ seq }) => seq === 64);
    const before = (await residentBytes(client.pid))!;
    pipe.server.kill("SIGSTOP");
    let taken = 1;
    const offering = (async () => {
      for (; taken < OFFERED_CHUNKS; taken++) await client.write(CHUNK);
      await client.endInput();
    })();
    // Why a client ends too early, its status tells.
    offering.catch(() => {});
    for (let seen = 0; seen < taken;) {
      seen = taken;
      await new Promise((resolve) => setTimeout(resolve, FULL_MS));
    }
    assertLess(taken * CHUNK.length, TAKEN_BYTES);
    assertLess((await residentBytes(client.pid))! - before, GROWTH_BYTES);
    pipe.server.kill("SIGCONT");
    assertEquals(await client.ended(), 0, client.stderr);
    await offering;
    assertEquals((await Deno.stat(pipe.output)).size, OFFERED_CHUNKS * CHUNK.length);
  },
);
