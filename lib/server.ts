/**
 * The server: accepts connections and holds any number of sessions, each on its own.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import { EXIT, type ExitStatus, exitStatus } from "./ending.ts";
import { type EventSink, EventSource } from "./events.ts";
import { OriginalConnection } from "./original_connection.ts";
import type { OriginalServerSession } from "./original_server_session.ts";
import { OriginalSessions } from "./original_sessions.ts";
import { beginsOriginal, ORIGINAL_TEXT, type OriginalPurpose } from "./original_wire.ts";
import { PeekedConnection } from "./peeked_connection.ts";
import { HELLO_LIMIT_MS } from "./protocol.ts";
import { randomId } from "./random_id.ts";
import { ServerSession } from "./server_session.ts";
import { GOODBYE_LIMIT_MS } from "./session.ts";
import type { Timers } from "./settings.ts";
import {
  type Address,
  type Connection,
  type Listener,
  type Transport,
  TransportError,
} from "./transport.ts";
import { Tasks } from "./tasks.ts";
import { verdict } from "./verdict.ts";
import { Deadline, sleep } from "./wait.ts";

/** How long to wait, in milliseconds, before accepting again after accepting failed. */
export const ACCEPT_BACKOFF_MS = 100;

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
  readonly #sessions = new Set<AnySession>();
  readonly #ids = new Map<string, ServerSession>();
  readonly #stopping = new AbortController();
  #stopReason?: "done" | "shutdown";
  #only?: AnySession;
  #status: ExitStatus = EXIT.asked;
  #served = 0;
  #lost = 0;

  private constructor(options: ServerOptions, listener: Listener) {
    this.#options = options;
    this.#listener = listener;
    this.#events = new EventSource(options.sink, options.clock);
    const newId = () => `original-${randomId(options.random)}`;
    this.#originals = new OriginalSessions({ ...options, newId });
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
    await this.#acceptAll();
    await this.#tasks.allOver();
    this.#notice("info", `stopped; sessions served: ${this.#served}, of them lost: ${this.#lost}`);
    return this.#status;
  }

  /** Accepts no more and ends every session politely. */
  stop(reason: "done" | "shutdown"): void {
    this.#stopReason ??= reason;
    this.#stopping.abort();
    this.#listener.close();
    for (const session of this.#sessions) session.stop(this.#stopReason);
  }

  async #acceptAll(): Promise<void> {
    using pause = new Deadline(this.#options.clock, { signal: this.#stopping.signal });
    let failing = false;
    while (!this.#stopping.signal.aborted) {
      try {
        const connection = await this.#listener.accept();
        if (failing) this.#notice("info", "accepting connections again");
        failing = false;
        this.#tasks.add(this.#serve(connection));
      } catch (error) {
        if (!(error instanceof TransportError)) throw error;
        if (error.kind === "closed") return;
        if (!failing) this.#notice("error", acceptFailure(error));
        failing = true;
        pause.moveTo(this.#options.clock.now() + ACCEPT_BACKOFF_MS);
        await sleep(pause.signal).catch(() => {});
      }
    }
  }

  /** Tells by its first bytes what a connection speaks, and serves it. */
  async #serve(connection: Connection): Promise<void> {
    const opened_ms = this.#options.clock.now();
    const peeked = new PeekedConnection(connection, tellsWire);
    const purpose = purposeOf(await this.#firstBytes(peeked));
    if (purpose === undefined) return await this.#servePulsewire(peeked, opened_ms);
    if (this.#options.original && this.#originals.attach(peeked, purpose)) return;
    const refusal = !this.#options.original
      ? "it is an original client, and this server takes none (--no-original)"
      : this.#only && "this server serves one session only, and has it";
    if (refusal) return await this.#refuseOriginal(peeked, refusal);
    await this.#serveOriginal(this.#originals.create(peeked, purpose));
  }

  async #firstBytes(connection: PeekedConnection): Promise<Uint8Array> {
    const { clock } = this.#options;
    using limit = new Deadline(clock, { signal: this.#stopping.signal });
    limit.moveTo(clock.now() + HELLO_LIMIT_MS);
    const nothing = () => new Uint8Array(0);
    return await Promise.race([connection.peek(), sleep(limit.signal).then(nothing, nothing)]);
  }

  async #servePulsewire(connection: Connection, opened_ms: number): Promise<void> {
    const { clock, maxMessageBytes, sink, timers } = this.#options;
    const session = new ServerSession({
      connection,
      clock,
      timers,
      maxMessageBytes,
      opened_ms,
      events: new EventSource(sink, clock),
      admit: (session, id) => this.#admit(session, id),
    });
    await this.#live(session);
    if (this.#ids.get(session.id) === session) this.#ids.delete(session.id);
  }

  async #serveOriginal(session: OriginalServerSession): Promise<void> {
    if (this.#options.once) this.#only = session;
    await this.#live(session);
    this.#originals.delete(session);
  }

  async #refuseOriginal(connection: Connection, text: string): Promise<void> {
    const { clock, sink, timers } = this.#options;
    const ending = { by: "self", reason: "refused", text } as const;
    const evidence = { peer: connection.peer, timers, now_ms: clock.now() };
    new EventSource(sink, clock).emit("terminated", verdict(ending, evidence));
    const original = new OriginalConnection(connection, { heard: () => "terminate" });
    using limit = new Deadline(clock, { signal: this.#stopping.signal });
    limit.moveTo(clock.now() + GOODBYE_LIMIT_MS);
    const over = sleep(limit.signal).catch(() => {}).then(() => original.close());
    await Promise.all([original.run(), over]);
  }

  async #live(session: AnySession): Promise<void> {
    this.#sessions.add(session);
    // Accepted in the very moment of stopping.
    if (this.#stopReason) session.stop(this.#stopReason);
    try {
      const status = exitStatus(await session.run(), "server", session.isOpen);
      if (session.isOpen) this.#served++;
      if (session.isOpen && status === EXIT.lost) this.#lost++;
      if (session === this.#only) this.#status = status;
    } catch (error) {
      // A defect here ends one session, and is told in full; the others go on.
      const stack = error instanceof Error ? error.stack : String(error);
      this.#notice("error", `a defect of this program ended session ${session.id}: ${stack}`);
    } finally {
      this.#sessions.delete(session);
      if (session === this.#only) this.stop("done");
    }
  }

  #admit(session: ServerSession, id: string): string | undefined {
    if (this.#only) return "this server serves one session only, and has it";
    if (this.#ids.has(id)) return `session ${id} is already connected`;
    this.#ids.set(id, session);
    if (this.#options.once) {
      this.#only = session;
      this.#listener.close();
    }
    return undefined;
  }

  #notice(level: "info" | "error", text: string): void {
    this.#events.emit("notice", { level, text });
  }
}

function acceptFailure(error: TransportError): string {
  const cause = error.kind === "too_many_open_files"
    ? "this process has as many files open as it may (see ulimit -n)"
    : error.message;
  return `cannot accept connections: ${cause}; sessions go on, trying again`;
}

/** Whether first bytes are enough to tell a message of an original client from all else. */
function tellsWire(first: Uint8Array): boolean {
  const message = beginsOriginal(first);
  return message === undefined || first.length >= ORIGINAL_TEXT[message].length;
}

function purposeOf(first: Uint8Array): OriginalPurpose | undefined {
  const message = beginsOriginal(first);
  return message === "data" || message === "heartbeat" ? message : undefined;
}
