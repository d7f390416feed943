/**
 * The delay before a reconnect: exponential back-off with jitter. It starts anew after a connection that
 * was of use: new data was confirmed on it, however short it was, or it was healthy for a minute.
 *
 * @module
 */
import type { Random } from "../platform/secrets.ts";

/** The shortest delay, in milliseconds. */
export const MIN_BACKOFF_MS = 500;

/** The longest delay, in milliseconds. */
export const MAX_BACKOFF_MS = 30_000;

/** How long, in milliseconds, a session has to be healthy for the back-off to be reset. */
export const HEALTHY_MS = 60_000;

/**
 * Delays whose upper limit doubles at each attempt in a row. Each is drawn evenly from the shortest up to
 * that limit, so that clients that lost the same server do not reconnect all at once.
 */
export class Backoff {
  /** How many attempts there have been in a row. */
  attempts = 0;
  readonly #random: Random;

  /** Makes a back-off before its first attempt. */
  constructor(random: Random) {
    this.#random = random;
  }

  /** Counts one more attempt, and returns the delay before it, in milliseconds. */
  next(): number {
    this.attempts++;
    // Beyond 2^30 the limit has long been reached.
    const doubled_ms = MIN_BACKOFF_MS * 2 ** Math.min(this.attempts, 30);
    const longest_ms = Math.min(MAX_BACKOFF_MS, doubled_ms);
    const bytes = new Uint8Array(4);
    this.#random(bytes);
    const fraction = new DataView(bytes.buffer).getUint32(0) / 2 ** 32;
    return Math.round(MIN_BACKOFF_MS + fraction * (longest_ms - MIN_BACKOFF_MS));
  }

  /** Resets the attempts if the connection was of use: how long it was healthy, and what it confirmed. */
  connectionLost({ healthy_ms, confirmed }: { healthy_ms: number; confirmed: number }): void {
    if (confirmed > 0 || healthy_ms >= HEALTHY_MS) this.attempts = 0;
  }
}
