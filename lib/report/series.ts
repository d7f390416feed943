/**
 * A series of times for a plot, in constant memory.
 *
 * @module
 */

/** How many buckets there may be. */
const MAX_BUCKETS = 1_500;

/** The times of one bucket, in milliseconds. */
export interface Bucket {
  /** The shortest. */
  least_ms: number;
  /** The longest. */
  greatest_ms: number;
  /** All together. */
  sum_ms: number;
  /** How many there are. */
  count: number;
}

/** Least, mean and greatest time in buckets of equal length, which grows as the series does. */
export class Series {
  /** The length of a bucket, in milliseconds. */
  bucket_ms = 100;
  #buckets = new Map<number, Bucket>();

  /** Adds a time. */
  add(at_ms: number, ms: number): void {
    this.#add(Math.floor(at_ms / this.bucket_ms), {
      least_ms: ms,
      greatest_ms: ms,
      sum_ms: ms,
      count: 1,
    });
    if (this.#buckets.size > MAX_BUCKETS) this.#widen();
  }

  /** The buckets in order, by the moments in their middle. */
  all(): [at_ms: number, bucket: Bucket][] {
    return [...this.#buckets].sort(([a], [b]) => a - b).map(([at, bucket]) => [
      (at + 0.5) * this.bucket_ms,
      bucket,
    ]);
  }

  #add(at: number, bucket: Bucket): void {
    const known = this.#buckets.get(at);
    if (!known) {
      this.#buckets.set(at, bucket);
      return;
    }
    known.least_ms = Math.min(known.least_ms, bucket.least_ms);
    known.greatest_ms = Math.max(known.greatest_ms, bucket.greatest_ms);
    known.sum_ms += bucket.sum_ms;
    known.count += bucket.count;
  }

  #widen(): void {
    const before = this.#buckets;
    this.#buckets = new Map();
    this.bucket_ms *= 2;
    for (const [at, bucket] of before) this.#add(Math.floor(at / 2), bucket);
  }
}
