/**
 * The server: accepts connections and holds any number of sessions, each on its own.
 *
 * The room: `acceptor.ts` accepts connections, `dispatcher.ts` detects what each speaks and picks the worker, by
 * `first_bytes.ts`; `admission.ts` admits or refuses; `session_registry.ts` holds the sessions, each a
 * `session_record.ts`; `server_session.ts` runs one on a connection; `strangers.ts` bounds and counts those that open
 * none; `idle_sessions.ts` has those of idle-timeout searches. `options.ts` has what is passed in, and the interfaces to `access/` and `workers/`.
 * The entry point and the workers call it. It must never know flags, files or how events are shown.
 *
 * @module
 */
import { sleep } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";
import { defectText } from "../platform/errors.ts";
import type { Address, Connection, Listener } from "../platform/net/transport.ts";
import { TaskGroup } from "../platform/task_group.ts";
import { closeReport, EXIT, type ExitStatus, exitStatus } from "../session/close_reason.ts";
import { EventSource } from "../session/events.ts";
import { SessionState } from "../session/state.ts";
import type { Delivery } from "../store/delivery.ts";
import type { Hello } from "../wire/hello.ts";
import { acceptAll } from "./acceptor.ts";
import { Admission } from "./admission.ts";
import { Dispatcher, type IncomingConnection } from "./dispatcher.ts";
import type { Forwarded, LegacySession, LegacySessions, Refusal, Stranger } from "./options.ts";
import { makeDelivery, type ServerOptions, STOPPING } from "./options.ts";
import { sourceOf } from "./first_bytes.ts";
import { IdleSessions } from "./idle_sessions.ts";
import { ServerSession, type SessionHost } from "./server_session.ts";
import { type AdmissionResult, SessionRecord } from "./session_record.ts";
import {
  reportStop,
  reportWaitingSessions,
  type SessionCounts,
  SessionRegistry,
} from "./session_registry.ts";
import { Strangers, UnopenedConnections } from "./strangers.ts";

/** How long, in milliseconds, everything may take to end after a stop. */
export const STOP_LIMIT_MS = 1_900;

type AnySession = ServerSession | LegacySession;

/** A server that has opened its port. To be run once. */
export class Server {
  /** How many sessions there were, how many were lost, and how many had no connection at the end. */
  readonly counts: SessionCounts = { served: 0, lost: 0, away: 0 };
  /** Whether anybody has connected. */
  wasReached = false;
  /** The sessions of this server. */
  readonly registry: SessionRegistry;
  readonly #options: ServerOptions;
  readonly #listener: Listener;
  readonly #events: EventSource;
  readonly #tasks = new TaskGroup();
  readonly #sessions = new Set<AnySession>();
  #onAllClosed?: () => void;
  readonly #delivery?: Delivery;
  readonly #legacy?: LegacySessions;
  readonly #admission: Admission;
  readonly #idle: IdleSessions;
  readonly #strangers: Strangers;
  readonly #dispatcher: Dispatcher;
  /** The connections that have opened no session. */
  readonly #unopened: UnopenedConnections;
  readonly #host: SessionHost;
  readonly #stopping = new AbortController();
  /** By when everything has to have ended after a stop. */
  readonly #limit: Deadline;
  #stopReason?: "done" | "shutdown";
  #status: ExitStatus = EXIT.asked;

  private constructor(options: ServerOptions, listener: Listener) {
    const { clock, coordinator, legacy, maxMessageBytes, random, sink, store, timers } = options;
    const { keys, sessionLifetime_ms, watch } = options;
    this.#options = options;
    this.#listener = listener;
    this.#limit = new Deadline(clock);
    this.#events = new EventSource(sink, clock);
    const onFailure = (text: string) => this.onDeliveryFailed(text);
    const delivery = this.#delivery = makeDelivery(options, this.#events, onFailure) ??
      coordinator?.delivery;
    this.#legacy = legacy?.serve({ clock, random, sink, timers, watch });
    const onEnd = (record: SessionRecord, status: ExitStatus) => this.#onEnd(record, status);
    this.registry = new SessionRegistry(options, delivery, onEnd);
    this.#admission = new Admission(options, this.registry, delivery, this.#legacy);
    const stopping = this.#stopping.signal;
    const unopened = this.#unopened = new UnopenedConnections({
      access: coordinator ?? (options.access?.isJudging ? options.access : undefined),
      clock,
      most: options.maxUnopened,
      stopping,
      onStranger: (stranger) => this.#host.onStranger(stranger),
    });
    const onRefused = (connection: Connection, why: Refusal) =>
      this.#reportRefusal(connection, why);
    const told = { onRefused, onStranger: (each: Stranger) => this.#host.onStranger(each) };
    const parts = { admission: this.#admission, events: this.#events, unopened, ...told };
    this.#admission.idle = this.#idle = new IdleSessions(options, parts);
    const serve = (incoming: IncomingConnection) => this.#serve(incoming);
    const dispatch = { clock, coordinator, keys, legacy, unopened, serve };
    this.#dispatcher = new Dispatcher(dispatch);
    const admit = (session: ServerSession, hello: Hello) => this.#admit(session, hello);
    const closed: SessionHost["closed"] = (session, defect) => this.#closed(session, defect);
    const strangers = this.#strangers = new Strangers({ clock, events: this.#events });
    const onStranger = (stranger: Stranger) => (coordinator ?? strangers).onStranger(stranger);
    this.#host = { clock, timers, maxMessageBytes, sessionLifetime_ms, admit, closed, onStranger };
    this.registry.restore((coordinator ?? store)?.sessions ?? []);
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

  /** Sets how many connections may have opened no session, from the next one on. */
  set maxUnopened(count: number) {
    this.#unopened.most = count;
  }

  /** Where it listens. */
  get address(): Address {
    const { host, port } = this.#listener;
    return { host, port };
  }

  /**
   * Accepts and serves until stopped and all sessions have ended.
   *
   * @returns 0 when stopped as asked; for a server of one session, that session's status.
   */
  async run(): Promise<ExitStatus> {
    const { clock, coordinator, store } = this.#options;
    if (!coordinator) {
      this.#events.emit("listening", this.address);
      reportWaitingSessions({ store }, this.#events);
    }
    await acceptAll({
      listener: this.#listener,
      clock,
      stopping: this.#stopping.signal,
      accepted: (connection) => this.#accepted(connection),
      makeRoom: () => this.#unopened.makeRoom(),
      giveWay: () => this.#unopened.giveWay(),
      refused: ({ peer }) => this.#host.onStranger({ peer, limit: "open_files" }),
      notice: (level, text) => {
        this.#options.watch?.trouble("accepting", level === "error" ? text : undefined);
        this.#notice(level, text);
      },
    });
    using limit = this.#limit;
    await Promise.race([sleep(limit), this.#finish()]);
    this.#strangers.flush();
    if (!coordinator) reportStop(this.counts, this.#events);
    return this.#status;
  }

  /** Accepts no more and ends every session in order. */
  stop(reason: "done" | "shutdown", text = ""): void {
    if (this.#stopReason) return;
    this.#stopReason = reason;
    this.#options.watch?.trouble("accepting", STOPPING);
    this.#limit.moveTo(this.#options.clock.now() + STOP_LIMIT_MS);
    this.#stopping.abort();
    this.#listener.close();
    this.#idle.stop(reason, text);
    for (const session of this.#sessions) session.stop(reason, text);
  }

  /** Serves a connection that another worker has forwarded, perhaps of a session placed here, or refuses it. */
  serveForwarded(forwarded: Forwarded): void {
    this.#tasks.add(this.#dispatcher.serveForwarded(forwarded));
  }

  /** Stops because nothing more can be delivered: what is not delivered must not be confirmed. */
  onDeliveryFailed(text: string): void {
    this.#options.watch?.trouble("delivery", text);
    this.#status = EXIT.lost;
    this.registry.onDeliveryFailed();
    this.stop("shutdown", text);
  }

  #accepted(connection: Connection): void {
    this.wasReached = true;
    this.#tasks.add(this.#dispatcher.receive(connection));
  }

  #serve(incoming: IncomingConnection): void | Promise<void> {
    const { connected_ms, connection, legacy, proven } = incoming;
    if (legacy) return this.#serveLegacy(incoming, legacy);
    const hello = this.#idle.helloOf(connection.received);
    if (hello) return this.#idle.serve(incoming, hello);
    const { clock, sink, timers } = this.#options;
    const events = new EventSource(sink, clock);
    const state = new SessionState({ clock, timers, events, opened_ms: connected_ms });
    const config = this.#host;
    const taken = connection.taken();
    const session = new ServerSession({ config, ...taken, connected_ms, state, proven });
    this.#admission.expect(session, incoming);
    session.start();
    this.#opened(session);
  }

  async #serveLegacy(incoming: IncomingConnection, first: Uint8Array): Promise<void> {
    const { connection } = incoming;
    const sessions = this.#legacy!;
    const isAttached = sessions.attach(connection, first);
    const refused = isAttached ? undefined : this.#admission.refuseLegacy(incoming);
    if (refused) {
      this.#reportRefusal(connection, refused);
      await sessions.refuse(connection, this.#stopping.signal);
    }
    this.#unopened.delete(connection.source);
    if (refused || isAttached) return;
    const session = sessions.create(connection, first);
    this.#admission.legacyAdmitted(session, connection.peer);
    session.run()
      .then(() => this.#closed(session), (error) => this.#closed(session, { error }));
    this.#opened(session);
  }

  #admit(session: ServerSession, hello: Hello): AdmissionResult {
    const admitted = this.#admission.admit(session, hello);
    if (typeof admitted === "string" || !("record" in admitted)) return admitted;
    this.#unopened.delete(sourceOf(session.connection));
    // The one session that cannot be resumed is the last one to be admitted.
    const isLast = this.#options.once && !hello.reconnects;
    if (isLast && !admitted.record.opening) this.#listener.close();
    return admitted;
  }

  #opened(session: AnySession): void {
    this.#sessions.add(session);
    // Accepted while the server was stopping.
    if (this.#stopReason) session.stop(this.#stopReason);
  }

  #closed(session: AnySession, defect?: { error: unknown }): void {
    // A defect ends one session and is logged in full; the others go on.
    if (defect) {
      this.#notice("error", defectText(defect.error, ` ended session ${session.id}`));
    }
    this.#sessions.delete(session);
    if (this.#sessions.size === 0) this.#onAllClosed?.();
    if (session instanceof ServerSession) {
      this.#unopened.delete(sourceOf(session.connection));
      this.#admission.onConnectionClosed(session);
      return this.registry.onConnectionClosed(session);
    }
    this.#legacy!.delete(session);
    this.#admission.legacyEnded(session);
    const { closeReason } = session;
    this.#onEnd(session, closeReason ? exitStatus(closeReason, "server", true) : EXIT.lost);
  }

  #onEnd(session: LegacySession | SessionRecord, status: ExitStatus): void {
    this.#options.coordinator?.sessionEnded(session.id);
    const isOnly = session === this.#admission.only;
    if (session instanceof SessionRecord && !session.state.isOpen) {
      if (isOnly) this.#admission.only = undefined;
      return;
    }
    this.counts.served++;
    if (status === EXIT.lost || this.#delivery?.hasFailed) this.counts.lost++;
    if (!isOnly) return;
    this.#status = status;
    this.stop("done");
  }

  async #finish(): Promise<void> {
    await this.#tasks.finished();
    while (this.#sessions.size > 0) {
      await new Promise<void>((resolve) => this.#onAllClosed = resolve);
    }
    this.counts.away = this.registry.stop(this.#stopReason!);
    await this.#delivery?.flushed();
    await this.#options.output?.close();
    await this.#options.store?.close();
  }

  #reportRefusal({ peer }: Connection, { limit, refusal: text }: Refusal): void {
    if (limit) return this.#host.onStranger({ peer, limit });
    const { clock, timers } = this.#options;
    const closeReason = { by: "self", reason: "refused", text } as const;
    const report = closeReport(closeReason, { peer, timers, now_ms: clock.now() });
    this.#events.emit("terminated", report);
  }

  #notice(level: "info" | "warning" | "error", text: string): void {
    this.#events.emit("notice", { level, text });
  }
}
