/**
 * A clock that stands still until it is told to go on, so that hours pass in milliseconds and every
 * time is exact.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { Clock, Timer } from "../../lib/platform/clock.ts";
import { type Happening, Happenings } from "./happenings.ts";

const ORDINARY = 0;
const AFTER_INPUT = 1;

/** A clock whose time only `advance` and `stall` move. */
export class VirtualClock implements Clock {
  #now_ms = 0;
  #order = 0;
  #pending = 0;
  readonly #happenings = new Happenings();

  now(): number {
    return this.#now_ms;
  }

  wallTime(): number {
    return Date.UTC(2026, 10, 22) + this.#now_ms;
  }

  timer(callback: () => void): Timer {
    return new VirtualTimer(this, callback);
  }

  afterInput(callback: () => void): void {
    this.#add(this.#now_ms, AFTER_INPUT, callback);
  }

  /** Has something happen after a delay, as the network does. */
  after(delay_ms: number, run: () => void): void {
    this.#add(this.#now_ms + delay_ms, ORDINARY, run);
  }

  /** Has something happen at a time; what it gives is for `cancel`. */
  at(at_ms: number, run: () => void): Happening {
    return this.#add(at_ms, ORDINARY, run);
  }

  /** Has something not happen. */
  cancel(happening: Happening): void {
    if (happening.run) this.#pending--;
    happening.run = undefined;
  }

  /** How many timers and other happenings are pending. */
  get pending(): number {
    return this.#pending;
  }

  /** Lets time pass, and all happen that is due in it. */
  async advance(ms: number): Promise<void> {
    const until_ms = this.#now_ms + ms;
    await settle();
    while (this.#happenNext(until_ms)) await settle();
    this.#now_ms = until_ms;
  }

  /** Lets time pass while nothing runs, as when this process is stopped. */
  stall(ms: number): void {
    this.#now_ms += ms;
  }

  #add(at_ms: number, rank: number, run: () => void): Happening {
    const happening = { at_ms, rank, order: this.#order++, run };
    this.#happenings.add(happening);
    this.#pending++;
    return happening;
  }

  /** Has the next happening happen; false if none is due by then. */
  #happenNext(until_ms: number): boolean {
    for (;;) {
      const next = this.#happenings.first;
      if (!next || next.at_ms > until_ms) return false;
      this.#happenings.takeFirst();
      if (!next.run) continue;
      this.#now_ms = Math.max(this.#now_ms, next.at_ms);
      const { run } = next;
      this.cancel(next);
      run();
      return true;
    }
  }
}

class VirtualTimer implements Timer {
  readonly #clock: VirtualClock;
  readonly #callback: () => void;
  #pending?: Happening;

  constructor(clock: VirtualClock, callback: () => void) {
    this.#clock = clock;
    this.#callback = callback;
  }

  clear(): void {
    if (this.#pending) this.#clock.cancel(this.#pending);
    this.#pending = undefined;
  }

  set(at_ms: number): void {
    this.clear();
    this.#pending = this.#clock.at(at_ms, () => {
      this.#pending = undefined;
      this.#callback();
    });
  }
}

/** Lets every promise that is ready run its course. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
