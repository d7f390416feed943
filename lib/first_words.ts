/**
 * What the first bytes of a connection tell: who calls, and for what.
 *
 * @module
 */
import { FrameDecoder } from "./codec.ts";
import { type Hello, helloOf } from "./greeting.ts";
import { beginsOriginal, ORIGINAL_TEXT, type OriginalPurpose } from "./original_wire.ts";
import { PROTOCOL_VERSION, ProtocolError } from "./protocol.ts";

const LF = 0x0a;

/** Whether first bytes are enough to tell a message of an original client from all else. */
export function tellsWire(first: Uint8Array): boolean {
  const message = beginsOriginal(first);
  return message === undefined || first.length >= ORIGINAL_TEXT[message].length;
}

/** Whether first bytes are enough to tell, besides, which session a client of Pulsewire means. */
export function tellsSession(first: Uint8Array): boolean {
  return first.includes(LF) || (purposeOf(first) !== undefined && tellsWire(first));
}

/** What a connection of an original client is for; `undefined` if it is of none. */
export function purposeOf(first: Uint8Array): OriginalPurpose | undefined {
  const message = beginsOriginal(first);
  return message === "data" || message === "heartbeat" ? message : undefined;
}

/** The `HELLO` of our version that first bytes begin with, if they do. */
export function helloIn(first: Uint8Array): Hello | undefined {
  try {
    const decoder = new FrameDecoder();
    decoder.push(first);
    const frame = decoder.next();
    const isOurs = frame?.type === "HELLO" && frame.version === PROTOCOL_VERSION;
    return isOurs ? helloOf(frame) : undefined;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return undefined;
  }
}
