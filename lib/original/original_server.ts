/**
 * The server's side of an original client's session: its data connection, its silence, its second
 * connection with heartbeats, and its next data connection, as one session.
 *
 * @module
 */
import { sleep } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";
import { hostOf } from "../platform/net/address.ts";
import type { Connection } from "../platform/net/transport.ts";
import type { CloseReason, Detection } from "../session/close_reason.ts";
import { heartbeatLoop, type HeartbeatProbe } from "../session/heartbeat_loop.ts";
import { SessionState, type SessionStateOptions } from "../session/state.ts";
import {
  heartbeatPhase_ms,
  nextDeath,
  type NextStep,
  ORIGINAL_FINAL_WRITE_LIMIT_MS,
  predictedDetection_ms,
} from "../session/timers.ts";
import { ProtocolError } from "../wire/protocol.ts";
import { OriginalConnection } from "./connection.ts";
import { OriginalSession } from "./original_session.ts";
import { ORIGINAL_TEXT, type OriginalMessage, type OriginalPurpose } from "./wire.ts";

/** Options for {@linkcode OriginalServerSession}. */
export interface OriginalServerSessionOptions extends SessionStateOptions {
  /** Its first connection. */
  connection: Connection;
  /** What that is for. */
  purpose: OriginalPurpose;
}

/** The server's side of a session with an original client. To be run once. */
export class OriginalServerSession extends OriginalSession {
  /** When the last data message was received, or the session started, in monotonic milliseconds. */
  lastData_ms: number;
  readonly #options: OriginalServerSessionOptions;
  #connections: Partial<Record<OriginalPurpose, OriginalConnection>> = {};
  #lastClosed?: CloseReason;
  /** Heartbeats missed in a row. */
  #missed = 0;
  /** Whether the client has opened its second connection in this silence. */
  #hasSecond = false;
  /** Data messages received when the last silence ended. */
  #dataAtReturn = 0;

  /** Makes the server's side of a session. */
  constructor(options: OriginalServerSessionOptions) {
    const { clock, connection, events, timers } = options;
    super({ clock, connection, state: new SessionState({ clock, timers, events }) });
    this.#options = options;
    this.lastData_ms = this.state.started_ms;
  }

  /** The session's id. */
  get id(): string {
    return this.events.session!;
  }

  /** The client's address and port, of its first connection. */
  get peer(): string {
    return this.#options.connection.peer;
  }

  /** Everything up to this sequence number is confirmed. */
  get confirmedUpTo(): number {
    return this.ledger.confirmedUpTo;
  }

  /** The client's address. */
  get host(): string {
    return hostOf(this.#options.connection.peer);
  }

  /** Whether a connection of this kind is what its client would open next. */
  awaits(purpose: OriginalPurpose): boolean {
    if (this.state.closeReason) return false;
    // A client that has opened no second connection still has its first one: this is another client.
    if (purpose === "data") return this.state.phase === "heartbeat" && this.#hasSecond;
    const silent = this.state.phase === "heartbeat" || this.#connections.data === undefined;
    return silent && this.#connections.heartbeat === undefined;
  }

  /**
   * Whether its client may receive nothing and send heartbeats next, though this side is not silent: data
   * is overdue, or only one message, which may be a late one, has ended a silence.
   */
  get isDoubtful(): boolean {
    if (this.state.closeReason || this.#connections.heartbeat) return false;
    const { data_interval_ms } = this.#options.timers;
    const isOverdue = this.now() - this.lastData_ms > data_interval_ms;
    return isOverdue || this.dataFramesReceived === this.#dataAtReturn;
  }

  /** Logs something about this session. */
  notice(level: "info" | "warning", text: string): void {
    this.events.emit("notice", { level, text });
  }

  /** Adds a connection of the client's to the session. */
  attach(connection: Connection, purpose: OriginalPurpose): void {
    if (this.state.closeReason) return connection.close();
    this.connectionOpened();
    this.tasks.add(this.#serve(new OriginalConnection(connection, this.#listener), purpose));
  }

  /** Runs the session until it ends, closes its connections and emits its summary. */
  override async run(): Promise<CloseReason> {
    const closeReason = await super.run();
    this.state.summarize();
    return closeReason;
  }

  /** Runs the phases in turn, until the session ends. */
  protected override async runPhases(deadline: Deadline): Promise<void> {
    const { connection, purpose, timers } = this.#options;
    this.attach(connection, purpose);
    let from_ms = purpose === "data" ? await this.#dataPhase(deadline) : this.now();
    for (;;) {
      // It may have been opened before this side noticed the silence.
      this.#hasSecond = this.#connections.heartbeat !== undefined;
      const isClosed = this.#connections.data === undefined;
      this.#missed = 0;
      this.state.silent(this.lastData_ms, isClosed ? "closed" : undefined);
      this.link.look();
      const outcome = await heartbeatLoop(this.#probe, this, timers, deadline, from_ms);
      deadline.throwIfEnded();
      if (outcome === "dead") return this.end(this.#death());
      this.link.heard();
      this.#dataAtReturn = this.dataFramesReceived;
      from_ms = await this.#dataPhase(deadline);
    }
  }

  /** Death is measured from the last data message, or from the last heartbeat if one came since. */
  protected override detection(): Detection {
    const { timers } = this.#options;
    const at_ms = this.state.lastSignOfLife_ms;
    return at_ms > this.lastData_ms
      ? { since: "last_sign_of_life", at_ms, predicted_ms: heartbeatPhase_ms(timers) }
      : {
        since: "last_data_heard",
        at_ms: this.lastData_ms,
        predicted_ms: predictedDetection_ms(timers),
      };
  }

  /** Its client is to send the heartbeats. */
  protected override nextDeath(due_ms: number): NextStep {
    return nextDeath(this.#options.timers, due_ms, this.#missed);
  }

  /** Sends TERMINATE, which the client reads in the place of a confirmation or an echo, and closes. */
  protected override async close(): Promise<void> {
    using limit = new Deadline(this.#options.clock);
    limit.moveTo(this.now() + ORIGINAL_FINAL_WRITE_LIMIT_MS);
    const connections = Object.values(this.#connections);
    const sent = connections.map((connection) => connection.send("terminate"));
    await Promise.race([Promise.all(sent), sleep(limit)]);
    for (const connection of connections) connection.close();
  }

  readonly #probe: HeartbeatProbe = {
    answered: () => {
      this.#missed = 0;
      this.link.heard();
    },
    missed: (missed, left) => {
      this.#missed = missed;
      const n = this.ledger.heartbeatsReceived + ++this.ledger.heartbeatsMissed;
      this.events.emit("heartbeat_missed", { n, missed, left });
      this.link.judgedIn(this.#options.timers.heart_beat_threshold_ms);
    },
  };

  readonly #listener = {
    onMessage: (message: OriginalMessage) => this.#onMessage(message),
    onWritten: () => this.onTraffic(),
    onAnswered: (answer: OriginalMessage) => {
      if (answer === "reply") this.ledger.confirmedUpTo++;
    },
  };

  /** Waits until the client is silent or has closed its data connection; returns when that was. */
  async #dataPhase(deadline: Deadline): Promise<number> {
    const { data_threshold_ms } = this.#options.timers;
    this.state.data();
    for (;;) {
      const lastSignOfLife_ms = this.lastData_ms;
      deadline.moveTo(lastSignOfLife_ms + data_threshold_ms, { again_ms: data_threshold_ms });
      const closed = () => this.#connections.data === undefined;
      const closedOrReceived = () => closed() || this.lastData_ms > lastSignOfLife_ms;
      const inTime = await this.changes.until(closedOrReceived, deadline);
      deadline.throwIfEnded();
      if (!inTime) return deadline.passed_ms;
      if (closed()) return this.now();
    }
  }

  async #serve(connection: OriginalConnection, purpose: OriginalPurpose): Promise<void> {
    if (purpose === "heartbeat") this.#hasSecond = true;
    this.#connections[purpose]?.close();
    this.#connections[purpose] = connection;
    const closeReason = await connection.run();
    if (closeReason.by === "self") this.end(closeReason);
    if (this.#connections[purpose] === connection) this.#onClosed(purpose, closeReason);
    this.#lastClosed = closeReason;
    this.changes.notify();
  }

  /** A connection has ended; the session may go on. */
  #onClosed(purpose: OriginalPurpose, closeReason: CloseReason): void {
    delete this.#connections[purpose];
    this.look();
    if (this.state.closeReason) return;
    const which = purpose === "data" ? "data" : "second";
    const level = this.state.phase === purpose ? "warning" : "info";
    this.notice(level, `the ${which} connection ${howItEnded(closeReason)}`);
  }

  #onMessage(message: OriginalMessage): OriginalMessage | undefined {
    this.framesReceived++;
    this.state.lastSignOfLife_ms = this.look();
    if (message !== "terminate") this.onTraffic();
    this.changes.notify();
    switch (message) {
      case "data":
        return this.#onData();
      case "heartbeat":
        this.events.emit("heartbeat_received", { n: ++this.ledger.heartbeatsReceived });
        return "heartbeat";
      case "terminate":
        return void this.end({ by: "peer", reason: "done", text: "" });
      case "reply":
        throw new ProtocolError(`${ORIGINAL_TEXT.reply} from the client`);
    }
  }

  #onData(): OriginalMessage {
    const { events } = this;
    const bytes = ORIGINAL_TEXT.data.length;
    const seq = ++this.ledger.dataReceived;
    this.ledger.dataBytes += bytes;
    this.dataFramesReceived++;
    this.lastData_ms = this.state.lastSignOfLife_ms;
    if (events.wantsMessage(seq)) events.emit("data_received", { seq, bytes });
    return "reply";
  }

  /** A client whose connections are all closed is gone; one with an open connection is dead. */
  #death(): CloseReason {
    const isConnected = Object.keys(this.#connections).length > 0;
    if (isConnected || !this.#lastClosed) return { by: "self", reason: "silent", text: "" };
    return { ...this.#lastClosed, text: "and did not reconnect" };
  }
}

function howItEnded({ reason, text }: CloseReason): string {
  if (reason === "closed") return "was closed by the client (FIN)";
  return reason === "reset" ? "was reset (RST)" : `has failed: ${text}`;
}
