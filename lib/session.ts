/**
 * One side of one connection: one reader, one bounded writer, the loops in turn, one end.
 *
 * What only a client or only a server does is in `client_session.ts` and `server_session.ts`.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { DataOutcome } from "./data_loop.ts";
import { type DetectedSince, type Ending, endingOfError, isPolite } from "./ending.ts";
import type { EventSource, Phase } from "./events.ts";
import { type Hearing, heartbeatLoop } from "./heartbeat_loop.ts";
import { Heartbeats } from "./heartbeats.ts";
import { Ledger, roundMs } from "./ledger.ts";
import {
  expectFrame,
  type Frame,
  HELLO_LIMIT_MS,
  ProtocolError,
  type Role,
  TERMINATE_REASONS,
} from "./protocol.ts";
import { type FrameListener, readFrames } from "./reader.ts";
import { predictedDetection_ms, type Timers } from "./settings.ts";
import { type Connection, TransportError } from "./transport.ts";
import { Changes, Deadline } from "./wait.ts";
import { FrameWriter } from "./writer.ts";

/** How long, in milliseconds, a polite end may take: `TERMINATE` out, and the peer's close heard. */
export const GOODBYE_LIMIT_MS = 500;

/** The same for a peer that is dead: what the kernel needs to take a line. */
const LAST_WORD_LIMIT_MS = 20;

/** What a session is made of. */
export interface SessionOptions {
  /** The connection; the session closes it. */
  connection: Connection;
  /** Time. */
  clock: Clock;
  /** The session's timers. */
  timers: Timers;
  /** Where the session tells what happens. */
  events: EventSource;
  /** The largest data message to accept, in bytes. */
  maxMessageBytes: number;
}

/** One side of a session. To be run once. */
export abstract class Session implements Hearing, FrameListener {
  /** Which side this is. */
  abstract readonly role: Role;
  /** What this side has counted. */
  readonly ledger = new Ledger();
  /** Tells the running loop that something was heard. */
  readonly changes = new Changes();
  /** Frames heard so far. */
  framesHeard = 0;
  /** Data messages (at the server) or confirmations (at the client) heard so far. */
  dataHeard = 0;
  /** Whether `HELLO` and `WELCOME` have been exchanged. */
  isOpen = false;
  /** The session's timers. */
  protected readonly timers: Timers;
  /** Where the session tells what happens. */
  protected readonly events: EventSource;
  /** The writer of this connection. */
  protected readonly writer: FrameWriter;

  readonly #options: SessionOptions;
  readonly #heartbeats: Heartbeats;
  readonly #ended = new AbortController();
  readonly #started_ms: number;
  #heard_ms: number;
  #silentSince_ms: number;
  #phase: Phase = "connecting";
  #ending?: Ending;
  #defect: { error: unknown } | undefined;

  /** Makes one side of a session on a connection. */
  constructor(options: SessionOptions) {
    const { connection, clock, events, timers } = this.#options = options;
    this.timers = timers;
    this.events = events;
    this.writer = new FrameWriter(connection, (error) => this.#fail(error));
    this.#heartbeats = new Heartbeats({ ...options, writer: this.writer, ledger: this.ledger });
    this.#started_ms = this.#heard_ms = this.#silentSince_ms = clock.now();
  }

  /** Exchanges `HELLO` and `WELCOME`; false if the signal's deadline passes first. */
  protected abstract open(signal: AbortSignal): Promise<boolean>;
  /** Hears a frame that only this role hears. */
  protected abstract hearOwn(frame: Frame): void;
  /** Runs the data phase. */
  protected abstract dataLoop(deadline: Deadline): Promise<DataOutcome>;
  /** Settles the books when nothing more can be heard or sent. */
  protected abstract closed(): void;
  /** When silence began, seen from the end of a data phase. */
  protected abstract silence(): { since: DetectedSince; at_ms: number };

  /** Monotonic milliseconds. */
  now(): number {
    return this.#options.clock.now();
  }

  /** The session's id; `?` before the client has said it. */
  get id(): string {
    return this.events.session ?? "?";
  }

  /** The peer's address and port. */
  get peer(): string {
    return this.#options.connection.peer;
  }

  /**
   * Lives the session from `HELLO` to its end and closes the connection. Nothing is left of it when
   * this resolves.
   *
   * @throws Only what is a defect of this program; the session has ended all the same.
   */
  async run(): Promise<Ending> {
    const reading = this.#read();
    using deadline = new Deadline(this.#options.clock, {
      signal: this.#ended.signal,
      onStall: (late_ms) => this.#stalled(late_ms),
    });
    try {
      await this.#live(deadline);
    } catch (error) {
      if (error !== this.#ended.signal.reason) this.#fail(error);
    }
    await this.#close(this.#ending!, reading);
    if (this.#defect) throw this.#defect.error;
    return this.#ending!;
  }

  /** `HELLO` and `WELCOME` have been exchanged: the data phase begins. */
  protected opened(): void {
    this.isOpen = true;
    const predicted_detection_s = predictedDetection_ms(this.timers) / 1000;
    this.events.emit("connected", { peer: this.peer, predicted_detection_s });
    this.#enter("data");
  }

  /** Ends the session because this side's user wants it. */
  stop(reason: "done" | "shutdown"): void {
    this.end({ by: "self", reason, text: "" });
  }

  /** Ends the session. The first reason given is the one. */
  protected end(ending: Ending): void {
    if (this.#ending) return;
    this.#ending = ending;
    if (this.#phase === "heartbeat") this.ledger.silenceEnded(this.now() - this.#silentSince_ms);
    else this.#silentSince_ms = this.#heard_ms;
    this.#enter("terminated");
    this.#emitTerminated(ending);
    this.#ended.abort(ending);
  }

  async #live(deadline: Deadline): Promise<void> {
    deadline.moveTo(this.now() + HELLO_LIMIT_MS, { again_ms: HELLO_LIMIT_MS });
    if (!await this.open(deadline.signal)) {
      const missing = this.role === "client" ? "WELCOME" : "HELLO";
      const text = `no ${missing} within ${HELLO_LIMIT_MS / 1000} s`;
      return this.end({ by: "self", reason: "silent", text });
    }
    for (;;) {
      if (await this.dataLoop(deadline) === "done") return this.stop("done");
      this.#fallSilent();
      if (await heartbeatLoop(this.#heartbeats, this, this.timers, deadline) === "dead") {
        return this.end({ by: "self", reason: "silent", text: "" });
      }
      this.ledger.silenceEnded(this.now() - this.#silentSince_ms);
      this.#enter("data");
    }
  }

  #fallSilent(): void {
    const { since, at_ms } = this.silence();
    this.#silentSince_ms = at_ms;
    this.#heartbeats.silent(since, at_ms);
    this.ledger.silenceBegan();
    this.#enter("heartbeat");
  }

  #enter(to: Phase): void {
    const from = this.#phase;
    this.#phase = to;
    // A connection that never said which session it is has no phases to tell of.
    if (this.events.session === null) return;
    const silent_ms = from === "connecting" ? 0 : roundMs(this.now() - this.#silentSince_ms);
    this.events.emit("phase", { from, to, silent_ms });
  }

  #stalled(late_ms: number): void {
    this.ledger.localStalls++;
    this.events.emit("local_stall", { ms: roundMs(late_ms) });
  }

  async #read(): Promise<void> {
    const { connection, maxMessageBytes } = this.#options;
    try {
      const { midFrame } = await readFrames(connection, this, { maxMessageBytes });
      this.end({ by: "peer", reason: "closed", text: midFrame ? "in the middle of a frame" : "" });
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Hears any frame. After the end only confirmations still count: they leave less in doubt. */
  hear(frame: Frame): void {
    if (this.#ending && frame.type !== "CONFIRM") return;
    expectFrame(frame, this.role, this.isOpen ? "open" : "opening");
    this.framesHeard++;
    this.#heard_ms = this.now();
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

  /** All frames of one read have been heard. */
  heardAll(): void {
    this.changes.notify();
    if (this.writer.full) throw new ProtocolError("too many answers left unread");
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

  #emitTerminated(ending: Ending): void {
    const now_ms = this.now();
    const died = ending.by === "self" && ending.reason === "silent" && this.isOpen;
    const detection = died ? this.#heartbeats.detection! : {
      since: "last_sign_of_life" as const,
      at_ms: this.#heard_ms,
      predicted_ms: predictedDetection_ms(this.timers),
    };
    const noticed = this.isOpen && !isPolite(ending);
    this.events.emit("terminated", {
      ...ending,
      peer: this.peer,
      detected_after_ms: noticed ? roundMs(now_ms - detection.at_ms) : null,
      detected_since: noticed ? detection.since : null,
      predicted_ms: this.isOpen ? detection.predicted_ms : null,
      silent_ms: roundMs(now_ms - this.#heard_ms),
    });
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
    const timeUp = new Promise((resolve) => limit.signal.addEventListener("abort", resolve));
    await Promise.race([timeUp, this.#sayGoodbye(ending, dead ? undefined : reading)]);
    connection.close();
    await Promise.all([reading, this.writer.flushed()]);
    this.closed();
    if (this.isOpen) {
      this.events.emit("summary", this.ledger.summary(this.now() - this.#started_ms));
    }
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
