/**
 * The client: one session, over as many connections as it takes.
 *
 * The room: `client_session.ts` runs the session on one connection, which `opening.ts` opens; `outbox.ts` holds what is sent and
 * not confirmed, across connections; `source.ts` and `stdin_lines.ts` supply the data messages;
 * `backoff.ts` gives the delay before a reconnect; `load.ts` runs many clients and totals their results.
 * The entry point `client.ts` calls it, and passes in network, clock and randomness.
 * It must never know flags or files, nor how events are shown, and imports nothing of `server/`.
 *
 * @module
 */
import { sleep } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";
import { formatAddress } from "../platform/net/address.ts";
import { mayPass } from "../platform/net/error_text.ts";
import type { Connection } from "../platform/net/transport.ts";
import type { SessionWatch, WatchedSession } from "../monitor/watch.ts";
import { type Random, randomId } from "../platform/secrets.ts";
import {
  type CloseReason,
  type ExitStatus,
  exitStatus,
  isRetryable,
} from "../session/close_reason.ts";
import { dial, type DialOptions } from "../session/connection.ts";
import { type EventSink, EventSource } from "../session/events.ts";
import { SessionState } from "../session/state.ts";
import { type NextStep, NO_ANSWER, type Timers } from "../session/timers.ts";
import type { Key } from "../wire/proof.ts";
import { Backoff } from "./backoff.ts";
import { ClientSession } from "./client_session.ts";
import type { Identity } from "./opening.ts";
import { Outbox, type OutboxOptions, type SentMessage } from "./outbox.ts";

/** Options for {@linkcode Client}. */
export interface ClientOptions extends DialOptions, Omit<OutboxOptions, "ledger"> {
  /** The session's timers. */
  timers: Timers;
  /** The largest data message to accept, in bytes. */
  maxMessageBytes: number;
  /** Whether to reconnect after a loss: at most `limit` attempts in a row, without a limit if 0. */
  reconnect?: { limit: number };
  /**
   * Gives the key that the client proves, and that the server has to prove, for each connection; without one,
   * neither does.
   */
  key?: () => Key;
  /** Whether the server is an original one. */
  original?: boolean;
  /** How to recognize an original server, and to speak to one. */
  legacy?: LegacyClientProtocol;
  /** Fills bytes with randomness, for the session's id and for the delays before a reconnect. */
  random: Random;
  /** Receives the session's events. */
  sink: EventSink;
  /** Receives each round-trip time, too. */
  roundTrips?: { add(rtt_ms: number): void };
  /** Reads the session while it runs, for a monitor. */
  watch?: SessionWatch;
}

/** An older protocol that a client speaks to an older server. */
export interface LegacyClientProtocol {
  /** Explains the first bytes of a server that speaks it; `undefined` of any other. */
  explainAnswer(first: Uint8Array): string | undefined;
  /** Makes a session on its first connection; it dials further ones itself. */
  openSession(options: LegacyClientSessionOptions): LegacyClientSession;
}

/** Options for {@linkcode LegacyClientProtocol.openSession}. */
export interface LegacyClientSessionOptions
  extends DialOptions, Pick<ClientOptions, "timers" | "count"> {
  /** The session's state. */
  state: SessionState;
  /** The first connection. */
  connection: Connection;
}

/** A client's session in an older protocol. */
export type LegacyClientSession = Pick<ClientSession, "isOpen" | "next" | "run" | "stop">;

/** A client with one session. To be run once. */
export class Client implements WatchedSession {
  readonly #options: ClientOptions;
  readonly #id: string;
  /** The session's state. */
  readonly state: SessionState;
  readonly #outbox: Outbox;
  readonly #backoff: Backoff;
  readonly #identity: Identity;
  readonly #stopping = new AbortController();
  #session?: LegacyClientSession;
  #connected_ms = 0;
  /** Whether the session was open on the last connection. */
  #wasOpened = false;
  /** What was confirmed before the present connection. */
  #confirmedBefore = 0;
  /** Connections in a row on which a data message was sent and nothing was confirmed. */
  #fruitless = 0;
  /** When it dials again; set only while it waits for that. */
  declare protected redial?: Deadline;
  /** Whether the server's last frame was `TERMINATE shutdown`: all that it will confirm, it has. */
  #settled = false;

  /** Makes a client; nothing is sent until `run`. */
  constructor(options: ClientOptions) {
    const { clock, count, key, random, sink, source, timers, window } = options;
    this.#options = options;
    this.#identity = { key, random };
    this.#id = randomId(random);
    const events = new EventSource(sink, clock, this.#id);
    // A client without an interval sends heartbeats when it has had nothing to send for so long.
    const dataPause_ms = source.interval_ms ?? timers.data_threshold_ms;
    const pace = source.interval_ms === undefined ? "heartbeats" : "interval";
    this.state = new SessionState({ clock, timers, events, dataPause_ms, pace });
    if (key) events.who = key().name;
    const { ledger } = this.state;
    ledger.roundTrips = options.roundTrips;
    this.#outbox = new Outbox({ source, window, count, ledger });
    options.watch?.add(this);
    this.#backoff = new Backoff(random);
  }

  /**
   * Runs the session to its end, and emits its summary.
   *
   * @throws Only for a defect of this program.
   */
  async run(): Promise<ExitStatus> {
    let closeReason: CloseReason | undefined;
    do {
      if (closeReason && !this.#stopping.signal.aborted) await this.#waitToReconnect(closeReason);
      closeReason = await this.#connect();
    } while (!this.state.closeReason);
    this.state.summarize(this.#options.source.rest?.());
    return exitStatus(closeReason, "client", this.state.isOpen);
  }

  /** Ends the session in order, in any state. */
  stop(reason: "done" | "shutdown"): void {
    this.#stopping.abort(reason);
    const isCut = reason === "done" && this.state.isSilent;
    const text = isCut ? `${TIME_OVER} while the path is silent` : "";
    this.#session?.stop(reason, text);
  }

  /** What happens next, if nothing is received. */
  get next(): NextStep | undefined {
    if (this.#session) return this.#session.next;
    return this.redial && { what: "dial", at_ms: this.redial.due_ms };
  }

  /** Everything up to this sequence number is confirmed. */
  get confirmedUpTo(): number {
    return this.state.ledger.confirmedUpTo;
  }

  /** The server's address, for people. */
  get peer(): string {
    const { host, port } = this.#options.address;
    return formatAddress(host, port);
  }

  /** Opens a connection and runs the session on it: returns how that ended. */
  async #connect(): Promise<CloseReason> {
    const { address, clock, count, legacy, original, timers, transport } = this.#options;
    this.#wasOpened = false;
    const connection = await dial({ address, clock, transport }, this.#stopping.signal);
    if ("reason" in connection) {
      if (!this.#onDisconnect(connection)) this.#endUnconnected(connection);
      return connection;
    }
    this.#connected_ms = clock.now();
    this.#confirmedBefore = this.state.ledger.confirmedUpTo;
    const state = this.state;
    this.#session = original && legacy
      ? legacy.openSession({ address, clock, count, timers, transport, connection, state })
      : this.#newSession(connection);
    const running = this.#session.run();
    // A signal may have come since the dial ended.
    if (this.#stopping.signal.aborted) this.stop(this.#stopping.signal.reason);
    const closeReason = await running;
    const { by, reason } = closeReason;
    this.#wasOpened = this.#session.isOpen;
    if (this.#wasOpened) this.#settled = by === "peer" && reason === "shutdown";
    this.#session = undefined;
    return closeReason;
  }

  #endUnconnected(closeReason: CloseReason): void {
    const isCut = closeReason.reason === "done" && this.state.isOpen;
    const text = isCut ? `${TIME_OVER} while there is no connection` : closeReason.text;
    this.state.end({ ...closeReason, text }, { peer: this.peer });
  }

  #newSession(connection: Connection): ClientSession {
    const { clock, legacy, maxMessageBytes, reconnect, timers } = this.#options;
    return new ClientSession({
      config: { clock, legacy, maxMessageBytes, timers },
      connection,
      connected_ms: this.#connected_ms,
      state: this.state,
      id: this.#id,
      outbox: this.#outbox,
      reconnects: reconnect !== undefined,
      identity: this.#identity,
      resumes: this.state.isOpen ? { settled: this.#settled } : undefined,
      survivesDisconnect: (closeReason) => this.#onDisconnect(closeReason),
    });
  }

  /**
   * A connection has ended, or could not be opened: updates the back-off, warns if it is exhausted, and
   * returns whether the client reconnects.
   */
  #onDisconnect(closeReason: CloseReason): boolean {
    const { reconnect } = this.#options;
    this.state.noteSuspension();
    if (!reconnect || this.#stopping.signal.aborted || !isRetryable(closeReason)) return false;
    if (this.#session?.isOpen) this.#rateConnection();
    const { limit } = reconnect;
    if (limit === 0 || this.#backoff.attempts < limit) return true;
    const attempts = limit === 1 ? "1 attempt" : `${limit} attempts in a row`;
    const text = `given up after ${attempts} (reconnect_limit)`;
    this.state.events.emit("notice", { level: "warning", text });
    return false;
  }

  /**
   * Resets the attempts if the lost connection was of use. Neither silence after the last sign of life
   * nor signs of life of a server that confirms nothing are healthy time.
   */
  #rateConnection(): void {
    const { oldest } = this.#outbox;
    const last_ms = Math.min(this.state.lastSignOfLife_ms, oldest?.sent_ms ?? Infinity);
    const confirmed = this.state.ledger.confirmedUpTo - this.#confirmedBefore;
    this.#backoff.connectionLost({ healthy_ms: last_ms - this.#connected_ms, confirmed });
    if (confirmed > 0 || !oldest) this.#fruitless = 0;
    else if (oldest.sent_ms >= this.#connected_ms && isRepetition(++this.#fruitless)) {
      this.#warnOfNoProgress(oldest);
    }
  }

  #warnOfNoProgress({ payload, seq }: SentMessage): void {
    const bytes = payload.length === 1 ? "1 byte" : `${payload.length} bytes`;
    const text = `${this.#fruitless} connections in a row opened and confirmed nothing: ` +
      `data message ${seq}, of ${bytes}, was sent on each. Look next: ` +
      "is the message too large for the rate of the path, or does the path drop packets above a " +
      "size (an MTU black hole), so that small frames pass and large ones never do?";
    this.state.events.emit("notice", { level: "warning", text });
  }

  async #waitToReconnect(closeReason: CloseReason): Promise<void> {
    const { clock } = this.#options;
    const delay_ms = this.#backoff.next();
    const text = retryText(closeReason, this.#wasOpened);
    this.state.events.emit("reconnecting", {
      attempt: this.#backoff.attempts,
      delay_ms,
      cause: closeReason.reason,
      peer: this.peer,
      ...text !== undefined && { text },
    });
    using pause = new Deadline(clock, { signal: this.#stopping.signal });
    pause.moveTo(clock.now() + delay_ms);
    this.redial = pause;
    // If it is stopped meanwhile, the next dial gives up at once.
    await sleep(pause).catch(() => {});
    this.redial = undefined;
  }
}

/** What more than its cause is known of a connection that was lost, or not opened; `undefined` if nothing. */
function retryText(closeReason: CloseReason, wasOpened: boolean): string | undefined {
  const { by, code, reason, text } = closeReason;
  if (mayPass(code)) return `the server is not trusted: ${text}`;
  if (reason === "failed") return `the connection failed: ${text}`;
  if (reason === "unreachable") return `the server is unreachable: ${text}`;
  if (reason === "full") return `the server has no room: ${text}`;
  if (by === "peer" && reason === "silent") {
    return "the server heard nothing from this side in time";
  }
  if (wasOpened) return undefined;
  if (reason === "closed") return `accepted, and closed (FIN) ${BEFORE_OPEN}`;
  if (reason === "reset") return `accepted, and reset (RST) ${BEFORE_OPEN}`;
  if (reason === "silent") return by === "self" ? `accepted, but ${text}` : NO_ANSWER;
  return undefined;
}

const BEFORE_OPEN =
  "before the session was open: by a server that does not let this address in (allow, deny) or has no " +
  "room, by a proxy, tunnel or load balancer whose server does not answer, or by another program";

/** Why a client ends that is stopped by `--duration`. */
const TIME_OVER = "its time is over,";

/** Whether to warn of so many in a row: of the second one, and each time there are twice as many. */
function isRepetition(inARow: number): boolean {
  return inARow > 1 && (inARow & (inARow - 1)) === 0;
}
