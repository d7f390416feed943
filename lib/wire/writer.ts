/**
 * The bounded writer of one connection: frames in, as few writes as may be out, never in the way.
 *
 * @module
 */
import type { Connection } from "../platform/net/transport.ts";
import { FrameBatch } from "./codec.ts";
import { greetingCount } from "./hello.ts";
import type { Frame } from "./protocol.ts";

/** How many bytes go into one write, unless one frame alone is larger. */
const BATCH_BYTES = 65_536;

/** How many frames may wait for a peer that does not read: more than the answers to one read. */
export const MAX_WAITING_FRAMES = 16_384;

/**
 * Queues frames and writes all that is ready in one go. Data messages wait behind everything else,
 * so that no heartbeat is held up by more than the one batch that is being written.
 *
 * `send` never waits: a peer that does not read holds up nothing here.
 */
export class FrameWriter {
  readonly #connection: Connection;
  readonly #onError: (error: unknown) => void;
  readonly #batch = new FrameBatch();
  #control: Frame[] = [];
  #data: Frame[] = [];
  #confirmedUpTo = 0;
  #failed = false;
  #writing?: Promise<void>;

  /** Makes a writer; `onError` hears of the one write that fails, after which nothing is written. */
  constructor(connection: Connection, onError: (error: unknown) => void) {
    this.#connection = connection;
    this.#onError = onError;
  }

  /** The last sequence number whose confirmation has been handed to the network. */
  get confirmedUpTo(): number {
    return this.#confirmedUpTo;
  }

  /** Whether the peer has left so many frames unread that no more may be queued. */
  get full(): boolean {
    return this.#control.length + this.#data.length >= MAX_WAITING_FRAMES;
  }

  /** Queues a frame; it is written with all else that is queued by the end of this turn. */
  send(frame: Frame): void {
    // A heartbeat behind so much that is unread would be missed in any case.
    if (this.#failed || (frame.type === "HEARTBEAT" && this.full)) return;
    const queue = frame.type === "DATA" ? this.#data : this.#control;
    // A confirmation covers all before it, so of several in a row only the last one is sent.
    if (frame.type === "CONFIRM" && queue.at(-1)?.type === "CONFIRM") queue.pop();
    queue.push(frame);
    this.#writing ??= this.#writeAll();
  }

  /** Resolves once everything queued is written, or the connection has failed or been closed. */
  async flushed(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    // Lets what else is ready in this turn join the first batch.
    await Promise.resolve();
    try {
      for (;;) {
        const confirm = this.#collect();
        if (this.#batch.length === 0) break;
        let rest = this.#batch.take();
        while (rest.length > 0) rest = rest.subarray(await this.#connection.write(rest));
        this.#confirmedUpTo = confirm;
      }
    } catch (error) {
      this.#failed = true;
      this.#control = [];
      this.#data = [];
      this.#onError(error);
    } finally {
      this.#batch.release();
      this.#writing = undefined;
    }
  }

  /** Moves what is ready into the batch; gives the sequence number confirmed with it or before. */
  #collect(): number {
    let confirm = this.#confirmedUpTo;
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

/** The sequence number up to which a frame confirms everything, if it does that. */
function confirmed(frame: Frame): number | undefined {
  if (frame.type === "CONFIRM") return frame.seq;
  return frame.type === "WELCOME" ? greetingCount(frame.greeting, "received") : undefined;
}
