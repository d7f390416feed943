/**
 * Where the client's data messages come from: the same one at an interval, or whatever is put in.
 *
 * @module
 */
import { ON_TIME_TOLERANCE_MS } from "../platform/deadline.ts";

/** What is left of an input. */
export interface UnsentInput {
  /** How many lines were read and never taken. */
  readonly lines_unsent: number;
  /** Whether it was read to its end. */
  readonly input_ended: boolean;
}

/** Gives the data messages of one session, in order. */
export interface DataSource {
  /** When the next may go out, in monotonic milliseconds; `Infinity` while there is none. */
  readonly next_ms: number;
  /** Whether there will never be another one. */
  readonly ended: boolean;
  /** From one to the next, in milliseconds, if that is known. */
  readonly interval_ms?: number;
  /** Why there will be none, where that is a failure. */
  readonly failure?: string;
  /** How many bytes the next has, when its time has come. */
  readonly nextBytes: number;
  /** Takes the next, when its time has come. */
  take(now_ms: number): Uint8Array;
  /** What is left of an input. */
  rest?(): UnsentInput;
  /** Called when another one, or the end, has come by itself. */
  onChange?: () => void;
}

/**
 * Gives the same data message at an interval.
 *
 * Messages go out on a grid, so that their times do not drift. When one is late, the grid starts anew
 * with it: what was missed is not made up for in a burst.
 */
export class IntervalSource implements DataSource {
  /** There is always another one. */
  readonly ended = false;
  /** From one to the next, in milliseconds. */
  readonly interval_ms: number;
  readonly #payload: Uint8Array;
  #next_ms = -Infinity;

  /** Makes a source whose first data message may go out at once. */
  constructor(payload: Uint8Array, interval_ms: number) {
    this.#payload = payload;
    this.interval_ms = interval_ms;
  }

  /** When the next may go out. */
  get next_ms(): number {
    return this.#next_ms;
  }

  /** How many bytes the next has. */
  get nextBytes(): number {
    return this.#payload.length;
  }

  /** Takes the next. */
  take(now_ms: number): Uint8Array {
    const late = now_ms - this.#next_ms > ON_TIME_TOLERANCE_MS;
    this.#next_ms = (late ? now_ms : this.#next_ms) + this.interval_ms;
    return this.#payload;
  }
}

/** How many bytes of lines may wait to be sent, unless one line alone is longer. */
const MAX_WAITING_BYTES = 1_048_576;

/** How many lines may wait to be sent. */
const MAX_WAITING_LINES = 4_096;

/** Stands in the place of what has been taken, so that it is not held any longer. */
const TAKEN = new Uint8Array(0);

/** Gives what is put in, in order; whoever puts in more than may wait has to wait. */
export class QueueSource implements DataSource {
  /** Called when another one, or the end, has come. */
  onChange?: () => void;
  /** Why there will be none, where that is a failure. */
  failure?: string;
  readonly #queue: Uint8Array[] = [];
  #taken = 0;
  #bytes = 0;
  #closed = false;
  #room?: () => void;

  /** When the next may go out: at once, if there is one. */
  get next_ms(): number {
    return this.#taken < this.#queue.length ? 0 : Infinity;
  }

  /** Whether all has been taken and no more will be put in. */
  get ended(): boolean {
    return this.#closed && this.#taken === this.#queue.length;
  }

  /** How many bytes the next has. */
  get nextBytes(): number {
    return this.#queue[this.#taken]!.length;
  }

  /** What was put in and never taken, and whether that was all. */
  rest(): UnsentInput {
    const input_ended = this.#closed && this.failure === undefined;
    return { lines_unsent: this.#queue.length - this.#taken, input_ended };
  }

  /** Takes the next. */
  take(): Uint8Array {
    const payload = this.#queue[this.#taken]!;
    this.#queue[this.#taken++] = TAKEN;
    this.#bytes -= payload.length;
    // What has been taken is dropped now and then, not one by one: shifting moves all that is left.
    if (this.#taken >= MAX_WAITING_LINES || this.#taken === this.#queue.length) {
      this.#queue.splice(0, this.#taken);
      this.#taken = 0;
    }
    if (!this.#full) this.#wake();
    return payload;
  }

  /** Puts in one more; resolves when there is room for the next. */
  async put(payload: Uint8Array): Promise<void> {
    this.#queue.push(payload);
    this.#bytes += payload.length;
    this.onChange?.();
    if (this.#full) await new Promise<void>((resolve) => this.#room = resolve);
  }

  /** No more will be put in: because of a failure, if one is given. */
  end(failure?: string): void {
    this.#closed = true;
    this.failure = failure;
    this.onChange?.();
  }

  get #full(): boolean {
    return this.#bytes >= MAX_WAITING_BYTES ||
      this.#queue.length - this.#taken >= MAX_WAITING_LINES;
  }

  #wake(): void {
    const room = this.#room;
    this.#room = undefined;
    room?.();
  }
}
