/**
 * Tasks that run side by side and have to be over before their owner is.
 *
 * @module
 */

/** Remembers tasks until they are over. */
export class TaskGroup {
  readonly #running = new Set<Promise<void>>();

  /** Remembers a task that is under way. */
  add(task: Promise<void>): void {
    const tracked = task.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  /** Resolves when all are over, those included that are added meanwhile; throws what one throws. */
  async finished(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}
