/**
 * A clock whose time passes only when a test advances it, so that hours take milliseconds and every
 * time is exact.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { Clock, Timer } from "../../lib/platform/clock.ts";
import { SuspensionDetector } from "../../lib/platform/suspension.ts";
import { Schedule, type ScheduledAction } from "./schedule.ts";

const ORDINARY = 0;
const AFTER_INPUT = 1;

/** For how long, in milliseconds, a virtual host has been running at the start. */
const BOOTED_MS = 1_000_000_300;

/**
 * A clock whose time only `advance`, `stall` and `suspend` move. Time passes alike for all that it drives;
 * what was suspended sees it with `now` and its timers once that is found, as on a host.
 */
export class VirtualClock implements Clock {
  /** Whether the uptime of the host may be read: without it no suspension is found. */
  mayReadUptime = true;
  #now_ms = 0;
  #wallStep_ms = 0;
  /** For how long it was suspended, and how much of that has been found. */
  #suspended_ms = 0;
  #found_ms = 0;
  readonly #timers = new Set<VirtualTimer>();
  readonly #suspensions = new SuspensionDetector({
    wall_ms: () => this.wallTime(),
    monotonic_ms: () => this.#now_ms - this.#suspended_ms,
    uptime_s: () => this.mayReadUptime ? Math.ceil((BOOTED_MS + this.#now_ms) / 1_000) : undefined,
  });
  #order = 0;
  #pending = 0;
  readonly #schedule = new Schedule();

  now(): number {
    return this.#now_ms - this.lag_ms;
  }

  /** The time in which it was suspended that has not been found. */
  get lag_ms(): number {
    return this.#suspended_ms - this.#found_ms;
  }

  wallTime(): number {
    return Date.UTC(2026, 10, 22) + Math.floor(this.#now_ms + this.#wallStep_ms);
  }

  suspended_ms(): number {
    const found_ms = this.#suspensions.look();
    if (found_ms !== this.#found_ms) {
      this.#found_ms = found_ms;
      this.#reschedule();
    }
    return found_ms;
  }

  timer<Receiver>(callback: (receiver?: Receiver) => void, receiver?: Receiver): Timer {
    return new VirtualTimer(this, () => callback(receiver), this.#timers);
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

  /** Lets time pass while this host is suspended: the monotonic clock stands still, and its timers. */
  suspend(ms: number): void {
    this.#now_ms += ms;
    this.#suspended_ms += ms;
    this.#reschedule();
  }

  /** Steps the wall clock alone. */
  stepWall(ms: number): void {
    this.#wallStep_ms += ms;
  }

  #reschedule(): void {
    for (const timer of [...this.#timers]) timer.reschedule();
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
  /** Those that are set. */
  readonly #all: Set<VirtualTimer>;
  #at_ms = NaN;
  #pending?: ScheduledAction;

  constructor(clock: VirtualClock, callback: () => void, all: Set<VirtualTimer>) {
    this.#clock = clock;
    this.#callback = callback;
    this.#all = all;
  }

  clear(): void {
    if (this.#pending) this.#clock.cancel(this.#pending);
    this.#pending = undefined;
    this.#all.delete(this);
  }

  set(at_ms: number): void {
    this.clear();
    this.#at_ms = at_ms;
    this.#all.add(this);
    this.#pending = this.#clock.at(at_ms + this.#clock.lag_ms, () => {
      this.#pending = undefined;
      this.#all.delete(this);
      this.#callback();
    });
  }

  /** The clock has begun to lag, or lags no more. */
  reschedule(): void {
    this.set(this.#at_ms);
  }
}

/** Runs every callback of a promise that is settled, and those that this settles. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
