/**
 * The client: dials, lives one session on the connection, and on the next one when that is lost.
 *
 * @module
 */
import { formatAddress } from "./address.ts";
import { Backoff } from "./backoff.ts";
import { ClientSession } from "./client_session.ts";
import { Course } from "./course.ts";
import { dial, type DialOptions } from "./dial.ts";
import { type Ending, type ExitStatus, exitStatus, isPassing } from "./ending.ts";
import { type EventSink, EventSource } from "./events.ts";
import { OriginalClientSession } from "./original_client_session.ts";
import { Outbox } from "./outbox.ts";
import { randomId } from "./random_id.ts";
import type { Timers } from "./settings.ts";
import type { DataSource } from "./source.ts";
import { Deadline, sleep } from "./wait.ts";

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
  /** Fills bytes with randomness, for the session's id and for the waits before dialling again. */
  random: (bytes: Uint8Array) => void;
  /** Takes the session's events. */
  sink: EventSink;
  /** Takes each round-trip time, too. */
  roundTrips?: { add(rtt_ms: number): void };
}

/** A client with one session to live. */
export class Client {
  readonly #options: ClientOptions;
  readonly #id: string;
  readonly #course: Course;
  readonly #outbox: Outbox;
  readonly #backoff: Backoff;
  readonly #stopping = new AbortController();
  #session?: ClientSession | OriginalClientSession;
  #connected_ms = 0;
  /** Whether the last connection ended so that nothing unconfirmed has been delivered. */
  #settled = false;

  /** Makes a client; nothing is sent until `run`. */
  constructor(options: ClientOptions) {
    this.#options = options;
    this.#id = randomId(options.random);
    const events = new EventSource(options.sink, options.clock, this.#id);
    this.#course = new Course({ ...options, events });
    this.#course.ledger.roundTrips = options.roundTrips;
    this.#outbox = new Outbox({ ...options, ledger: this.#course.ledger });
    this.#backoff = new Backoff(options.random);
  }

  /** Lives the session to its end, over as many connections as it takes. */
  async run(): Promise<ExitStatus> {
    let ending: Ending | undefined;
    do {
      if (ending && !this.#stopping.signal.aborted) await this.#pause(ending);
      ending = await this.#connect();
    } while (!this.#course.ending);
    this.#course.summarize(this.#options.source.rest?.());
    return exitStatus(ending, "client", this.#course.isOpen);
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
  async #connect(): Promise<Ending> {
    const { clock } = this.#options;
    const connection = await dial(this.#options, this.#stopping.signal);
    if ("reason" in connection) {
      if (!this.#goesOn(connection)) {
        this.#course.end(connection, this.#peer);
      }
      return connection;
    }
    this.#connected_ms = clock.now();
    const course = this.#course;
    this.#session = this.#options.original
      ? new OriginalClientSession({ ...this.#options, connection, course })
      : new ClientSession({
        setting: this.#options,
        connection,
        connected_ms: this.#connected_ms,
        course,
        id: this.#id,
        outbox: this.#outbox,
        reconnects: this.#options.reconnect !== undefined,
        resumes: this.#course.isOpen ? { settled: this.#settled } : undefined,
        goesOn: (ending) => this.#goesOn(ending),
      });
    const ending = await this.#session.run();
    if (this.#session.isOpen) this.#settled = isSettled(ending);
    this.#session = undefined;
    return ending;
  }

  /** Whether to dial again after a connection that ended, or could not be opened, like this. */
  #goesOn(ending: Ending): boolean {
    const { reconnect } = this.#options;
    if (!reconnect || this.#stopping.signal.aborted || !isPassing(ending)) return false;
    // What came after the last sign of life was no health.
    const healthy_ms = this.#course.heard_ms - this.#connected_ms;
    if (this.#session?.isOpen) this.#backoff.wasHealthyFor(healthy_ms);
    const { limit } = reconnect;
    if (limit === 0 || this.#backoff.attempts < limit) return true;
    const text = `given up after ${limit} attempts in a row (reconnect_limit)`;
    this.#course.events.emit("notice", { level: "warning", text });
    return false;
  }

  async #pause({ reason, text }: Ending): Promise<void> {
    const { clock } = this.#options;
    const delay_ms = this.#backoff.next();
    const attempt = this.#backoff.attempts;
    this.#course.events.emit("reconnecting", {
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
function isSettled({ by, reason }: Ending): boolean {
  return by === "peer" && reason === "shutdown";
}
