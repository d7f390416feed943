/**
 * Waits until a condition holds or a deadline passes.
 *
 * @module
 */
import type { Deadline, DeadlineListener } from "./deadline.ts";

/** Condition variable for one waiter, with a {@linkcode Deadline} as timeout. */
export class Condition implements DeadlineListener {
  #wait?: {
    readonly condition: () => boolean;
    readonly deadline: Deadline;
    readonly resolve: (holds: boolean) => void;
    readonly reject: (reason: unknown) => void;
  };

  /** Re-evaluates the condition that is waited for. */
  notify(): void {
    if (this.#wait?.condition()) this.#settle(true);
  }

  /**
   * Waits until a condition holds, and gives true; or until a deadline passes, and gives false. The
   * condition wins when both happen at once. One caller at a time.
   *
   * @throws The deadline's abort reason, if it is ended.
   */
  until(condition: () => boolean, deadline: Deadline): Promise<boolean> {
    return new Promise((resolve, reject) => {
      deadline.throwIfEnded();
      if (condition()) return resolve(true);
      if (deadline.hasPassed) return resolve(false);
      this.#wait = { condition, deadline, resolve, reject };
      deadline.wake(this);
    });
  }

  /** Resolves or rejects the wait when its deadline passes or is ended. */
  onDeadline(deadline: Deadline): void {
    const wait = this.#wait;
    // The wait for that deadline may be over already, and another one under way.
    if (deadline !== wait?.deadline) return;
    if (deadline.hasPassed) return this.#settle(wait.condition());
    this.#wait = undefined;
    wait.reject(deadline.signal.reason);
  }

  #settle(holds: boolean): void {
    const { resolve } = this.#wait!;
    this.#wait = undefined;
    resolve(holds);
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
