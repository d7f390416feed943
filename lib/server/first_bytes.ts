/**
 * The first bytes of a connection: read ahead, and what they identify.
 *
 * @module
 */
import { concat } from "../platform/bytes.ts";
import type { Clock } from "../platform/clock.ts";
import type {
  Connection,
  KernelReceiver,
  LinkFinding,
  TlsFacts,
  TlsRefusal,
} from "../platform/net/transport.ts";
import { FrameDecoder } from "../wire/decoder.ts";
import { describeSent } from "../wire/foreign.ts";
import { type Hello, helloFields } from "../wire/hello.ts";
import { type Frame, MAX_LINE_BYTES, PROTOCOL_VERSION, ProtocolError } from "../wire/protocol.ts";
import { type ReadAhead, SMALLEST_READ_BYTES } from "../wire/reader.ts";
import type { CloseReason } from "../session/close_reason.ts";
import type { Limit } from "../session/events.ts";
import type { LegacyProtocol, Stranger } from "./options.ts";

const LF = 0x0a;

const HELLO_WORD = new TextEncoder().encode("HELLO ");

/** Whether first bytes are enough to tell which protocol a connection speaks, and whether its session is to be idle. */
export function identifiesProtocol(first: Uint8Array, legacy?: LegacyProtocol): boolean {
  if (beginsHello(first)) return first.includes(LF);
  return legacy?.isDecided(first) ?? true;
}

/** What follows the first line. */
export function behindFirstLine(first: Uint8Array): Uint8Array {
  return first.subarray(first.indexOf(LF) + 1);
}

/** Whether first bytes are enough to tell, besides, which session a client of Pulsewire means. */
export function identifiesSession(first: Uint8Array, legacy?: LegacyProtocol): boolean {
  if (first.includes(LF)) return true;
  return legacy !== undefined && legacy.matches(first) && legacy.isDecided(first);
}

/** Whether first bytes begin a `HELLO`, of any version, right or wrong. */
function beginsHello(first: Uint8Array): boolean {
  return HELLO_WORD.every((byte, at) => byte === first[at]);
}

/** The `HELLO` of our version that first bytes begin with, if they do. */
export function parseHello(first: Uint8Array): Hello | undefined {
  const frame = parseFirst(first);
  const isOurs = frame?.type === "HELLO" && frame.version === PROTOCOL_VERSION;
  return isOurs ? helloFields(frame) : undefined;
}

/** The frame that bytes begin with, if they do. */
export function parseFirst(bytes: Uint8Array): Frame | undefined {
  try {
    const decoder = new FrameDecoder();
    decoder.push(bytes);
    return decoder.next();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return undefined;
  }
}

/** Reads ahead at the beginning; the first reads return the same bytes again. */
export class PeekedConnection implements Connection {
  readonly #connection: Connection;
  /** What has come of the first bytes, be it enough or not. */
  readonly #first = { buffer: new Uint8Array(SMALLEST_READ_BYTES), count: 0 };
  /** Whether there are any, once they are enough. */
  #reading: Promise<boolean>;
  #isEnough = false;
  #hasEnded = false;
  /** How many of them have been read again. */
  #readCount = 0;

  /** Starts to read the first bytes of a connection, as many as are enough. */
  constructor(connection: Connection, isEnough: (bytes: Uint8Array) => boolean = () => true) {
    this.#connection = connection;
    this.#reading = readUntil(isEnough, connection, this.#first);
    // The first read rejects with a failure.
    this.#reading.then((isEnough) => {
      this.#isEnough = isEnough;
      this.#hasEnded = !isEnough;
    }, () => {});
  }

  /** The peer's address and port, for people. */
  get peer(): string {
    return this.#connection.peer;
  }

  /** What has come of the first bytes, enough or not. */
  get received(): Uint8Array {
    return bytesOf(this.#first);
  }

  /** Whether the peer has closed its side before any byte came. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The connection that it reads. */
  get source(): Connection {
    return this.#connection;
  }

  /**
   * Sends a question about the first line, and reads on until a line has come behind that, or the peer closes.
   * All stays unread: what came is in `received`.
   */
  async ask(question: Uint8Array): Promise<void> {
    const start = this.received.indexOf(LF) + 1;
    const isEnough = (bytes: Uint8Array) => bytes.includes(LF, start);
    this.#isEnough = false;
    this.#reading = this.#reading.then((hasFirst) =>
      hasFirst && (isEnough(this.received) ||
        readUntil(isEnough, this.#connection, this.#first, start + MAX_LINE_BYTES))
    );
    this.#reading.then((isEnough) => this.#isEnough = isEnough, () => {});
    // If that fails, so does reading.
    writeWhole(this.#connection, question).catch(() => {});
    await this.#reading;
  }

  /** Takes the answer to a question, the line behind the first one, out of what is read. */
  dropAnswer(): void {
    const { buffer, count } = this.#first;
    const start = buffer.indexOf(LF) + 1;
    const end = buffer.indexOf(LF, start) + 1;
    buffer.copyWithin(start, end, count);
    this.#first.count -= end - start;
  }

  /** The first bytes, which stay unread; none if the connection ends before any. */
  async peek(): Promise<Uint8Array> {
    return await this.#reading.catch(() => false) ? this.received : new Uint8Array(0);
  }

  /** The connection itself and its first bytes, for whoever reads all else; until they have come, this one. */
  taken(): { connection: Connection; first?: ReadAhead } {
    return this.#isEnough
      ? { connection: this.#connection, first: this.#first }
      : { connection: this };
  }

  /** This side's address and port, for people. */
  get local(): string {
    return this.#connection.local;
  }

  /** What its TLS agreed on. */
  get tls(): TlsFacts | undefined {
    return this.#connection.tls;
  }

  /** Why the client's certificate is not accepted. */
  get refusal(): TlsRefusal | undefined {
    return this.#connection.refusal;
  }

  /** The first bytes of a TLS handshake that is not complete. */
  get handshake(): Uint8Array | undefined {
    return this.#connection.handshake;
  }

  /** What is wrong with this host's own interface for it. */
  linkFault(clock: Clock): LinkFinding {
    return this.#connection.linkFault?.(clock);
  }

  /** What the kernel knows of it. */
  kernelView(clock: Clock, receiver: KernelReceiver): void {
    this.#connection.kernelView?.(clock, receiver);
  }

  /** Reads some bytes, the first ones first. */
  async read(buffer: Uint8Array): Promise<number | null> {
    if (!await this.#reading) return null;
    const rest = this.received.subarray(this.#readCount, this.#readCount + buffer.length);
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

/** The connection itself, of one that may have been read ahead. */
export function sourceOf(connection: Connection): Connection {
  return connection instanceof PeekedConnection ? connection.source : connection;
}

/** Whether a connection that ended with these first bytes and no `HELLO` was a client's all the same. */
export function isOfClient({ reason }: CloseReason, first: Uint8Array): boolean {
  return reason === "failed" || reason === "protocol" && beginsHello(first);
}

/** The limit for which a connection ended before its `HELLO`: this side closes one only to make room. */
export function limitOf({ by, reason }: CloseReason): Limit | undefined {
  return by === "network" && reason === "closed" ? "max_unopened" : undefined;
}

/** What was sent to a port for TLS instead of a handshake, or of one that was not completed. */
function describeHandshake(first: Uint8Array): string {
  if (beginsHello(first)) return "no_tls";
  const sent = describeSent(first);
  return sent === "tls" ? "tls_unfinished" : sent;
}

/**
 * The stranger of a connection on which these bytes, or none, were read before its end, perhaps for a limit, or
 * because it proved no key; by the code of that end, if it has one.
 */
export function strangerOf(
  connection: Connection,
  first: Uint8Array,
  { code, failure, limit }: { code?: string; failure?: string; limit?: Limit },
): Stranger {
  const { handshake, peer, refusal } = connection;
  if (limit) return { peer, limit };
  if (refusal) return { peer, sent: refusal.code.toLowerCase() };
  if (handshake && code === "TLS_DISTRUSTED") return { peer, sent: "tls_distrust" };
  if (handshake) return { peer, sent: describeHandshake(handshake) };
  if (failure !== undefined) return { peer, sent: failure };
  // What is not enough for the dispatcher has been received all the same.
  const isPeeked = first.length === 0 && connection instanceof PeekedConnection;
  return { peer, sent: describeSent(isPeeked ? connection.received : first) };
}

/** Reads until the bytes are enough, are as many as may be, or the peer closes: false if it does before any. */
async function readUntil(
  isEnough: (bytes: Uint8Array) => boolean,
  connection: Connection,
  first: { buffer: Uint8Array<ArrayBuffer>; count: number },
  most = MAX_LINE_BYTES,
): Promise<boolean> {
  do {
    if (first.count === first.buffer.length) {
      first.buffer = concat([first.buffer, new Uint8Array(most - first.count)]);
    }
    const more = await connection.read(first.buffer.subarray(first.count));
    if (more === null) return first.count > 0;
    first.count += more;
  } while (!isEnough(bytesOf(first)) && first.count < most);
  return true;
}

async function writeWhole(connection: Connection, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(await connection.write(rest));
}
