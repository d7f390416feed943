/**
 * What the machine gives: `clock`, `timer_queue` and `suspension` (time), `deadline` and `condition` (waits
 * with a timeout), `turns` (rate limit per event-loop turn), `thread_link` (messages between threads),
 * `task_group`, `bytes`, `random`, `proc` (files of Linux), `errors` (sentences for users); `net/` (TCP, addresses).
 *
 * Every other room calls it, and gets clock, network and randomness passed in. It imports no other room and
 * knows nothing of sessions. This file: a monotonic clock with movable timers, the only one to read the time.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import { SuspensionDetector } from "./suspension.ts";
import { QueuedTimer, TimerQueue } from "./timer_queue.ts";

/** A callback at a set time, which can be moved or cleared. */
export interface Timer {
  /** Schedules the callback, in monotonic milliseconds, in place of any time before; never fires early. */
  set(at_ms: number): void;
  /** Cancels the callback until `set` is called again. */
  clear(): void;
}

/**
 * What lets others go first: `later`, deadlines that pass meanwhile, as closing does; `last`, what is to be done
 * `later`, too, as lines for people and programs do.
 */
export type InputOrder = "later" | "last";

/** Source of time and timers. */
export interface Clock {
  /**
   * Monotonic milliseconds, with fractions, from an arbitrary start. Use it for all deadlines. The time in
   * which this host was suspended counts once `suspended_ms` has found it.
   */
  now(): number;
  /**
   * Looks whether this host was suspended; returns for how long in all since this process started, in
   * milliseconds. Cheap enough for each read of a connection.
   */
  suspended_ms(): number;
  /** Milliseconds since 1970 by the wall clock, which may jump. Use it for display only. */
  wallTime(): number;
  /** What `wallTime` was, with fractions, when `now` was 0: it tells the clocks of two threads apart. */
  readonly origin_ms?: number;
  /** Creates a timer that is not set; the callback, which many timers may share, gets the receiver. */
  timer<Receiver>(callback: (receiver: Receiver) => void, receiver: Receiver): Timer;
  /** Creates a timer that is not set. */
  timer(callback: () => void): Timer;
  /** Calls back after all input that has arrived by now has been read, and what has to go first is done. */
  afterInput(callback: () => void, order?: InputOrder): void;
}

/** Calls back after the current turn of the event loop, with everything that is ready in it. */
export function afterTurn(callback: () => void): void {
  setImmediate(callback);
}

/** Read only if permitted: otherwise Deno would ask for it on a terminal, and throw elsewhere. */
const mayReadUptime =
  Deno.permissions.querySync({ name: "sys", kind: "osUptime" }).state === "granted";

const suspensions = new SuspensionDetector({
  wall_ms: () => Date.now(),
  monotonic_ms: () => performance.now(),
  uptime_s: () => mayReadUptime ? Deno.osUptime() : undefined,
});

/** What `suspensions` has found so far. */
let suspended_ms = 0;

/** The system clock. */
export const systemClock: Clock = {
  now: () => performance.now() + suspended_ms,
  suspended_ms: () => {
    const total_ms = suspensions.look();
    if (total_ms !== suspended_ms) {
      suspended_ms = total_ms;
      systemTimers.onJump();
    }
    return suspended_ms;
  },
  wallTime: () => Date.now(),
  origin_ms: performance.timeOrigin,
  timer: (callback: (receiver: unknown) => void, receiver?: unknown) =>
    new SystemTimer(callback, receiver),
  afterInput: (callback, order) => inputFence.add(callback, order),
};

/**
 * Runs event-loop turns until the sockets have been polled and their input dispatched.
 *
 * Deno's event loop (tokio) polls the sockets when it is idle, or else every 61 turns; timers may fire
 * before that. Twice as many turns take about 0.1 ms. Concurrent callers share one run. What only lets others go
 * first waits for one look at the sockets: of thousands who close, the turns would take a tenth of the time.
 */
class InputFence {
  static readonly #TURNS = 128;
  static readonly #TURNS_BETWEEN = 64;
  #waiting: (() => void)[] = [];
  readonly #later = new Deferred();
  readonly #last = new Deferred();
  #turning = false;

  add(callback: () => void, order?: InputOrder): void {
    if (order) (order === "later" ? this.#later : this.#last).callbacks.push(callback);
    else this.#waiting.push(callback);
    if (!this.#turning) this.#begin();
  }

  #begin(): void {
    const callbacks = this.#waiting;
    this.#waiting = [];
    this.#turning = callbacks.length > 0 || !this.#later.isEmpty || !this.#last.isEmpty;
    let turns = callbacks.length > 0 ? InputFence.#TURNS : InputFence.#TURNS_BETWEEN;
    const turn = () => {
      if (--turns > 0) return void setImmediate(turn);
      for (const callback of callbacks) callback();
      const isFree = this.#waiting.length === 0;
      const hasRun = this.#later.run(isFree);
      this.#last.run(isFree && !hasRun);
      this.#begin();
    };
    if (this.#turning) setImmediate(turn);
  }
}

/** Callbacks that let others go first, but not for ever. */
class Deferred {
  /** How many runs in a row they may be put off. */
  static readonly #MOST_PUT_OFF = 32;
  /** The same while deadlines are late already: thousands may pass at once, and each is to be declared first. */
  static readonly #MOST_PUT_OFF_LATE = 512;
  /** In order. */
  callbacks: (() => void)[] = [];
  #putOff = 0;

  get isEmpty(): boolean {
    return this.callbacks.length === 0;
  }

  /** Calls them if it is their turn, or they have been put off for long enough; returns whether it did. */
  run(isTheirTurn: boolean): boolean {
    if (this.isEmpty) return false;
    const most = systemTimers.areLate ? Deferred.#MOST_PUT_OFF_LATE : Deferred.#MOST_PUT_OFF;
    if (!isTheirTurn && this.#putOff++ < most) return false;
    this.#putOff = 0;
    for (const callback of this.callbacks.splice(0)) callback();
    return true;
  }
}

const inputFence = new InputFence();

/**
 * All timers on one `setTimeout`: one for each would take more memory than the rest of a session's waits.
 */
class SystemTimers {
  /** How much later than set, in milliseconds, a timer fires on a machine that is too busy. */
  static readonly #LATE_MS = 5;
  readonly #queue = new TimerQueue();
  #wakesAt_ms = Infinity;
  #late_ms = 0;
  #id?: ReturnType<typeof setTimeout>;

  /** Whether the timers that fired last were late. */
  get areLate(): boolean {
    return this.#late_ms > SystemTimers.#LATE_MS;
  }

  set(timer: QueuedTimer, at_ms: number): void {
    this.#queue.set(timer, at_ms);
    if (at_ms < this.#wakesAt_ms) this.#wakeAt(at_ms);
  }

  clear(timer: QueuedTimer): void {
    this.#queue.clear(timer);
    // A pending `setTimeout` would keep the process from exiting.
    if (this.#queue.isEmpty) this.#wakeAt(Infinity);
  }

  /** The clock has jumped ahead: what is due by it is due now. */
  onJump(): void {
    if (this.#wakesAt_ms !== Infinity) this.#wakeAt(this.#wakesAt_ms);
  }

  #wakeAt(at_ms: number): void {
    clearTimeout(this.#id);
    this.#wakesAt_ms = at_ms;
    if (at_ms === Infinity) return;
    // setTimeout drops fractions, and is mostly a millisecond late: what comes early all the same is set again.
    this.#id = setTimeout(this.#wake, Math.max(0, at_ms - systemClock.now()));
  }

  readonly #wake = () => {
    const now_ms = systemClock.now();
    this.#late_ms = now_ms - this.#wakesAt_ms;
    this.#wakesAt_ms = Infinity;
    try {
      for (let due = this.#queue.takeDue(now_ms); due; due = this.#queue.takeDue(now_ms)) {
        due.callback(due.receiver);
      }
    } finally {
      // A callback that throws must not delay the other timers.
      const { next_ms } = this.#queue;
      if (next_ms < this.#wakesAt_ms) this.#wakeAt(next_ms);
    }
  };
}

const systemTimers = new SystemTimers();

class SystemTimer extends QueuedTimer implements Timer {
  set(at_ms: number): void {
    systemTimers.set(this, at_ms);
  }

  clear(): void {
    systemTimers.clear(this);
  }
}
