/**
 * Encodes PW/1 frames to bytes.
 *
 * @module
 */
import { frameLine } from "./line.ts";
import type { Frame } from "./protocol.ts";

const LF = 0x0a;
const SPACE = 0x20;
const ZERO = 0x30;

const NO_BYTES = new Uint8Array(0);

const encoder = new TextEncoder();

const DATA_WORD = encoder.encode("DATA ");
const CONFIRM_WORD = encoder.encode("CONFIRM ");
const HEARTBEAT_WORD = encoder.encode("HEARTBEAT ");
const HEARTBEAT_REPLY_WORD = encoder.encode("HEARTBEAT_REPLY ");

/** More than the words and numbers of a line without text take. */
const SHORT_LINE_BYTES = 64;

/** Size of a buffer that is retained: enough for a few short frames. */
const SMALL_BYTES = 256;

/**
 * Encodes frames one behind the other into one buffer, so that they are sent in one write. The bytes that
 * `take` gives stay valid until the next `add` or `release`.
 */
export class FrameBatch {
  #buffer = NO_BYTES;
  #length = 0;
  /** The most that this buffer has held, and the one before it: the size that is allocated at once. */
  #most = 0;
  #mostBefore = 0;

  /** How many bytes the batch has. */
  get length(): number {
    return this.#length;
  }

  /** Appends one frame. */
  add(frame: Frame): void {
    switch (frame.type) {
      case "DATA":
        return this.#addData(frame.seq, frame.payload);
      case "CONFIRM":
        return this.#addNumbered(CONFIRM_WORD, frame.seq);
      case "HEARTBEAT":
        return this.#addNumbered(HEARTBEAT_WORD, frame.n);
      case "HEARTBEAT_REPLY":
        return this.#addNumbered(HEARTBEAT_REPLY_WORD, frame.n);
      default:
        return this.#addText(frameLine(frame));
    }
  }

  /** Gives the batch's bytes and starts the next batch. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = this.#buffer.subarray(0, this.#length);
    this.#most = Math.max(this.#most, this.#length);
    this.#length = 0;
    return bytes;
  }

  /**
   * Releases a large buffer, once its bytes are written. Returns whether the batch held little: then it has
   * nothing to remember for the next time, and may serve another connection.
   */
  release(): boolean {
    if (this.#buffer.length > SMALL_BYTES) this.#buffer = NO_BYTES;
    this.#mostBefore = this.#most;
    this.#most = this.#length = 0;
    return this.#mostBefore <= SMALL_BYTES;
  }

  #addText(line: string): void {
    // A UTF-16 unit takes three bytes of UTF-8 at the most.
    this.#makeRoom(line.length * 3);
    this.#length += encoder.encodeInto(line, this.#buffer.subarray(this.#length)).written;
  }

  #addData(seq: number, payload: Uint8Array): void {
    this.#makeRoom(SHORT_LINE_BYTES + payload.length);
    this.#put(DATA_WORD);
    this.#putNumber(seq);
    this.#buffer[this.#length++] = SPACE;
    this.#putNumber(payload.length);
    this.#buffer[this.#length++] = LF;
    this.#put(payload);
    this.#buffer[this.#length++] = LF;
  }

  #addNumbered(word: Uint8Array, n: number): void {
    this.#makeRoom(SHORT_LINE_BYTES);
    this.#put(word);
    this.#putNumber(n);
    this.#buffer[this.#length++] = LF;
  }

  #put(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Puts the digits by hand: encoding a text takes five times as long. */
  #putNumber(value: number): void {
    let count = 1;
    for (let power = 10; power <= value; power *= 10) count++;
    this.#length += count;
    for (let at = this.#length - 1, rest = value; count-- > 0; at--) {
      const digit = rest % 10;
      this.#buffer[at] = ZERO + digit;
      rest = (rest - digit) / 10;
    }
  }

  #makeRoom(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const room = Math.max(needed, 2 * this.#buffer.length, this.#mostBefore, SMALL_BYTES);
    const grown = new Uint8Array(room);
    if (this.#length > 0) grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }
}

/** Encodes one frame, for tests and tools; a connection uses {@linkcode FrameBatch}. */
export function encodeFrame(frame: Frame): Uint8Array<ArrayBuffer> {
  const batch = new FrameBatch();
  batch.add(frame);
  return batch.take();
}
