/**
 * The wall clock of one process against its monotonic clock: their distance, and the steps of the wall clock.
 *
 * @module
 */
import type { Interval } from "./clock_bounds.ts";

/** From how many milliseconds on a change of the distance counts as a step. */
const STEP_MS = 50;

/** How fast the two clocks may part without a step: where only one of them is slewed. */
const SLEW = 0.001;

/** A step of a wall clock. */
export interface ClockStep {
  /** When it was first seen, in milliseconds of the monotonic clock. */
  readonly mono_ms: number;
  /** By how much the wall clock went ahead, or back if negative. */
  readonly by_ms: number;
}

/** From one step to the next: the readings of wall minus monotonic clock, in milliseconds. */
interface Era {
  readonly from_ms: number;
  least_ms: number;
  greatest_ms: number;
  last_ms: number;
  lastAt_ms: number;
}

/** Compares readings of both clocks of one process, in the order in which they were taken. */
export class WallClock {
  /** The steps that were found. */
  readonly steps: ClockStep[] = [];
  #eras: Era[] = [];
  #suspect?: { distance_ms: number; mono_ms: number };
  #expectsJump = false;

  /** Adds a reading of both; the wall clock has whole milliseconds. */
  add(mono_ms: number, wall_ms: number): void {
    const distance_ms = wall_ms - mono_ms;
    const era = this.#eras.at(-1);
    if (era === undefined || this.#expectsJump) return this.#begin(mono_ms, distance_ms);
    const mayPart_ms = STEP_MS + SLEW * Math.max(0, mono_ms - era.lastAt_ms);
    if (Math.abs(distance_ms - era.last_ms) <= mayPart_ms) {
      this.#suspect = undefined;
      era.least_ms = Math.min(era.least_ms, distance_ms);
      era.greatest_ms = Math.max(era.greatest_ms, distance_ms);
      era.last_ms = distance_ms;
      era.lastAt_ms = mono_ms;
      return;
    }
    // This process may have been interrupted between reading the one clock and the other.
    const suspect = this.#suspect;
    this.#suspect = { distance_ms, mono_ms };
    if (!suspect || Math.abs(suspect.distance_ms - distance_ms) > STEP_MS) return;
    this.steps.push({ mono_ms: suspect.mono_ms, by_ms: Math.round(distance_ms - era.last_ms) });
    this.#begin(suspect.mono_ms, distance_ms);
  }

  /** Notes that the host was suspended: how far the monotonic clock jumped then is known to a second only. */
  suspended(): void {
    this.#expectsJump = true;
  }

  /** Wall minus monotonic clock at a moment of the monotonic one, in milliseconds; `undefined` before any. */
  distance_ms(mono_ms: number): Interval | undefined {
    const era = this.#eras.findLast(({ from_ms }) => from_ms <= mono_ms) ?? this.#eras[0];
    if (era === undefined) return undefined;
    // A reading says: at least so much, and less than a millisecond more.
    const { greatest_ms, least_ms } = era;
    if (greatest_ms <= least_ms + 1) return [greatest_ms, least_ms + 1];
    return [least_ms, greatest_ms + 1];
  }

  #begin(from_ms: number, distance_ms: number): void {
    this.#expectsJump = false;
    this.#suspect = undefined;
    const [least_ms, greatest_ms, last_ms] = [distance_ms, distance_ms, distance_ms];
    this.#eras.push({ from_ms, least_ms, greatest_ms, last_ms, lastAt_ms: from_ms });
  }
}
