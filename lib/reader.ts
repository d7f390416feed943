/**
 * The one reader of a connection, for its whole life.
 *
 * @module
 */
import { FrameDecoder } from "./codec.ts";
import type { Frame } from "./protocol.ts";
import type { Connection } from "./transport.ts";

const SMALLEST_READ_BYTES = 512;
const LARGEST_READ_BYTES = 65_536;

/** What hears the frames that a reader reads. */
export interface FrameListener {
  /** Hears one frame. */
  hear(frame: Frame): void;
  /** Hears that all frames of one read have been heard. */
  heardAll(): void;
  /** Hears of an error that `hear`, `heardAll` or the decoder threw; reading goes on. */
  heardWrong(error: unknown): void;
}

/** Options for {@linkcode readFrames}. */
export interface ReadOptions {
  /** The largest data message to accept, in bytes. */
  maxMessageBytes: number;
}

/**
 * Reads frames until the peer closes its side.
 *
 * After an error it reads on, so that the connection can be seen to close, but hears nothing more.
 *
 * @returns Whether the peer closed in the middle of a frame.
 * @throws {TransportError} If the connection fails or is closed here.
 */
export async function readFrames(
  connection: Connection,
  listener: FrameListener,
  options: ReadOptions,
): Promise<{ midFrame: boolean }> {
  const decoder = new FrameDecoder(options);
  let buffer = new Uint8Array(SMALLEST_READ_BYTES);
  let failed = false;
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) return { midFrame: decoder.midFrame };
    if (failed) continue;
    try {
      decoder.push(buffer.subarray(0, count));
      for (let frame = decoder.next(); frame; frame = decoder.next()) listener.hear(frame);
      listener.heardAll();
    } catch (error) {
      failed = true;
      listener.heardWrong(error);
    }
    // A full buffer means that more is waiting: read it in larger steps.
    if (count === buffer.length && count < LARGEST_READ_BYTES) buffer = new Uint8Array(2 * count);
  }
}
