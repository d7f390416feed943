/**
 * Bounded write queue of one connection, which combines frames into few writes.
 *
 * @module
 */
import type { Connection } from "../platform/net/transport.ts";
import { FrameBatch } from "./codec.ts";
import { greetingCount } from "./hello.ts";
import type { Frame } from "./protocol.ts";

/** Size of a write, in bytes, unless a single frame is larger. */
const BATCH_BYTES = 65_536;

/** Maximum length of the queue, in frames: more than the replies to one read. */
export const MAX_WAITING_FRAMES = 16_384;

/** Notices what becomes of the writes of a {@linkcode FrameWriter}. */
export interface WriterListener {
  /** Called once, when a write fails; nothing is written after that. */
  onError(error: unknown): void;
  /** Called when the network has taken some bytes. */
  onWritten?(): void;
}

/**
 * Queues frames and writes all that are ready at once. Data messages have the lowest priority, so that a
 * heartbeat waits for no more than the batch that is being written.
 *
 * `send` never blocks, even if the peer does not read.
 */
export class FrameWriter {
  /** The last sequence number whose confirmation has been written. */
  confirmedUpTo = 0;
  readonly #connection: Connection;
  readonly #listener: WriterListener;
  readonly #batch = new FrameBatch();
  #control: Frame[] = [];
  #data: Frame[] = [];
  #failed = false;
  #writing?: Promise<void>;

  /** Creates a writer. */
  constructor(connection: Connection, listener: WriterListener) {
    this.#connection = connection;
    this.#listener = listener;
  }

  /** Whether the queue is full, because the peer does not read. */
  get full(): boolean {
    return this.#control.length + this.#data.length >= MAX_WAITING_FRAMES;
  }

  /** Queues a frame, to be written together with all others that are queued in this turn. */
  send(frame: Frame): void {
    // A heartbeat behind a full queue would be missed in any case.
    if (this.#failed || (frame.type === "HEARTBEAT" && this.full)) return;
    const queue = frame.type === "DATA" ? this.#data : this.#control;
    // A confirmation covers all before it: of several in a row only the last one is sent.
    if (frame.type === "CONFIRM" && queue.at(-1)?.type === "CONFIRM") queue.pop();
    queue.push(frame);
    this.#writing ??= this.#writeAll();
  }

  /** Resolves once the queue is empty, or the connection has failed or been closed. */
  async flushed(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    // The first batch includes everything that is queued in this turn.
    await Promise.resolve();
    try {
      for (;;) {
        const confirm = this.#collect();
        if (this.#batch.length === 0) break;
        let rest = this.#batch.take();
        while (rest.length > 0) {
          rest = rest.subarray(await this.#connection.write(rest));
          this.#listener.onWritten?.();
        }
        this.confirmedUpTo = confirm;
      }
    } catch (error) {
      this.#failed = true;
      this.#control = [];
      this.#data = [];
      this.#listener.onError(error);
    } finally {
      this.#batch.release();
      this.#writing = undefined;
    }
  }

  /** Fills the batch from the queues; returns the last sequence number confirmed with it or before. */
  #collect(): number {
    let confirm = this.confirmedUpTo;
    for (const frame of this.#control) {
      this.#batch.add(frame);
      confirm = confirmed(frame) ?? confirm;
    }
    this.#control.length = 0;
    let taken = 0;
    while (taken < this.#data.length && this.#batch.length < BATCH_BYTES) {
      this.#batch.add(this.#data[taken++]!);
    }
    if (taken > 0) this.#data.splice(0, taken);
    return confirm;
  }
}

/** The sequence number that a frame confirms, if any. */
function confirmed(frame: Frame): number | undefined {
  if (frame.type === "CONFIRM") return frame.seq;
  return frame.type === "WELCOME" ? greetingCount(frame.greeting, "received") : undefined;
}
