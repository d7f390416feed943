/**
 * The seam to time: a monotonic clock with timers that can be moved, and its real implementation.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import { QueuedTimer, TimerQueue } from "./timer_queue.ts";

/** One callback at a time to come, which can be moved or cleared. */
export interface Timer {
  /** Calls back at this time, in monotonic milliseconds, never before; replaces any earlier time. */
  set(at_ms: number): void;
  /** Calls back no more, until set again. */
  clear(): void;
}

/** Time, as the rest of the program knows it. */
export interface Clock {
  /** Monotonic milliseconds, with fractions, from an arbitrary start. For all deadlines. */
  now(): number;
  /** Milliseconds since 1970 by the wall clock, which may jump. For people only. */
  wallTime(): number;
  /** A timer that is not set yet. */
  timer(callback: () => void): Timer;
  /** Calls back once all that has arrived by now has been read. */
  afterInput(callback: () => void): void;
}

/** Calls back when this turn of the event loop, and all that is ready in it, is over. */
export function afterTurn(callback: () => void): void {
  setImmediate(callback);
}

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  timer: (callback) => new SystemTimer(callback),
  afterInput: (callback) => inputFence.add(callback),
};

/**
 * Lets the event loop turn until it has polled the sockets and handed on what it found.
 *
 * Deno's event loop (tokio) polls the sockets when it has nothing else to do, or else every 61 turns;
 * timers may fire before that. Twice as many turns take about 0.1 ms. All who wait at the same time
 * wait together.
 */
class InputFence {
  static readonly #TURNS = 128;
  #waiting: (() => void)[] = [];
  #turning = false;

  add(callback: () => void): void {
    this.#waiting.push(callback);
    if (!this.#turning) this.#begin();
  }

  #begin(): void {
    const callbacks = this.#waiting;
    this.#waiting = [];
    this.#turning = callbacks.length > 0;
    let turns = 0;
    const turn = () => {
      if (++turns < InputFence.#TURNS) return void setImmediate(turn);
      for (const callback of callbacks) callback();
      this.#begin();
    };
    if (this.#turning) setImmediate(turn);
  }
}

const inputFence = new InputFence();

/**
 * All timers on one `setTimeout`, which alone takes more memory than all else that a session waits with.
 */
class SystemTimers {
  readonly #queue = new TimerQueue();
  #wakesAt_ms = Infinity;
  #id?: ReturnType<typeof setTimeout>;

  /** Has a timer call back at a time, in place of any earlier one. */
  set(timer: QueuedTimer, at_ms: number): void {
    this.#queue.set(timer, at_ms);
    if (at_ms < this.#wakesAt_ms) this.#wakeAt(at_ms);
  }

  /** Has a timer call back no more. */
  clear(timer: QueuedTimer): void {
    this.#queue.clear(timer);
    // Without any timer the process must be able to end.
    if (this.#queue.isEmpty) this.#wakeAt(Infinity);
  }

  #wakeAt(at_ms: number): void {
    clearTimeout(this.#id);
    this.#wakesAt_ms = at_ms;
    if (at_ms === Infinity) return;
    // Rounded up, because setTimeout drops fractions and would fire early.
    this.#id = setTimeout(this.#wake, Math.max(0, Math.ceil(at_ms - performance.now())));
  }

  readonly #wake = () => {
    this.#wakesAt_ms = Infinity;
    const now_ms = performance.now();
    try {
      for (let due = this.#queue.takeDue(now_ms); due; due = this.#queue.takeDue(now_ms)) {
        due.callback();
      }
    } finally {
      // Whatever becomes of one, the others come in their time.
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
