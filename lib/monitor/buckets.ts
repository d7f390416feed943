/**
 * Counts of times at fixed bounds: of round trips, of silences, and of how late dead peers are declared.
 *
 * @module
 */
import type { Buckets } from "./monitor.ts";

/** The times that are counted. */
export type TimeName = "round_trips" | "silence_durations" | "overshoots";

/** The upper bounds of each, in seconds, ascending: fine where decisions are made, coarse beyond. */
export const BOUNDS_S: Readonly<Record<TimeName, readonly number[]>> = {
  // From a local network to an answer that came only after the default thresholds.
  round_trips: [
    ...[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    ...[10, 20, 60],
  ],
  // With the defaults a silence is noticed after 20 s, and a peer is dead after 60 s.
  silence_durations: [
    ...[0.5, 1, 2.5, 5, 10, 15, 20, 25, 30, 40, 50, 60, 90, 120, 300, 600, 3600],
  ],
  overshoots: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
};

/** Counts times of one kind, in constant memory. */
export class TimeCounts {
  /** Receives each time as well, in seconds, if set. */
  recorder?: { record(seconds: number): void };
  readonly #bounds_s: readonly number[];
  /** Between one bound and the next; the last counter is for what is above all bounds. */
  readonly #counts: number[];
  #sum_s = 0;

  /** Counts at the bounds of these times. */
  constructor(name: TimeName) {
    this.#bounds_s = BOUNDS_S[name];
    this.#counts = new Array(this.#bounds_s.length + 1).fill(0);
  }

  /** Adds a time in milliseconds; one below zero counts as zero. */
  add(ms: number): void {
    const seconds = Math.max(0, ms) / 1000;
    let at = 0;
    while (seconds > this.#bounds_s[at]!) at++;
    this.#counts[at]!++;
    this.#sum_s += seconds;
    this.recorder?.record(seconds);
  }

  /** What was counted so far. */
  read(): Buckets {
    const counts = [];
    let count = 0;
    for (const each of this.#counts) counts.push(count += each);
    return { bounds_s: this.#bounds_s, counts: counts.slice(0, -1), count, sum_s: this.#sum_s };
  }
}

/** The sum of what several threads counted of one kind of times. */
export function addBuckets(name: TimeName, all: readonly Buckets[]): Buckets {
  const sum = (pick: (each: Buckets) => number) => all.reduce((sum, each) => sum + pick(each), 0);
  const bounds_s = BOUNDS_S[name];
  return {
    bounds_s,
    counts: bounds_s.map((_, at) => sum(({ counts }) => counts[at]!)),
    count: sum(({ count }) => count),
    sum_s: sum(({ sum_s }) => sum_s),
  };
}
