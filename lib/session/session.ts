/**
 * One side of one connection: one reader, one bounded writer, the loops in turn, one end.
 *
 * What only a client or only a server does is in `client/client_session.ts` and
 * `server/server_session.ts`; the state across connections is in `state.ts`.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import { Condition } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";
import { type Connection, TransportError } from "../platform/net/transport.ts";
import { FrameDecoder } from "../wire/codec.ts";
import { expectFrame, type Frame, ProtocolError, type Role } from "../wire/protocol.ts";
import { type MessageListener, readMessages } from "../wire/reader.ts";
import { FrameWriter } from "../wire/writer.ts";
import { type CloseReason, closeReasonOf, type DetectedSince } from "./close_reason.ts";
import { closeGracefully } from "./closing.ts";
import type { DataOutcome } from "./data_loop.ts";
import type { EventSource, Phase } from "./events.ts";
import { heartbeatLoop, type HeartbeatOutcome, type ReceiveCounters } from "./heartbeat_loop.ts";
import { Heartbeats } from "./heartbeats.ts";
import { ConnectionLedger, type Ledger } from "./ledger.ts";
import type { SessionState } from "./state.ts";
import { OPEN_LIMIT_MS, type Timers } from "./timers.ts";

/** So many frames in one read, and the next read waits until other connections have been read. */
const FRAMES_PER_TURN = 256;

/** What many sessions have in common. */
export interface SessionConfig {
  /** Time. */
  readonly clock: Clock;
  /** The sessions' timers. */
  readonly timers: Timers;
  /** The largest data message to accept, in bytes. */
  readonly maxMessageBytes: number;
  /** Recognizes a peer of another protocol, which sends no line, before the session is open. */
  readonly legacy?: { explainAnswer(first: Uint8Array): string | undefined };
}

/** What one side of a connection is made of. */
export interface SessionOptions {
  /** What it has in common with others. */
  readonly config: SessionConfig;
  /** The course of the session, which may outlive the connection. */
  readonly state: SessionState;
  /** The connection; it is closed at the end. */
  readonly connection: Connection;
  /** When that was opened, in monotonic milliseconds. */
  readonly connected_ms: number;
}

/** One side of a session, on one connection. To be run once. */
export abstract class Session implements ReceiveCounters, MessageListener<Frame> {
  /** Which side this is. */
  abstract readonly role: Role;
  /** Tells the running loop that something was heard. */
  readonly changes = new Condition();
  /** Frames heard so far. */
  framesReceived = 0;
  /** Data messages (at the server) or confirmations (at the client) heard so far. */
  dataFramesReceived = 0;
  /** The writer of this connection. */
  protected readonly writer: FrameWriter;
  /** What goes over this connection. */
  protected counts = new ConnectionLedger();

  readonly #config: SessionConfig;
  readonly #connection: Connection;
  readonly #decoder: FrameDecoder;
  readonly #deadline: Deadline;
  readonly #connected_ms: number;
  #state: SessionState;
  #heartbeats?: Heartbeats;
  #isOpen = false;
  #closeReason?: CloseReason;
  #framesBefore = 0;
  #readAt_ms?: number;
  #defect: { error: unknown } | undefined;

  /** Makes one side of a session on a connection. */
  constructor({ connected_ms, connection, state, config }: SessionOptions) {
    this.#config = config;
    this.#connection = connection;
    this.#connected_ms = connected_ms;
    this.#state = state;
    this.#deadline = new Deadline(config.clock, { onStall: (late_ms) => this.stalled(late_ms) });
    this.#decoder = new FrameDecoder(config);
    this.writer = new FrameWriter(connection, (error) => this.#fail(error));
  }

  /** Exchanges `HELLO` and `WELCOME`; false if the deadline passes first. */
  protected abstract open(deadline: Deadline): Promise<boolean>;
  /** How a session ends that was not opened in time. */
  protected abstract openTimeout(): CloseReason;
  /** Hears a frame that only this role hears. */
  protected abstract onRoleFrame(frame: Frame): void;
  /** Runs the data phase. */
  protected abstract dataLoop(deadline: Deadline): Promise<DataOutcome>;
  /** When silence began, seen from the end of a data phase. */
  protected abstract silence(): { since: DetectedSince; at_ms: number; isIdle?: boolean };
  /** Settles what is still under way before a polite end; whether that came about in time. */
  protected abstract settle(limit: Deadline): boolean | Promise<boolean>;
  /** Whether the session goes on after its connection has ended like this. */
  protected abstract survivesDisconnect(closeReason: CloseReason): boolean;
  /** Settles the books when nothing more can be heard or sent. */
  protected abstract finalizeCounters(): void;

  /** Whether `HELLO` and `WELCOME` have been exchanged. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** What this side has counted. */
  get ledger(): Ledger {
    return this.#state.ledger;
  }

  /** The session's id; `?` before the client has said it. */
  get id(): string {
    return this.events.session ?? "?";
  }

  /** The peer's address and port, for people. */
  get peer(): string {
    return this.#connection.peer;
  }

  /** How the connection ended, once it has. */
  get closeReason(): CloseReason | undefined {
    return this.#closeReason;
  }

  /** The phase that the session is in. */
  protected get phase(): Phase {
    return this.#state.phase;
  }

  /** When the last sign of life came, in monotonic milliseconds. */
  protected get lastSignOfLife_ms(): number {
    return this.#state.lastSignOfLife_ms;
  }

  /** The session's timers. */
  protected get timers(): Timers {
    return this.#config.timers;
  }

  /** Where the session tells what happens. */
  protected get events(): EventSource {
    return this.#state.events;
  }

  /** Monotonic milliseconds. */
  now(): number {
    return this.#config.clock.now();
  }

  /**
   * Lives the session on this connection, from `HELLO` to the end, and closes it. Nothing is left of
   * it when this resolves.
   *
   * @throws Only what is a defect of this program; the connection has ended all the same.
   */
  async run(): Promise<CloseReason> {
    const [reading, deadline] = [this.#read(), this.#deadline];
    try {
      deadline.moveTo(this.#connected_ms + OPEN_LIMIT_MS, { again_ms: OPEN_LIMIT_MS });
      if (!await this.open(deadline)) this.end(this.openTimeout());
      while (!this.#closeReason) {
        const data = await this.dataLoop(deadline);
        deadline.throwIfEnded();
        if (data === "done") this.stop("done");
        deadline.throwIfEnded();
        const heartbeats = await this.#heartbeatPhase(deadline);
        // What ends it may have come along with the data that was heard again.
        deadline.throwIfEnded();
        if (heartbeats === "dead") this.end({ by: "self", reason: "silent", text: "" });
        else this.#state.data();
      }
    } catch (error) {
      if (error !== this.#closeReason) this.#fail(error);
    }
    const closeReason = this.#closeReason!;
    await this.#close(closeReason, reading);
    if (this.#defect) throw this.#defect.error;
    return closeReason;
  }

  /** `HELLO` and `WELCOME` have been exchanged: the data phase begins, perhaps of a resumed session. */
  protected opened(resumption?: { resent: number; already_there: number }): void {
    this.#isOpen = true;
    this.counts = this.#state.open(this.peer);
    if (resumption) this.#state.resumed(resumption);
    this.#state.data();
  }

  /** The session has been here before: what it does from now on belongs to that course. */
  protected attachTo(state: SessionState): void {
    this.#state = state;
    state.signOfLife(this.now());
  }

  /** This process did not run when a deadline came due. */
  protected stalled(late_ms: number): void {
    this.#state.stalled(late_ms);
  }

  /** Ends the session because this side's user wants it, or has to. */
  stop(reason: "done" | "shutdown", text = ""): void {
    this.end({ by: "self", reason, text });
  }

  /** Ends the connection, and the session unless that goes on. The first reason given is the one. */
  protected end(closeReason: CloseReason): void {
    if (this.#closeReason) return;
    this.#closeReason = closeReason;
    const detection = this.#heartbeats?.detection;
    if (!this.survivesDisconnect(closeReason)) this.#state.end(closeReason, this.peer, detection);
    else if (this.#isOpen) this.#state.disconnect(closeReason, this.peer, detection);
    this.#deadline.end(closeReason);
  }

  #beats(): Heartbeats {
    const { events, ledger, timers } = this;
    const { clock } = this.#config;
    const send = (n: number) => this.writer.send({ type: "HEARTBEAT", n });
    return this.#heartbeats ??= new Heartbeats({ clock, timers, events, ledger, send });
  }

  #heartbeatPhase(deadline: Deadline): Promise<HeartbeatOutcome> {
    const { since, at_ms, isIdle } = this.silence();
    this.#beats().silent(since, at_ms);
    this.#state.silent(at_ms, isIdle);
    return heartbeatLoop(this.#beats(), this, this.timers, deadline);
  }

  #read(): Promise<void> {
    const closed = () => {
      const text = this.#decoder.midFrame ? "in the middle of a frame" : "";
      this.end({ by: "peer", reason: "closed", text });
    };
    return readMessages(this.#connection, this.#decoder, this)
      .then(closed, (error) => this.#fail(error));
  }

  /** Hears any frame. After the end only confirmations still count: they leave less in doubt. */
  onMessage(frame: Frame): void {
    if (this.#closeReason && frame.type !== "CONFIRM") return;
    expectFrame(frame, this.role, this.isOpen ? "open" : "opening");
    this.framesReceived++;
    // One time for all of one read: to ask for it takes longer than all else that is done with a frame.
    this.#state.signOfLife(this.#readAt_ms ??= this.now());
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

  /** All frames of one read have been heard. The next read waits for others', and for what is not told. */
  onBatchEnd(): void | Promise<void> {
    if (!this.isOpen) this.#expectOurProtocol();
    this.#readAt_ms = undefined;
    this.changes.notify();
    if (this.writer.full) throw new ProtocolError("too many answers left unread");
    const heard = this.framesReceived - this.#framesBefore;
    this.#framesBefore = this.framesReceived;
    const room = this.events.room();
    if (heard <= FRAMES_PER_TURN) return room;
    const turn = new Promise<void>((resolve) => this.#config.clock.afterInput(resolve));
    return room ? room.then(() => turn) : turn;
  }

  #expectOurProtocol(): void {
    const text = this.#config.legacy?.explainAnswer(this.#decoder.unfinishedLine);
    if (text !== undefined) throw new ProtocolError(text);
  }

  /** Hears of an error of the peer's, or of a defect of this program. */
  onError(error: unknown): void {
    if (!(error instanceof ProtocolError)) return this.#fail(error);
    this.end({ by: "self", reason: "protocol", text: error.message });
  }

  #fail(error: unknown): void {
    if (!(error instanceof TransportError)) this.#defect ??= { error };
    this.end(closeReasonOf(error));
  }

  /** Says why it ends, as far as the peer and the time let it, and closes. */
  async #close(closeReason: CloseReason, reading: Promise<void>): Promise<void> {
    const { clock } = this.#config;
    const connection = this.#connection;
    const settle = (limit: Deadline) => this.settle(limit);
    await closeGracefully({ clock, connection, writer: this.writer, closeReason, reading, settle });
    this.finalizeCounters();
  }
}
