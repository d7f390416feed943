/**
 * A connection that one worker has accepted and another one serves: both ends of the loan.
 *
 * @module
 */
import { type Connection, TransportError } from "../../platform/net/transport.ts";
import type { IoRequest, IoResult } from "./messages.ts";

type DeadlineListener = PromiseWithResolvers<IoResult>;

/** The connection, for the worker that serves it: each use of it is asked for. */
export class ForwardedConnection implements Connection {
  /** The peer's address and port, for people. */
  readonly peer: string;
  readonly #say: (use: IoRequest) => void;
  /** What is being waited for: of each use, one at a time. */
  readonly #waiting = new Map<IoResult["use"], DeadlineListener>();
  #isClosed = false;

  /** Makes it of the way to say how it is to be used. */
  constructor(peer: string, say: (use: IoRequest) => void) {
    this.peer = peer;
    this.#say = say;
  }

  /** Hears what came of a use. */
  onMessage(used: IoResult): void {
    const waiting = this.#waiting.get(used.use);
    this.#waiting.delete(used.use);
    if (!("failure" in used)) waiting?.resolve(used);
    else waiting?.reject(new TransportError(used.failure.kind, used.failure.text));
  }

  /** Reads some bytes. */
  async read(buffer: Uint8Array): Promise<number | null> {
    const used = await this.#use({ use: "read", size: buffer.length });
    if (!("bytes" in used) || used.bytes === null) return null;
    buffer.set(used.bytes);
    return used.bytes.length;
  }

  /** Writes some of the bytes. */
  async write(bytes: Uint8Array): Promise<number> {
    // A copy of a part would be one of the whole buffer.
    const used = await this.#use({ use: "write", bytes: bytes.slice() });
    return "count" in used ? used.count : 0;
  }

  /** Closes this side for writing. */
  async closeWrite(): Promise<void> {
    await this.#use({ use: "close_write" });
  }

  /** Closes both sides. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#say({ use: "close" });
    for (const waiting of this.#waiting.values()) waiting.reject(closedHere());
    this.#waiting.clear();
  }

  #use(what: Exclude<IoRequest, { use: "close" }>): Promise<IoResult> {
    if (this.#isClosed) return Promise.reject(closedHere());
    const waiting = Promise.withResolvers<IoResult>();
    this.#waiting.set(what.use, waiting);
    this.#say(what);
    return waiting.promise;
  }
}

/** The loan, for the worker that has accepted the connection: it does with it what is asked for. */
export class ForwardingEnd {
  /** Resolves when the connection is closed. */
  readonly over: Promise<void>;
  readonly #connection: Connection;
  readonly #say: (used: IoResult) => void;
  readonly #end: () => void;

  /** Lends a connection. */
  constructor(connection: Connection, say: (used: IoResult) => void) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.over = promise;
    this.#end = resolve;
    this.#connection = connection;
    this.#say = say;
  }

  /** Hears what is to be done. */
  onMessage(what: IoRequest): void {
    if (what.use === "close") {
      this.#connection.close();
      return this.#end();
    }
    this.#do(what).then(
      (used) => this.#say(used),
      (error) => {
        if (!(error instanceof TransportError)) throw error;
        const failure = { kind: error.kind, text: error.message };
        this.#say({ use: what.use, failure });
      },
    );
  }

  async #do(what: Exclude<IoRequest, { use: "close" }>): Promise<IoResult> {
    switch (what.use) {
      case "read": {
        const buffer = new Uint8Array(what.size);
        const count = await this.#connection.read(buffer);
        return { use: "read", bytes: count === null ? null : buffer.slice(0, count) };
      }
      case "write":
        return { use: "write", count: await this.#connection.write(what.bytes) };
      case "close_write":
        await this.#connection.closeWrite();
        return { use: "close_write" };
    }
  }
}

function closedHere(): TransportError {
  return new TransportError("closed", "closed here");
}
