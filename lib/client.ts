/**
 * The client: opens a connection and lives one session on it.
 *
 * @module
 */
import { formatAddress } from "./address.ts";
import { ClientSession } from "./client_session.ts";
import { dial, type DialOptions } from "./dial.ts";
import { type Ending, type ExitStatus, exitStatus } from "./ending.ts";
import { type EventSink, EventSource } from "./events.ts";
import { OriginalClientSession } from "./original_client_session.ts";
import { randomId } from "./random_id.ts";
import type { Timers } from "./settings.ts";
import { verdict } from "./verdict.ts";

/** What a client is made of. */
export interface ClientOptions extends DialOptions {
  /** The session's timers. */
  timers: Timers;
  /** What each data message says. */
  payload: Uint8Array;
  /** The largest data message to accept, in bytes. */
  maxMessageBytes: number;
  /** How many data messages to send; for ever if not given. */
  count?: number;
  /** Whether the server is an original one. */
  original?: boolean;
  /** Fills bytes with randomness, for the session's id. */
  random: (bytes: Uint8Array) => void;
  /** Takes the session's events. */
  sink: EventSink;
}

/** A client with one session to live. */
export class Client {
  readonly #options: ClientOptions;
  readonly #id: string;
  readonly #events: EventSource;
  readonly #stopping = new AbortController();
  #session?: ClientSession | OriginalClientSession;

  /** Makes a client; nothing is sent until `run`. */
  constructor(options: ClientOptions) {
    this.#options = options;
    this.#id = randomId(options.random);
    this.#events = new EventSource(options.sink, options.clock, this.#id);
  }

  /** Connects, and lives the session to its end. */
  async run(): Promise<ExitStatus> {
    const connection = await dial(this.#options, this.#stopping.signal);
    if ("reason" in connection) return this.#unconnected(connection);
    const parts = { ...this.#options, connection, id: this.#id, events: this.#events };
    const session = this.#options.original
      ? new OriginalClientSession(parts)
      : new ClientSession(parts);
    this.#session = session;
    return exitStatus(await session.run(), "client", session.isOpen);
  }

  /** Ends the session politely, or gives up opening it. */
  stop(reason: "done" | "shutdown"): void {
    this.#stopping.abort(reason);
    this.#session?.stop(reason);
  }

  /** Tells of an end before any session was open. */
  #unconnected(ending: Ending): ExitStatus {
    const { address, clock, timers } = this.#options;
    const peer = formatAddress(address.host, address.port);
    this.#events.emit("terminated", verdict(ending, { peer, timers, now_ms: clock.now() }));
    return exitStatus(ending, "client", false);
  }
}
