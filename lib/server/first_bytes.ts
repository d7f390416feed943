/**
 * The first bytes of a connection: read ahead, and what they identify.
 *
 * @module
 */
import type { Connection } from "../platform/net/transport.ts";
import { FrameDecoder } from "../wire/codec.ts";
import { describeSent } from "../wire/foreign.ts";
import { type Hello, helloFields } from "../wire/hello.ts";
import { MAX_LINE_BYTES, PROTOCOL_VERSION, ProtocolError } from "../wire/protocol.ts";
import type { LegacyProtocol } from "./options.ts";
import type { Stranger } from "./strangers.ts";

const LF = 0x0a;

const HELLO_WORD = new TextEncoder().encode("HELLO ");

/** Whether first bytes are enough to tell which protocol a connection speaks. */
export function identifiesProtocol(first: Uint8Array, legacy?: LegacyProtocol): boolean {
  return legacy?.isDecided(first) ?? true;
}

/** Whether first bytes are enough to tell, besides, which session a client of Pulsewire means. */
export function identifiesSession(first: Uint8Array, legacy?: LegacyProtocol): boolean {
  if (first.includes(LF)) return true;
  return legacy !== undefined && legacy.matches(first) && legacy.isDecided(first);
}

/** Whether first bytes begin a `HELLO`, of any version, right or wrong. */
export function beginsHello(first: Uint8Array): boolean {
  return HELLO_WORD.every((byte, at) => byte === first[at]);
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
  /** The first bytes, until they have been read. */
  #first?: FirstRead & { count: Promise<number | null> };
  #readCount = 0;

  /** Starts to read the first bytes of a connection, as many as are enough. */
  constructor(connection: Connection, isEnough: (bytes: Uint8Array) => boolean = () => true) {
    this.#connection = connection;
    const first = { buffer: new Uint8Array(MAX_LINE_BYTES), received: 0 };
    this.#first = Object.assign(first, { count: readUntil(isEnough, connection, first) });
    // The first read rejects with it.
    this.#first.count.catch(() => {});
  }

  /** The peer's address and port, for people. */
  get peer(): string {
    return this.#connection.peer;
  }

  /** What has come of the first bytes, enough or not, as long as they have not been read. */
  get received(): Uint8Array {
    return this.#first?.buffer.subarray(0, this.#first.received) ?? new Uint8Array(0);
  }

  /** The first bytes, which stay unread; none if the connection ends before any. */
  async peek(): Promise<Uint8Array> {
    const { buffer, count } = this.#first!;
    return buffer.subarray(0, await count.catch(() => null) ?? 0);
  }

  /** This side's address and port, for people. */
  get local(): string {
    return this.#connection.local;
  }

  /** What is wrong with this host's own interface for it. */
  async linkFault(now_ms: number): Promise<string | undefined> {
    return await this.#connection.linkFault?.(now_ms);
  }

  /** Reads some bytes, the first ones first. */
  read(buffer: Uint8Array): Promise<number | null> {
    return this.#first ? this.#readFirst(this.#first, buffer) : this.#connection.read(buffer);
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

  async #readFirst(
    first: FirstRead & { count: Promise<number | null> },
    buffer: Uint8Array,
  ): Promise<number | null> {
    const count = await first.count;
    if (count === null) return null;
    const bytes = first.buffer.subarray(
      this.#readCount,
      Math.min(count, this.#readCount + buffer.length),
    );
    buffer.set(bytes);
    this.#readCount += bytes.length;
    if (this.#readCount === count) this.#first = undefined;
    return bytes.length;
  }
}

/** The stranger of a connection on which these bytes, or none, were read before its end. */
export function strangerOf(connection: Connection, first: Uint8Array): Stranger {
  // What is not enough for the dispatcher has been received all the same.
  const isPeeked = first.length === 0 && connection instanceof PeekedConnection;
  const sent = describeSent(isPeeked ? connection.received : first);
  return { peer: connection.peer, sent };
}

/** The buffer of the first bytes, and how many of them have come. */
interface FirstRead {
  readonly buffer: Uint8Array;
  received: number;
}

/** Reads until the bytes are enough, fill the buffer, or the peer closes: how many, or `null`. */
async function readUntil(
  isEnough: (bytes: Uint8Array) => boolean,
  connection: Connection,
  first: FirstRead,
): Promise<number | null> {
  const { buffer } = first;
  do {
    const count = await connection.read(buffer.subarray(first.received));
    if (count === null) return first.received || null;
    first.received += count;
  } while (first.received < buffer.length && !isEnough(buffer.subarray(0, first.received)));
  return first.received;
}
