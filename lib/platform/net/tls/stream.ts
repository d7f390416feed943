/**
 * TLS by `node:tls` on a connection: for a server, and for a client with a certificate of its own.
 *
 * The handshake begins with the first read or write, so that whoever accepts a connection has it at once.
 *
 * @module
 */
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { tlsError } from "./errors.ts";
import { EncryptedStream } from "./encrypted_stream.ts";
import { afterTurn, type Clock } from "../../clock.ts";
import {
  type Connection,
  type KernelReceiver,
  type LinkFinding,
  type TlsFacts,
  type TlsRefusal,
  TransportError,
} from "../transport.ts";

/** How many bytes are encrypted at a time: each write may take less than it is given. */
const LARGEST_WRITE_BYTES = 65_536;

/** The type of the records of a handshake (RFC 8446, section 5.1). */
const HANDSHAKE = 0x16;

/** A fatal alert, `unexpected_message`, as a record in clear text. */
const NO_TLS_ALERT = new Uint8Array([0x15, 3, 3, 0, 2, 2, 10]);

/** What is known once a handshake is complete. */
export interface HandshakeResult {
  /** What both sides agreed on. */
  readonly facts: TlsFacts;
  /** Why the peer's certificate is not accepted, to be told to the peer. */
  readonly refusal?: TlsRefusal;
}

/** One side of TLS. */
export interface TlsSide {
  /** Begins the handshake on a stream of encrypted bytes. */
  begin(stream: Duplex): TLSSocket;
  /** The event of the socket with which the handshake is complete. */
  readonly completion: "secure" | "secureConnect";
  /** Judges the peer after the handshake; what it throws ends the connection. */
  judge(socket: TLSSocket): HandshakeResult;
  /** Translates an error of the socket. */
  translate(error: Error): TransportError;
}

/** A connection with TLS on another connection. */
export class TlsStreamConnection implements Connection {
  readonly #inner: Connection;
  readonly #side: TlsSide;
  readonly #stream: EncryptedStream;
  #socket?: TLSSocket;
  /** Resolves when the handshake is complete, or will not be. */
  #handshaking?: PromiseWithResolvers<void>;
  #result?: HandshakeResult;
  /** Decrypted bytes that nobody has read yet. */
  #rest?: Uint8Array;
  #wake?: () => void;
  #stopWriting?: () => void;
  /** Whether the peer has closed its side, before anything failed. */
  #hasEnded = false;
  #failure?: unknown;

  /** Takes a connection over; nothing is read or written until the first read or write. */
  constructor(inner: Connection, side: TlsSide) {
    this.#inner = inner;
    this.#side = side;
    this.#stream = new EncryptedStream(inner, () => this.#wants);
  }

  /** The peer's address and port, for display. */
  get peer(): string {
    return this.#inner.peer;
  }

  /** This side's address and port, for display. */
  get local(): string {
    return this.#inner.local;
  }

  /** What both sides agreed on, once the handshake is complete. */
  get tls(): TlsFacts | undefined {
    return this.#result?.facts;
  }

  /** Why the peer's certificate is not accepted, to be told to the peer. */
  get refusal(): TlsRefusal | undefined {
    return this.#result?.refusal;
  }

  /** The first bytes that came, until the handshake is complete. */
  get handshake(): Uint8Array | undefined {
    return this.#result ? undefined : this.#stream.first;
  }

  /** What is wrong with this host's own interface for it. */
  linkFault(clock: Clock): LinkFinding {
    return this.#inner.linkFault?.(clock);
  }

  /** What the kernel knows of it. */
  kernelView(clock: Clock, receiver: KernelReceiver): void {
    this.#inner.kernelView?.(clock, receiver);
  }

  /** Reads some bytes. */
  async read(buffer: Uint8Array): Promise<number | null> {
    if (!this.#result) await this.#handshake();
    for (;;) {
      const rest = this.#rest;
      if (rest) {
        const count = Math.min(rest.length, buffer.length);
        buffer.set(rest.subarray(0, count));
        this.#rest = count < rest.length ? rest.subarray(count) : undefined;
        return count;
      }
      if (this.#hasEnded) return null;
      if (this.#failure !== undefined) throw this.#failure;
      const more = new Promise<void>((resolve) => this.#wake = resolve);
      this.#socket!.resume();
      this.#stream.poll();
      await more;
      this.#wake = undefined;
    }
  }

  /** Encrypts and writes some of the bytes. */
  async write(bytes: Uint8Array): Promise<number> {
    if (!this.#result) await this.#handshake();
    if (this.#failure !== undefined) throw this.#failure;
    if (!this.#result) throw new TransportError("reset", "closed (FIN) in the TLS handshake");
    const taken = bytes.subarray(0, LARGEST_WRITE_BYTES);
    await new Promise<void>((resolve) => {
      this.#stopWriting = resolve;
      this.#socket!.write(taken, () => resolve());
    });
    // The socket does not report what became of its encrypted bytes.
    if (this.#failure !== undefined) throw this.#failure;
    return taken.length;
  }

  /** Sends `close_notify`, and closes this side for writing. */
  async closeWrite(): Promise<void> {
    if (this.#result && this.#failure === undefined) {
      await new Promise<void>((resolve) => this.#socket!.end(() => resolve()));
      await turn();
      await this.#stream.sent;
    }
    this.#stream.isShut = true;
    await this.#inner.closeWrite();
  }

  /** Closes both sides, without `close_notify`. */
  close(): void {
    this.#inner.close();
    this.#fail(new Deno.errors.Interrupted("closed here"));
    this.#stream.destroy();
    this.#socket?.destroy();
  }

  /** Whether encrypted bytes are to be read: `node:tls` itself takes all that come, without a bound. */
  get #wants(): boolean {
    if (!this.#result) return true;
    return this.#wake !== undefined && !this.#rest && this.#socket!.readableLength === 0;
  }

  #handshake(): Promise<void> {
    if (this.#handshaking) return this.#handshaking.promise;
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#handshaking = Promise.withResolvers();
    this.#stream.onceFailed = (failure) => this.#fail(failure);
    if (this.#side.completion === "secureConnect") this.#begin();
    else this.#beginWhenAsked();
    return this.#handshaking.promise;
  }

  /** Begins when the client has: who sends nothing, or no TLS, is to take little of a server. */
  async #beginWhenAsked(): Promise<void> {
    const first = await this.#stream.readAhead();
    if (first === null) return this.#end();
    if (first[0] === HANDSHAKE) return this.#begin();
    this.#stream.write(NO_TLS_ALERT);
    await this.#stream.sent;
    this.#fail(tlsError("TLS_NONE", undefined));
  }

  #begin(): void {
    const socket = this.#socket = this.#side.begin(this.#stream);
    socket.on("data", (bytes: Uint8Array) => {
      this.#rest = bytes;
      socket.pause();
      this.#wake?.();
    });
    socket.pause();
    socket.once("end", () => this.#end());
    // What went wrong is known a turn later.
    socket.once("close", () => void turn().then(() => this.#end()));
    socket.on("error", async (error: Error) => {
      // An alert that is to be sent is written at the end of this turn.
      await turn();
      await this.#stream.sent;
      this.#fail(this.#side.translate(error));
    });
    socket.once(this.#side.completion, () => this.#complete(socket));
  }

  #complete(socket: TLSSocket): void {
    try {
      this.#result = this.#side.judge(socket);
      this.#handshaking!.resolve();
    } catch (error) {
      this.#fail(error);
    }
  }

  #end(): void {
    this.#hasEnded ||= this.#failure === undefined;
    this.#handshaking?.resolve();
    this.#wake?.();
  }

  #fail(failure: unknown): void {
    this.#failure ??= failure;
    this.#handshaking?.resolve();
    this.#wake?.();
    this.#stopWriting?.();
  }
}

/** What the two sides of a socket agreed on. */
export function factsOf(socket: TLSSocket): TlsFacts {
  return { version: socket.getProtocol() ?? undefined, cipher: socket.getCipher().name };
}

function turn(): Promise<void> {
  return new Promise((resolve) => afterTurn(resolve));
}
