/**
 * How a loop waits: for a condition, until a deadline that can be moved, for as long as the session
 * lives.
 *
 * @module
 */
import type { Clock, Timer } from "./clock.ts";

/**
 * How late, in milliseconds, a deadline may come due before it counts as a local stall: well above
 * what timers, garbage collection and a busy event loop take, well below any useful threshold.
 */
export const STALL_TOLERANCE_MS = 250;

/**
 * How late, in milliseconds, something may happen and still count as on time: what the platform's
 * timers take. What follows is then reckoned from the time it was meant for, so that nothing adds up.
 */
export const PUNCTUAL_MS = 10;

/** The reason a {@linkcode Deadline} gives its signal when its time has come. */
export class DeadlinePassed extends Error {
  /** The name of this kind of error. */
  override readonly name = "DeadlinePassed";
}

/** Options for {@linkcode Deadline}. */
export interface DeadlineOptions {
  /** The end of everything: it aborts the deadline's signal with its own reason. */
  signal: AbortSignal;
  /** Called with how late a deadline came due, in milliseconds, when that was a local stall. */
  onStall?: (late_ms: number) => void;
}

/** Options for {@linkcode Deadline.moveTo}. */
export interface MoveOptions {
  /**
   * How long to wait once more, in milliseconds, when this process was stalled at the time. Without
   * it the deadline passes, late.
   */
  again_ms?: number;
}

/**
 * A deadline that can be moved: an `AbortController` whose signal aborts when the clock reaches it.
 *
 * It never aborts early. Before it aborts, everything that has arrived by then is read, so that what
 * came in time counts however busy this process was.
 */
export class Deadline implements Disposable {
  readonly #clock: Clock;
  readonly #parent: AbortSignal;
  readonly #onStall: (late_ms: number) => void;
  readonly #timer: Timer;
  #controller = new AbortController();
  #due_ms = Infinity;
  #passed_ms = NaN;
  #again_ms?: number;

  /** Makes a deadline that is never reached until `moveTo` sets it. */
  constructor(clock: Clock, options: DeadlineOptions) {
    this.#clock = clock;
    this.#parent = options.signal;
    this.#onStall = options.onStall ?? (() => {});
    this.#timer = clock.timer(() => this.#come());
    if (this.#parent.aborted) this.#end();
    else this.#parent.addEventListener("abort", this.#end, { once: true });
  }

  /** Aborts when the deadline passes, with {@linkcode DeadlinePassed}, or when all ends. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** When it passed: the time it stood for, or the true time when that was noticeably later. */
  get passed_ms(): number {
    return this.#passed_ms;
  }

  /** Sets the deadline to a time in monotonic milliseconds; after it has passed, starts a new one. */
  moveTo(due_ms: number, options: MoveOptions = {}): void {
    if (this.#parent.aborted) return;
    if (this.#controller.signal.aborted) this.#controller = new AbortController();
    this.#due_ms = due_ms;
    this.#again_ms = options.again_ms;
    this.#timer.set(due_ms);
  }

  /**
   * To be called after each wait: the session may have ended in the very moment in which the deadline
   * passed.
   *
   * @throws The reason of the parent signal, if that has aborted.
   */
  throwIfEnded(): void {
    this.#parent.throwIfAborted();
  }

  /** Lets go of the timer and of the parent signal. */
  [Symbol.dispose](): void {
    this.#due_ms = Infinity;
    this.#timer.clear();
    this.#parent.removeEventListener("abort", this.#end);
  }

  #come(): void {
    const late_ms = this.#clock.now() - this.#due_ms;
    const stalled = late_ms > STALL_TOLERANCE_MS;
    if (stalled) this.#onStall(late_ms);
    if (stalled && this.#again_ms !== undefined) {
      this.#due_ms = this.#clock.now() + this.#again_ms;
      this.#timer.set(this.#due_ms);
      return;
    }
    const due_ms = this.#due_ms;
    this.#clock.afterInput(() => {
      if (this.#due_ms !== due_ms) return;
      const now_ms = this.#clock.now();
      this.#passed_ms = now_ms - due_ms > PUNCTUAL_MS ? now_ms : due_ms;
      this.#due_ms = Infinity;
      this.#controller.abort(new DeadlinePassed());
    });
  }

  readonly #end = () => {
    this[Symbol.dispose]();
    this.#controller.abort(this.#parent.reason);
  };
}

/** Tells the one loop that waits that something has changed. */
export class Changes {
  #wake?: () => void;
  #signal?: AbortSignal;

  /** Has the waiting loop look again at what it waits for. */
  notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /**
   * Waits until a condition holds: true; or until a {@linkcode Deadline} has passed: false. When
   * both come at once, the condition counts. One caller at a time.
   *
   * @throws The signal's reason, if it aborts for anything but a passed deadline.
   */
  async until(condition: () => boolean, signal: AbortSignal): Promise<boolean> {
    for (;;) {
      if (signal.aborted && !(signal.reason instanceof DeadlinePassed)) throw signal.reason;
      if (condition()) return true;
      if (signal.aborted) return false;
      await this.#next(signal);
    }
  }

  #next(signal: AbortSignal): Promise<void> {
    // One listener a signal, not one a wait: a deadline's signal serves for many waits.
    if (this.#signal !== signal) {
      this.#signal?.removeEventListener("abort", this.#aborted);
      this.#signal = signal;
      signal.addEventListener("abort", this.#aborted, { once: true });
    }
    return new Promise((resolve) => this.#wake = resolve);
  }

  readonly #aborted = () => {
    this.#signal = undefined;
    this.notify();
  };
}

/** Waits until a deadline has passed. Throws the signal's reason, if it aborts for anything else. */
export async function sleep(signal: AbortSignal): Promise<void> {
  await new Changes().until(() => false, signal);
}
