/**
 * Timers in the order of their times, tens of thousands of them. Knows no clock.
 *
 * @module
 */

/** A timer that a {@linkcode TimerQueue} keeps. */
export class QueuedTimer {
  /** What to call when its time has come. */
  readonly callback: () => void;
  /** When it is to call back; `Infinity` if it is not. */
  at_ms: number = Infinity;
  /** The time that its place in the queue stands for: never later than `at_ms`. */
  place_ms: number = Infinity;
  /** Its place; -1 if it has none. */
  index: number = -1;

  /** Makes a timer that is not set. */
  constructor(callback: () => void) {
    this.callback = callback;
  }
}

/**
 * A binary heap of timers (Knuth, The Art of Computer Programming, section 5.2.3). To move a timer
 * later, as each data message does, costs nothing: it keeps its place until that comes up, and is then
 * put where it belongs.
 */
export class TimerQueue {
  readonly #heap: QueuedTimer[] = [];

  /** Whether no timer has a place. */
  get isEmpty(): boolean {
    return this.#heap.length === 0;
  }

  /** When to look for due timers next; `Infinity` if there are none. */
  get next_ms(): number {
    return this.#heap[0]?.place_ms ?? Infinity;
  }

  /** Sets a timer, in place of any earlier time. */
  set(timer: QueuedTimer, at_ms: number): void {
    timer.at_ms = at_ms;
    if (timer.index < 0) {
      timer.index = this.#heap.push(timer) - 1;
    } else if (at_ms >= timer.place_ms) return;
    timer.place_ms = at_ms;
    this.#rise(timer);
  }

  /** Takes a timer out. */
  clear(timer: QueuedTimer): void {
    timer.at_ms = Infinity;
    if (timer.index >= 0) this.#remove(timer);
  }

  /** Takes out a timer whose time has come; `undefined` if there is none. */
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
