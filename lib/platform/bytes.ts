/**
 * Bytes: joined into one piece, and written in full to a sink whose reader may be slow.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import { sleep } from "./condition.ts";
import { Deadline } from "./deadline.ts";

/** How long, in milliseconds, to wait for a slow reader of a sink that does not block. */
const RETRY_MS = 10;

/** Where bytes go: `Deno.stdout`, a file. */
export interface ByteSink {
  /** Writes some of the bytes: how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/**
 * Writes all of the bytes, however slow their reader is.
 *
 * @throws The signal's reason, once that aborts; whatever else the sink throws.
 */
export async function writeAll(
  sink: ByteSink,
  bytes: Uint8Array,
  options: { clock: Clock; signal?: AbortSignal },
): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) {
    options.signal?.throwIfAborted();
    rest = rest.subarray(await writeSome(sink, rest, options));
  }
}

/** A sink that does not block says so when its reader is slow: none is written, after a while. */
async function writeSome(
  sink: ByteSink,
  bytes: Uint8Array,
  { clock, signal }: { clock: Clock; signal?: AbortSignal },
): Promise<number> {
  try {
    return await sink.write(bytes);
  } catch (error) {
    if (!(error instanceof Deno.errors.WouldBlock)) throw error;
    using pause = new Deadline(clock, { signal });
    pause.moveTo(clock.now() + RETRY_MS);
    await sleep(pause);
    return 0;
  }
}

/** A copy of all parts, one behind the other. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
