/**
 * Priority queue of timers, for tens of thousands of them. Does not read the clock.
 *
 * @module
 */

/** A timer in a {@linkcode TimerQueue}. */
export class QueuedTimer {
  /** Called when it is due, with the receiver. */
  readonly callback: (receiver: unknown) => void;
  /** Whose timer it is. */
  readonly receiver: unknown;
  /** When it is due; `Infinity` if it is not set. */
  at_ms: number = Infinity;
  /** Its key in the heap: never later than `at_ms`. */
  place_ms: number = Infinity;
  /** Its index in the heap; -1 if it is not queued. */
  index: number = -1;

  /** Creates a timer that is not set. */
  constructor(callback: (receiver: unknown) => void, receiver?: unknown) {
    this.callback = callback;
    this.receiver = receiver;
  }
}

/**
 * A binary heap of timers (Knuth, The Art of Computer Programming, section 5.2.3). Moving a timer
 * later, as each data message does, is free: it keeps its key until that comes up, and is re-queued then.
 */
export class TimerQueue {
  readonly #heap: QueuedTimer[] = [];

  /** Whether no timer is queued. */
  get isEmpty(): boolean {
    return this.#heap.length === 0;
  }

  /** When to call `takeDue` next; `Infinity` if no timer is queued. */
  get next_ms(): number {
    return this.#heap[0]?.place_ms ?? Infinity;
  }

  /** Queues a timer, in place of any time before. */
  set(timer: QueuedTimer, at_ms: number): void {
    timer.at_ms = at_ms;
    if (timer.index < 0) {
      timer.index = this.#heap.push(timer) - 1;
    } else if (at_ms >= timer.place_ms) return;
    timer.place_ms = at_ms;
    this.#rise(timer);
  }

  /** Removes a timer. */
  clear(timer: QueuedTimer): void {
    timer.at_ms = Infinity;
    if (timer.index >= 0) this.#remove(timer);
  }

  /** Removes and returns a timer that is due; `undefined` if none is. */
  takeDue(now_ms: number): QueuedTimer | undefined {
    for (let first = this.#heap[0]; first && first.place_ms <= now_ms; first = this.#heap[0]) {
      if (first.at_ms <= now_ms) {
        this.clear(first);
        return first;
      }
      first.place_ms = first.at_ms;
      this.#sink(first);
    }
    return undefined;
  }

  #remove(timer: QueuedTimer): void {
    const { index } = timer;
    const last = this.#heap.pop()!;
    timer.index = -1;
    timer.place_ms = Infinity;
    if (last === timer) return;
    this.#put(last, index);
    this.#rise(last);
    this.#sink(last);
  }

  #rise(timer: QueuedTimer): void {
    while (timer.index > 0) {
      const parent = this.#heap[(timer.index - 1) >> 1]!;
      if (parent.place_ms <= timer.place_ms) return;
      this.#swap(timer, parent);
    }
  }

  #sink(timer: QueuedTimer): void {
    for (;;) {
      const left = this.#heap[2 * timer.index + 1];
      const right = this.#heap[2 * timer.index + 2];
      const child = right && right.place_ms < left!.place_ms ? right : left;
      if (!child || child.place_ms >= timer.place_ms) return;
      this.#swap(timer, child);
    }
  }

  #swap(a: QueuedTimer, b: QueuedTimer): void {
    const { index } = a;
    this.#put(a, b.index);
    this.#put(b, index);
  }

  #put(timer: QueuedTimer, index: number): void {
    this.#heap[index] = timer;
    timer.index = index;
  }
}
