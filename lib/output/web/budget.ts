/**
 * Has work take no more than a share of the time, one piece after the other, so that whoever asks for much waits,
 * and not the sessions.
 *
 * @module
 */
import type { Clock, Timer } from "../../platform/clock.ts";

/** Of how many milliseconds one goes into the work: 5 %. */
export const SHARE = 20;

/** How many milliseconds of work there may be at once after a pause. */
const BURST_MS = 200;

/** How much work may wait. */
const MAX_WAITING = 64;

/** Too much work waits. */
export class BusyError extends Error {
  /** The name of this kind of error. */
  override readonly name = "BusyError";
}

/** Runs work within a share of the time. */
export class WorkBudget implements Disposable {
  readonly #clock: Clock;
  readonly #timer: Timer;
  #credit_ms = BURST_MS;
  #counted_ms: number;
  #spent_ms = 0;
  #waiting: (() => Promise<void>)[] = [];
  #isRunning = false;

  /** Makes a budget that is not used. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#counted_ms = clock.now();
    this.#timer = clock.timer(() => void this.#runNext());
  }

  /** How long, in milliseconds, the work took since this was last asked. */
  takeSpent(): number {
    const spent_ms = this.#spent_ms;
    this.#spent_ms = 0;
    return spent_ms;
  }

  /**
   * Runs some work when its turn has come.
   *
   * @throws {BusyError} If too much waits.
   */
  run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting.length >= MAX_WAITING) return Promise.reject(new BusyError());
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => work().then(resolve, reject));
      if (!this.#isRunning) void this.#runNext();
    });
  }

  /** Runs nothing more of what waits. */
  [Symbol.dispose](): void {
    this.#waiting = [];
    this.#timer.clear();
  }

  async #runNext(): Promise<void> {
    this.#isRunning = true;
    for (let work = this.#next(); work; work = this.#next()) {
      // Deadlines that pass, and what has arrived for sessions, go first.
      await new Promise<void>((resolve) => this.#clock.afterInput(resolve, "last"));
      const begun_ms = this.#clock.now();
      await work();
      const took_ms = this.#clock.now() - begun_ms;
      this.#spent_ms += took_ms;
      this.#credit_ms -= took_ms;
    }
  }

  /** The next work, if it may run now; if not, the timer is set for it. */
  #next(): (() => Promise<void>) | undefined {
    const now_ms = this.#clock.now();
    this.#credit_ms += (now_ms - this.#counted_ms) / SHARE;
    this.#credit_ms = Math.min(this.#credit_ms, BURST_MS);
    this.#counted_ms = now_ms;
    if (this.#credit_ms > 0) {
      const next = this.#waiting.shift();
      this.#isRunning = next !== undefined;
      return next;
    }
    this.#timer.set(now_ms + 1 - this.#credit_ms * SHARE);
    return undefined;
  }
}
