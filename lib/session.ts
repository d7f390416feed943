/**
 * One side of one connection: one reader, one bounded writer, the loops in turn, one end.
 *
 * What only a client or only a server does is in `client_session.ts` and `server_session.ts`; what is
 * told of it all, in `course.ts`.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import { FrameDecoder } from "./codec.ts";
import type { Course } from "./course.ts";
import type { DataOutcome } from "./data_loop.ts";
import { type DetectedSince, type Ending, endingOfError } from "./ending.ts";
import type { EventSource, Phase } from "./events.ts";
import { sayGoodbye } from "./goodbye.ts";
import { type Hearing, heartbeatLoop, type HeartbeatOutcome } from "./heartbeat_loop.ts";
import { Heartbeats } from "./heartbeats.ts";
import { ConnectionLedger, type Ledger } from "./ledger.ts";
import { expectFrame, type Frame, HELLO_LIMIT_MS, ProtocolError, type Role } from "./protocol.ts";
import { type MessageListener, readMessages } from "./reader.ts";
import type { Timers } from "./settings.ts";
import { type Connection, TransportError } from "./transport.ts";
import { Changes, Deadline } from "./wait.ts";
import { FrameWriter } from "./writer.ts";

/** So many frames in one read, and the next read waits until other connections have been read. */
const FLOOD_FRAMES = 256;

/** What many sessions have in common. */
export interface SessionSetting {
  /** Time. */
  readonly clock: Clock;
  /** The sessions' timers. */
  readonly timers: Timers;
  /** The largest data message to accept, in bytes. */
  readonly maxMessageBytes: number;
}

/** What one side of a connection is made of. */
export interface SessionOptions {
  /** What it has in common with others. */
  readonly setting: SessionSetting;
  /** The course of the session, which may outlive the connection. */
  readonly course: Course;
  /** The connection; it is closed at the end. */
  readonly connection: Connection;
  /** When that was opened, in monotonic milliseconds. */
  readonly connected_ms: number;
}

/** One side of a session, on one connection. To be run once. */
export abstract class Session implements Hearing, MessageListener<Frame> {
  /** Which side this is. */
  abstract readonly role: Role;
  /** Tells the running loop that something was heard. */
  readonly changes = new Changes();
  /** Frames heard so far. */
  framesHeard = 0;
  /** Data messages (at the server) or confirmations (at the client) heard so far. */
  dataHeard = 0;
  /** The writer of this connection. */
  protected readonly writer: FrameWriter;
  /** What goes over this connection. */
  protected counts = new ConnectionLedger();

  readonly #setting: SessionSetting;
  readonly #connection: Connection;
  readonly #decoder: FrameDecoder;
  readonly #deadline: Deadline;
  readonly #connected_ms: number;
  #course: Course;
  #heartbeats?: Heartbeats;
  #isOpen = false;
  #ending?: Ending;
  #framesBefore = 0;
  #readAt_ms?: number;
  #defect: { error: unknown } | undefined;

  /** Makes one side of a session on a connection. */
  constructor({ connected_ms, connection, course, setting }: SessionOptions) {
    this.#setting = setting;
    this.#connection = connection;
    this.#connected_ms = connected_ms;
    this.#course = course;
    this.#deadline = new Deadline(setting.clock, { onStall: (late_ms) => this.stalled(late_ms) });
    this.#decoder = new FrameDecoder(setting);
    this.writer = new FrameWriter(connection, (error) => this.#fail(error));
  }

  /** Exchanges `HELLO` and `WELCOME`; false if the deadline passes first. */
  protected abstract open(deadline: Deadline): Promise<boolean>;
  /** How a session ends that was not opened in time. */
  protected abstract unopened(): Ending;
  /** Hears a frame that only this role hears. */
  protected abstract hearOwn(frame: Frame): void;
  /** Runs the data phase. */
  protected abstract dataLoop(deadline: Deadline): Promise<DataOutcome>;
  /** When silence began, seen from the end of a data phase. */
  protected abstract silence(): { since: DetectedSince; at_ms: number; isIdle?: boolean };
  /** Sees what has come of a line that is not finished, before the session is open. */
  protected abstract hearUnfinishedLine(line: Uint8Array): void;
  /** Settles what is still under way before a polite end; whether that came about in time. */
  protected abstract settle(limit: Deadline): boolean | Promise<boolean>;
  /** Whether the session goes on after its connection has ended like this. */
  protected abstract goesOn(ending: Ending): boolean;
  /** Settles the books when nothing more can be heard or sent. */
  protected abstract settleLedger(): void;

  /** Whether `HELLO` and `WELCOME` have been exchanged. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** What this side has counted. */
  get ledger(): Ledger {
    return this.#course.ledger;
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
  get ending(): Ending | undefined {
    return this.#ending;
  }

  /** The phase that the session is in. */
  protected get phase(): Phase {
    return this.#course.phase;
  }

  /** When the last sign of life came, in monotonic milliseconds. */
  protected get heard_ms(): number {
    return this.#course.heard_ms;
  }

  /** The session's timers. */
  protected get timers(): Timers {
    return this.#setting.timers;
  }

  /** Where the session tells what happens. */
  protected get events(): EventSource {
    return this.#course.events;
  }

  /** Monotonic milliseconds. */
  now(): number {
    return this.#setting.clock.now();
  }

  /**
   * Lives the session on this connection, from `HELLO` to the end, and closes it. Nothing is left of
   * it when this resolves.
   *
   * @throws Only what is a defect of this program; the connection has ended all the same.
   */
  async run(): Promise<Ending> {
    const [reading, deadline] = [this.#read(), this.#deadline];
    try {
      deadline.moveTo(this.#connected_ms + HELLO_LIMIT_MS, { again_ms: HELLO_LIMIT_MS });
      if (!await this.open(deadline)) this.end(this.unopened());
      while (!this.#ending) {
        const data = await this.dataLoop(deadline);
        deadline.throwIfEnded();
        if (data === "done") this.stop("done");
        deadline.throwIfEnded();
        const heartbeats = await this.#heartbeatPhase(deadline);
        // What ends it may have come along with the data that was heard again.
        deadline.throwIfEnded();
        if (heartbeats === "dead") this.end({ by: "self", reason: "silent", text: "" });
        else this.#course.data();
      }
    } catch (error) {
      if (error !== this.#ending) this.#fail(error);
    }
    const ending = this.#ending!;
    await this.#close(ending, reading);
    if (this.#defect) throw this.#defect.error;
    return ending;
  }

  /** `HELLO` and `WELCOME` have been exchanged: the data phase begins, perhaps of a resumed session. */
  protected opened(resumption?: { resent: number; already_there: number }): void {
    this.#isOpen = true;
    this.counts = this.#course.open(this.peer);
    if (resumption) this.#course.resumed(resumption);
    this.#course.data();
  }

  /** The session has been here before: what it does from now on belongs to that course. */
  protected continue(course: Course): void {
    this.#course = course;
    course.signOfLife(this.now());
  }

  /** This process did not run when a deadline came due. */
  protected stalled(late_ms: number): void {
    this.#course.stalled(late_ms);
  }

  /** Ends the session because this side's user wants it, or has to. */
  stop(reason: "done" | "shutdown", text = ""): void {
    this.end({ by: "self", reason, text });
  }

  /** Ends the connection, and the session unless that goes on. The first reason given is the one. */
  protected end(ending: Ending): void {
    if (this.#ending) return;
    this.#ending = ending;
    const detection = this.#heartbeats?.detection;
    if (!this.goesOn(ending)) this.#course.end(ending, this.peer, detection);
    else if (this.#isOpen) this.#course.disconnect(ending, this.peer, detection);
    this.#deadline.end(ending);
  }

  #beats(): Heartbeats {
    const { events, ledger, timers } = this;
    const { clock } = this.#setting;
    const send = (n: number) => this.writer.send({ type: "HEARTBEAT", n });
    return this.#heartbeats ??= new Heartbeats({ clock, timers, events, ledger, send });
  }

  #heartbeatPhase(deadline: Deadline): Promise<HeartbeatOutcome> {
    const { since, at_ms, isIdle } = this.silence();
    this.#beats().silent(since, at_ms);
    this.#course.silent(at_ms, isIdle);
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
  hear(frame: Frame): void {
    if (this.#ending && frame.type !== "CONFIRM") return;
    expectFrame(frame, this.role, this.isOpen ? "open" : "opening");
    this.framesHeard++;
    // One time for all of one read: to ask for it takes longer than all else that is done with a frame.
    this.#course.signOfLife(this.#readAt_ms ??= this.now());
    switch (frame.type) {
      case "HEARTBEAT":
        this.ledger.heartbeatsReceived++;
        return this.writer.send({ type: "HEARTBEAT_REPLY", n: frame.n });
      case "HEARTBEAT_REPLY":
        return this.#beats().hearReply(frame.n);
      case "TERMINATE":
        return this.end({ by: "peer", reason: frame.reason, text: frame.text });
      default:
        return this.hearOwn(frame);
    }
  }

  /** All frames of one read have been heard. The next read waits for others', and for what is not told. */
  heardAll(): void | Promise<void> {
    if (!this.isOpen) this.hearUnfinishedLine(this.#decoder.unfinishedLine);
    this.#readAt_ms = undefined;
    this.changes.notify();
    if (this.writer.full) throw new ProtocolError("too many answers left unread");
    const heard = this.framesHeard - this.#framesBefore;
    this.#framesBefore = this.framesHeard;
    const room = this.events.room();
    if (heard <= FLOOD_FRAMES) return room;
    const turn = new Promise<void>((resolve) => this.#setting.clock.afterInput(resolve));
    return room ? room.then(() => turn) : turn;
  }

  /** Hears of an error of the peer's, or of a defect of this program. */
  heardWrong(error: unknown): void {
    if (!(error instanceof ProtocolError)) return this.#fail(error);
    this.end({ by: "self", reason: "protocol", text: error.message });
  }

  #fail(error: unknown): void {
    if (!(error instanceof TransportError)) this.#defect ??= { error };
    this.end(endingOfError(error));
  }

  /** Says why it ends, as far as the peer and the time let it, and closes. */
  async #close(ending: Ending, reading: Promise<void>): Promise<void> {
    const { clock } = this.#setting;
    const connection = this.#connection;
    const settle = (limit: Deadline) => this.settle(limit);
    await sayGoodbye({ clock, connection, writer: this.writer, ending, reading, settle });
    this.settleLedger();
  }
}
