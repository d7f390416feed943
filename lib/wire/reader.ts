/**
 * The one reader of a connection, for its whole life.
 *
 * @module
 */
import type { Connection } from "../platform/net/transport.ts";

const SMALLEST_READ_BYTES = 256;

const LARGEST_READ_BYTES = 65_536;

/** After so many small reads in a row a large buffer is given back. */
const SMALL_READS = 16;

/** Turns bytes, in chunks of any size, into messages. */
export interface Decoder<Message> {
  /** Takes the next chunk; the one before must have been used up with `next`. */
  push(chunk: Uint8Array): void;
  /** The next complete message, or `undefined` when more bytes are needed. */
  next(): Message | undefined;
  /** Whether bytes of an unfinished message are held. */
  readonly midFrame: boolean;
}

/** What hears the messages that a reader reads. */
export interface MessageListener<Message> {
  /** Hears one message. */
  onMessage(message: Message): void;
  /** Hears that all messages of one read have been heard; may have the next read wait. */
  onBatchEnd(): void | Promise<void>;
  /** Hears of an error that `onMessage`, `onBatchEnd` or the decoder threw; reading goes on. */
  onError(error: unknown): void;
}

/**
 * Reads messages until the peer closes its side.
 *
 * After an error it reads on, so that the connection can be seen to close, but hears nothing more.
 *
 * @throws {TransportError} If the connection fails or is closed here.
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
      }
      const ready = listener.onBatchEnd();
      if (ready) await ready;
    } catch (error) {
      failed = true;
      listener.onError(error);
    }
    // A full buffer means that more is waiting: read it in larger steps. Small reads in a row mean that
    // nothing is: an idle session should hold no more than it needs.
    smallReads = count <= SMALLEST_READ_BYTES ? smallReads + 1 : 0;
    if (count === buffer.length && count < LARGEST_READ_BYTES) buffer = new Uint8Array(2 * count);
    else if (smallReads === SMALL_READS && buffer.length > 2 * SMALLEST_READ_BYTES) {
      buffer = new Uint8Array(SMALLEST_READ_BYTES);
    }
  }
}
