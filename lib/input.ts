/**
 * The lines of an input as data messages, read no faster than they can be sent.
 *
 * @module
 */
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
  let rest = new Uint8Array(0);
  let line = 1;
  const tooLong = () => source.end(`line ${line} of stdin has more than ${maxBytes} bytes`);
  try {
    for (let count = await input.read(buffer); count !== null; count = await input.read(buffer)) {
      let from = 0;
      for (let end = next(buffer, from, count); end >= 0; end = next(buffer, from, count)) {
        const payload = joined(rest, buffer.subarray(from, end));
        if (payload.length > maxBytes) return tooLong();
        from = end + 1;
        rest = rest.subarray(0, 0);
        line++;
        await source.put(payload);
      }
      rest = joined(rest, buffer.subarray(from, count));
      if (rest.length > maxBytes) return tooLong();
    }
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return source.end(`stdin cannot be read any further: ${text}`);
  }
  if (rest.length > 0) await source.put(rest);
  source.end();
}

function next(buffer: Uint8Array, from: number, count: number): number {
  const end = buffer.indexOf(LF, from);
  return end < count ? end : -1;
}

/** A copy of both, one behind the other. */
function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
