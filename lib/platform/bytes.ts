/**
 * Joins and compares byte arrays, and writes them in full to a sink whose reader may be slow.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import { sleep } from "./condition.ts";
import { Deadline } from "./deadline.ts";

/** How long, in milliseconds, to wait before retrying a write to a non-blocking sink that is full. */
const RETRY_MS = 10;

const LF = 0x0a;

/** Destination of bytes, such as `Deno.stdout` or a file. */
export interface ByteSink {
  /** Writes some of the bytes; resolves to how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/**
 * Writes all of the bytes, however slow their reader is.
 *
 * @throws The signal's reason, if it aborts; any error of the sink.
 */
export async function writeAll(
  sink: ByteSink,
  bytes: Uint8Array,
  { clock, signal }: { clock: Clock; signal?: AbortSignal },
): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) {
    signal?.throwIfAborted();
    try {
      rest = rest.subarray(await sink.write(rest));
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      using pause = new Deadline(clock, { signal });
      pause.moveTo(clock.now() + RETRY_MS);
      await sleep(pause);
    }
  }
}

/** Whether two arrays have the same bytes. Not for secrets: it takes longer the more of them are alike. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** Copies all parts into one array. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return join(parts, 0);
}

/** Copies all lines into one array, with a line feed after each. */
export function joinLines(lines: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return join(lines, 1);
}

function join(parts: readonly Uint8Array[], lineEnds: 0 | 1): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length + lineEnds, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
    if (lineEnds) whole[at++] = LF;
  }
  return whole;
}

/** Short copies share blocks of so many bytes: a buffer for each would cost more than the rest of a message. */
const BLOCK_BYTES = 2_048;

let block = new Uint8Array(BLOCK_BYTES);
let used = 0;

/** A copy of bytes whose buffer is reused. It may share its own buffer with other copies. */
export function copyOf(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  if (length > BLOCK_BYTES / 8) return bytes.slice();
  if (used + length > BLOCK_BYTES) {
    block = new Uint8Array(BLOCK_BYTES);
    used = 0;
  }
  const copy = block.subarray(used, used += length);
  copy.set(bytes);
  return copy;
}
