/**
 * One side of a session on one connection: one reader, one bounded writer, the two loops in turn, one end.
 *
 * The room: `state` and `ledger` (with `histogram`) outlive a connection: phase, events, counters;
 * `data_loop` (the client's) and `heartbeat_loop` are the phases; `timers` has all limits; `options` has what a
 * side passes in and implements; `connection` opens and closes one; `close_reason` says why it ended;
 * `accounts` compares what both sides saw of an outage; `events` are what all rooms to the right read.
 * `client/` and `server/` extend {@linkcode Session}; `original/` uses state, ledger and heartbeats.
 * Nothing here opens a socket, a file or a thread, or knows who listens to events.
 *
 * @module
 */
import { Condition } from "../platform/condition.ts";
import { Deadline, type DeadlineOptions } from "../platform/deadline.ts";
import { TransportError } from "../platform/net/transport.ts";
import type { StallKind } from "../platform/suspension.ts";
import { TurnLimiter } from "../platform/turns.ts";
import { FrameDecoder } from "../wire/decoder.ts";
import { expectFrame, type Frame, type JsonObject, ProtocolError } from "../wire/protocol.ts";
import { type MessageListener, MessageReader } from "../wire/reader.ts";
import { FrameWriter, type WriterListener } from "../wire/writer.ts";
import { ConnectionUse } from "../evidence/cuts.ts";
import type { AccountLink } from "../evidence/outage_log.ts";
import { type CloseReason, closeReasonOf, onLink } from "./close_reason.ts";
import { closeGracefully } from "./connection.ts";
import type { DataOutcome } from "./data_loop.ts";
import type { Resumption } from "./events.ts";
import { heartbeatLoop, type Heartbeats, type ReceiveCounters } from "./heartbeat_loop.ts";
import { ConnectionLedger } from "./ledger.ts";
import { type SessionOptions, SessionSide } from "./options.ts";
import type { ClosedConnection } from "./state.ts";
import { FRAMES_PER_TURN, LARGE_READ_BYTES, OPEN_LIMIT_MS } from "./timers.ts";

/** One side of a session on one connection; runs once. */
export abstract class Session extends SessionSide
  implements AccountLink, ReceiveCounters, MessageListener<Frame>, WriterListener, DeadlineOptions {
  /** Notified after each read. */
  readonly changes = new Condition();
  /** Frames received on this connection. */
  framesReceived = 0;
  /** Data messages (at the server) or confirmations (at the client) received on this connection. */
  dataFramesReceived = 0;
  /** The connection's only writer. */
  protected override readonly writer: FrameWriter;
  /** When the peer is next judged, whatever that is for. */
  protected override readonly deadline: Deadline;
  /** Why the connection ended, once it has. */
  closeReason?: CloseReason;
  /** The counters of this connection. */
  protected counts = new ConnectionLedger();
  readonly #decoder: FrameDecoder;
  readonly #use: ConnectionUse;
  readonly #reader: MessageReader<Frame>;
  #isOpen = false;
  #framesBefore = 0;
  #readAt_ms?: number;
  #defect: { error: unknown } | undefined;

  /** Creates one side of a session on a connection. */
  constructor(options: SessionOptions) {
    super(options);
    const { config, connected_ms, connection, first } = options;
    this.#use = new ConnectionUse(connected_ms);
    this.deadline = new Deadline(config.clock, this);
    this.#decoder = new FrameDecoder(config);
    this.writer = new FrameWriter(connection, this);
    this.#reader = new MessageReader(connection, this.#decoder, this, first);
  }

  /** Whether the handshake is complete. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * Runs the session on this connection: the handshake, then the data phase and the heartbeat phase in turn,
   * to the end. No task, timer or socket is left when `onClosed` is called.
   */
  async start(): Promise<void> {
    const { deadline } = this;
    try {
      deadline.moveTo(this.#use.opened_ms + OPEN_LIMIT_MS, { again_ms: OPEN_LIMIT_MS });
      this.sendHello?.();
      if (!await this.changes.until(() => this.#isOpen, deadline)) this.end(this.openTimeout());
    } catch (error) {
      if (error !== this.closeReason) this.onFailure(error);
    }
    this.#dataPhase();
  }

  #dataPhase(): void {
    if (!this.closeReason) return this.dataLoop(this.deadline);
    TurnLimiter.of(this.config.clock).run((session) => session.#close(), this as Session);
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
      deadline.throwIfEnded();
      this.state.data();
      this.state.accounts?.over(this, this.#beats().kernel?.recovered());
    } catch (error) {
      if (error !== this.closeReason) this.onFailure(error);
    }
    this.heartbeats?.over();
    this.#dataPhase();
  }

  async #close(): Promise<void> {
    // What ended the session goes on first.
    await undefined;
    const { config: { clock }, connection, writer } = this;
    const [closeReason, reader] = [this.closeReason!, this.#reader];
    const settle = (limit: Deadline) => this.settle(limit);
    const closing = closeGracefully({ clock, connection, writer, closeReason, reader, settle });
    await closing.catch((error) => this.onFailure(error));
    this.onClosed(this.#defect);
  }

  /** Enters the data phase after the handshake, of a new session or of a resumed one. */
  protected opened(resumption?: Resumption): void {
    this.#isOpen = true;
    this.#decoder.forgetFirst();
    const { connection } = this;
    this.counts = this.state.open(connection, connection.tls && { tls: connection.tls });
    if (resumption) this.state.resumed(resumption);
    this.state.data();
    return resumption ? this.state.accounts?.over(this) : this.state.accounts?.end();
  }

  /** Sends what this side saw of an outage. */
  override sendAccount(account: JsonObject): void {
    this.writer.send({ type: "ACCOUNT", account });
  }

  /** Called when this process did not run as a deadline came due, or its host was suspended. */
  onStall(ms: number, kind: StallKind): void {
    if (this.events.session !== null) this.state.stalled(ms, kind);
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
  protected end(reason: CloseReason): void {
    if (this.closeReason) return;
    const closeReason = this.closeReason = onLink(reason, this.heartbeats?.linkFault);
    const detection = this.heartbeats?.detection;
    const watch = this.heartbeats?.kernel;
    const kernel = watch?.end();
    const [use, wasOpened] = [this.#use, this.#isOpen];
    const connection = { peer: this.peer, use, wasOpened, detection, kernel };
    if (!this.survivesDisconnect(closeReason)) this.reportEnd(closeReason, connection);
    else if (this.#isOpen) {
      this.accounts.lost(this, closeReason, { detection, seen: watch?.seen });
      this.state.disconnect(closeReason, connection);
    }
    this.deadline.end(closeReason);
  }

  /** Ends the session for all who follow its events. */
  protected reportEnd(closeReason: CloseReason, connection: ClosedConnection): void {
    this.state.end(closeReason, connection);
  }

  /** What has been received so far, as long as the session is not open. */
  protected get firstBytes(): Uint8Array {
    return this.#decoder.first;
  }

  /** Whether the peer ends the connection right behind the frame that is being received. */
  get isGivenUp(): boolean {
    return this.#decoder.isTerminateNext;
  }

  /** Made when first needed: by then the session's state is known. */
  #beats(): Heartbeats {
    const send = (n: number) => this.writer.send({ type: "HEARTBEAT", n });
    return this.heartbeats ??= this.makeHeartbeats(send, this);
  }

  #heartbeatPhase(deadline: Deadline) {
    const { since, at_ms, isIdle } = this.silence();
    this.#beats().silent(since, at_ms);
    if (since === "first_unconfirmed_data_sent") this.#use.onUnanswered(at_ms);
    const now_ms = this.state.silent(at_ms, isIdle ? "idle" : undefined);
    if (isIdle) this.accounts.begin(this);
    else this.accounts.silent(this, at_ms, now_ms);
    this.#beats().kernel!.silent(this.state.lastSignOfLife_ms, isIdle === true);
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
    if (this.closeReason && frame.type !== "CONFIRM") return this.trace(false, frame, this.now());
    expectFrame(frame, this.role, this.isOpen ? "open" : "opening");
    this.framesReceived++;
    // One time for all frames of a read: reading the clock takes longer than the rest of this method.
    const now_ms = this.#readAt_ms ??= this.deadline.look();
    if (frame.type === "HEARTBEAT" && !this.state.isSilent) this.accounts.begin(this);
    this.state.lastSignOfLife_ms = now_ms;
    if (frame.type !== "TERMINATE") this.#use.onTraffic(now_ms);
    if (this.isNoted) this.trace(false, frame, now_ms);
    switch (frame.type) {
      case "HEARTBEAT":
        this.ledger.heartbeatsReceived++;
        // Of a flood in one read, the first ones only: it must push no other event out of the output.
        if (this.framesReceived - this.#framesBefore <= FRAMES_PER_TURN) {
          this.events.emit("heartbeat_received", { n: frame.n });
        }
        return this.writer.send({ type: "HEARTBEAT_REPLY", n: frame.n });
      case "HEARTBEAT_REPLY":
        return this.#beats().onReply(frame.n);
      case "ACCOUNT":
        return this.accounts.onAccount(this, frame.account, now_ms);
      case "TERMINATE":
        return this.end({ by: "peer", reason: frame.reason, text: frame.text });
      default:
        this.onRoleFrame(frame);
    }
    // Only now it is known of which session it is, so that it was not recorded before.
    if (frame.type === "HELLO") this.trace(false, frame, now_ms);
  }

  /** Receives part of a large data message, which is a sign of life. */
  protected onPartialData(): void {
    this.framesReceived++;
    this.state.lastSignOfLife_ms = this.deadline.look();
  }

  /** Sends a heartbeat as a sign of life of this side, which reads nothing that it could answer. */
  assure(): void {
    this.#beats().assure();
  }

  /** Ends a read. The next one waits for other connections and for the sink of events, if they need it. */
  onBatchEnd(bytes: number): void | Promise<void> {
    const otherWire = this.#isOpen ? undefined : this.explainOtherWire(this.#decoder);
    if (otherWire !== undefined) throw new ProtocolError(otherWire);
    // A part of a frame is traffic, too.
    this.#use.onTraffic(this.#readAt_ms ?? this.now());
    this.#readAt_ms = undefined;
    const frames = this.framesReceived - this.#framesBefore;
    if (frames === 0 && this.#isOpen && this.#decoder.isMidData) this.onPartialData();
    this.#framesBefore = this.framesReceived;
    this.changes.notify();
    if (this.writer.full) throw new ProtocolError("too many answers left unread");
    const room = this.events.room();
    if (frames <= FRAMES_PER_TURN && bytes < LARGE_READ_BYTES) return room;
    const turn = TurnLimiter.ofReads(this.config.clock).turn();
    return room ? room.then(() => turn) : turn;
  }

  /** Ends the session over a protocol error of the peer, or a defect of this program. */
  onError(error: unknown): void {
    if (!(error instanceof ProtocolError)) return this.onFailure(error);
    const otherWire = this.#isOpen ? undefined : this.explainOtherWire(this.#decoder);
    this.end({ by: "self", reason: "protocol", text: otherWire ?? error.message });
  }

  /** Notes that something was sent. */
  onWritten(): void {
    this.#use.onTraffic(this.now());
    this.heartbeats?.kernel?.onWritten();
  }

  /** Notes a frame that is handed to the network. */
  onWriting(frame: Frame): void {
    if (this.isNoted) this.trace(true, frame, this.now());
  }

  /** Ends the session over a failure of the connection, or a defect of this program. */
  onFailure(error: unknown): void {
    if (!(error instanceof TransportError)) this.#defect ??= { error };
    this.end(closeReasonOf(error));
  }
}
