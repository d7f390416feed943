/**
 * The first bytes of a connection: read ahead, and what they identify.
 *
 * @module
 */
import { concat } from "../platform/bytes.ts";
import type { Connection } from "../platform/net/transport.ts";
import { FrameDecoder } from "../wire/decoder.ts";
import { type Hello, helloFields } from "../wire/hello.ts";
import { MAX_LINE_BYTES, PROTOCOL_VERSION, ProtocolError } from "../wire/protocol.ts";
import { type ReadAhead, SMALLEST_READ_BYTES } from "../wire/reader.ts";
import type { LegacyProtocol } from "./options.ts";

const LF = 0x0a;

/** Whether first bytes are enough to tell which protocol a connection speaks. */
export function identifiesProtocol(first: Uint8Array, legacy?: LegacyProtocol): boolean {
  return legacy?.isDecided(first) ?? true;
}

/** Whether first bytes are enough to tell, besides, which session a client of Pulsewire means. */
export function identifiesSession(first: Uint8Array, legacy?: LegacyProtocol): boolean {
  if (first.includes(LF)) return true;
  return legacy !== undefined && legacy.matches(first) && legacy.isDecided(first);
}

/** The `HELLO` of our version that first bytes begin with, if they do. */
export function parseHello(first: Uint8Array): Hello | undefined {
  try {
    const decoder = new FrameDecoder();
    decoder.push(first);
    const frame = decoder.next();
    const isOurs = frame?.type === "HELLO" && frame.version === PROTOCOL_VERSION;
    return isOurs ? helloFields(frame) : undefined;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return undefined;
  }
}

/** Reads ahead at the beginning; the first reads return the same bytes again. */
export class PeekedConnection implements Connection {
  readonly #connection: Connection;
  readonly #reading: Promise<ReadAhead | null>;
  /** The first bytes, once they have come. */
  #first?: ReadAhead;
  /** How many of them have been read again. */
  #readCount = 0;

  /** Starts to read the first bytes of a connection, as many as are enough. */
  constructor(connection: Connection, isEnough: (bytes: Uint8Array) => boolean = () => true) {
    this.#connection = connection;
    this.#reading = readUntil(isEnough, connection);
    // The first read rejects with a failure.
    this.#reading.then((first) => this.#first = first ?? undefined, () => {});
  }

  /** The peer's address and port, for people. */
  get peer(): string {
    return this.#connection.peer;
  }

  /** The first bytes, which stay unread; none if the connection ends before any. */
  async peek(): Promise<Uint8Array> {
    const first = await this.#reading.catch(() => null);
    return first ? bytesOf(first) : new Uint8Array(0);
  }

  /** The connection itself and its first bytes, for whoever reads all else; until they have come, this one. */
  taken(): { connection: Connection; first?: ReadAhead } {
    return this.#first
      ? { connection: this.#connection, first: this.#first }
      : { connection: this };
  }

  /** Reads some bytes, the first ones first. */
  async read(buffer: Uint8Array): Promise<number | null> {
    const first = await this.#reading;
    if (first === null) return null;
    const rest = bytesOf(first).subarray(this.#readCount, this.#readCount + buffer.length);
    if (rest.length === 0) return await this.#connection.read(buffer);
    buffer.set(rest);
    this.#readCount += rest.length;
    return rest.length;
  }

  /** Writes some of the bytes. */
  write(bytes: Uint8Array): Promise<number> {
    return this.#connection.write(bytes);
  }

  /** Closes this side for writing. */
  closeWrite(): Promise<void> {
    return this.#connection.closeWrite();
  }

  /** Closes both sides. */
  close(): void {
    this.#connection.close();
  }
}

function bytesOf({ buffer, count }: ReadAhead): Uint8Array {
  return buffer.subarray(0, count);
}

/** Reads until the bytes are enough, fill a line, or the peer closes: `null` if it does before any. */
async function readUntil(
  isEnough: (bytes: Uint8Array) => boolean,
  connection: Connection,
): Promise<ReadAhead | null> {
  let buffer = new Uint8Array(SMALLEST_READ_BYTES);
  let total = 0;
  do {
    const more = await connection.read(buffer.subarray(total));
    if (more === null) return total === 0 ? null : { buffer, count: total };
    total += more;
    if (isEnough(buffer.subarray(0, total))) break;
    if (total === buffer.length) buffer = concat([buffer, new Uint8Array(MAX_LINE_BYTES - total)]);
  } while (total < buffer.length);
  return { buffer, count: total };
}
