/**
 * The lines of an input as data messages, read no faster than they can be sent.
 *
 * @module
 */
import { concat } from "../platform/bytes.ts";
import type { QueueSource } from "./source.ts";

const LF = 0x0a;

const READ_BYTES = 65_536;

/** Where lines come from: `Deno.stdin`. */
export interface Input {
  /** Reads some bytes: how many, or `null` at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
}

/**
 * Puts each line of an input, without its line end, into a source, until the input ends. A line of more
 * than `maxBytes`, or an input that cannot be read, ends the source with a failure.
 */
export async function readLines(
  input: Input,
  source: QueueSource,
  maxBytes: number,
): Promise<void> {
  const buffer = new Uint8Array(READ_BYTES);
  const rest = new Parts();
  let line = 1;
  const tooLong = () => source.end(`line ${line} of stdin has more than ${maxBytes} bytes`);
  try {
    for (let count = await input.read(buffer); count !== null; count = await input.read(buffer)) {
      let from = 0;
      for (let end = next(buffer, from, count); end >= 0; end = next(buffer, from, count)) {
        rest.add(buffer.subarray(from, end));
        if (rest.length > maxBytes) return tooLong();
        from = end + 1;
        line++;
        await source.put(rest.take());
      }
      rest.add(buffer.subarray(from, count));
      if (rest.length > maxBytes) return tooLong();
    }
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return source.end(`stdin cannot be read any further: ${text}`);
  }
  if (rest.length > 0) await source.put(rest.take());
  source.end();
}

function next(buffer: Uint8Array, from: number, count: number): number {
  const end = buffer.indexOf(LF, from);
  return end < count ? end : -1;
}

/** The parts of a line, joined once. */
class Parts {
  #parts: Uint8Array[] = [];
  #length = 0;

  /** How many bytes there are. */
  get length(): number {
    return this.#length;
  }

  /** Adds a copy of some bytes. */
  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#parts.push(bytes.slice());
    this.#length += bytes.length;
  }

  /** Gives all bytes and starts anew. */
  take(): Uint8Array {
    const [first, ...others] = this.#parts;
    const whole = first && others.length === 0 ? first : concat(this.#parts);
    this.#parts = [];
    this.#length = 0;
    return whole;
  }
}
