/**
 * Reads the lines of an input as data messages, no faster than they can be sent.
 *
 * @module
 */
import { concat } from "../platform/bytes.ts";
import { fileErrorText } from "../platform/errors.ts";
import type { QueueSource } from "./source.ts";

const LF = 0x0a;

const READ_BYTES = 65_536;

/** An input of bytes, such as `Deno.stdin`. */
export interface Input {
  /** Reads into the buffer: returns how many bytes, or `null` at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
}

/**
 * Puts each line of an input, without its LF, into a source, until the input ends. Never throws: a line of
 * more than `maxBytes`, or an error of the input, ends the source with a failure.
 */
export async function readLines(
  input: Input,
  source: QueueSource,
  maxBytes: number,
): Promise<void> {
  const buffer = new Uint8Array(READ_BYTES);
  const line = new Parts();
  let number = 1;
  const tooLong = () => source.end(`line ${number} of stdin has more than ${maxBytes} bytes`);
  try {
    for (let count = await input.read(buffer); count !== null; count = await input.read(buffer)) {
      let from = 0;
      for (let end = lineEnd(buffer, from, count); end >= 0; end = lineEnd(buffer, from, count)) {
        line.add(buffer.subarray(from, end));
        if (line.length > maxBytes) return tooLong();
        from = end + 1;
        number++;
        await source.put(line.take());
      }
      line.add(buffer.subarray(from, count));
      if (line.length > maxBytes) return tooLong();
    }
  } catch (error) {
    return source.end(`stdin cannot be read any further: ${fileErrorText(error)}`);
  }
  if (line.length > 0) await source.put(line.take());
  source.end();
}

/** Where the next LF stands in what was read; -1 if there is none. */
function lineEnd(buffer: Uint8Array, from: number, count: number): number {
  const end = buffer.indexOf(LF, from);
  return end < count ? end : -1;
}

/** The parts of a line, concatenated once. */
class Parts {
  /** The size of all parts, in bytes. */
  length = 0;
  #parts: Uint8Array[] = [];

  /** Adds a copy of some bytes. */
  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#parts.push(bytes.slice());
    this.length += bytes.length;
  }

  /** Returns all bytes, and clears the parts. */
  take(): Uint8Array {
    const [first, ...others] = this.#parts;
    const bytes = first && others.length === 0 ? first : concat(this.#parts);
    this.#parts = [];
    this.length = 0;
    return bytes;
  }
}
