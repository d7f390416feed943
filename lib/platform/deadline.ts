/**
 * A movable deadline on an `AbortController`.
 *
 * @module
 */
import type { Clock, Timer } from "./clock.ts";
import type { StallKind } from "./suspension.ts";

/**
 * How late, in milliseconds, a deadline may fire before that counts as a local stall: well above the
 * delays of timers, garbage collection and a busy event loop, well below any useful threshold.
 */
export const STALL_TOLERANCE_MS = 250;

/**
 * How late, in milliseconds, something may happen and still count as on time: the delay of the platform's
 * timers. The next deadline is then computed from the intended time, so that delays do not accumulate.
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

/** The abort reason of a {@linkcode Deadline} that has passed. */
export class DeadlinePassed extends Error {
  /** The name of this kind of error. */
  override readonly name = "DeadlinePassed";
}

/** Shared, because an error is slow to create and thousands of deadlines may pass at once. */
let deadlinePassed: DeadlinePassed | undefined;

/** Options for {@linkcode Deadline}. */
export interface DeadlineOptions {
  /**
   * Called for each local stall: with the delay, in milliseconds, when it fires late, or with for how long
   * this host was suspended.
   */
  onStall?(ms: number, kind: StallKind): void;
  /** Ends it with its own reason. */
  readonly signal?: AbortSignal;
}

/** Waits for a {@linkcode Deadline}. */
export interface DeadlineListener {
  /** Called when the deadline passes or is ended. */
  onDeadline(deadline: Deadline): void;
}

/**
 * A movable deadline: an `AbortController` whose signal aborts when the clock reaches it.
 *
 * It never aborts early. Before it aborts, all input that has arrived is read, so that what came in time
 * counts however busy this process was.
 *
 * It has one listener at most, apart from the signal's: a listener on the signal takes five times the
 * memory of the controller, and each of thousands of sessions has one that waits. For the same reason the
 * controller is made when the signal is first asked for.
 */
export class Deadline implements Disposable {
  /** When it passed: the time it was set to, or the actual time if that was noticeably later. */
  passed_ms: number = NaN;
  readonly #clock: Clock;
  readonly #options: DeadlineOptions;
  readonly #endWithParent?: () => void;
  readonly #timer: Timer;
  #controller?: AbortController;
  #listener?: DeadlineListener;
  #hasAborted = false;
  #hasEnded = false;
  #reason: unknown;
  #due_ms = Infinity;
  #again_ms?: number;
  /** When it was paused, as long as it is. */
  #paused_ms?: number;
  /** What the clock had found of suspensions at the last look. */
  #suspended_ms: number;

  /** Creates a deadline that is not set until `moveTo` is called. */
  constructor(clock: Clock, options: DeadlineOptions = {}) {
    this.#clock = clock;
    this.#options = options;
    this.#suspended_ms = clock.suspended_ms();
    this.#timer = clock.timer(Deadline.#onTimer, this);
    const { signal } = options;
    if (!signal) return;
    this.#endWithParent = () => this.end(signal.reason);
    if (signal.aborted) this.#endWithParent();
    else signal.addEventListener("abort", this.#endWithParent, { once: true });
  }

  /** Aborts when the deadline passes, with {@linkcode DeadlinePassed}, or is ended. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#hasAborted) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Why its signal has aborted, or would have if there were one. */
  get reason(): unknown {
    return this.#reason;
  }

  /** Whether it has passed and has not been moved since. */
  get hasPassed(): boolean {
    return this.#hasAborted && !this.#hasEnded;
  }

  /** When it passes next, in monotonic milliseconds; `Infinity` while it is not set, or paused. */
  get due_ms(): number {
    return this.#paused_ms === undefined ? this.#due_ms : Infinity;
  }

  /**
   * Sets the deadline, in monotonic milliseconds; once it has passed, with a new signal. After a local
   * stall it waits `again_ms` once more; without that it passes late.
   */
  moveTo(due_ms: number, { again_ms }: { again_ms?: number } = {}): void {
    if (this.#hasEnded) return;
    if (this.#hasAborted) this.#restart();
    this.#due_ms = due_ms;
    this.#again_ms = again_ms;
    if (this.#paused_ms === undefined) this.#timer.set(due_ms);
  }

  /**
   * Looks whether this host was suspended since the last look: if so, reports that, and waits `again_ms`
   * once more. To be called on anything else that happens to whoever waits, since a deadline far ahead
   * would look late.
   *
   * @returns The time, in monotonic milliseconds.
   */
  look(): number {
    const suspended_ms = this.#clock.suspended_ms();
    const ms = suspended_ms - this.#suspended_ms;
    if (ms > 0 && !this.#hasEnded) {
      this.#suspended_ms = suspended_ms;
      this.#options.onStall?.(ms, "suspended");
      this.#startAgain();
    }
    return this.#clock.now();
  }

  /** Stops its time: it does not pass until it is resumed. */
  pause(): void {
    this.#paused_ms ??= this.#clock.now();
    this.#timer.clear();
  }

  /** Lets its time go on: with `again_ms` all of it once more, else what was left. */
  resume(): void {
    if (this.#paused_ms === undefined) return;
    const now_ms = this.#clock.now();
    const left_ms = this.#again_ms ?? Math.max(0, this.#due_ms - this.#paused_ms);
    this.#paused_ms = undefined;
    if (this.#due_ms !== Infinity) this.moveTo(now_ms + left_ms, { again_ms: this.#again_ms });
  }

  /** Ends it for good: aborts with this reason. */
  end(reason: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this[Symbol.dispose]();
    if (this.#hasAborted) this.#restart();
    this.#abort(reason);
  }

  /**
   * To be called after each wait: the deadline may have been ended in the same moment as it passed.
   *
   * @throws The abort reason, if it has been ended.
   */
  throwIfEnded(): void {
    if (this.#hasEnded) throw this.#reason;
  }

  /** Sets the listener that is called, once, when it passes or is ended. */
  wake(listener: DeadlineListener): void {
    this.#listener = listener;
  }

  /** Releases the timer and the parent signal. */
  [Symbol.dispose](): void {
    this.#due_ms = Infinity;
    this.#timer.clear();
    if (!this.#endWithParent) return;
    this.#options.signal!.removeEventListener("abort", this.#endWithParent);
  }

  static readonly #onTimer = (deadline: Deadline) => deadline.#fire();

  #fire(): void {
    const due_ms = this.#due_ms;
    this.look();
    // Moved: the timer fires again.
    if (this.#due_ms !== due_ms) return;
    const late_ms = this.#clock.now() - due_ms;
    const stalled = late_ms > STALL_TOLERANCE_MS;
    if (stalled) this.#options.onStall?.(late_ms, "stopped");
    if (stalled && this.#again_ms !== undefined) {
      this.#due_ms = this.#clock.now() + this.#again_ms;
      this.#timer.set(this.#due_ms);
      return;
    }
    this.#clock.afterInput(() => {
      if (this.#due_ms !== due_ms || this.#paused_ms !== undefined) return;
      const now_ms = this.#clock.now();
      this.passed_ms = now_ms - due_ms > ON_TIME_TOLERANCE_MS ? now_ms : due_ms;
      this.#due_ms = Infinity;
      this.#abort(deadlinePassed ??= new DeadlinePassed());
    });
  }

  /** Starts anew with another signal. */
  #restart(): void {
    this.#controller = undefined;
    this.#hasAborted = false;
  }

  /** After a suspension. Without `again_ms`, what came due meanwhile is due now, and not late. */
  #startAgain(): void {
    if (this.#due_ms === Infinity || this.#paused_ms !== undefined) return;
    const now_ms = this.#clock.now();
    const due_ms = this.#again_ms === undefined ? this.#due_ms : now_ms + this.#again_ms;
    this.moveTo(Math.max(due_ms, now_ms), { again_ms: this.#again_ms });
  }

  #abort(reason: unknown): void {
    this.#hasAborted = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.onDeadline(this);
  }
}

/** Waits for work that is under way; warns, once, if it takes longer than `warnAfter_ms`. */
export async function warnIfSlow<Result>(
  work: Promise<Result>,
  { clock, warnAfter_ms, warn }: { clock: Clock; warnAfter_ms: number; warn: () => void },
): Promise<Result> {
  using limit = new Deadline(clock);
  // The time in which this process did not run, or its host was suspended, does not count.
  limit.moveTo(clock.now() + warnAfter_ms, { again_ms: warnAfter_ms });
  limit.wake({ onDeadline: warn });
  return await work;
}
