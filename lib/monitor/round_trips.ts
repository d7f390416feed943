/**
 * The round trips of one session over time, in bounded memory.
 *
 * @module
 */
import { Histogram, type Percentiles } from "../session/histogram.ts";
import { roundMs } from "../session/ledger.ts";
import type { RoundTripSample } from "./reading.ts";

/** How long a sample is at first, in milliseconds. */
const FIRST_SAMPLE_MS = 1_000;

/** How long the time is, in milliseconds, that is always covered, however few samples there may be: a day. */
const COVERED_MS = 86_400_000;

/** How many samples all sessions together may have. */
const MAX_SAMPLES = 1_000_000;

/** How many a session may have at most, and at least. */
const MOST_SAMPLES = 3_600;
const FEWEST_SAMPLES = 100;

/** How many samples each of so many sessions may have. */
export function samplesOf(sessions: number): number {
  return Math.min(MOST_SAMPLES, Math.max(FEWEST_SAMPLES, Math.floor(MAX_SAMPLES / sessions)));
}

/** Buckets per doubling of a session's histogram. */
const PARTS = 8;

/**
 * The least and the most of each stretch of time. When there are too many stretches, each two become one of twice
 * their length, until a day fits; then the oldest go.
 */
export class RoundTrips {
  /** The last one, in milliseconds. */
  last_ms: number | null = null;
  #histogram?: Histogram;
  #sample_ms = FIRST_SAMPLE_MS;
  #from_ms = NaN;
  /** Least and most of each sample in turn; `NaN` where there was none. */
  #samples: number[] = [];

  /** Adds a round trip that ended at a time, in wall-clock milliseconds; so many samples may be kept. */
  add(rtt_ms: number, at_ms: number, limit: number): void {
    this.last_ms = roundMs(rtt_ms);
    (this.#histogram ??= new Histogram(PARTS)).add(rtt_ms);
    if (Number.isNaN(this.#from_ms)) this.#from_ms = at_ms - at_ms % FIRST_SAMPLE_MS;
    // The wall clock may have been set back.
    const sample = () => Math.max(0, Math.floor((at_ms - this.#from_ms) / this.#sample_ms));
    while (sample() >= limit && this.#sample_ms * limit < COVERED_MS) this.#merge();
    if (sample() >= limit) this.#drop(sample() - limit + 1);
    const samples = this.#samples;
    const at = 2 * sample();
    while (samples.length <= at) samples.push(NaN, NaN);
    if (!(samples[at]! <= rtt_ms)) samples[at] = rtt_ms;
    if (!(samples[at + 1]! >= rtt_ms)) samples[at + 1] = rtt_ms;
  }

  /** The length of a sample, in milliseconds. */
  get sample_ms(): number {
    return this.#sample_ms;
  }

  /** The samples, the oldest first. */
  get samples(): RoundTripSample[] {
    const read: RoundTripSample[] = [];
    for (let at = 0; at < this.#samples.length; at += 2) {
      const from_ms = this.#from_ms + at / 2 * this.#sample_ms;
      read.push([from_ms, orNull(this.#samples[at]!), orNull(this.#samples[at + 1]!)]);
    }
    return read;
  }

  /** The percentiles of all. */
  percentiles(): Percentiles {
    return this.#histogram?.percentiles() ?? { p50_ms: null, p99_ms: null, max_ms: null };
  }

  /** Makes one of each two. */
  #merge(): void {
    const before = this.#samples;
    const merged: number[] = [];
    for (let at = 0; at < before.length; at += 4) {
      const [least, most, nextLeast = NaN, nextMost = NaN] = before.slice(at, at + 4);
      merged.push(nextLeast < least! || Number.isNaN(least) ? nextLeast : least!);
      merged.push(nextMost > most! || Number.isNaN(most) ? nextMost : most!);
    }
    this.#samples = merged;
    this.#sample_ms *= 2;
  }

  /** Drops so many of the oldest. */
  #drop(count: number): void {
    this.#samples.splice(0, 2 * count);
    this.#from_ms += count * this.#sample_ms;
  }
}

function orNull(ms: number): number | null {
  return Number.isNaN(ms) ? null : roundMs(ms);
}
