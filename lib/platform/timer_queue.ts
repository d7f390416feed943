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
  /** Its index in the heap; -1 if it is not queued. */
  index: number = -1;

  /** Creates a timer that is not set. */
  constructor(callback: (receiver: unknown) => void, receiver?: unknown) {
    this.callback = callback;
    this.receiver = receiver;
  }
}

/** How many children a place in the heap has: their keys lie side by side. */
const CHILDREN = 4;

/**
 * A heap of timers, each with up to four below it (Johnson, "Priority queues with update and finding minimum spanning
 * trees", 1975). Moving a timer later, as each data message does, is free: it keeps its key until that comes up, and
 * is re-queued then. The keys are apart from the timers: of ten thousands, those are rarely in the processor's cache.
 */
export class TimerQueue {
  readonly #heap: QueuedTimer[] = [];
  /** The key of each in the heap: never later than its `at_ms`. */
  readonly #keys_ms: number[] = [];

  /** Whether no timer is queued. */
  get isEmpty(): boolean {
    return this.#heap.length === 0;
  }

  /** When to call `takeDue` next; `Infinity` if no timer is queued. */
  get next_ms(): number {
    return this.#keys_ms[0] ?? Infinity;
  }

  /** Queues a timer, in place of any time before. */
  set(timer: QueuedTimer, at_ms: number): void {
    timer.at_ms = at_ms;
    if (timer.index < 0) this.#rise(timer, at_ms, this.#heap.length);
    else if (at_ms < this.#keys_ms[timer.index]!) this.#rise(timer, at_ms, timer.index);
  }

  /** Removes a timer. */
  clear(timer: QueuedTimer): void {
    timer.at_ms = Infinity;
    if (timer.index >= 0) this.#remove(timer);
  }

  /** Removes and returns a timer that is due; `undefined` if none is. */
  takeDue(now_ms: number): QueuedTimer | undefined {
    while (this.next_ms <= now_ms) {
      const first = this.#heap[0]!;
      if (first.at_ms <= now_ms) {
        this.clear(first);
        return first;
      }
      this.#sink(first, first.at_ms, 0);
    }
    return undefined;
  }

  #remove({ index }: QueuedTimer): void {
    this.#heap[index]!.index = -1;
    const last = this.#heap.pop()!;
    const key_ms = this.#keys_ms.pop()!;
    if (index === this.#heap.length) return;
    if (key_ms < this.#keys_ms[index]!) this.#rise(last, key_ms, index);
    else this.#sink(last, key_ms, index);
  }

  /** Puts a timer in a place that is free, or above it. */
  #rise(timer: QueuedTimer, key_ms: number, index: number): void {
    const keys_ms = this.#keys_ms;
    while (index > 0) {
      const parent = Math.floor((index - 1) / CHILDREN);
      if (keys_ms[parent]! <= key_ms) break;
      this.#put(this.#heap[parent]!, keys_ms[parent]!, index);
      index = parent;
    }
    this.#put(timer, key_ms, index);
  }

  /** Puts a timer in a place that is free, or below it. */
  #sink(timer: QueuedTimer, key_ms: number, index: number): void {
    const keys_ms = this.#keys_ms;
    const { length } = keys_ms;
    for (;;) {
      const first = CHILDREN * index + 1;
      let least = first;
      for (let child = first + 1; child < first + CHILDREN && child < length; child++) {
        if (keys_ms[child]! < keys_ms[least]!) least = child;
      }
      if (first >= length || keys_ms[least]! >= key_ms) break;
      this.#put(this.#heap[least]!, keys_ms[least]!, index);
      index = least;
    }
    this.#put(timer, key_ms, index);
  }

  #put(timer: QueuedTimer, key_ms: number, index: number): void {
    this.#heap[index] = timer;
    this.#keys_ms[index] = key_ms;
    timer.index = index;
  }
}
