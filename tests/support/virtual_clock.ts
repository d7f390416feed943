/**
 * A clock whose time passes only when a test advances it, so that hours take milliseconds and every
 * time is exact.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { Clock, Timer } from "../../lib/platform/clock.ts";
import { Schedule, type ScheduledAction } from "./schedule.ts";

const ORDINARY = 0;
const AFTER_INPUT = 1;

/** A clock whose time only `advance` and `stall` move. */
export class VirtualClock implements Clock {
  #now_ms = 0;
  #order = 0;
  #pending = 0;
  readonly #schedule = new Schedule();

  now(): number {
    return this.#now_ms;
  }

  wallTime(): number {
    return Date.UTC(2026, 10, 22) + this.#now_ms;
  }

  timer<Receiver>(callback: (receiver?: Receiver) => void, receiver?: Receiver): Timer {
    return new VirtualTimer(this, () => callback(receiver));
  }

  afterInput(callback: () => void): void {
    this.#add(this.#now_ms, AFTER_INPUT, callback);
  }

  /** Schedules an action after a delay, as the network does. */
  after(delay_ms: number, run: () => void): void {
    this.#add(this.#now_ms + delay_ms, ORDINARY, run);
  }

  /** Schedules an action at a time; the result is for `cancel`. */
  at(at_ms: number, run: () => void): ScheduledAction {
    return this.#add(at_ms, ORDINARY, run);
  }

  /** Cancels an action. */
  cancel(action: ScheduledAction): void {
    if (action.run) this.#pending--;
    action.run = undefined;
  }

  /** How many timers and other actions are pending. */
  get pending(): number {
    return this.#pending;
  }

  /** Lets time pass, and runs every action that is due in it. */
  async advance(ms: number): Promise<void> {
    const until_ms = this.#now_ms + ms;
    await settle();
    while (this.#runNext(until_ms)) await settle();
    this.#now_ms = until_ms;
  }

  /** Lets time pass while nothing runs, as when this process is stopped. */
  stall(ms: number): void {
    this.#now_ms += ms;
  }

  #add(at_ms: number, rank: number, run: () => void): ScheduledAction {
    const action = { at_ms, rank, order: this.#order++, run };
    this.#schedule.add(action);
    this.#pending++;
    return action;
  }

  /** Runs the next action; false if none is due by then. */
  #runNext(until_ms: number): boolean {
    for (;;) {
      const next = this.#schedule.first;
      if (!next || next.at_ms > until_ms) return false;
      this.#schedule.takeFirst();
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
  #pending?: ScheduledAction;

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

/** Runs every callback of a promise that is settled, and those that this settles. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
