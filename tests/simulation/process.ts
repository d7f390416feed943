/**
 * One process of the simulation: its own view of the one virtual clock, which stands still for it while
 * it is stalled, and for ever once it is dead.
 *
 * @module
 */
import type { Clock, Timer } from "../../lib/platform/clock.ts";
import type { Owner } from "../support/memory_connection.ts";
import type { ScheduledAction } from "../support/schedule.ts";
import type { VirtualClock } from "../support/virtual_clock.ts";

/** A time in which a process did not run. */
export interface Stall {
  readonly from_ms: number;
  until_ms: number;
}

/** A process that can be stalled and killed. Everything that it hears of, it hears through this. */
export class SimulatedProcess implements Clock, Owner {
  /** What to call it. */
  readonly name: string;
  /** When it did not run; the last one may not be over. */
  readonly stalls: Stall[] = [];
  readonly #clock: VirtualClock;
  readonly #timers = new Set<Timer>();
  readonly #late = new Set<ScheduledAction>();
  #dead = false;
  #wallOffset_ms = 0;

  constructor(name: string, clock: VirtualClock) {
    this.name = name;
    this.#clock = clock;
  }

  /** Whether it is no more. */
  get dead(): boolean {
    return this.#dead;
  }

  /** Until when it does not run; a time in the past if it runs. */
  get stalledUntil_ms(): number {
    return this.stalls.at(-1)?.until_ms ?? -Infinity;
  }

  /** Whether it is alive, but does not run. */
  get stalled(): boolean {
    return this.stalledUntil_ms > this.#clock.now();
  }

  /** Whether it waits for nothing any more. */
  get isIdle(): boolean {
    return this.#timers.size === 0;
  }

  now(): number {
    return this.#clock.now();
  }

  wallTime(): number {
    return this.#clock.wallTime() + this.#wallOffset_ms;
  }

  suspended_ms(): number {
    return 0;
  }

  timer<Receiver>(callback: (receiver?: Receiver) => void, receiver?: Receiver): Timer {
    const timer = this.#clock.timer(() => {
      if (this.stalled) return timer.set(this.stalledUntil_ms);
      this.#timers.delete(timer);
      callback(receiver);
    });
    const set = (at_ms: number) => {
      if (this.#dead) return;
      this.#timers.add(timer);
      timer.set(at_ms);
    };
    const clear = () => {
      this.#timers.delete(timer);
      timer.clear();
    };
    return { set, clear };
  }

  afterInput(callback: () => void): void {
    this.#clock.afterInput(() => this.whenRunning(callback));
  }

  whenRunning(act: () => void): void {
    if (this.#dead) return;
    if (!this.stalled) return act();
    const late = this.#clock.at(this.stalledUntil_ms, () => {
      this.#late.delete(late);
      this.whenRunning(act);
    });
    this.#late.add(late);
  }

  /** Does not run for so long from now on. */
  stall(ms: number): void {
    const now_ms = this.#clock.now();
    const until_ms = now_ms + ms;
    const last = this.stalls.at(-1);
    if (last && last.until_ms >= now_ms) last.until_ms = Math.max(last.until_ms, until_ms);
    else this.stalls.push({ from_ms: now_ms, until_ms });
  }

  /** Is no more, from one moment to the next: nothing in it runs again. */
  kill(): void {
    this.#dead = true;
    for (const timer of [...this.#timers]) timer.clear();
    for (const late of this.#late) this.#clock.cancel(late);
    this.#late.clear();
  }

  /** Whether it ran all the time since then. */
  ranSince(from_ms: number): boolean {
    return this.stalledUntil_ms < from_ms;
  }

  /** Has its wall clock jump. */
  jump(ms: number): void {
    this.#wallOffset_ms += ms;
  }
}
