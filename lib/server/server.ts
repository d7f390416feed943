/**
 * The server: accepts connections and holds any number of sessions, each on its own.
 *
 * @module
 */
import { OriginalConnection } from "../original/connection.ts";
import type { OriginalServerSession } from "../original/original_server.ts";
import { OriginalSessions } from "../original/sessions.ts";
import { sleep } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";
import { defectText } from "../platform/errors.ts";
import type { Connection, Listener } from "../platform/net/transport.ts";
import { randomId } from "../platform/random.ts";
import { TaskGroup } from "../platform/task_group.ts";
import { closeReport, EXIT, type ExitStatus, exitStatus } from "../session/close_reason.ts";
import { EventSource } from "../session/events.ts";
import { SessionState } from "../session/state.ts";
import { GRACEFUL_CLOSE_LIMIT_MS } from "../session/timers.ts";
import { BatchDelivery, type Delivery } from "../store/delivery.ts";
import type { Hello } from "../wire/hello.ts";
import { acceptAll } from "./acceptor.ts";
import { Dispatcher, type IncomingConnection } from "./dispatcher.ts";
import { ALL_SESSIONS, noRoom, ONLY_ONE, reportWaitingSessions, stoppedText } from "./notices.ts";
import type { ServerOptions } from "./options.ts";
import { type Admission, ServerSession, type SessionHost } from "./server_session.ts";
import { SessionRecord } from "./session_record.ts";
import { SessionRegistry } from "./session_registry.ts";

type AnySession = ServerSession | OriginalServerSession;

/** A server that has opened its port. */
export class Server {
  readonly #options: ServerOptions;
  readonly #listener: Listener;
  readonly #events: EventSource;
  readonly #originals: OriginalSessions;
  readonly #tasks = new TaskGroup();
  readonly #sessions = new Map<AnySession, Promise<void>>();
  readonly #host: SessionHost;
  readonly #record: SessionRegistry;
  readonly #dispatcher: Dispatcher;
  /** Whose connections were placed here, and have not led to their sessions yet. */
  readonly #callers = new Map<AnySession, IncomingConnection>();
  readonly #delivery?: Delivery;
  readonly #stopping = new AbortController();
  /** When to wait no longer for what is being ended. */
  readonly #limit: Deadline;
  #stopReason?: "done" | "shutdown";
  #only?: AnySession | SessionRecord;
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
    const { coordinator, store } = options;
    if (store || options.output) {
      const onFailure = (text: string) => {
        this.#notice("error", text);
        this.undeliverable(text);
      };
      this.#delivery = new BatchDelivery({ ...options, onFailure });
    } else this.#delivery = coordinator?.delivery;
    this.#record = new SessionRegistry({
      ...options,
      delivery: this.#delivery,
      others: () => this.#originals.size,
      onEnd: (record, status) => this.#ended(record, status),
    });
    this.#dispatcher = new Dispatcher({
      ...options,
      stopping: this.#stopping.signal,
      serve: (caller) => this.#serve(caller),
    });
    this.#host = {
      ...options,
      admit: (session, hello) => this.#admit(session, hello),
      survivesDisconnect: (record, closeReason) =>
        this.#record.survivesDisconnect(record, closeReason),
    };
    this.#record.restore((coordinator ?? store)?.sessions ?? []);
  }

  /**
   * Opens the port.
   *
   * @throws {TransportError} If it cannot be opened.
   */
  static listen(options: ServerOptions): Server {
    const { address, coordinator, transport } = options;
    return new Server(options, transport.listen(address, { isShared: coordinator !== undefined }));
  }

  /** The port it listens on. */
  get port(): number {
    return this.#listener.port;
  }

  /** How many sessions there were, and how many of them were lost. */
  get counts(): { served: number; lost: number } {
    return { served: this.#served, lost: this.#lost };
  }

  /** The sessions that it keeps. */
  get record(): SessionRegistry {
    return this.#record;
  }

  /**
   * Accepts and serves until stopped, and all sessions have ended.
   *
   * @returns As asked; of a server for one session, what became of that session.
   */
  async run(): Promise<ExitStatus> {
    const { host, port } = this.#listener;
    if (!this.#options.coordinator) {
      this.#events.emit("listening", { host, port });
      reportWaitingSessions(this.#options, this.#events);
    }
    await acceptAll({
      listener: this.#listener,
      clock: this.#options.clock,
      stopping: this.#stopping.signal,
      accepted: (connection) => this.#tasks.add(this.#dispatcher.receive(connection)),
      refused: (connection, text) => this.#tellRefusal(connection, text),
      notice: (level, text) => this.#notice(level, text),
    });
    using limit = this.#limit;
    await Promise.race([sleep(limit), this.#endAll()]);
    if (!this.#options.coordinator) this.#notice("info", stoppedText(this.counts));
    return this.#status;
  }

  async #endAll(): Promise<void> {
    await this.#tasks.finished();
    while (this.#sessions.size > 0) await Promise.all(this.#sessions.values());
    this.#record.stop(this.#stopReason!);
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

  /** Serves a connection that another worker has lent, perhaps of a session that was placed here. */
  take(connection: Connection, connected_ms: number, session?: string): void {
    this.#tasks.add(this.#dispatcher.take(connection, connected_ms, session));
  }

  /** What cannot be delivered must not be confirmed: sessions end here, and may go on elsewhere. */
  undeliverable(text: string): void {
    this.#status = EXIT.lost;
    this.#record.onDeliveryFailed();
    this.stop("shutdown", text);
  }

  async #serve(caller: IncomingConnection): Promise<void> {
    const { connection, purpose } = caller;
    if (purpose === undefined) return this.#servePulsewire(caller);
    const refusal = this.#refuseOriginals();
    if (!refusal && this.#originals.attach(connection, purpose)) return;
    const full = this.#only ? ONLY_ONE : this.#isFull ? ALL_SESSIONS : undefined;
    if (refusal || full) return await this.#refuseOriginal(connection, refusal ?? full!);
    this.#serveOriginal(this.#originals.create(connection, purpose));
  }

  get #isFull(): boolean {
    const { maxSessions, coordinator } = this.#options;
    // What has begun here in this moment the pool cannot know yet.
    return coordinator?.isFull || this.#record.size + this.#originals.size >= maxSessions;
  }

  #refuseOriginals(): string | undefined {
    if (!this.#options.original) {
      return "it is an original client, and this server takes none (--no-original)";
    }
    return this.#delivery &&
      "it is an original client, whose data messages have no numbers: a server with --store or " +
        "--output takes none";
  }

  #servePulsewire(caller: IncomingConnection): void {
    const { connection, connected_ms } = caller;
    const { clock, sink, timers } = this.#options;
    const events = new EventSource(sink, clock);
    const state = new SessionState({ clock, timers, events, opened_ms: connected_ms });
    const session = new ServerSession({ config: this.#host, connection, connected_ms, state });
    if (this.#options.coordinator) this.#callers.set(session, caller);
    this.#live(session);
  }

  #serveOriginal(session: OriginalServerSession): void {
    if (this.#options.once) this.#only = session;
    this.#options.coordinator?.begun(session.id);
    this.#live(session);
  }

  async #refuseOriginal(connection: Connection, text: string): Promise<void> {
    this.#tellRefusal(connection, text);
    const { clock } = this.#options;
    const original = new OriginalConnection(connection, { heard: () => "terminate" });
    using limit = new Deadline(clock, { signal: this.#stopping.signal });
    limit.moveTo(clock.now() + GRACEFUL_CLOSE_LIMIT_MS);
    const over = sleep(limit).catch(() => {}).then(() => original.close());
    await Promise.all([original.run(), over]);
  }

  #tellRefusal({ peer }: Connection, text: string): void {
    const { clock, timers } = this.#options;
    const closeReason = { by: "self", reason: "refused", text } as const;
    this.#events.emit(
      "terminated",
      closeReport(closeReason, { peer, timers, now_ms: clock.now() }),
    );
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
    this.#settled(session, false);
    if (session instanceof ServerSession) return this.#record.left(session);
    this.#originals.delete(session);
    const status = session.closeReason
      ? exitStatus(session.closeReason, "server", true)
      : EXIT.lost;
    this.#ended(session, status);
  }

  #tellDefect({ id }: AnySession, error: unknown): void {
    this.#notice("error", defectText(error, ` ended session ${id}`));
  }

  #admit(session: ServerSession, hello: Hello): Admission | "late" {
    const isReturn = this.#only instanceof SessionRecord && this.#only.id === hello.id;
    if (this.#only && !isReturn) return { refusal: noRoom(hello.id, ONLY_ONE) };
    const caller = this.#callers.get(session);
    if (caller?.refusal !== undefined) return { refusal: caller.refusal };
    // Nobody has placed what was not heard in time: the session may be at another worker.
    if (caller && caller.session !== hello.id) return "late";
    const admission = this.#record.admit(session, hello);
    this.#settled(session, "record" in admission);
    if ("record" in admission && this.#options.once) {
      this.#only = admission.record;
      if (!hello.reconnects && !admission.opening) this.#listener.close();
    }
    return admission;
  }

  /** The connection of a session that was placed here has led to it, or has come to nothing. */
  #settled(session: AnySession, isKept: boolean): void {
    const caller = this.#callers.get(session);
    this.#callers.delete(session);
    if (caller?.session !== undefined) this.#options.coordinator!.settled(caller.session, isKept);
  }

  /** A session has ended. */
  #ended(session: OriginalServerSession | SessionRecord, status: ExitStatus): void {
    this.#options.coordinator?.ended(session.id);
    // What was never open was not the one session to serve.
    if (session instanceof SessionRecord && !session.state.isOpen) {
      if (session === this.#only) this.#only = undefined;
      return;
    }
    this.#served++;
    if (status === EXIT.lost || this.#delivery?.hasFailed) this.#lost++;
    if (session !== this.#only) return;
    this.#status = status;
    this.stop("done");
  }

  #notice(level: "info" | "error", text: string): void {
    this.#events.emit("notice", { level, text });
  }
}

/** How long, in milliseconds, all that there is to end may take together. */
export const STOP_LIMIT_MS = 1_900;
