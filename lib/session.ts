/**
 * One side of one connection: one reader, one bounded writer, the loops in turn, one end.
 *
 * What only a client or only a server does is in `client_session.ts` and `server_session.ts`; what is
 * told of it all, in `course.ts`.
 *
 * @module
 */
import { FrameDecoder } from "./codec.ts";
import { Course, type CourseOptions } from "./course.ts";
import type { DataOutcome } from "./data_loop.ts";
import { type DetectedSince, type Ending, endingOfError } from "./ending.ts";
import type { EventSource } from "./events.ts";
import { type Hearing, heartbeatLoop } from "./heartbeat_loop.ts";
import { Heartbeats } from "./heartbeats.ts";
import type { Ledger } from "./ledger.ts";
import {
  expectFrame,
  type Frame,
  HELLO_LIMIT_MS,
  ProtocolError,
  type Role,
  TERMINATE_REASONS,
} from "./protocol.ts";
import { type MessageListener, readMessages } from "./reader.ts";
import type { Timers } from "./settings.ts";
import { type Connection, TransportError } from "./transport.ts";
import { Changes, Deadline, sleep } from "./wait.ts";
import { FrameWriter } from "./writer.ts";

/** How long, in milliseconds, a polite end may take: `TERMINATE` out, and the peer's close heard. */
export const GOODBYE_LIMIT_MS = 500;

/** The same for a peer that is dead: what the kernel needs to take a line. */
const LAST_WORD_LIMIT_MS = 20;

/** So many frames in one read, and the next read waits until other connections have been read. */
const FLOOD_FRAMES = 256;

/** What a session is made of. */
export interface SessionOptions extends CourseOptions {
  /** The connection; the session closes it. */
  connection: Connection;
  /** The largest data message to accept, in bytes. */
  maxMessageBytes: number;
}

/** One side of a session. To be run once. */
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

  readonly #options: SessionOptions;
  readonly #course: Course;
  readonly #decoder: FrameDecoder;
  readonly #heartbeats: Heartbeats;
  #framesBefore = 0;
  #defect: { error: unknown } | undefined;

  /** Makes one side of a session on a connection. */
  constructor(options: SessionOptions) {
    this.#options = options;
    this.#course = new Course(options);
    this.#decoder = new FrameDecoder(options);
    this.writer = new FrameWriter(options.connection, (error) => this.#fail(error));
    this.#heartbeats = new Heartbeats({
      ...options,
      ledger: this.ledger,
      send: (n) => this.writer.send({ type: "HEARTBEAT", n }),
    });
  }

  /** Exchanges `HELLO` and `WELCOME`; false if the signal's deadline passes first. */
  protected abstract open(signal: AbortSignal): Promise<boolean>;
  /** Hears a frame that only this role hears. */
  protected abstract hearOwn(frame: Frame): void;
  /** Runs the data phase. */
  protected abstract dataLoop(deadline: Deadline): Promise<DataOutcome>;
  /** When silence began, seen from the end of a data phase. */
  protected abstract silence(): { since: DetectedSince; at_ms: number };
  /** Sees what has come of a line that is not finished, before the session is open. */
  protected abstract hearUnfinishedLine(line: Uint8Array): void;
  /** Settles the books when nothing more can be heard or sent. */
  protected abstract settleLedger(): void;

  /** Whether `HELLO` and `WELCOME` have been exchanged. */
  get isOpen(): boolean {
    return this.#course.isOpen;
  }

  /** What this side has counted. */
  get ledger(): Ledger {
    return this.#course.ledger;
  }

  /** The session's id; `?` before the client has said it. */
  get id(): string {
    return this.events.session ?? "?";
  }

  /** The session's timers. */
  protected get timers(): Timers {
    return this.#options.timers;
  }

  /** Where the session tells what happens. */
  protected get events(): EventSource {
    return this.#options.events;
  }

  /** Monotonic milliseconds. */
  now(): number {
    return this.#options.clock.now();
  }

  /**
   * Lives the session from `HELLO` to its end and closes the connection. Nothing is left of it when
   * this resolves.
   *
   * @throws Only what is a defect of this program; the session has ended all the same.
   */
  async run(): Promise<Ending> {
    const reading = this.#read();
    const { signal } = this.#course;
    using deadline = new Deadline(this.#options.clock, {
      signal,
      onStall: (late_ms) => this.#course.stalled(late_ms),
    });
    try {
      await this.#live(deadline);
    } catch (error) {
      if (error !== signal.reason) this.#fail(error);
    }
    const ending = this.#course.ending!;
    await this.#close(ending, reading);
    if (this.#defect) throw this.#defect.error;
    return ending;
  }

  /** `HELLO` and `WELCOME` have been exchanged: the data phase begins. */
  protected opened(): void {
    this.#course.open(this.#options.connection.peer);
    this.#course.data();
  }

  /** Ends the session because this side's user wants it. */
  stop(reason: "done" | "shutdown"): void {
    this.end({ by: "self", reason, text: "" });
  }

  /** Ends the session. The first reason given is the one. */
  protected end(ending: Ending): void {
    this.#course.end(ending, this.#options.connection.peer, this.#heartbeats.detection);
  }

  async #live(deadline: Deadline): Promise<void> {
    deadline.moveTo(this.#course.started_ms + HELLO_LIMIT_MS, { again_ms: HELLO_LIMIT_MS });
    if (!await this.open(deadline.signal)) {
      const missing = this.role === "client" ? "WELCOME" : "HELLO";
      const text = `no ${missing} within ${HELLO_LIMIT_MS / 1000} s`;
      return this.end({ by: "self", reason: "silent", text });
    }
    for (;;) {
      if (await this.dataLoop(deadline) === "done") return this.stop("done");
      const { since, at_ms } = this.silence();
      this.#heartbeats.silent(since, at_ms);
      this.#course.silent(at_ms);
      if (await heartbeatLoop(this.#heartbeats, this, this.timers, deadline) === "dead") {
        return this.end({ by: "self", reason: "silent", text: "" });
      }
      this.#course.data();
    }
  }

  async #read(): Promise<void> {
    try {
      await readMessages(this.#options.connection, this.#decoder, this);
      const text = this.#decoder.midFrame ? "in the middle of a frame" : "";
      this.end({ by: "peer", reason: "closed", text });
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Hears any frame. After the end only confirmations still count: they leave less in doubt. */
  hear(frame: Frame): void {
    if (this.#course.ending && frame.type !== "CONFIRM") return;
    expectFrame(frame, this.role, this.isOpen ? "open" : "opening");
    this.framesHeard++;
    this.#course.signOfLife();
    switch (frame.type) {
      case "HEARTBEAT":
        this.ledger.heartbeatsReceived++;
        return this.writer.send({ type: "HEARTBEAT_REPLY", n: frame.n });
      case "HEARTBEAT_REPLY":
        return this.#heartbeats.hearReply(frame.n);
      case "TERMINATE":
        return this.end({ by: "peer", reason: frame.reason, text: frame.text });
      default:
        return this.hearOwn(frame);
    }
  }

  /** All frames of one read have been heard. A peer that floods waits until others have been read. */
  heardAll(): void | Promise<void> {
    if (!this.isOpen) this.hearUnfinishedLine(this.#decoder.unfinishedLine);
    this.changes.notify();
    if (this.writer.full) throw new ProtocolError("too many answers left unread");
    const heard = this.framesHeard - this.#framesBefore;
    this.#framesBefore = this.framesHeard;
    if (heard <= FLOOD_FRAMES) return;
    return new Promise((resolve) => this.#options.clock.afterInput(resolve));
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

  /** Says goodbye as far as the peer and the time limit let it, closes, and waits for the reader. */
  async #close(ending: Ending, reading: Promise<void>): Promise<void> {
    const { clock, connection } = this.#options;
    const dead = ending.by === "network" || ending.reason === "silent";
    const reason = TERMINATE_REASONS.find((each) => each === ending.reason);
    if (ending.by === "self" && reason) {
      this.writer.send({ type: "TERMINATE", reason, text: ending.text });
    }
    using limit = new Deadline(clock, { signal: new AbortController().signal });
    limit.moveTo(clock.now() + (dead ? LAST_WORD_LIMIT_MS : GOODBYE_LIMIT_MS));
    await Promise.race([sleep(limit.signal), this.#sayGoodbye(ending, dead ? undefined : reading)]);
    connection.close();
    await reading;
    // Deno 2.6 leaves a blocked write pending for ever, though its connection is closed.
    limit.moveTo(clock.now() + LAST_WORD_LIMIT_MS);
    await Promise.race([sleep(limit.signal), this.writer.flushed()]);
    this.settleLedger();
    this.#course.summarize();
  }

  async #sayGoodbye(ending: Ending, reading?: Promise<void>): Promise<void> {
    await this.writer.flushed();
    if (ending.by !== "self" || !reading) return;
    try {
      // Closing at once would reset the connection if the peer has sent more, and a reset may
      // overtake TERMINATE (RFC 1122, section 4.2.2.13).
      await this.#options.connection.closeWrite();
      await reading;
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
    }
  }
}
