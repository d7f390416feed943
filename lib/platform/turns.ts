/**
 * Limits closes and other deferrable work per event-loop turn, so that a mass disconnect delays no
 * heartbeat.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** How many tasks may run per turn. */
const TASKS_PER_TURN = 64;

/** How long, in milliseconds, a turn is assumed to last while fewer tasks than that arrive. */
const TURN_MS = 1;

/** Limits the tasks per turn of all callers that share a clock. */
export class TurnLimiter {
  static readonly #ofClock = new WeakMap<Clock, TurnLimiter>();
  readonly #clock: Clock;
  #turn_ms = -Infinity;
  #count = 0;
  #waiting: (() => void)[] = [];

  private constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The limiter of a clock. */
  static of(clock: Clock): TurnLimiter {
    let limiter = TurnLimiter.#ofClock.get(clock);
    if (!limiter) TurnLimiter.#ofClock.set(clock, limiter = new TurnLimiter(clock));
    return limiter;
  }

  /** Resolves when the caller may run: at once, unless this turn's limit is reached. First in, first out. */
  turn(): Promise<void> {
    const now_ms = this.#clock.now();
    if (now_ms - this.#turn_ms >= TURN_MS && this.#waiting.length === 0) {
      this.#turn_ms = now_ms;
      this.#count = 0;
    }
    if (++this.#count <= TASKS_PER_TURN) return Promise.resolve();
    return new Promise<void>((resolve) => {
      if (this.#waiting.push(resolve) === 1) this.#release();
    });
  }

  /** Resumes the next callers after pending input has been read and due timers have fired. */
  #release(): void {
    this.#clock.afterInput(() => {
      this.#turn_ms = this.#clock.now();
      this.#count = TASKS_PER_TURN;
      for (const resolve of this.#waiting.splice(0, TASKS_PER_TURN)) resolve();
      if (this.#waiting.length > 0) this.#release();
    });
  }
}
