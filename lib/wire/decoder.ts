/**
 * Decodes PW/1 frames from chunks of any size.
 *
 * @module
 */
import { concat } from "../platform/bytes.ts";
import { parseLine } from "./line.ts";
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

const DATA_WORD = new TextEncoder().encode("DATA ");
const TERMINATE_WORD = new TextEncoder().encode("TERMINATE ");

/** Numbers of up to so many digits are exact in a `number`. */
const MAX_DIGITS = 15;

/** How many bytes of a connection a decoder keeps, to show what it speaks. */
const FIRST_BYTES = 64;

/**
 * Decodes frames from bytes in chunks of any size.
 *
 * After `push`, call `next` until it gives `undefined`; the chunk may then be reused. A payload may be a view
 * of the chunk: copy it to retain it. The decoder holds one unfinished line at most, or as much of one data
 * message as has arrived.
 */
export class FrameDecoder {
  readonly #maxMessageBytes: number;
  #chunk: Uint8Array = NO_BYTES;
  /** The part of the chunk that is not decoded yet. */
  #at = 0;
  #end = 0;
  #line: Uint8Array = NO_BYTES;
  #data?: PartialData;
  #failure?: ProtocolError;
  /** What came first, as long as it is wanted. */
  #first?: Uint8Array = NO_BYTES;

  /** Creates a decoder for a new connection, of data messages of `maxMessageBytes` at most. */
  constructor({ maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES }: { maxMessageBytes?: number } = {}) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Whether an unfinished frame is held. */
  get midFrame(): boolean {
    return this.#data !== undefined || this.#line.length > 0;
  }

  /** Whether bytes of an unfinished data message are held. */
  get isMidData(): boolean {
    return this.#data !== undefined;
  }

  /** The unfinished line so far. */
  get unfinishedLine(): Uint8Array {
    return this.#line;
  }

  /** Whether a `TERMINATE` has come right behind what was decoded last. */
  get isTerminateNext(): boolean {
    const rest = this.#chunk.subarray(this.#at, this.#end);
    return TERMINATE_WORD.every((byte, at) => byte === rest[at]);
  }

  /** What has come first, {@linkcode FIRST_BYTES} at most, until `forgetFirst` is called. */
  get first(): Uint8Array {
    return this.#first ?? NO_BYTES;
  }

  /** Keeps no longer what came first. */
  forgetFirst(): void {
    this.#first = undefined;
  }

  /**
   * Sets the next chunk, the first `length` bytes of a buffer; the one before must have been decoded
   * completely with `next`.
   */
  push(buffer: Uint8Array, length: number = buffer.length): void {
    this.#chunk = buffer;
    this.#at = 0;
    this.#end = length;
    if (!this.#first) return;
    const more = Math.min(length, FIRST_BYTES - this.#first.length);
    if (more > 0) this.#first = concat([this.#first, buffer.subarray(0, more)]);
  }

  /**
   * The next complete frame, or `undefined` when more bytes are needed.
   *
   * @throws {ProtocolError} If the bytes are not PW/1; every later call throws the same error.
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
   * Fast path: a data message that is complete in the chunk and in canonical form, as nearly all are on a
   * busy connection. Everything else takes the general path, which reports errors.
   */
  #wholeData(): Frame | undefined {
    if (this.#line.length > 0 || this.#data) return undefined;
    const chunk = this.#chunk;
    let at = this.#at;
    for (let i = 0; i < DATA_WORD.length; i++) if (chunk[at++] !== DATA_WORD[i]) return undefined;
    const seqEnd = endOfDigits(chunk, at);
    const lengthEnd = endOfDigits(chunk, seqEnd + 1);
    if (chunk[seqEnd] !== SPACE || chunk[lengthEnd] !== LF) return undefined;
    const seq = numberOfDigits(chunk, at, seqEnd);
    const length = numberOfDigits(chunk, seqEnd + 1, lengthEnd);
    const begin = lengthEnd + 1;
    const end = begin + length;
    // Behind the chunk's end are the bytes of an earlier one.
    if (!(end < this.#end && chunk[end] === LF)) return undefined;
    if (!(seq > 0 && length <= this.#maxMessageBytes)) return undefined;
    this.#at = end + 1;
    return { type: "DATA", seq, payload: chunk.subarray(begin, end) };
  }

  #nextLine(): Frame | undefined {
    if (this.#at === this.#end) {
      this.#chunk = NO_BYTES;
      return undefined;
    }
    const found = this.#chunk.indexOf(LF, this.#at);
    const end = found < this.#end ? found : -1;
    const piece = this.#chunk.subarray(this.#at, end < 0 ? this.#end : end);
    if (this.#line.length + piece.length >= MAX_LINE_BYTES) {
      throw new ProtocolError(
        `a line of more than ${MAX_LINE_BYTES} bytes: ${quoted(concat([this.#line, piece]))}`,
      );
    }
    if (end < 0) {
      this.#line = concat([this.#line, piece]);
      this.#at = this.#end;
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
    const end = Math.min(this.#end, this.#at + data.length - data.held);
    const piece = this.#chunk.subarray(this.#at, end);
    this.#at += piece.length;
    append(data, piece);
    if (data.held < data.length || !this.#dataEnd(data)) return undefined;
    this.#data = undefined;
    return { type: "DATA", seq: data.seq, payload: data.payload };
  }

  /** Consumes the line end after a data message; false if it has not arrived. */
  #dataEnd(data: PartialData): boolean {
    while (this.#at < this.#end) {
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

/** The index after the digits that begin at `from`. */
function endOfDigits(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at]! >= ZERO && bytes[at]! <= ZERO + 9) at++;
  return at;
}

/** The number that the digits denote; `NaN` if it is not canonical or has too many digits. */
function numberOfDigits(bytes: Uint8Array, from: number, end: number): number {
  const isWrong = end === from || end - from > MAX_DIGITS || bytes[from] === ZERO && end > from + 1;
  let value = isWrong ? NaN : 0;
  for (let at = from; at < end; at++) value = value * 10 + bytes[at]! - ZERO;
  return value;
}

/** A data message whose bytes have not all arrived. */
interface PartialData {
  readonly seq: number;
  readonly length: number;
  /** Buffer for the payload; of exactly the announced length once complete. */
  payload: Uint8Array;
  held: number;
  carriageReturn: boolean;
}

/** Copies bytes of the payload, because the chunk is the reader's buffer. */
function append(data: PartialData, piece: Uint8Array): void {
  const needed = data.held + piece.length;
  if (needed > data.payload.length) {
    // The buffer grows with what has arrived, not with what is announced: a peer cannot make it large by a
    // header alone. Doubling bounds the copying.
    const room = new Uint8Array(Math.min(data.length, Math.max(needed, 2 * data.payload.length)));
    room.set(data.payload.subarray(0, data.held));
    data.payload = room;
  }
  data.payload.set(piece, data.held);
  data.held = needed;
}
