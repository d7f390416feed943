/**
 * Where bytes go whose reader may be slow: a terminal, a pipe, a file.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import { Deadline, sleep } from "./wait.ts";

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
