/**
 * The client: dials, lives one session on the connection, and on the next one when that is lost.
 *
 * @module
 */
import { sleep } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";
import { formatAddress } from "../platform/net/address.ts";
import type { Connection } from "../platform/net/transport.ts";
import { type Random, randomId } from "../platform/random.ts";
import {
  type CloseReason,
  type ExitStatus,
  exitStatus,
  isRetryable,
} from "../session/close_reason.ts";
import { dial, type DialOptions } from "../session/dial.ts";
import { type EventSink, EventSource } from "../session/events.ts";
import { SessionState } from "../session/state.ts";
import type { Timers } from "../session/timers.ts";
import { Backoff } from "./backoff.ts";
import { ClientSession } from "./client_session.ts";
import { Outbox } from "./outbox.ts";
import type { DataSource } from "./source.ts";

/** What a client is made of. */
export interface ClientOptions extends DialOptions {
  /** The session's timers. */
  timers: Timers;
  /** What there is to send. */
  source: DataSource;
  /** How many data messages may be unconfirmed at a time. */
  window: number;
  /** The largest data message to accept, in bytes. */
  maxMessageBytes: number;
  /** How many data messages to send; for ever, or to the source's end, if not given. */
  count?: number;
  /** Whether to dial again after a loss: so many times in a row, for ever if 0. */
  reconnect?: { limit: number };
  /** Whether the server is an original one. */
  original?: boolean;
  /** How to recognize an original server, and to speak to one. */
  legacy?: LegacyClientProtocol;
  /** Fills bytes with randomness, for the session's id and for the waits before dialling again. */
  random: Random;
  /** Takes the session's events. */
  sink: EventSink;
  /** Takes each round-trip time, too. */
  roundTrips?: { add(rtt_ms: number): void };
}

/** An older protocol that a client speaks to an older server. */
export interface LegacyClientProtocol {
  /** Explains the first bytes of a server that speaks it; `undefined` of any other. */
  explainAnswer(first: Uint8Array): string | undefined;
  /** Makes a session on its first connection; it dials further ones itself. */
  openSession(options: LegacyClientSessionOptions): LegacyClientSession;
}

/** Options for {@linkcode LegacyClientProtocol.openSession}. */
export interface LegacyClientSessionOptions extends DialOptions {
  /** The session's timers. */
  timers: Timers;
  /** The session's state. */
  state: SessionState;
  /** The first connection. */
  connection: Connection;
  /** How many data messages to send, each confirmed; for ever if not given. */
  count?: number;
}

/** A client's session in an older protocol. */
export interface LegacyClientSession {
  /** Whether it is open. */
  readonly isOpen: boolean;
  /** Runs it until it ends, and closes its connections. */
  run(): Promise<CloseReason>;
  /** Ends it because this side's user wants it. */
  stop(reason: "done" | "shutdown"): void;
}

/** A client with one session to live. */
export class Client {
  readonly #options: ClientOptions;
  readonly #id: string;
  readonly #state: SessionState;
  readonly #outbox: Outbox;
  readonly #backoff: Backoff;
  readonly #stopping = new AbortController();
  #session?: ClientSession | LegacyClientSession;
  #connected_ms = 0;
  /** Whether the last connection ended so that nothing unconfirmed has been delivered. */
  #settled = false;

  /** Makes a client; nothing is sent until `run`. */
  constructor(options: ClientOptions) {
    this.#options = options;
    this.#id = randomId(options.random);
    const events = new EventSource(options.sink, options.clock, this.#id);
    this.#state = new SessionState({ ...options, events });
    this.#state.ledger.roundTrips = options.roundTrips;
    this.#outbox = new Outbox({ ...options, ledger: this.#state.ledger });
    this.#backoff = new Backoff(options.random);
  }

  /** Lives the session to its end, over as many connections as it takes. */
  async run(): Promise<ExitStatus> {
    let closeReason: CloseReason | undefined;
    do {
      if (closeReason && !this.#stopping.signal.aborted) await this.#pause(closeReason);
      closeReason = await this.#connect();
    } while (!this.#state.closeReason);
    this.#state.summarize(this.#options.source.rest?.());
    return exitStatus(closeReason, "client", this.#state.isOpen);
  }

  /** Whom it calls, for people. */
  get #peer(): string {
    const { host, port } = this.#options.address;
    return formatAddress(host, port);
  }

  /** Ends the session politely, in any state. */
  stop(reason: "done" | "shutdown"): void {
    this.#stopping.abort(reason);
    this.#session?.stop(reason);
  }

  /** Opens a connection and lives the session on it: how that ended. */
  async #connect(): Promise<CloseReason> {
    const { clock } = this.#options;
    const connection = await dial(this.#options, this.#stopping.signal);
    if ("reason" in connection) {
      if (!this.#survivesDisconnect(connection)) {
        this.#state.end(connection, this.#peer);
      }
      return connection;
    }
    this.#connected_ms = clock.now();
    const state = this.#state;
    const { legacy, original } = this.#options;
    this.#session = original && legacy
      ? legacy.openSession({ ...this.#options, connection, state })
      : new ClientSession({
        config: this.#options,
        connection,
        connected_ms: this.#connected_ms,
        state,
        id: this.#id,
        outbox: this.#outbox,
        reconnects: this.#options.reconnect !== undefined,
        resumes: this.#state.isOpen ? { settled: this.#settled } : undefined,
        survivesDisconnect: (closeReason) => this.#survivesDisconnect(closeReason),
      });
    const closeReason = await this.#session.run();
    if (this.#session.isOpen) this.#settled = isSettled(closeReason);
    this.#session = undefined;
    return closeReason;
  }

  /** Whether to dial again after a connection that ended, or could not be opened, like this. */
  #survivesDisconnect(closeReason: CloseReason): boolean {
    const { reconnect } = this.#options;
    if (!reconnect || this.#stopping.signal.aborted || !isRetryable(closeReason)) return false;
    // What came after the last sign of life was no health.
    const healthy_ms = this.#state.lastSignOfLife_ms - this.#connected_ms;
    if (this.#session?.isOpen) this.#backoff.wasHealthyFor(healthy_ms);
    const { limit } = reconnect;
    if (limit === 0 || this.#backoff.attempts < limit) return true;
    const text = `given up after ${limit} attempts in a row (reconnect_limit)`;
    this.#state.events.emit("notice", { level: "warning", text });
    return false;
  }

  async #pause({ reason, text }: CloseReason): Promise<void> {
    const { clock } = this.#options;
    const delay_ms = this.#backoff.next();
    const attempt = this.#backoff.attempts;
    this.#state.events.emit("reconnecting", {
      attempt,
      delay_ms,
      cause: reason,
      peer: this.#peer,
      ...reason === "failed" && { text },
    });
    using pause = new Deadline(clock, { signal: this.#stopping.signal });
    pause.moveTo(clock.now() + delay_ms);
    // When it is told to stop, dialling gives up at once.
    await sleep(pause).catch(() => {});
  }
}

/** Whether a server has said goodbye: it has then confirmed all that it will ever deliver. */
function isSettled({ by, reason }: CloseReason): boolean {
  return by === "peer" && reason === "shutdown";
}
