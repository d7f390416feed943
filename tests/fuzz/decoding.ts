/**
 * Checks the decoder alone on what an exchange sends: it gives the same, however the bytes are cut.
 *
 * @module
 */
import { concat } from "../../lib/platform/bytes.ts";
import { FrameDecoder } from "../../lib/wire/decoder.ts";
import { ProtocolError } from "../../lib/wire/protocol.ts";
import type { Exchange } from "./exchange.ts";
import { expect } from "./finding.ts";

/** How large each piece is, of a second reading of the same bytes. */
const PIECES = [1, 2, 3, 7, 64, 1_000];

/** Reads what is sent on each connection whole, and in pieces. */
export function checkDecoder(exchange: Exchange): void {
  const connections = new Map<number, Uint8Array[]>();
  for (const step of exchange) {
    if (!("bytes" in step)) continue;
    connections.set(step.on, [...connections.get(step.on) ?? [], step.bytes]);
  }
  for (const said of connections.values()) {
    const bytes = concat(said);
    const size = PIECES[bytes.length % PIECES.length]!;
    const [whole, cut] = [decode(bytes, bytes.length), decode(bytes, size)];
    expect(whole === cut, () => `decoded whole: ${whole}\nand in pieces of ${size}: ${cut}`);
  }
}

/** The frames, and the error if there is one, as a text. */
function decode(bytes: Uint8Array, size: number): string {
  const decoder = new FrameDecoder({ maxMessageBytes: 20_000 });
  const frames: string[] = [];
  try {
    for (let at = 0; at < bytes.length; at += size) {
      decoder.push(bytes.subarray(at, at + size));
      for (let frame = decoder.next(); frame; frame = decoder.next()) {
        const { payload, ...fields } = { payload: undefined, ...frame };
        frames.push(JSON.stringify(fields) + (payload ? sumOf(payload) : ""));
      }
    }
    return `${frames.join("\n")} ${decoder.midFrame}`;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return `${frames.join("\n")} ${error.message}`;
  }
}

function sumOf(bytes: Uint8Array): number {
  let sum = bytes.length;
  for (const byte of bytes) sum = (sum * 31 + byte) | 0;
  return sum;
}
