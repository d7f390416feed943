/**
 * Reads a connection's messages until it closes.
 *
 * @module
 */
import type { Connection } from "../platform/net/transport.ts";

const SMALLEST_READ_BYTES = 256;

const LARGEST_READ_BYTES = 65_536;

/** A large buffer is released after so many small reads in a row. */
const SMALL_READS = 16;

/** Decodes messages from chunks of any size. */
export interface Decoder<Message> {
  /** Sets the next chunk; the one before must have been decoded completely with `next`. */
  push(chunk: Uint8Array): void;
  /** The next complete message, or `undefined` when more bytes are needed. */
  next(): Message | undefined;
  /** Whether an unfinished message is held. */
  readonly midFrame: boolean;
}

/** Receives the messages of a connection. */
export interface MessageListener<Message> {
  /** Called for each message. */
  onMessage(message: Message): void;
  /**
   * Called after the messages of each read, of so many bytes, and when `isHeld` says so in the middle of
   * one; what follows waits for the promise.
   */
  onBatchEnd(bytes: number): void | Promise<void>;
  /** Whether no further message is to be taken before `onBatchEnd`, not even one that has been read. */
  readonly isHeld?: boolean;
  /** Called once, with an error that `onMessage`, `onBatchEnd` or the decoder threw. */
  onError(error: unknown): void;
}

/**
 * Reads messages until the peer closes its side.
 *
 * After an error it discards what it reads, and still notices when the connection closes.
 *
 * @throws {TransportError} If the connection fails or is closed on this side.
 */
export async function readMessages<Message>(
  connection: Connection,
  decoder: Decoder<Message>,
  listener: MessageListener<Message>,
): Promise<void> {
  let buffer = new Uint8Array(SMALLEST_READ_BYTES);
  let failed = false;
  let smallReads = 0;
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) return;
    if (failed) continue;
    try {
      decoder.push(buffer.subarray(0, count));
      for (let each = decoder.next(); each !== undefined; each = decoder.next()) {
        listener.onMessage(each);
        if (listener.isHeld) await listener.onBatchEnd(0);
      }
      const ready = listener.onBatchEnd(count);
      if (ready) await ready;
    } catch (error) {
      failed = true;
      listener.onError(error);
    }
    // A full buffer means that more data is pending: grow. After small reads in a row, shrink: an idle session
    // should hold no more memory than it needs.
    smallReads = count <= SMALLEST_READ_BYTES ? smallReads + 1 : 0;
    if (count === buffer.length && count < LARGEST_READ_BYTES) buffer = new Uint8Array(2 * count);
    else if (smallReads === SMALL_READS && buffer.length > 2 * SMALLEST_READ_BYTES) {
      buffer = new Uint8Array(SMALLEST_READ_BYTES);
    }
  }
}
