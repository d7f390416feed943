/**
 * A histogram of times, for percentiles in constant memory.
 *
 * @module
 */
import { roundMs } from "./ledger.ts";

/** Buckets per doubling, unless fewer are asked for: a percentile is off by less than 1.6 %. */
const PARTS = 64;

/** The width of the narrowest bucket, in milliseconds. */
const FINEST_MS = 0.001;

/** The percentiles of a {@linkcode Histogram}, in milliseconds; `null` where it holds nothing. */
export interface Percentiles {
  /** The median. */
  p50_ms: number | null;
  /** The 99th percentile. */
  p99_ms: number | null;
  /** The longest. */
  max_ms: number | null;
}

/**
 * Counts times in buckets whose width grows with the time, as HdrHistogram does
 * (http://hdrhistogram.org): a few thousand buckets cover microseconds and days alike.
 */
export class Histogram {
  /** How many times were added. */
  count = 0;
  readonly #parts: number;
  readonly #counts: number[] = [];
  #max_ms = -Infinity;

  /** Makes a histogram of so many buckets per doubling: with 8, of less than 3 KB, it is off by less than 12.5 %. */
  constructor(parts: number = PARTS) {
    this.#parts = parts;
  }

  /** Adds a time in milliseconds; one below zero counts as zero. */
  add(ms: number): void {
    const at = bucketOf(ms, this.#parts);
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.count++;
    if (ms > this.#max_ms) this.#max_ms = ms;
  }

  /** The time that a share of all, from 0 to 1, does not exceed: the upper end of its bucket. */
  quantile(share: number): number | null {
    let left = Math.ceil(share * this.count);
    for (const [at, count = 0] of this.#counts.entries()) {
      left -= count;
      if (count > 0 && left <= 0) return roundMs(Math.min(upperEnd(at, this.#parts), this.#max_ms));
    }
    return null;
  }

  /** The percentiles for a summary. */
  percentiles(): Percentiles {
    return {
      p50_ms: this.quantile(0.5),
      p99_ms: this.quantile(0.99),
      max_ms: this.count === 0 ? null : roundMs(this.#max_ms),
    };
  }
}

/** The first `2 * parts` buckets are one unit wide, the next `parts` two units, the next four. */
function bucketOf(ms: number, parts: number): number {
  // No clock goes so far, but a damaged recording may say so.
  const units = Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.floor(ms / FINEST_MS)));
  const doublings = Math.max(0, Math.floor(Math.log2(units / parts)));
  return doublings * parts + Math.floor(units / 2 ** doublings);
}

function upperEnd(at: number, parts: number): number {
  const doublings = Math.max(0, Math.floor(at / parts) - 1);
  return (at - doublings * parts + 1) * 2 ** doublings * FINEST_MS;
}
