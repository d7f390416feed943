/**
 * Turns bytes into PW/1 frames and frames into bytes. Fed in any chunks; knows no sockets, no time.
 *
 * @module
 */
import { concat } from "../platform/bytes.ts";
import { frameLine, parseLine } from "./line.ts";
import {
  DEFAULT_MAX_MESSAGE_BYTES,
  type Frame,
  MAX_LINE_BYTES,
  ProtocolError,
} from "./protocol.ts";
import { quoted } from "./quote.ts";

const LF = 0x0a;

const CR = 0x0d;

const SPACE = 0x20;

const ZERO = 0x30;

const NO_BYTES = new Uint8Array(0);

const encoder = new TextEncoder();

const DATA_WORD = encoder.encode("DATA ");

/** More digits than these may be more than a number can hold. */
const MAX_DIGITS = 15;

/** How many bytes a buffer has that may be used again: enough for a few short frames. */
const POOLED_BYTES = 256;

/** How many of those are kept: as many as are likely to be in use at a time. */
const MAX_POOLED = 1_024;

const coordinator: Uint8Array<ArrayBuffer>[] = [];

/**
 * Collects frames and gives them out as one run of bytes, so that all that is ready goes out in one
 * write. The bytes given out stay valid until the next `add` or `release`.
 */
export class FrameBatch {
  #buffer = NO_BYTES;
  #length = 0;
  /** The most that was collected in this buffer, and in the last one: so much is room made for at once. */
  #most = 0;
  #mostBefore = 0;

  /** How many bytes are collected. */
  get length(): number {
    return this.#length;
  }

  /** Appends one frame. */
  add(frame: Frame): void {
    const line = frameLine(frame);
    // A UTF-16 unit takes three bytes of UTF-8 at the most.
    this.#makeRoom(line.length * 3 + (frame.type === "DATA" ? frame.payload.length + 1 : 0));
    this.#length += encoder.encodeInto(line, this.#buffer.subarray(this.#length)).written;
    if (frame.type !== "DATA") return;
    this.#buffer.set(frame.payload, this.#length);
    this.#length += frame.payload.length;
    this.#buffer[this.#length++] = LF;
  }

  /** Gives out what is collected and starts anew. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = this.#buffer.subarray(0, this.#length);
    this.#most = Math.max(this.#most, this.#length);
    this.#length = 0;
    return bytes;
  }

  /** Gives the buffer back, once what was given out is of no use any more: an idle session needs none. */
  release(): void {
    if (this.#buffer.length === POOLED_BYTES && coordinator.length < MAX_POOLED) {
      coordinator.push(this.#buffer);
    }
    this.#buffer = NO_BYTES;
    this.#mostBefore = this.#most;
    this.#most = this.#length = 0;
  }

  #makeRoom(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const room = Math.max(needed, 2 * this.#buffer.length, this.#mostBefore);
    const grown = room <= POOLED_BYTES
      ? coordinator.pop() ?? new Uint8Array(POOLED_BYTES)
      : new Uint8Array(room);
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }
}

/** Encodes one frame: for tests and tools; a connection uses {@linkcode FrameBatch}. */
export function encodeFrame(frame: Frame): Uint8Array<ArrayBuffer> {
  const batch = new FrameBatch();
  batch.add(frame);
  return batch.take();
}

/** Options for {@linkcode FrameDecoder}. */
export interface FrameDecoderOptions {
  /**
   * The largest data message to accept, in bytes.
   *
   * @default {1_048_576}
   */
  maxMessageBytes?: number;
}

/**
 * Decodes frames from bytes in chunks of any size.
 *
 * After `push`, call `next` until it gives `undefined`; the chunk may then be reused, and with it go the
 * payloads of its data messages: whoever keeps one copies it. What the decoder itself holds is bounded:
 * one unfinished line, or as much of one data message as has arrived.
 */
export class FrameDecoder {
  readonly #maxMessageBytes: number;
  #chunk: Uint8Array = NO_BYTES;
  #at = 0;
  #line: Uint8Array = NO_BYTES;
  #data?: PartialData;
  #failure?: ProtocolError;

  /** Makes a decoder at the start of a connection. */
  constructor(options: FrameDecoderOptions = {}) {
    this.#maxMessageBytes = options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES;
  }

  /** Whether bytes of an unfinished frame are held. */
  get midFrame(): boolean {
    return this.#data !== undefined || this.#line.length > 0;
  }

  /** What has come of a line whose end has not. */
  get unfinishedLine(): Uint8Array {
    return this.#line;
  }

  /** Takes the next chunk; the one before must have been used up with `next`. */
  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  /**
   * The next complete frame, or `undefined` when more bytes are needed.
   *
   * @throws {ProtocolError} If the bytes are not PW/1; and the same again at every later call.
   */
  next(): Frame | undefined {
    if (this.#failure) throw this.#failure;
    const whole = this.#wholeData();
    if (whole) return whole;
    try {
      return this.#data ? this.#nextData(this.#data) : this.#nextLine();
    } catch (error) {
      if (error instanceof ProtocolError) this.#failure = error;
      throw error;
    }
  }

  /**
   * A data message that lies in the chunk as a whole, in the very form in which it is sent: nearly all of
   * what a busy connection carries. Whatever is not quite so takes the way that tells what is wrong.
   */
  #wholeData(): Frame | undefined {
    if (this.#line.length > 0 || this.#data) return undefined;
    const chunk = this.#chunk;
    let at = this.#at;
    for (const byte of DATA_WORD) if (chunk[at++] !== byte) return undefined;
    const seqEnd = endOfDigits(chunk, at);
    const lengthEnd = endOfDigits(chunk, seqEnd + 1);
    if (chunk[seqEnd] !== SPACE || chunk[lengthEnd] !== LF) return undefined;
    const seq = numberOfDigits(chunk, at, seqEnd);
    const length = numberOfDigits(chunk, seqEnd + 1, lengthEnd);
    const begin = lengthEnd + 1;
    const end = begin + length;
    if (!(seq > 0 && length <= this.#maxMessageBytes && chunk[end] === LF)) return undefined;
    this.#at = end + 1;
    return { type: "DATA", seq, payload: chunk.subarray(begin, end) };
  }

  #nextLine(): Frame | undefined {
    if (this.#at === this.#chunk.length) return this.#chunk = NO_BYTES, undefined;
    const end = this.#chunk.indexOf(LF, this.#at);
    const piece = this.#chunk.subarray(this.#at, end < 0 ? undefined : end);
    if (this.#line.length + piece.length >= MAX_LINE_BYTES) {
      throw new ProtocolError(
        `a line of more than ${MAX_LINE_BYTES} bytes: ${quoted(concat([this.#line, piece]))}`,
      );
    }
    if (end < 0) {
      this.#line = concat([this.#line, piece]);
      this.#at = this.#chunk.length;
      return undefined;
    }
    const line = this.#line.length === 0 ? piece : concat([this.#line, piece]);
    this.#line = NO_BYTES;
    this.#at = end + 1;
    const parsed = parseLine(line.at(-1) === CR ? line.subarray(0, -1) : line);
    if (parsed.type !== "DATA") return parsed;
    return this.#nextData(this.#beginData(parsed.seq, parsed.length));
  }

  #beginData(seq: number, length: number): PartialData {
    if (length > this.#maxMessageBytes) {
      throw new ProtocolError(
        `DATA ${seq} announces ${length} bytes; at most ${this.#maxMessageBytes} are accepted`,
      );
    }
    return this.#data = { seq, length, payload: NO_BYTES, held: 0, carriageReturn: false };
  }

  #nextData(data: PartialData): Frame | undefined {
    const piece = this.#chunk.subarray(this.#at, this.#at + data.length - data.held);
    this.#at += piece.length;
    append(data, piece);
    if (data.held < data.length || !this.#dataEnd(data)) return undefined;
    this.#data = undefined;
    return { type: "DATA", seq: data.seq, payload: data.payload };
  }

  /** Takes the line end behind a data message; false when it has not arrived yet. */
  #dataEnd(data: PartialData): boolean {
    while (this.#at < this.#chunk.length) {
      const byte = this.#chunk[this.#at++];
      if (byte === LF) return true;
      if (byte !== CR || data.carriageReturn) {
        throw new ProtocolError(`DATA ${data.seq}: no line end after its ${data.length} bytes`);
      }
      data.carriageReturn = true;
    }
    return false;
  }
}

/** Where the digits from there on end. */
function endOfDigits(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at]! >= ZERO && bytes[at]! <= ZERO + 9) at++;
  return at;
}

/** The number that digits stand for; `NaN` if these are none as PW/1 has them, or too many. */
function numberOfDigits(bytes: Uint8Array, from: number, end: number): number {
  const isWrong = end === from || end - from > MAX_DIGITS || bytes[from] === ZERO && end > from + 1;
  let value = isWrong ? NaN : 0;
  for (let at = from; at < end; at++) value = value * 10 + bytes[at]! - ZERO;
  return value;
}

/** A data message of which not all bytes have arrived. */
interface PartialData {
  readonly seq: number;
  readonly length: number;
  /** Room for the bytes; exactly as many as were announced, when all have arrived. */
  payload: Uint8Array;
  held: number;
  carriageReturn: boolean;
}

/** Copies what has arrived, because the chunk is the reader's buffer. */
function append(data: PartialData, piece: Uint8Array): void {
  const needed = data.held + piece.length;
  if (needed > data.payload.length) {
    // Room grows with what arrives, never with what is announced; doubled, so that what is copied
    // again stays in proportion.
    const room = new Uint8Array(Math.min(data.length, Math.max(needed, 2 * data.payload.length)));
    room.set(data.payload.subarray(0, data.held));
    data.payload = room;
  }
  data.payload.set(piece, data.held);
  data.held = needed;
}
