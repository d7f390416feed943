/**
 * Where the client's data messages come from: the same one at an interval, or a queue.
 *
 * @module
 */
import { nextOnGrid } from "../platform/deadline.ts";

/** What was not sent of an input. */
export interface UnsentInput {
  /** How many lines were read and never sent. */
  readonly lines_unsent: number;
  /** Whether it was read to its end. */
  readonly input_ended: boolean;
}

/** Supplies the data messages of one session, in order. */
export interface DataSource {
  /** When the next may go out, in monotonic milliseconds; `Infinity` while there is none. */
  readonly next_ms: number;
  /** Whether there will never be another one. */
  readonly ended: boolean;
  /** The interval between two, in milliseconds, if that is known. */
  readonly interval_ms?: number;
  /** Why it ended, if that was a failure. */
  readonly failure?: string;
  /** The size of the next, in bytes. To be asked only when it is due. */
  readonly nextBytes: number;
  /** Takes the next. To be called only when it is due. */
  take(now_ms: number): Uint8Array;
  /** What was not sent of an input. */
  rest?(): UnsentInput;
  /** Called when another one, or the end, has arrived. */
  onChange?: () => void;
}

/** Supplies the same data message at an interval: without drift, and without catch-up bursts. */
export class IntervalSource implements DataSource {
  /** Never: there is always another one. */
  readonly ended = false;
  /** The interval between two, in milliseconds. */
  readonly interval_ms: number;
  /** The size of each, in bytes. */
  readonly nextBytes: number;
  /** When the next may go out, in monotonic milliseconds. */
  next_ms: number = -Infinity;
  readonly #payload: Uint8Array;

  /** Makes a source whose first data message may go out at once. */
  constructor(payload: Uint8Array, interval_ms: number) {
    this.#payload = payload;
    this.nextBytes = payload.length;
    this.interval_ms = interval_ms;
  }

  /** Takes the next. */
  take(now_ms: number): Uint8Array {
    this.next_ms = nextOnGrid(this.next_ms, now_ms, this.interval_ms);
    return this.#payload;
  }
}

/** How many bytes may be queued, unless one line alone is longer. */
const MAX_QUEUED_BYTES = 1_048_576;

/** How many lines may be queued. */
const MAX_QUEUED_LINES = 4_096;

/** Replaces what has been taken, so that the queue does not retain it. */
const TAKEN = new Uint8Array(0);

/** A bounded queue of data messages: `put` waits while it is full. */
export class QueueSource implements DataSource {
  /** Called when another one, or the end, has arrived. */
  onChange?: () => void;
  /** Why it ended, if that was a failure. */
  failure?: string;
  readonly #queue: Uint8Array[] = [];
  #taken = 0;
  #bytes = 0;
  #closed = false;
  #onRoom?: () => void;

  /** When the next may go out: 0 if there is one, else `Infinity`. */
  get next_ms(): number {
    return this.#taken < this.#queue.length ? 0 : Infinity;
  }

  /** Whether everything has been taken, and no more will be put in. */
  get ended(): boolean {
    return this.#closed && this.#taken === this.#queue.length;
  }

  /** The size of the next, in bytes. */
  get nextBytes(): number {
    return this.#queue[this.#taken]!.length;
  }

  /** How many were put in and never taken, and whether that was the whole input. */
  rest(): UnsentInput {
    const input_ended = this.#closed && this.failure === undefined;
    return { lines_unsent: this.#queue.length - this.#taken, input_ended };
  }

  /** Takes the next. */
  take(): Uint8Array {
    const payload = this.#queue[this.#taken]!;
    this.#queue[this.#taken++] = TAKEN;
    this.#bytes -= payload.length;
    // Dropped in batches: a shift for each would move all the others.
    if (this.#taken >= MAX_QUEUED_LINES || this.#taken === this.#queue.length) {
      this.#queue.splice(0, this.#taken);
      this.#taken = 0;
    }
    if (!this.#full) this.#onRoom?.();
    return payload;
  }

  /** Puts in one; resolves when there is room for the next. */
  async put(payload: Uint8Array): Promise<void> {
    this.#queue.push(payload);
    this.#bytes += payload.length;
    this.onChange?.();
    if (this.#full) await new Promise<void>((resolve) => this.#onRoom = resolve);
  }

  /** Ends the queue: with a failure, if one is given. */
  end(failure?: string): void {
    this.#closed = true;
    this.failure = failure;
    this.onChange?.();
  }

  get #full(): boolean {
    return this.#bytes >= MAX_QUEUED_BYTES ||
      this.#queue.length - this.#taken >= MAX_QUEUED_LINES;
  }
}
