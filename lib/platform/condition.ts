/**
 * Waiting until a condition holds or a deadline passes.
 *
 * @module
 */
import type { Deadline, DeadlineListener } from "./deadline.ts";

/** Tells the one loop that waits that something has changed. */
export class Condition implements DeadlineListener {
  #condition?: () => boolean;
  #deadline?: Deadline;
  #resolve?: (holds: boolean) => void;
  #reject?: (reason: unknown) => void;

  /** Has the waiting loop look again at what it waits for. */
  notify(): void {
    if (this.#condition?.()) this.#settle(true);
  }

  /**
   * Waits until a condition holds: true; or until a deadline has passed: false. When both come at
   * once, the condition counts. One caller at a time.
   *
   * @throws The deadline's reason, if that ends.
   */
  until(condition: () => boolean, deadline: Deadline): Promise<boolean> {
    return new Promise((resolve, reject) => {
      deadline.throwIfEnded();
      if (condition()) return resolve(true);
      if (deadline.hasPassed) return resolve(false);
      this.#condition = condition;
      this.#deadline = deadline;
      this.#resolve = resolve;
      this.#reject = reject;
      deadline.wake(this);
    });
  }

  /** The deadline has passed or ended. */
  onDeadline(deadline: Deadline): void {
    // The wait for it may have been over before, and another one have begun.
    if (deadline !== this.#deadline) return;
    if (deadline.hasPassed) return this.#settle(this.#condition!());
    const reject = this.#reject!;
    this.#forget();
    reject(deadline.signal.reason);
  }

  #settle(holds: boolean): void {
    const resolve = this.#resolve!;
    this.#forget();
    resolve(holds);
  }

  #forget(): void {
    this.#condition =
      this.#deadline =
      this.#resolve =
      this.#reject =
        undefined;
  }
}

/** Waits until a deadline has passed. Throws its reason, if it ends. */
export function sleep(deadline: Deadline): Promise<unknown> {
  return new Condition().until(never, deadline);
}

function never(): boolean {
  return false;
}
