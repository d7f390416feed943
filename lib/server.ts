/**
 * The server: accepts connections and holds any number of sessions, each on its own.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import { EXIT, type ExitStatus, exitStatus } from "./ending.ts";
import { type EventSink, EventSource } from "./events.ts";
import { ServerSession } from "./server_session.ts";
import type { Timers } from "./settings.ts";
import {
  type Address,
  type Connection,
  type Listener,
  type Transport,
  TransportError,
} from "./transport.ts";
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
  /** Whether to serve one session only and end with it. */
  once: boolean;
  /** The network. */
  transport: Transport;
  /** Time. */
  clock: Clock;
  /** Takes the events of all sessions. */
  sink: EventSink;
}

/** A server that has opened its port. */
export class Server {
  readonly #options: ServerOptions;
  readonly #listener: Listener;
  readonly #events: EventSource;
  readonly #connections = new Map<ServerSession, Promise<void>>();
  readonly #sessions = new Map<string, ServerSession>();
  readonly #stopping = new AbortController();
  #stopReason?: "done" | "shutdown";
  #only?: ServerSession;
  #status: ExitStatus = EXIT.asked;
  #served = 0;
  #lost = 0;

  private constructor(options: ServerOptions, listener: Listener) {
    this.#options = options;
    this.#listener = listener;
    this.#events = new EventSource(options.sink, options.clock);
    this.#events.emit("listening", { host: listener.host, port: listener.port });
  }

  /**
   * Opens the port.
   *
   * @throws {TransportError} If it cannot be opened.
   */
  static async listen(options: ServerOptions): Promise<Server> {
    return new Server(options, await options.transport.listen(options.address));
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
    while (this.#connections.size > 0) await Promise.all(this.#connections.values());
    this.#notice("info", `stopped; sessions served: ${this.#served}, of them lost: ${this.#lost}`);
    return this.#status;
  }

  /** Accepts no more and ends every session politely. */
  stop(reason: "done" | "shutdown"): void {
    this.#stopReason ??= reason;
    this.#stopping.abort();
    this.#listener.close();
    for (const session of this.#connections.keys()) session.stop(this.#stopReason);
  }

  async #acceptAll(): Promise<void> {
    using pause = new Deadline(this.#options.clock, { signal: this.#stopping.signal });
    let failing = false;
    while (!this.#stopping.signal.aborted) {
      try {
        const connection = await this.#listener.accept();
        if (failing) this.#notice("info", "accepting connections again");
        failing = false;
        this.#serve(connection);
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

  #serve(connection: Connection): void {
    const { clock, maxMessageBytes, sink, timers } = this.#options;
    const session = new ServerSession({
      connection,
      clock,
      timers,
      maxMessageBytes,
      events: new EventSource(sink, clock),
      admit: (session, id) => this.#admit(session, id),
    });
    this.#connections.set(session, this.#live(session));
    // Accepted in the very moment of stopping.
    if (this.#stopReason) session.stop(this.#stopReason);
  }

  async #live(session: ServerSession): Promise<void> {
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
      this.#connections.delete(session);
      if (this.#sessions.get(session.id) === session) this.#sessions.delete(session.id);
      if (session === this.#only) this.stop("done");
    }
  }

  #admit(session: ServerSession, id: string): string | undefined {
    if (this.#only) return "this server serves one session only, and has it";
    if (this.#sessions.has(id)) return `session ${id} is already connected`;
    this.#sessions.set(id, session);
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
