/**
 * Lets so many at a time do what can wait, when thousands want to at once, so that what cannot wait gets
 * its turn in between.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** How many go on in one turn. */
const AT_ONCE = 64;

/** How long, in milliseconds, a turn is taken to last while fewer than that come. */
const TURN_MS = 1;

/** Paces all who share a clock. */
export class TurnLimiter {
  static readonly #ofClock = new WeakMap<Clock, TurnLimiter>();
  readonly #clock: Clock;
  #turn_ms = -Infinity;
  #count = 0;
  #waiting: (() => void)[] = [];

  private constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The pace of a clock. */
  static of(clock: Clock): TurnLimiter {
    let pace = TurnLimiter.#ofClock.get(clock);
    if (!pace) TurnLimiter.#ofClock.set(clock, pace = new TurnLimiter(clock));
    return pace;
  }

  /** Resolves when it is one's turn: at once, unless many came before in this turn. */
  async turn(): Promise<void> {
    const now_ms = this.#clock.now();
    if (now_ms - this.#turn_ms >= TURN_MS && this.#waiting.length === 0) {
      this.#turn_ms = now_ms;
      this.#count = 0;
    }
    if (++this.#count <= AT_ONCE) return;
    await new Promise<void>((resolve) => {
      if (this.#waiting.push(resolve) === 1) this.#release();
    });
  }

  /** Lets the next ones go on, once all that has arrived has been read and all that is due is done. */
  #release(): void {
    this.#clock.afterInput(() => {
      this.#turn_ms = this.#clock.now();
      this.#count = AT_ONCE;
      for (const resolve of this.#waiting.splice(0, AT_ONCE)) resolve();
      if (this.#waiting.length > 0) this.#release();
    });
  }
}
