/**
 * A connection that one worker has accepted and another one serves: both ends of its forwarding.
 *
 * @module
 */
import type { Clock } from "../../platform/clock.ts";
import {
  type Connection,
  type KernelReceiver,
  type TlsFacts,
  type Transport,
  TransportError,
  transportError,
} from "../../platform/net/transport.ts";
import { type Accepted, errorOf, failureOf, type IoRequest, type IoResult } from "./messages.ts";

/** The end at the worker that serves the connection: sends each operation to the other end. */
export class ForwardedConnection implements Connection {
  /** The peer's address and port, for display. */
  readonly peer: string;
  /** This side's address and port, for display. */
  readonly local: string;
  /** What its TLS agreed on. */
  readonly tls?: TlsFacts;
  readonly #send: (request: IoRequest) => void;
  readonly #transport?: Transport;
  /** Pending operations, one of each kind at most. */
  readonly #pending = new Map<IoResult["use"], PromiseWithResolvers<IoResult>>();
  #isClosed = false;

  /**
   * Creates the end of a connection between two addresses; `send` sends a request to the other one, and the
   * transport looks it up in the kernel.
   */
  constructor(
    { local, peer, tls }: Accepted,
    send: (request: IoRequest) => void,
    transport?: Transport,
  ) {
    this.peer = peer;
    this.local = local;
    this.tls = tls;
    this.#transport = transport;
    this.#send = send;
  }

  /** The kernel knows the connection of the other end by the same addresses. */
  kernelView(clock: Clock, receiver: KernelReceiver): void {
    this.#transport?.kernelView?.(this, clock, receiver);
  }

  /** Handles the result of an operation. */
  onResult(result: IoResult): void {
    const pending = this.#pending.get(result.use);
    this.#pending.delete(result.use);
    if (!("failure" in result)) pending?.resolve(result);
    else pending?.reject(errorOf(result.failure));
  }

  /** What is wrong with this host's own interface, by the clock of the other end; nothing once it is closed. */
  async linkFault(): Promise<string | undefined> {
    const pending = this.#pending.get("link_fault")?.promise;
    const result = await (pending ?? this.#request({ use: "link_fault" })).catch(() => undefined);
    return result && "fault" in result ? result.fault : undefined;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    const result = await this.#request({ use: "read", size: buffer.length });
    if (!("bytes" in result) || result.bytes === null) return null;
    buffer.set(result.bytes);
    return result.bytes.length;
  }

  async write(bytes: Uint8Array): Promise<number> {
    // `postMessage` would copy the whole underlying buffer of a subarray.
    const result = await this.#request({ use: "write", bytes: bytes.slice() });
    return "count" in result ? result.count : 0;
  }

  async closeWrite(): Promise<void> {
    await this.#request({ use: "close_write" });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#send({ use: "close" });
    for (const pending of this.#pending.values()) pending.reject(closedHere());
    this.#pending.clear();
  }

  #request(request: Exclude<IoRequest, { use: "close" }>): Promise<IoResult> {
    if (this.#isClosed) return Promise.reject(closedHere());
    const pending = Promise.withResolvers<IoResult>();
    this.#pending.set(request.use, pending);
    this.#send(request);
    return pending.promise;
  }
}

/** The end at the worker that has accepted the connection: performs the operations. */
export class ForwardingEnd {
  readonly #closed = Promise.withResolvers<void>();
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void> = this.#closed.promise;
  readonly #connection: Connection;
  readonly #send: (result: IoResult) => void;
  readonly #clock: Clock;

  /** Creates the end of a connection; `send` sends a result to the other one. */
  constructor(connection: Connection, send: (result: IoResult) => void, clock: Clock) {
    this.#connection = connection;
    this.#send = send;
    this.#clock = clock;
  }

  /** Performs an operation. */
  onRequest(request: IoRequest): void {
    if (request.use === "close") {
      this.#connection.close();
      return this.#closed.resolve();
    }
    this.#perform(request).then(
      (result) => this.#send(result),
      (error) => {
        const failure = transportError(error);
        if (!(failure instanceof TransportError)) throw error;
        this.#send({ use: request.use, failure: failureOf(failure) });
      },
    );
  }

  async #perform(request: Exclude<IoRequest, { use: "close" }>): Promise<IoResult> {
    switch (request.use) {
      case "read": {
        const buffer = new Uint8Array(request.size);
        const count = await this.#connection.read(buffer);
        return { use: "read", bytes: count === null ? null : buffer.slice(0, count) };
      }
      case "write":
        return { use: "write", count: await this.#connection.write(request.bytes) };
      case "close_write":
        await this.#connection.closeWrite();
        return { use: "close_write" };
      case "link_fault": {
        const fault = await this.#connection.linkFault?.(this.#clock);
        return { use: "link_fault", ...fault !== undefined && { fault } };
      }
    }
  }
}

function closedHere(): TransportError {
  return new TransportError("closed", "closed here");
}
