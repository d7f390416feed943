/**
 * Concurrent tasks that their owner waits for before it ends.
 *
 * @module
 */

/** Tracks tasks until they have finished. */
export class TaskGroup {
  readonly #running = new Set<Promise<void>>();

  /** Adds a task that is under way. */
  add(task: Promise<void>): void {
    const tracked = task.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  /** Resolves when all have finished, including those added meanwhile; rejects if one does. */
  async finished(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}
