/**
 * The seam to time: a monotonic clock with timers that can be moved, and its real implementation.
 *
 * @module
 */

import { setImmediate } from "node:timers";

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
 * A timer on `setTimeout`. Moving it later costs nothing: the platform's timer that is already under
 * way is left to fire, and only then set for what remains.
 */
class SystemTimer implements Timer {
  readonly #callback: () => void;
  #at_ms = Infinity;
  #firesAt_ms = Infinity;
  #id?: ReturnType<typeof setTimeout>;

  constructor(callback: () => void) {
    this.#callback = callback;
  }

  set(at_ms: number): void {
    this.#at_ms = at_ms;
    if (at_ms < this.#firesAt_ms) this.#schedule();
  }

  clear(): void {
    clearTimeout(this.#id);
    this.#at_ms = this.#firesAt_ms = Infinity;
  }

  #schedule(): void {
    clearTimeout(this.#id);
    this.#firesAt_ms = this.#at_ms;
    // Rounded up, because setTimeout drops fractions and would fire early.
    this.#id = setTimeout(this.#fire, Math.max(0, Math.ceil(this.#at_ms - performance.now())));
  }

  readonly #fire = () => {
    this.#firesAt_ms = Infinity;
    if (performance.now() < this.#at_ms) return this.#schedule();
    this.#at_ms = Infinity;
    this.#callback();
  };
}
