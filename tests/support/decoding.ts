/**
 * Feeds bytes to a decoder in every manner, and says what must come of it.
 *
 * @module
 */
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { concat } from "../../lib/platform/bytes.ts";
import { FrameDecoder } from "../../lib/wire/decoder.ts";
import { encodeFrame } from "../../lib/wire/encoder.ts";
import { type Frame, ProtocolError } from "../../lib/wire/protocol.ts";

type FrameDecoderOptions = ConstructorParameters<typeof FrameDecoder>[0];

const encoder = new TextEncoder();
/** Inputs up to this length are cut in two at every place. */
const LONGEST_CUT = 2_048;

/** What came of feeding a decoder. */
export interface Decoded {
  /** Every frame, in order. */
  frames: Frame[];
  /** The text of the protocol error that ended it. */
  error: string | undefined;
  /** Whether bytes of an unfinished frame are held. */
  midFrame: boolean;
}

/** The bytes of texts, in UTF-8, and of bytes, one behind the other. */
export function bytesOf(...parts: (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  return concat(parts.map((part) => typeof part === "string" ? encoder.encode(part) : part));
}

/**
 * Feeds chunks to a new decoder until they are used up or one breaks the protocol.
 *
 * It overwrites each chunk after use, as a reader does with its buffer, and keeps copies only; an error must come again
 * at every later `next()`, whatever arrives.
 */
export function decode(
  chunks: Iterable<Uint8Array>,
  options?: FrameDecoderOptions,
): Decoded {
  const decoder = new FrameDecoder(options);
  const frames: Frame[] = [];
  let arrived = 0;
  for (const chunk of chunks) {
    const buffer = chunk.slice();
    decoder.push(buffer);
    arrived += buffer.length;
    try {
      for (let frame = decoder.next(); frame; frame = decoder.next()) {
        if (frames.push(copied(frame)) > arrived) throw new Error("frames without end");
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      assertFailsForEver(decoder, error);
      return { frames, error: error.message, midFrame: decoder.midFrame };
    }
    buffer.fill(0x21);
  }
  return { frames, error: undefined, midFrame: decoder.midFrame };
}

/** A payload may be part of the chunk. */
function copied(frame: Frame): Frame {
  return frame.type === "DATA" ? { ...frame, payload: frame.payload.slice() } : frame;
}

function assertFailsForEver(decoder: FrameDecoder, error: ProtocolError): void {
  assertStrictEquals(assertThrows(() => decoder.next()), error);
  decoder.push(bytesOf("\nHEARTBEAT 1\n"));
  assertStrictEquals(assertThrows(() => decoder.next()), error);
}

/** Asserts that bytes stand for frames, fed whole, byte by byte, cut, and with bytes left over. */
export function assertDecodes(
  input: string | Uint8Array,
  frames: Frame[],
  options?: FrameDecoderOptions,
): void {
  const bytes = bytesOf(input);
  const expected = { frames, error: undefined, midFrame: false };
  for (const [manner, chunks] of manners(bytes)) {
    assertEquals(decode(chunks, options), expected, manner);
  }
  const leftOver = { ...expected, midFrame: true };
  for (const [manner, chunks] of manners(bytesOf(bytes, "HEARTBEAT 7"))) {
    assertEquals(decode(chunks, options), leftOver, `with bytes left over, ${manner}`);
  }
  const next: Decoded = { ...expected, frames: [...frames, { type: "HEARTBEAT", n: 7 }] };
  for (const [manner, chunks] of manners(bytesOf(bytes, "HEARTBEAT 7\n"))) {
    assertEquals(decode(chunks, options), next, `with a frame behind, ${manner}`);
  }
}

/**
 * Asserts that bytes break the protocol, with this message: fed whole, byte by byte, cut, with frames
 * before and bytes left over. The message must fit into a `TERMINATE` as it is.
 */
export function assertBreaks(
  input: string | Uint8Array,
  message: string,
  options?: FrameDecoderOptions,
): void {
  const bytes = bytesOf(input);
  const before: Frame = { type: "CONFIRM", seq: 1 };
  for (const rest of ["", "HEARTBEAT 7\n"]) {
    for (const [manner, chunks] of manners(bytesOf("CONFIRM 1\n", bytes, rest))) {
      const { frames, error } = decode(chunks, options);
      assertEquals({ frames, error }, { frames: [before], error: message }, manner);
    }
  }
  const farewell: Frame = { type: "TERMINATE", reason: "protocol", text: message };
  assertEquals(decode([encodeFrame(farewell)]).frames, [farewell]);
}

/** The manners of feeding bytes: whole, byte by byte, and cut in two at every place. */
function* manners(bytes: Uint8Array): Iterable<[manner: string, chunks: Uint8Array[]]> {
  yield ["whole", [bytes]];
  yield ["byte by byte", Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))];
  for (let at = 0; at < Math.min(bytes.length, LONGEST_CUT); at++) {
    yield [`cut at ${at}`, [bytes.subarray(0, at), bytes.subarray(at)]];
  }
}
