/**
 * The client: opens a connection and lives one session on it.
 *
 * @module
 */
import { ClientSession } from "./client_session.ts";
import type { Clock } from "./clock.ts";
import { formatAddress } from "./address.ts";
import { type Ending, endingOfError, type ExitStatus, exitStatus } from "./ending.ts";
import { type EventSink, EventSource } from "./events.ts";
import type { Timers } from "./settings.ts";
import { type Address, type Connection, type Transport, TransportError } from "./transport.ts";
import { Deadline } from "./wait.ts";

/** How long, in milliseconds, opening the connection may take. */
export const CONNECT_LIMIT_MS = 10_000;

/** What a client is made of. */
export interface ClientOptions {
  /** Whom to call. */
  address: Address;
  /** The session's timers. */
  timers: Timers;
  /** What each data message says. */
  payload: Uint8Array;
  /** The largest data message to accept, in bytes. */
  maxMessageBytes: number;
  /** How many data messages to send; for ever if not given. */
  count?: number;
  /** The network. */
  transport: Transport;
  /** Time. */
  clock: Clock;
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
  #session?: ClientSession;

  /** Makes a client; nothing is sent until `run`. */
  constructor(options: ClientOptions) {
    this.#options = options;
    this.#id = newSessionId(options.random);
    this.#events = new EventSource(options.sink, options.clock, this.#id);
  }

  /** Connects, and lives the session to its end. */
  async run(): Promise<ExitStatus> {
    const connection = await this.#connect();
    if ("reason" in connection) return exitStatus(connection, "client", false);
    const session = new ClientSession({
      ...this.#options,
      connection,
      id: this.#id,
      events: this.#events,
    });
    this.#session = session;
    return exitStatus(await session.run(), "client", session.isOpen);
  }

  /** Ends the session politely, or gives up opening it. */
  stop(reason: "done" | "shutdown"): void {
    this.#stopping.abort(reason);
    this.#session?.stop(reason);
  }

  async #connect(): Promise<Connection | Ending> {
    const { address, clock, transport } = this.#options;
    using limit = new Deadline(clock, { signal: this.#stopping.signal });
    limit.moveTo(clock.now() + CONNECT_LIMIT_MS, { again_ms: CONNECT_LIMIT_MS });
    try {
      return await transport.connect(address, { signal: limit.signal });
    } catch (error) {
      const ending = this.#stopping.signal.aborted
        ? { by: "self", reason: this.#stopping.signal.reason, text: "" } as const
        : connectEnding(error);
      this.#events.emit("terminated", {
        ...ending,
        peer: formatAddress(address.host, address.port),
        detected_after_ms: null,
        detected_since: null,
        predicted_ms: null,
        silent_ms: null,
      });
      return ending;
    }
  }
}

function connectEnding(error: unknown): Ending {
  const ending = endingOfError(error);
  const unanswered = error instanceof TransportError && error.kind === "unanswered";
  return unanswered ? { ...ending, text: "the connection was not answered" } : ending;
}

function newSessionId(random: (bytes: Uint8Array) => void): string {
  const bytes = new Uint8Array(8);
  random(bytes);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
