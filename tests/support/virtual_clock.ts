/**
 * A clock that stands still until it is told to go on, so that hours pass in milliseconds and every
 * time is exact.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { Clock, Timer } from "../../lib/clock.ts";

/** What happens at one time; of two at the same time, the lower rank and then the older is first. */
interface Happening {
  readonly at_ms: number;
  readonly rank: number;
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

const ORDINARY = 0;
const AFTER_INPUT = 1;

/** A clock whose time only `advance` and `stall` move. */
export class VirtualClock implements Clock {
  #now_ms = 0;
  #order = 0;
  #happenings: Happening[] = [];

  now(): number {
    return this.#now_ms;
  }

  wallTime(): number {
    return Date.UTC(2026, 10, 22) + this.#now_ms;
  }

  timer(callback: () => void): Timer {
    let pending: Happening | undefined;
    const clear = () => {
      if (pending) pending.cancelled = true;
      pending = undefined;
    };
    return {
      clear,
      set: (at_ms) => {
        clear();
        pending = this.#add(at_ms, ORDINARY, () => {
          pending = undefined;
          callback();
        });
      },
    };
  }

  afterInput(callback: () => void): void {
    this.#add(this.#now_ms, AFTER_INPUT, callback);
  }

  /** Has something happen after a delay, as the network does. */
  after(delay_ms: number, run: () => void): void {
    this.#add(this.#now_ms + delay_ms, ORDINARY, run);
  }

  /** How many timers and other happenings are pending. */
  get pending(): number {
    return this.#happenings.filter((each) => !each.cancelled).length;
  }

  /** Lets time pass, and all happen that is due in it. */
  async advance(ms: number): Promise<void> {
    const until_ms = this.#now_ms + ms;
    await settle();
    for (let next = this.#take(until_ms); next; next = this.#take(until_ms)) {
      this.#now_ms = Math.max(this.#now_ms, next.at_ms);
      next.run();
      await settle();
    }
    this.#now_ms = until_ms;
  }

  /** Lets time pass while nothing runs, as when this process is stopped. */
  stall(ms: number): void {
    this.#now_ms += ms;
  }

  #add(at_ms: number, rank: number, run: () => void): Happening {
    const happening = { at_ms, rank, order: this.#order++, run, cancelled: false };
    const after = this.#happenings.findLastIndex((each) => compare(each, happening) < 0);
    this.#happenings.splice(after + 1, 0, happening);
    return happening;
  }

  #take(until_ms: number): Happening | undefined {
    while (this.#happenings.length > 0 && this.#happenings[0]!.at_ms <= until_ms) {
      const next = this.#happenings.shift()!;
      if (!next.cancelled) return next;
    }
    return undefined;
  }
}

/** Lets every promise that is ready run its course. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function compare(a: Happening, b: Happening): number {
  return a.at_ms - b.at_ms || a.rank - b.rank || a.order - b.order;
}
