/**
 * One side of a session on one connection: one reader, one bounded writer, the two loops in turn, one end.
 *
 * The room: `options` are what a session is made from; `state` and `ledger` (with `histogram`) outlive a connection: phase, events, counters;
 * `data_loop` (the client's) and `heartbeat_loop` are the phases; `timers` has all limits; `dial` and
 * `closing` open and close a connection; `close_reason` says why it ended; `events` are what all rooms to
 * the right read.
 * `client/` and `server/` extend {@linkcode Session}; `original/` uses state, ledger and heartbeats.
 * Nothing here opens a socket, a file or a thread, or knows who listens to events.
 *
 * @module
 */
import { Condition } from "../platform/condition.ts";
import { Deadline, type DeadlineOptions } from "../platform/deadline.ts";
import { type Connection, TransportError } from "../platform/net/transport.ts";
import { FrameDecoder } from "../wire/decoder.ts";
import { expectFrame, type Frame, ProtocolError, type Role } from "../wire/protocol.ts";
import { type MessageListener, MessageReader, type ReadAhead } from "../wire/reader.ts";
import { type FailureListener, FrameWriter } from "../wire/writer.ts";
import { type CloseReason, closeReasonOf, type DetectedSince } from "./close_reason.ts";
import { closeGracefully } from "./closing.ts";
import type { DataOutcome } from "./data_loop.ts";
import type { EventSource, Resumption } from "./events.ts";
import { heartbeatLoop, Heartbeats, type ReceiveCounters } from "./heartbeat_loop.ts";
import { ConnectionLedger, type Ledger } from "./ledger.ts";
import type { SessionConfig, SessionOptions } from "./options.ts";
import type { SessionState } from "./state.ts";
import { FRAMES_PER_TURN, OPEN_LIMIT_MS, type Timers } from "./timers.ts";

/** One side of a session on one connection; runs once. */
export abstract class Session
  implements ReceiveCounters, MessageListener<Frame>, FailureListener, DeadlineOptions {
  /** Which side this is. */
  abstract readonly role: Role;
  /** Notified after each read. */
  readonly changes = new Condition();
  /** Frames received on this connection. */
  framesReceived = 0;
  /** Data messages (at the server) or confirmations (at the client) received on this connection. */
  dataFramesReceived = 0;
  /** The session's state, once it is known which session it is; until then, that of the connection. */
  state: SessionState;
  /** The connection's only writer. */
  protected readonly writer: FrameWriter;
  /** When the peer is next judged, whatever that is for. */
  protected readonly deadline: Deadline;
  /** Why the connection ended, once it has. */
  closeReason?: CloseReason;
  /** The counters of this connection. */
  protected counts = new ConnectionLedger();

  readonly #config: SessionConfig;
  readonly #connection: Connection;
  readonly #decoder: FrameDecoder;
  readonly #connected_ms: number;
  #first?: ReadAhead;
  #reader?: MessageReader<Frame>;
  #heartbeats?: Heartbeats;
  #isOpen = false;
  #framesBefore = 0;
  #readAt_ms?: number;
  #defect: { error: unknown } | undefined;

  /** Creates one side of a session on a connection. */
  constructor({ connected_ms, connection, first, state, config }: SessionOptions) {
    this.#config = config;
    this.#connection = connection;
    this.#connected_ms = connected_ms;
    this.#first = first;
    this.state = state;
    this.deadline = new Deadline(config.clock, this);
    this.#decoder = new FrameDecoder(config);
    this.writer = new FrameWriter(connection, this);
  }

  /** Completes the handshake, `HELLO` and `WELCOME`; false if the deadline passes first. */
  protected abstract open(deadline: Deadline): Promise<boolean>;
  /** The close reason of a handshake that was not completed in time. */
  protected abstract openTimeout(): CloseReason;
  /** Receives a frame that only this role receives. */
  protected abstract onRoleFrame(frame: Frame): void;
  /** Begins the data phase, and calls `dataOver` when no data comes in time, or all is done. */
  protected abstract dataLoop(deadline: Deadline): void;
  /** When the silence that ended the data phase began; `isIdle` if no data was due. */
  protected abstract silence(): { since: DetectedSince; at_ms: number; isIdle?: boolean };
  /** Waits before a polite end until what was received is settled; false if the limit passes first. */
  protected abstract settle(limit: Deadline): boolean | Promise<boolean>;
  /** Whether the session outlives a connection that ended for this reason. */
  protected abstract survivesDisconnect(closeReason: CloseReason): boolean;
  /** Called once the connection is closed, for a defect of this program or not: nothing more comes or goes. */
  protected abstract onClosed(defect?: { error: unknown }): void;

  /** Whether the handshake is complete. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The session's counters. */
  get ledger(): Ledger {
    return this.state.ledger;
  }

  /** The peer's address and port, for people. */
  get peer(): string {
    return this.#connection.peer;
  }

  /** The session's timers. */
  protected get timers(): Timers {
    return this.#config.timers;
  }

  /** The session's id; `?` before the client has sent it. */
  get id(): string {
    return this.events.session ?? "?";
  }

  /** Emits the session's events. */
  protected get events(): EventSource {
    return this.state.events;
  }

  /** The monotonic time in milliseconds. */
  now(): number {
    return this.#config.clock.now();
  }

  /**
   * Runs the session on this connection: the handshake, then the data phase and the heartbeat phase in turn,
   * to the end. No task, timer or socket is left when `onClosed` is called.
   */
  async start(): Promise<void> {
    const { deadline } = this;
    this.#reader = new MessageReader(this.#connection, this.#decoder, this, this.#first);
    this.#first = undefined;
    try {
      deadline.moveTo(this.#connected_ms + OPEN_LIMIT_MS, { again_ms: OPEN_LIMIT_MS });
      if (!await this.open(deadline)) this.end(this.openTimeout());
    } catch (error) {
      if (error !== this.closeReason) this.onFailure(error);
    }
    this.#dataPhase();
  }

  #dataPhase(): void {
    if (this.closeReason) this.#close();
    else this.dataLoop(this.deadline);
  }

  /** Goes on when the data phase is over: with heartbeats until data is heard again, or to the end. */
  protected async dataOver(data: DataOutcome | Promise<DataOutcome>): Promise<void> {
    const { deadline } = this;
    try {
      const outcome = await data;
      deadline.throwIfEnded();
      if (outcome === "done") this.onDone();
      deadline.throwIfEnded();
      const heartbeats = await this.#heartbeatPhase(deadline);
      // The data that ended the phase may have come in one read with what ended the session.
      deadline.throwIfEnded();
      if (heartbeats === "dead") this.end({ by: "self", reason: "silent", text: "" });
      else this.state.data();
    } catch (error) {
      if (error !== this.closeReason) this.onFailure(error);
    }
    this.#dataPhase();
  }

  async #close(): Promise<void> {
    await closeGracefully({
      clock: this.#config.clock,
      connection: this.#connection,
      writer: this.writer,
      closeReason: this.closeReason!,
      reader: this.#reader!,
      settle: (limit) => this.settle(limit),
    }).catch((error) => this.onFailure(error));
    this.onClosed(this.#defect);
  }

  /** Enters the data phase after the handshake, of a new session or of a resumed one. */
  protected opened(resumption?: Resumption): void {
    this.#isOpen = true;
    this.counts = this.state.open(this.peer);
    if (resumption) this.state.resumed(resumption);
    this.state.data();
  }

  /** Called when this process did not run as a deadline came due. */
  onStall(late_ms: number): void {
    this.state.stalled(late_ms);
  }

  /** All that was asked for is sent and confirmed. */
  protected onDone(): void {
    this.stop("done");
  }

  /** Ends the session at this side's request. */
  stop(reason: "done" | "shutdown", text = ""): void {
    this.end({ by: "self", reason, text });
  }

  /** Ends the connection, and the session unless it outlives it. Only the first reason counts. */
  protected end(closeReason: CloseReason): void {
    if (this.closeReason) return;
    this.closeReason = closeReason;
    const detection = this.#heartbeats?.detection;
    if (!this.survivesDisconnect(closeReason)) this.state.end(closeReason, this.peer, detection);
    else if (this.#isOpen) this.state.disconnect(closeReason, this.peer, detection);
    this.deadline.end(closeReason);
  }

  /** Made when first needed: by then the session's state is known. */
  #beats(): Heartbeats {
    const { events, ledger, timers } = this;
    const { clock } = this.#config;
    const send = (n: number) => this.writer.send({ type: "HEARTBEAT", n });
    return this.#heartbeats ??= new Heartbeats({ clock, timers, events, ledger, send });
  }

  #heartbeatPhase(deadline: Deadline) {
    const { since, at_ms, isIdle } = this.silence();
    this.#beats().silent(since, at_ms);
    this.state.silent(at_ms, isIdle);
    return heartbeatLoop(this.#beats(), this, this.timers, deadline);
  }

  /** Ends the session when the peer has closed its side, or the connection has failed. */
  onEnd(failure?: unknown): void {
    if (failure) return this.onFailure(failure);
    const text = this.#decoder.midFrame ? "in the middle of a frame" : "";
    this.end({ by: "peer", reason: "closed", text });
  }

  /** Receives a frame. After the end only confirmations count: they leave less in doubt. */
  onMessage(frame: Frame): void {
    if (this.closeReason && frame.type !== "CONFIRM") return;
    expectFrame(frame, this.role, this.isOpen ? "open" : "opening");
    this.framesReceived++;
    // One time for all frames of a read: reading the clock takes longer than the rest of this method.
    this.state.lastSignOfLife_ms = this.#readAt_ms ??= this.now();
    switch (frame.type) {
      case "HEARTBEAT":
        this.ledger.heartbeatsReceived++;
        return this.writer.send({ type: "HEARTBEAT_REPLY", n: frame.n });
      case "HEARTBEAT_REPLY":
        return this.#beats().onReply(frame.n);
      case "TERMINATE":
        return this.end({ by: "peer", reason: frame.reason, text: frame.text });
      default:
        return this.onRoleFrame(frame);
    }
  }

  /** Receives part of a large data message, which is a sign of life. */
  protected onPartialData(): void {
    this.framesReceived++;
    this.state.lastSignOfLife_ms = this.now();
  }

  /** Sends a heartbeat as a sign of life of this side, which reads nothing that it could answer. */
  protected assure(): void {
    this.#beats().assure();
  }

  /** Ends a read. The next one waits for other connections and for the sink of events, if they need it. */
  onBatchEnd(): void | Promise<void> {
    const legacy = this.isOpen ? undefined : this.#config.legacy;
    const otherWire = legacy?.explainAnswer(this.#decoder.unfinishedLine);
    if (otherWire !== undefined) throw new ProtocolError(otherWire);
    this.#readAt_ms = undefined;
    const frames = this.framesReceived - this.#framesBefore;
    if (frames === 0 && this.#isOpen && this.#decoder.isMidData) this.onPartialData();
    this.#framesBefore = this.framesReceived;
    this.changes.notify();
    if (this.writer.full) throw new ProtocolError("too many answers left unread");
    const room = this.events.room();
    if (frames <= FRAMES_PER_TURN) return room;
    const turn = new Promise<void>((resolve) => this.#config.clock.afterInput(resolve));
    return room ? room.then(() => turn) : turn;
  }

  /** Ends the session over a protocol error of the peer, or a defect of this program. */
  onError(error: unknown): void {
    if (!(error instanceof ProtocolError)) return this.onFailure(error);
    this.end({ by: "self", reason: "protocol", text: error.message });
  }

  /** Ends the session over a failure of the connection, or a defect of this program. */
  onFailure(error: unknown): void {
    if (!(error instanceof TransportError)) this.#defect ??= { error };
    this.end(closeReasonOf(error));
  }
}
