/**
 * A queue of what is going to happen, ordered by time: a binary heap.
 *
 * @module
 */

/** What happens at one time; of two at the same time, the lower rank and then the older is first. */
export interface Happening {
  readonly at_ms: number;
  readonly rank: number;
  readonly order: number;
  /** Undefined once it has been cancelled. */
  run: (() => void) | undefined;
}

/** Happenings, of which the first can be taken at the cost of a few comparisons. */
export class Happenings {
  readonly #heap: Happening[] = [];

  /** The first of all, cancelled or not. */
  get first(): Happening | undefined {
    return this.#heap[0];
  }

  /** Adds a happening. */
  add(happening: Happening): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(happening);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(happening, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = happening;
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

function isBefore(a: Happening, b: Happening): boolean {
  if (a.at_ms !== b.at_ms) return a.at_ms < b.at_ms;
  if (a.rank !== b.rank) return a.rank < b.rank;
  return a.order < b.order;
}
