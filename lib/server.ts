/**
 * The server: accepts connections and holds any number of sessions, each on its own.
 *
 * @module
 */
import { acceptAll } from "./acceptor.ts";
import type { Clock } from "./clock.ts";
import { Course } from "./course.ts";
import { Delivery } from "./delivery.ts";
import { EXIT, type ExitStatus, exitStatus } from "./ending.ts";
import { type EventSink, EventSource } from "./events.ts";
import type { Hello } from "./greeting.ts";
import { KeptSession } from "./kept_session.ts";
import { KeptSessions } from "./kept_sessions.ts";
import { OriginalConnection } from "./original_connection.ts";
import type { OriginalServerSession } from "./original_server_session.ts";
import { OriginalSessions } from "./original_sessions.ts";
import { beginsOriginal, ORIGINAL_TEXT, type OriginalPurpose } from "./original_wire.ts";
import { PeekedConnection } from "./peeked_connection.ts";
import { HELLO_LIMIT_MS } from "./protocol.ts";
import { randomId } from "./random_id.ts";
import { type Admission, ServerSession, type SessionHost } from "./server_session.ts";
import { GOODBYE_LIMIT_MS } from "./goodbye.ts";
import type { Timers } from "./settings.ts";
import type { MessageOutput, Store } from "./store_types.ts";
import type { Address, Connection, Listener, Transport } from "./transport.ts";
import { Tasks } from "./tasks.ts";
import { verdict } from "./verdict.ts";
import { Deadline, sleep } from "./wait.ts";

/** What a server is made of. */
export interface ServerOptions {
  /** Where to listen. */
  address: Address;
  /** The timers of its sessions. */
  timers: Timers;
  /** The largest data message to accept, in bytes. */
  maxMessageBytes: number;
  /** Whether to serve clients of the original program too. */
  original: boolean;
  /** Fills bytes with randomness, for the ids of sessions that bring none. */
  random: (bytes: Uint8Array) => void;
  /** Whether to serve one session only and end with it. */
  once: boolean;
  /** How many sessions there may be. */
  maxSessions: number;
  /** How long a session whose client comes back is kept without a connection, in milliseconds. */
  sessionLifetime_ms: number;
  /** Where to keep data messages, sessions and outages. */
  store?: Store;
  /** Where to write data messages. */
  output?: MessageOutput;
  /** The network. */
  transport: Transport;
  /** Time. */
  clock: Clock;
  /** Takes the events of all sessions. */
  sink: EventSink;
}

type AnySession = ServerSession | OriginalServerSession;

/** A server that has opened its port. */
export class Server {
  readonly #options: ServerOptions;
  readonly #listener: Listener;
  readonly #events: EventSource;
  readonly #originals: OriginalSessions;
  readonly #tasks = new Tasks();
  readonly #sessions = new Map<AnySession, Promise<void>>();
  readonly #host: SessionHost;
  readonly #kept: KeptSessions;
  readonly #delivery?: Delivery;
  readonly #stopping = new AbortController();
  /** When to wait no longer for what is being ended. */
  readonly #limit: Deadline;
  #stopReason?: "done" | "shutdown";
  #only?: AnySession | KeptSession;
  #status: ExitStatus = EXIT.asked;
  #served = 0;
  #lost = 0;

  private constructor(options: ServerOptions, listener: Listener) {
    this.#options = options;
    this.#listener = listener;
    this.#limit = new Deadline(options.clock);
    this.#events = new EventSource(options.sink, options.clock);
    const newId = () => `original-${randomId(options.random)}`;
    this.#originals = new OriginalSessions({ ...options, newId });
    if (options.store || options.output) {
      this.#delivery = new Delivery({ ...options, onFailure: (text) => this.#undeliverable(text) });
    }
    this.#kept = new KeptSessions({
      ...options,
      delivery: this.#delivery,
      onEnd: (kept, status) => this.#count(kept, status),
    });
    this.#host = {
      ...options,
      admit: (session, hello) => this.#admit(session, hello),
      goesOn: (kept, ending) => this.#kept.goesOn(kept, ending),
    };
    this.#kept.restore(options.store?.sessions ?? []);
    this.#events.emit("listening", { host: listener.host, port: listener.port });
  }

  /**
   * Opens the port.
   *
   * @throws {TransportError} If it cannot be opened.
   */
  static listen(options: ServerOptions): Server {
    return new Server(options, options.transport.listen(options.address));
  }

  /** The port it listens on. */
  get port(): number {
    return this.#listener.port;
  }

  /**
   * Accepts and serves until stopped, and all sessions have ended.
   *
   * @returns As asked; of a server for one session, what became of that session.
   */
  async run(): Promise<ExitStatus> {
    await acceptAll({
      listener: this.#listener,
      clock: this.#options.clock,
      stopping: this.#stopping.signal,
      accepted: (connection) => this.#tasks.add(this.#serve(connection)),
      refused: (connection, text) => this.#tellRefusal(connection, text),
      notice: (level, text) => this.#notice(level, text),
    });
    using limit = this.#limit;
    await Promise.race([sleep(limit), this.#endAll()]);
    this.#notice("info", `stopped; sessions served: ${this.#served}, of them lost: ${this.#lost}`);
    return this.#status;
  }

  async #endAll(): Promise<void> {
    await this.#tasks.allOver();
    while (this.#sessions.size > 0) await Promise.all(this.#sessions.values());
    this.#kept.stop(this.#stopReason!);
    await this.#delivery?.flushed();
    await this.#options.output?.close();
    await this.#options.store?.close();
  }

  /** Accepts no more and ends every session politely. */
  stop(reason: "done" | "shutdown", text = ""): void {
    if (this.#stopReason) return;
    this.#stopReason = reason;
    this.#limit.moveTo(this.#options.clock.now() + STOP_LIMIT_MS);
    this.#stopping.abort();
    this.#listener.close();
    for (const session of this.#sessions.keys()) session.stop(reason, text);
  }

  /** Tells by its first bytes what a connection speaks, and serves it. */
  async #serve(connection: Connection): Promise<void> {
    const connected_ms = this.#options.clock.now();
    const peeked = new PeekedConnection(connection, tellsWire);
    const purpose = purposeOf(await this.#firstBytes(peeked));
    if (purpose === undefined) return this.#servePulsewire(peeked, connected_ms);
    const refusal = this.#refuseOriginals();
    if (!refusal && this.#originals.attach(peeked, purpose)) return;
    const isFull = this.#sessions.size >= this.#options.maxSessions;
    const full = this.#only ? ONLY_ONE : isFull ? ALL_SESSIONS : undefined;
    if (refusal || full) return await this.#refuseOriginal(peeked, refusal ?? full!);
    this.#serveOriginal(this.#originals.create(peeked, purpose));
  }

  #refuseOriginals(): string | undefined {
    if (!this.#options.original) {
      return "it is an original client, and this server takes none (--no-original)";
    }
    return this.#delivery &&
      "it is an original client, whose data messages have no numbers: a server with --store or " +
        "--output takes none";
  }

  async #firstBytes(connection: PeekedConnection): Promise<Uint8Array> {
    const { clock } = this.#options;
    using limit = new Deadline(clock, { signal: this.#stopping.signal });
    limit.moveTo(clock.now() + HELLO_LIMIT_MS);
    const nothing = () => new Uint8Array(0);
    return await Promise.race([connection.peek(), sleep(limit).then(nothing, nothing)]);
  }

  #servePulsewire(connection: Connection, connected_ms: number): void {
    const { clock, sink, timers } = this.#options;
    const events = new EventSource(sink, clock);
    const course = new Course({ clock, timers, events, opened_ms: connected_ms });
    this.#live(new ServerSession({ setting: this.#host, connection, connected_ms, course }));
  }

  #serveOriginal(session: OriginalServerSession): void {
    if (this.#options.once) this.#only = session;
    this.#live(session);
  }

  async #refuseOriginal(connection: Connection, text: string): Promise<void> {
    this.#tellRefusal(connection, text);
    const { clock } = this.#options;
    const original = new OriginalConnection(connection, { heard: () => "terminate" });
    using limit = new Deadline(clock, { signal: this.#stopping.signal });
    limit.moveTo(clock.now() + GOODBYE_LIMIT_MS);
    const over = sleep(limit).catch(() => {}).then(() => original.close());
    await Promise.all([original.run(), over]);
  }

  #tellRefusal({ peer }: Connection, text: string): void {
    const { clock, timers } = this.#options;
    const ending = { by: "self", reason: "refused", text } as const;
    this.#events.emit("terminated", verdict(ending, { peer, timers, now_ms: clock.now() }));
  }

  /** Lets a session live on its connection. */
  #live(session: AnySession): void {
    const task = session.run()
      // A defect here ends one session, and is told in full; the others go on.
      .catch((error) => this.#tellDefect(session, error))
      .then(() => this.#left(session));
    this.#sessions.set(session, task);
    // Accepted in the very moment of stopping.
    if (this.#stopReason) session.stop(this.#stopReason);
  }

  #left(session: AnySession): void {
    this.#sessions.delete(session);
    if (session instanceof ServerSession) return this.#kept.left(session);
    this.#originals.delete(session);
    const status = session.ending ? exitStatus(session.ending, "server", true) : EXIT.lost;
    this.#count(session, status);
  }

  #tellDefect({ id }: AnySession, error: unknown): void {
    const stack = error instanceof Error ? error.stack : String(error);
    this.#notice("error", `a defect of this program ended session ${id}: ${stack}`);
  }

  #admit(session: ServerSession, hello: Hello): Admission {
    const isReturn = this.#only instanceof KeptSession && this.#only.id === hello.id;
    if (this.#only && !isReturn) return { refusal: ONLY_ONE };
    const admission = this.#kept.admit(session, hello);
    if ("kept" in admission && this.#options.once) {
      this.#only = admission.kept;
      if (!hello.comesBack && !admission.opening) this.#listener.close();
    }
    return admission;
  }

  /** A session that was open has ended. */
  #count(session: AnySession | KeptSession, status: ExitStatus): void {
    // What was never open was not the one session to serve.
    if (session instanceof KeptSession && !session.course.isOpen) {
      if (session === this.#only) this.#only = undefined;
      return;
    }
    this.#served++;
    if (status === EXIT.lost) this.#lost++;
    if (session !== this.#only) return;
    this.#status = status;
    this.stop("done");
  }

  /** What cannot be delivered must not be confirmed: sessions end here, and may go on elsewhere. */
  #undeliverable(text: string): void {
    this.#notice("error", text);
    this.#status = EXIT.lost;
    this.#kept.tellUndeliverable();
    this.stop("shutdown", text);
  }

  #notice(level: "info" | "error", text: string): void {
    this.#events.emit("notice", { level, text });
  }
}

/** How long, in milliseconds, all that there is to end may take together. */
const STOP_LIMIT_MS = 1_900;

const ALL_SESSIONS = "this server has as many sessions as it may have (max_sessions)";

const ONLY_ONE = "this server serves one session only, and has it";

/** Whether first bytes are enough to tell a message of an original client from all else. */
function tellsWire(first: Uint8Array): boolean {
  const message = beginsOriginal(first);
  return message === undefined || first.length >= ORIGINAL_TEXT[message].length;
}

function purposeOf(first: Uint8Array): OriginalPurpose | undefined {
  const message = beginsOriginal(first);
  return message === "data" || message === "heartbeat" ? message : undefined;
}
