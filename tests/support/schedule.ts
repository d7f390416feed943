/**
 * A queue of actions, ordered by time: a binary heap.
 *
 * @module
 */

/** An action at a time; of two at the same time, the lower rank and then the older is first. */
export interface ScheduledAction {
  readonly at_ms: number;
  readonly rank: number;
  readonly order: number;
  /** Undefined once it has been cancelled. */
  run: (() => void) | undefined;
}

/** Scheduled actions; adding one and taking the first cost a few comparisons. */
export class Schedule {
  readonly #heap: ScheduledAction[] = [];

  /** The first of all, cancelled or not. */
  get first(): ScheduledAction | undefined {
    return this.#heap[0];
  }

  /** Adds an action. */
  add(action: ScheduledAction): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(action);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(action, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = action;
  }

  /** Takes the first one out. */
  takeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: ScheduledAction, b: ScheduledAction): boolean {
  if (a.at_ms !== b.at_ms) return a.at_ms < b.at_ms;
  if (a.rank !== b.rank) return a.rank < b.rank;
  return a.order < b.order;
}
