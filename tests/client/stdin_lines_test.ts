/**
 * The lines of an input: their bounds in any chunks, limits, errors, and backpressure.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { QueueSource } from "../../lib/client/source.ts";
import { type Input, readLines } from "../../lib/client/stdin_lines.ts";
import { bytesOf } from "../support/decoding.ts";
import { forEachSeed } from "../support/random.ts";
import { settle } from "../support/virtual_clock.ts";

/** An input that gives these chunks, one a read, then its end, or an error. */
class Chunks implements Input {
  reads = 0;
  readonly #chunks: Uint8Array[];
  readonly #error?: Error;

  constructor(chunks: Uint8Array[], error?: Error) {
    this.#chunks = chunks.slice();
    this.#error = error;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    this.reads++;
    // Bytes behind those read are not input.
    buffer.fill(0x0a);
    const chunk = this.#chunks.shift();
    if (!chunk && this.#error) return Promise.reject(this.#error);
    if (!chunk) return Promise.resolve(null);
    const count = Math.min(chunk.length, buffer.length);
    buffer.set(chunk.subarray(0, count));
    if (count < chunk.length) this.#chunks.unshift(chunk.subarray(count));
    return Promise.resolve(count);
  }
}

/** Bytes as a text, one character for each. */
function characters(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** The bytes of such a text. */
function bytesOfCharacters(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Reads an input: its lines, and why it ended, if that was a failure. */
async function linesOf(input: Input, maxBytes = 1_000) {
  const source = new QueueSource();
  const lines: string[] = [];
  const takeAll = () => {
    while (source.next_ms === 0) lines.push(characters(source.take()));
  };
  source.onChange = takeAll;
  await readLines(input, source, maxBytes);
  takeAll();
  return { lines, failure: source.failure, ended: source.ended };
}

for (
  const [what, text, lines] of [
    ["nothing", "", []],
    ["an empty line", "\n", [""]],
    ["lines", "a\nbb\n", ["a", "bb"]],
    ["a last line without its end", "a\nbb", ["a", "bb"]],
    ["empty lines between others", "\n\na\n\n", ["", "", "a", ""]],
    ["a carriage return, which is a byte as any other", "a\r\nb\r", ["a\r", "b\r"]],
    ["bytes that are no text", "\x00\xff\xfe\n\x80", ["\x00\xff\xfe", "\x80"]],
  ] as [string, string, string[]][]
) {
  Deno.test(`readLines() reads ${what}, in any chunks`, async () => {
    const bytes = bytesOfCharacters(text);
    const whole = await linesOf(new Chunks(bytes.length === 0 ? [] : [bytes]));
    assertEquals(whole, { lines, failure: undefined, ended: true });
    const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
    assertEquals((await linesOf(new Chunks(single))).lines, lines);
  });
}

Deno.test("readLines() preserves any bytes, cut anywhere", async () => {
  await forEachSeed(100, async (random) => {
    const lines = Array.from({ length: random.below(40) }, () => {
      const line = random.bytes(random.pick([0, 1, 5, 300])).filter((byte) => byte !== 0x0a);
      return characters(line);
    });
    const bytes = bytesOfCharacters(lines.map((line) => `${line}\n`).join(""));
    assertEquals((await linesOf(new Chunks(random.chunks(bytes)))).lines, lines);
  });
});

Deno.test("readLines() accepts a line of the greatest length, and no longer one", async () => {
  const longest = "x".repeat(100_000);
  for (const end of ["", "\n"]) {
    const input = new Chunks([bytesOf(`a\n${longest}${end}`)]);
    assertEquals(await linesOf(input, 100_000), {
      lines: ["a", longest],
      failure: undefined,
      ended: true,
    });
    const tooLong = new Chunks([bytesOf(`a\nb\n${longest}x${end}`)]);
    assertEquals(await linesOf(tooLong, 100_000), {
      lines: ["a", "b"],
      failure: "line 3 of stdin has more than 100000 bytes",
      ended: true,
    });
  }
});

Deno.test("readLines() does not wait for the end of a line that is too long", async () => {
  const endless = { read: (buffer: Uint8Array) => Promise.resolve(buffer.fill(0x78).length) };
  assertEquals(
    (await linesOf(endless, 200_000)).failure,
    "line 1 of stdin has more than 200000 bytes",
  );
});

Deno.test("readLines() fails with the error of its input, after what it has read", async () => {
  const input = new Chunks([bytesOf("a\nb\nhalf")], new Error("os error 5"));
  assertEquals(await linesOf(input), {
    lines: ["a", "b"],
    failure: "stdin cannot be read any further: os error 5",
    ended: true,
  });
});

Deno.test("readLines() copies each line, for the next read overwrites it", async () => {
  const source = new QueueSource();
  await readLines(new Chunks([bytesOf("one\ntw"), bytesOf("o\nthree")]), source, 100);
  const lines = [];
  while (source.next_ms === 0) lines.push(new TextDecoder().decode(source.take()));
  assertEquals(lines, ["one", "two", "three"]);
});

Deno.test("readLines() reads no faster than lines are taken", async () => {
  const source = new QueueSource();
  const chunk = bytesOf("x\n".repeat(1_000));
  const input = new Chunks(Array(100).fill(chunk));
  readLines(input, source, 100);
  await settle();
  // 4,096 lines wait; they are in the first five chunks.
  assertEquals(input.reads, 5);
  for (let n = 0; n < 1_000; n++) source.take();
  await settle();
  assertEquals(input.reads, 6);
});
