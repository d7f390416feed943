/**
 * The server's side of an original client's session: its data connection, its silence, its second
 * connection with heartbeats, and its return, as one session.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import { Condition, sleep } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";
import { hostOf } from "../platform/net/address.ts";
import type { Connection } from "../platform/net/transport.ts";
import { TaskGroup } from "../platform/task_group.ts";
import type { CloseReason, Detection } from "../session/close_reason.ts";
import type { EventSource } from "../session/events.ts";
import type { ReceiveCounters } from "../session/heartbeat_loop.ts";
import type { Ledger } from "../session/ledger.ts";
import { SessionState } from "../session/state.ts";
import { heartbeatPhase_ms, predictedDetection_ms, type Timers } from "../session/timers.ts";
import { ORIGINAL_TEXT, type OriginalMessage, type OriginalPurpose } from "../wire/original.ts";
import { ProtocolError } from "../wire/protocol.ts";
import { OriginalConnection } from "./connection.ts";
import { heartbeatWatch } from "./heartbeat_watch.ts";

/** How long, in milliseconds, the last word to an original client may take. */
const FINAL_WRITE_LIMIT_MS = 50;

/** What a session with an original client is made of. */
export interface OriginalServerSessionOptions {
  /** Its first connection, and what that is for. */
  connection: Connection;
  /** What that is for. */
  purpose: OriginalPurpose;
  /** Time. */
  clock: Clock;
  /** The session's timers. */
  timers: Timers;
  /** Where the session tells what happens; it knows the session's id. */
  events: EventSource;
}

/** The server's side of a session with an original client. To be run once. */
export class OriginalServerSession implements ReceiveCounters {
  /** Tells the running loop that something was heard, or that a connection has ended. */
  readonly changes = new Condition();
  /** Messages heard so far. */
  framesReceived = 0;
  /** Data messages heard so far. */
  dataFramesReceived = 0;
  /** Always: there is no `HELLO` to wait for. */
  readonly isOpen = true;
  readonly #options: OriginalServerSessionOptions;
  readonly #state: SessionState;
  readonly #tasks = new TaskGroup();
  readonly #over = new AbortController();
  #connections: Partial<Record<OriginalPurpose, OriginalConnection>> = {};
  #lastData_ms: number;
  #lastClosed?: CloseReason;
  /** Whether the client has opened its second connection in this silence. */
  #hasCalledAgain = false;
  /** Data messages heard when the last silence ended. */
  #dataAtReturn = 0;

  /** Makes the server's side of a session. */
  constructor(options: OriginalServerSessionOptions) {
    this.#options = options;
    this.#state = new SessionState(options);
    this.#lastData_ms = this.#state.started_ms;
  }

  /** How it ended, once it has. */
  get closeReason(): CloseReason | undefined {
    return this.#state.closeReason;
  }

  /** What this side has counted. */
  get ledger(): Ledger {
    return this.#state.ledger;
  }

  /** The session's id. */
  get id(): string {
    return this.#options.events.session!;
  }

  /** Monotonic milliseconds. */
  now(): number {
    return this.#options.clock.now();
  }

  /** The address that the client calls from. */
  get host(): string {
    return hostOf(this.#options.connection.peer);
  }

  /** When the last data message was heard, or the session started, in monotonic milliseconds. */
  get lastData_ms(): number {
    return this.#lastData_ms;
  }

  /** Whether a connection of this kind is what its client would open next. */
  awaits(purpose: OriginalPurpose): boolean {
    if (this.#state.closeReason) return false;
    // Whoever has opened no second connection has given up no first one: another client calls.
    if (purpose === "data") return this.#state.phase === "heartbeat" && this.#hasCalledAgain;
    const silent = this.#state.phase === "heartbeat" || this.#connections.data === undefined;
    return silent && this.#connections.heartbeat === undefined;
  }

  /**
   * Whether its client may hear nothing, and heartbeats be what it sends next, though this side is not
   * silent: data is overdue, or but one message, which may be a late one, has ended a silence.
   */
  get isDoubtful(): boolean {
    if (this.#state.closeReason || this.#connections.heartbeat) return false;
    const { data_interval_ms } = this.#options.timers;
    const isOverdue = this.now() - this.#lastData_ms > data_interval_ms;
    return isOverdue || this.dataFramesReceived === this.#dataAtReturn;
  }

  /** Tells something of this session that is no event of its own. */
  notice(level: "info" | "warning", text: string): void {
    this.#options.events.emit("notice", { level, text });
  }

  /** Takes over a connection of the client's. */
  attach(connection: Connection, purpose: OriginalPurpose): void {
    if (this.#state.closeReason) return connection.close();
    this.#tasks.add(this.#serve(new OriginalConnection(connection, this.#listener), purpose));
  }

  /** Lives the session to its end and closes its connections. Nothing is left of it then. */
  async run(): Promise<CloseReason> {
    const { clock, connection, purpose } = this.#options;
    const { signal } = this.#over;
    this.#state.open(connection.peer, { original: true });
    this.attach(connection, purpose);
    using deadline = new Deadline(clock, {
      signal,
      onStall: (late_ms) => this.#state.stalled(late_ms),
    });
    try {
      await this.#live(deadline, purpose);
    } catch (error) {
      if (error !== signal.reason) throw error;
    } finally {
      await this.#close();
    }
    this.#state.summarize();
    return this.#state.closeReason!;
  }

  /** Ends the session because this side's user wants it. */
  stop(reason: "done" | "shutdown", text = ""): void {
    this.#end({ by: "self", reason, text });
  }

  readonly #listener = {
    heard: (message: OriginalMessage) => this.#heard(message),
    answered: (answer: OriginalMessage) => {
      if (answer === "reply") this.ledger.confirmedUpTo++;
    },
  };

  async #live(deadline: Deadline, first: OriginalPurpose): Promise<void> {
    let from_ms = first === "data" ? await this.#dataPhase(deadline) : this.now();
    for (;;) {
      // It can have come before the silence was noticed here.
      this.#hasCalledAgain = this.#connections.heartbeat !== undefined;
      this.#state.silent(this.#lastData_ms);
      const missed = (missed: number, left: number) => this.#missed(missed, left);
      const { timers } = this.#options;
      const outcome = await heartbeatWatch(this, timers, deadline, { from_ms, missed });
      deadline.throwIfEnded();
      if (outcome === "dead") return this.#end(this.#death());
      this.#dataAtReturn = this.dataFramesReceived;
      from_ms = await this.#dataPhase(deadline);
    }
  }

  /** Waits until the client is silent or has closed its data connection; gives the time of that. */
  async #dataPhase(deadline: Deadline): Promise<number> {
    const { data_threshold_ms } = this.#options.timers;
    this.#state.data();
    for (;;) {
      const lastSignOfLife_ms = this.#lastData_ms;
      deadline.moveTo(lastSignOfLife_ms + data_threshold_ms, { again_ms: data_threshold_ms });
      const closed = () => this.#connections.data === undefined;
      const closedOrHeard = () => closed() || this.#lastData_ms > lastSignOfLife_ms;
      const inTime = await this.changes.until(closedOrHeard, deadline);
      deadline.throwIfEnded();
      if (!inTime) return deadline.passed_ms;
      if (closed()) return this.now();
    }
  }

  async #serve(connection: OriginalConnection, purpose: OriginalPurpose): Promise<void> {
    if (purpose === "heartbeat") this.#hasCalledAgain = true;
    this.#connections[purpose]?.close();
    this.#connections[purpose] = connection;
    const closeReason = await connection.run();
    if (closeReason.by === "self") this.#end(closeReason);
    if (this.#connections[purpose] === connection) this.#lost(purpose, closeReason);
    this.#lastClosed = closeReason;
    this.changes.notify();
  }

  /** A connection has ended, which the session may outlive. */
  #lost(purpose: OriginalPurpose, closeReason: CloseReason): void {
    delete this.#connections[purpose];
    if (this.#state.closeReason) return;
    const which = purpose === "data" ? "data" : "second";
    const level = this.#state.phase === purpose ? "warning" : "info";
    this.notice(level, `the ${which} connection ${howItEnded(closeReason)}`);
  }

  #heard(message: OriginalMessage): OriginalMessage | undefined {
    this.framesReceived++;
    this.#state.signOfLife(this.now());
    this.changes.notify();
    switch (message) {
      case "data":
        return this.#heardData();
      case "heartbeat":
        this.ledger.heartbeatsReceived++;
        return "heartbeat";
      case "terminate":
        return void this.#end({ by: "peer", reason: "done", text: "" });
      case "reply":
        throw new ProtocolError(`${ORIGINAL_TEXT.reply} from the client`);
    }
  }

  #heardData(): OriginalMessage {
    const { events } = this.#options;
    const bytes = ORIGINAL_TEXT.data.length;
    const seq = ++this.ledger.dataReceived;
    this.ledger.dataBytes += bytes;
    this.dataFramesReceived++;
    this.#lastData_ms = this.#state.lastSignOfLife_ms;
    if (events.wantsMessages) events.emit("data_received", { seq, bytes });
    return "reply";
  }

  #missed(missed: number, left: number): void {
    const { ledger } = this;
    const n = ledger.heartbeatsReceived + ++ledger.heartbeatsMissed;
    this.#options.events.emit("heartbeat_missed", { n, missed, left });
  }

  /** A client whose connections are all closed is gone; one with an open connection is dead. */
  #death(): CloseReason {
    const isConnected = Object.keys(this.#connections).length > 0;
    if (isConnected || !this.#lastClosed) return { by: "self", reason: "silent", text: "" };
    return { ...this.#lastClosed, text: "and did not come back" };
  }

  #end(closeReason: CloseReason): void {
    this.#state.end(closeReason, this.#options.connection.peer, this.#detection());
    this.#over.abort(closeReason);
  }

  /** Death is measured from the last data message, or from the last heartbeat if one came since. */
  #detection(): Detection {
    const { timers } = this.#options;
    const { lastSignOfLife_ms } = this.#state;
    if (lastSignOfLife_ms > this.#lastData_ms) {
      const predicted_ms = heartbeatPhase_ms(timers);
      return { since: "last_sign_of_life", at_ms: lastSignOfLife_ms, predicted_ms };
    }
    const predicted_ms = predictedDetection_ms(timers);
    return { since: "last_data_heard", at_ms: this.#lastData_ms, predicted_ms };
  }

  /** Tells the client, which reads it in the place of a confirmation or an echo, and closes. */
  async #close(): Promise<void> {
    using limit = new Deadline(this.#options.clock);
    limit.moveTo(this.now() + FINAL_WRITE_LIMIT_MS);
    const connections = Object.values(this.#connections);
    const said = connections.map((connection) => connection.say("terminate"));
    await Promise.race([Promise.all(said), sleep(limit)]);
    for (const connection of connections) connection.close();
    await this.#tasks.finished();
  }
}

function howItEnded({ reason, text }: CloseReason): string {
  if (reason === "closed") return "was closed by the client (FIN)";
  return reason === "reset" ? "was reset (RST)" : `has failed: ${text}`;
}
