/**
 * A deadline that can be moved, on an `AbortController`.
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
export const ON_TIME_TOLERANCE_MS = 10;

/**
 * When something that repeats at an interval is due after it was done at `now_ms`: on the grid, so that
 * times do not drift. When it was not on time, the grid starts anew, so that no catch-up burst follows.
 */
export function nextOnGrid(next_ms: number, now_ms: number, interval_ms: number): number {
  const isOnTime = Math.abs(now_ms - next_ms) <= ON_TIME_TOLERANCE_MS;
  return (isOnTime ? next_ms : now_ms) + interval_ms;
}

/** The reason a {@linkcode Deadline} gives its signal when its time has come. */
export class DeadlinePassed extends Error {
  /** The name of this kind of error. */
  override readonly name = "DeadlinePassed";
}

/** One for all: an error takes time to make, and thousands of deadlines may pass at once. */
const DEADLINE_PASSED = new DeadlinePassed();

/** Options for {@linkcode Deadline}. */
export interface DeadlineOptions {
  /** The end of everything: it ends the deadline with its own reason. */
  signal?: AbortSignal;
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

/** Who waits for a {@linkcode Deadline}. */
export interface DeadlineListener {
  /** It has passed or ended. */
  onDeadline(deadline: Deadline): void;
}

/**
 * A deadline that can be moved: an `AbortController` whose signal aborts when the clock reaches it.
 *
 * It never aborts early. Before it aborts, everything that has arrived by then is read, so that what
 * came in time counts however busy this process was.
 *
 * One at a time may wait for it, and is told without a listener on the signal: a listener takes five
 * times the memory of the controller, and of thousands of sessions each has one that waits.
 */
export class Deadline implements Disposable {
  readonly #clock: Clock;
  readonly #parent?: AbortSignal;
  readonly #endWithParent?: () => void;
  readonly #onStall?: (late_ms: number) => void;
  readonly #timer: Timer;
  #controller = new AbortController();
  #waiting?: DeadlineListener;
  #hasEnded = false;
  #due_ms = Infinity;
  #passed_ms = NaN;
  #again_ms?: number;

  /** Makes a deadline that is never reached until `moveTo` sets it. */
  constructor(clock: Clock, options: DeadlineOptions = {}) {
    this.#clock = clock;
    this.#onStall = options.onStall;
    this.#timer = clock.timer(() => this.#onTimer());
    const { signal } = options;
    if (!signal) return;
    this.#parent = signal;
    this.#endWithParent = () => this.end(signal.reason);
    if (signal.aborted) this.#endWithParent();
    else signal.addEventListener("abort", this.#endWithParent, { once: true });
  }

  /** Aborts when the deadline passes, with {@linkcode DeadlinePassed}, or when all ends. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether it has passed, and has not been moved since. */
  get hasPassed(): boolean {
    return this.signal.aborted && !this.#hasEnded;
  }

  /** When it passed: the time it stood for, or the true time when that was noticeably later. */
  get passed_ms(): number {
    return this.#passed_ms;
  }

  /** Sets the deadline to a time in monotonic milliseconds; after it has passed, starts a new one. */
  moveTo(due_ms: number, options: MoveOptions = {}): void {
    if (this.#hasEnded) return;
    if (this.#controller.signal.aborted) this.#controller = new AbortController();
    this.#due_ms = due_ms;
    this.#again_ms = options.again_ms;
    this.#timer.set(due_ms);
  }

  /** Ends it: whoever waits is told the reason. */
  end(reason: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this[Symbol.dispose]();
    if (this.#controller.signal.aborted) this.#controller = new AbortController();
    this.#abort(reason);
  }

  /**
   * To be called after each wait: all may have ended in the very moment in which the deadline passed.
   *
   * @throws The reason, if it has ended.
   */
  throwIfEnded(): void {
    if (this.#hasEnded) throw this.signal.reason;
  }

  /** Tells this one, and nobody else from now on, when it passes or ends. */
  wake(waiting: DeadlineListener): void {
    this.#waiting = waiting;
  }

  /** Lets go of the timer and of the parent signal. */
  [Symbol.dispose](): void {
    this.#due_ms = Infinity;
    this.#timer.clear();
    if (this.#endWithParent) this.#parent!.removeEventListener("abort", this.#endWithParent);
  }

  #onTimer(): void {
    const late_ms = this.#clock.now() - this.#due_ms;
    const stalled = late_ms > STALL_TOLERANCE_MS;
    if (stalled) this.#onStall?.(late_ms);
    if (stalled && this.#again_ms !== undefined) {
      this.#due_ms = this.#clock.now() + this.#again_ms;
      this.#timer.set(this.#due_ms);
      return;
    }
    const due_ms = this.#due_ms;
    this.#clock.afterInput(() => {
      if (this.#due_ms !== due_ms) return;
      const now_ms = this.#clock.now();
      this.#passed_ms = now_ms - due_ms > ON_TIME_TOLERANCE_MS ? now_ms : due_ms;
      this.#due_ms = Infinity;
      this.#abort(DEADLINE_PASSED);
    });
  }

  #abort(reason: unknown): void {
    this.#controller.abort(reason);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.onDeadline(this);
  }
}

/** Options for {@linkcode warnIfSlow}. */
export interface WarnIfSlowOptions {
  /** Time. */
  clock: Clock;
  /** How long, in milliseconds, it may take before that is told. */
  warnAfter_ms: number;
  /** Tells it. */
  tell: () => void;
}

/** Waits for what is under way, and tells, once, if that takes long. */
export async function warnIfSlow<Result>(
  work: Promise<Result>,
  { clock, warnAfter_ms, tell }: WarnIfSlowOptions,
): Promise<Result> {
  using patience = new Deadline(clock);
  // While this process did not run, nobody kept it waiting.
  patience.moveTo(clock.now() + warnAfter_ms, { again_ms: warnAfter_ms });
  patience.wake({ onDeadline: tell });
  return await work;
}
