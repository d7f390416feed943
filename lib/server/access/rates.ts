/**
 * How fast connections of one address may follow each other.
 *
 * @module
 */
import type { Clock } from "../../platform/clock.ts";

/** Of how many addresses at least something is noted before those are looked through that need not be. */
const SWEEP_SIZE = 1_024;

/** A rate for each address: so many at once, and then as many in each second, evenly. */
export class Rates {
  readonly #clock: Clock;
  readonly #interval_ms: number;
  readonly #burst_ms: number;
  readonly #longest_ms: number;
  /** When each address would have used up nothing of its rate again, if that is not over. */
  readonly #due_ms = new Map<string, number>();
  #sweepAt = SWEEP_SIZE;

  /** Makes rates of so many a second, of which nothing is used; none waits for longer than `longest_ms`. */
  constructor(clock: Clock, perSecond: number, longest_ms: number) {
    this.#clock = clock;
    this.#interval_ms = 1_000 / perSecond;
    this.#burst_ms = 1_000 - this.#interval_ms;
    this.#longest_ms = longest_ms;
  }

  /**
   * How long the next connection of an address has to wait, in milliseconds; `undefined`, and nothing is used,
   * if it is too long.
   */
  next(address: string): number | undefined {
    const now_ms = this.#clock.now();
    const due_ms = Math.max(now_ms, this.#due_ms.get(address) ?? 0);
    const wait_ms = Math.max(0, due_ms - now_ms - this.#burst_ms);
    if (wait_ms > this.#longest_ms) return undefined;
    this.#due_ms.set(address, due_ms + this.#interval_ms);
    if (this.#due_ms.size >= this.#sweepAt) this.#sweep(now_ms);
    return wait_ms;
  }

  /** Of how many addresses something is noted. */
  get size(): number {
    return this.#due_ms.size;
  }

  /** Forgets the addresses that may open as many connections as one that never opened any. */
  #sweep(now_ms: number): void {
    for (const [address, due_ms] of this.#due_ms) {
      if (due_ms <= now_ms) this.#due_ms.delete(address);
    }
    this.#sweepAt = Math.max(SWEEP_SIZE, 2 * this.#due_ms.size);
  }
}
