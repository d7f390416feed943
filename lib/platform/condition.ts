/**
 * Waits until a condition holds or a deadline passes.
 *
 * @module
 */
import type { Deadline, DeadlineListener } from "./deadline.ts";

/** Condition variable for one waiter, with a {@linkcode Deadline} as timeout. */
export class Condition implements DeadlineListener {
  #condition?: () => boolean;
  #deadline?: Deadline;
  #resolve?: (holds: boolean | Promise<never>) => void;

  /** Re-evaluates the condition that is waited for. */
  notify(): void {
    if (this.#condition?.()) this.#settle(true);
  }

  /**
   * Waits until a condition holds, and gives true; or until a deadline passes, and gives false. The
   * condition wins when both happen at once. One caller at a time.
   *
   * @throws The deadline's abort reason, if it is ended.
   */
  until(condition: () => boolean, deadline: Deadline): Promise<boolean> {
    return new Promise((resolve) => {
      deadline.throwIfEnded();
      if (condition()) return resolve(true);
      if (deadline.hasPassed) return resolve(false);
      this.#condition = condition;
      this.#deadline = deadline;
      this.#resolve = resolve;
      deadline.wake(this);
    });
  }

  /** Resolves or rejects the wait when its deadline passes or is ended. */
  onDeadline(deadline: Deadline): void {
    // The wait for that deadline may be over already, and another one under way.
    if (deadline !== this.#deadline) return;
    this.#settle(
      deadline.hasPassed ? this.#condition!() : Promise.reject(deadline.reason),
    );
  }

  #settle(outcome: boolean | Promise<never>): void {
    const resolve = this.#resolve!;
    this.#condition = this.#deadline = this.#resolve = undefined;
    resolve(outcome);
  }
}

/**
 * Waits until a deadline passes.
 *
 * @throws The deadline's abort reason, if it is ended.
 */
export function sleep(deadline: Deadline): Promise<unknown> {
  return new Condition().until(() => false, deadline);
}

/** Waits until a signal is aborted. */
export function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}
