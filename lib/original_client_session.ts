/**
 * The client's side of a session with an original server: data on one connection; after a silence,
 * heartbeats on a second one; and data again on a new one as soon as the server takes it.
 *
 * @module
 */
import { Course, type CourseOptions } from "./course.ts";
import { clientDataLoop, type ClientDataSide } from "./data_loop.ts";
import { dial, type DialOptions } from "./dial.ts";
import type { Ending } from "./ending.ts";
import { type Hearing, heartbeatLoop, type HeartbeatProbe } from "./heartbeat_loop.ts";
import { Heartbeats } from "./heartbeats.ts";
import { roundMs } from "./ledger.ts";
import { OriginalConnection } from "./original_connection.ts";
import { ORIGINAL_TEXT, type OriginalMessage, type OriginalPurpose } from "./original_wire.ts";
import { ProtocolError } from "./protocol.ts";
import type { Connection } from "./transport.ts";
import { Changes, Deadline, sleep } from "./wait.ts";

/** How long, in milliseconds, to wait before dialling again while the server does not listen. */
const REDIAL_MS = 250;

/** What a session with an original server is made of. */
export interface OriginalClientSessionOptions extends CourseOptions, DialOptions {
  /** The first connection. */
  connection: Connection;
  /** How many data messages to send, each confirmed; for ever if not given. */
  count?: number;
}

/** The client's side of a session with an original server. To be run once. */
export class OriginalClientSession implements ClientDataSide, Hearing, HeartbeatProbe {
  /** Tells the running loop that something was heard. */
  readonly changes = new Changes();
  /** Messages heard so far. */
  framesHeard = 0;
  /** Confirmations heard so far. */
  dataHeard = 0;
  /** When the next data message is to go out. */
  nextSend_ms: number;
  /** Always: there is no `WELCOME` to wait for. */
  readonly isOpen = true;
  readonly #options: OriginalClientSessionOptions;
  readonly #course: Course;
  readonly #heartbeats: Heartbeats;
  readonly #running = new Set<Promise<void>>();
  #data?: OriginalConnection;
  #beats?: OriginalConnection;
  /** The numbers of the heartbeats whose echo is still to come, in order; an echo carries none. */
  #unechoed: number[] = [];
  readonly #dialing = new Set<OriginalPurpose>();
  #sent_ms = 0;
  /** How the server closed the data connection, as long as nothing has been heard of it since. */
  #closed?: Ending;

  /** Makes the client's side of a session on a connection. */
  constructor(options: OriginalClientSessionOptions) {
    this.#options = options;
    this.#course = new Course(options);
    this.nextSend_ms = options.clock.now();
    const send = (n: number) => this.#sendHeartbeat(n);
    this.#heartbeats = new Heartbeats({ ...options, ledger: this.#course.ledger, send });
  }

  /** Whether every data message sent is confirmed. */
  get allConfirmed(): boolean {
    return this.#course.ledger.confirmedUpTo === this.#course.ledger.dataSent;
  }

  /** Whether as many data messages as were asked for are confirmed. */
  get done(): boolean {
    return this.#course.ledger.confirmedUpTo === this.#options.count;
  }

  /** Whether the server has closed the data connection, which is how it falls silent. */
  get over(): boolean {
    return this.#data === undefined;
  }

  /** Monotonic milliseconds. */
  now(): number {
    return this.#options.clock.now();
  }

  /** Lives the session to its end and closes its connections. Nothing of it is left then. */
  async run(): Promise<Ending> {
    const { clock, connection } = this.#options;
    const { signal } = this.#course;
    this.#course.open(connection.peer, { original: true });
    this.#useForData(connection);
    this.#course.data();
    using deadline = new Deadline(clock, {
      signal,
      onStall: (late_ms) => this.#course.stalled(late_ms),
    });
    try {
      await this.#live(deadline);
    } catch (error) {
      if (error !== signal.reason) throw error;
    } finally {
      this.#data?.close();
      this.#beats?.close();
      await Promise.all(this.#running);
    }
    this.#course.summarize();
    return this.#course.ending!;
  }

  /** Ends the session because this side's user wants it: an original peer just closes. */
  stop(reason: "done" | "shutdown"): void {
    this.#end({ by: "self", reason, text: "" });
  }

  /** Sends the next data message. */
  sendData(): void {
    this.#course.ledger.dataSent++;
    this.#course.ledger.dataBytes += ORIGINAL_TEXT.data.length;
    this.#sayData();
  }

  /** Sends the next heartbeat. */
  send(): void {
    this.#heartbeats.send();
  }

  /** A heartbeat was answered: the server lives, and may take data again. */
  answered(): void {
    this.#heartbeats.answered();
    this.#closed = undefined;
    if (!this.#data) this.#open("data", (connection) => this.#resume(connection));
  }

  /** A heartbeat went unanswered. */
  missed(missed: number, left: number): void {
    this.#heartbeats.missed(missed, left);
  }

  async #live(deadline: Deadline): Promise<void> {
    const { timers } = this.#options;
    for (;;) {
      if (await clientDataLoop(this, timers, deadline) === "done") return this.stop("done");
      if (this.over) {
        deadline.moveTo(this.now());
        await sleep(deadline.signal);
      }
      this.#fallSilent();
      if (await heartbeatLoop(this, this, timers, deadline) === "dead") {
        return this.#end(this.#closed ?? { by: "self", reason: "silent", text: "" });
      }
      this.#closed = undefined;
      this.#beats?.close();
      this.#beats = undefined;
      this.#course.data();
    }
  }

  #fallSilent(): void {
    const since = this.allConfirmed ? "last_sign_of_life" : "first_unconfirmed_data_sent";
    const at_ms = this.allConfirmed ? this.#course.heard_ms : this.#sent_ms;
    this.#heartbeats.silent(since, at_ms);
    this.#course.silent(at_ms);
    // The server listens for the second connection only when the first one is closed.
    this.#data?.close();
    this.#data = undefined;
  }

  #sayData(): void {
    const { events } = this.#options;
    this.#sent_ms = this.now();
    this.#data?.say("data");
    const seq = this.#course.ledger.dataSent;
    if (events.wantsMessages) events.emit("data_sent", { seq, bytes: ORIGINAL_TEXT.data.length });
  }

  #sendHeartbeat(n: number): void {
    this.#unechoed.push(n);
    if (this.#beats) return void this.#beats.say("heartbeat");
    this.#unechoed = [n];
    this.#open("heartbeat", (connection) => this.#useForBeats(connection));
  }

  /** Opens a connection in the heartbeat phase, and uses it if that phase goes on. */
  #open(purpose: OriginalPurpose, use: (connection: Connection) => void): void {
    if (this.#dialing.has(purpose)) return;
    this.#dialing.add(purpose);
    this.#track(
      this.#dialUntilOpen(purpose).then((connection) => {
        this.#dialing.delete(purpose);
        if (connection && this.#course.phase === "heartbeat") use(connection);
        else connection?.close();
      }),
    );
  }

  /** Dials; for heartbeats again and again, until the server listens. */
  async #dialUntilOpen(purpose: OriginalPurpose): Promise<Connection | undefined> {
    const { clock } = this.#options;
    const { signal } = this.#course;
    using pause = new Deadline(clock, { signal });
    for (;;) {
      const connection = await dial(this.#options, signal);
      if (!("reason" in connection)) return connection;
      if (purpose === "data" || this.#course.phase !== "heartbeat") return undefined;
      pause.moveTo(clock.now() + REDIAL_MS);
      await sleep(pause.signal).catch(() => {});
    }
  }

  #resume(connection: Connection): void {
    this.#useForData(connection);
    this.#sayData();
  }

  #useForData(connection: Connection): void {
    const data = new OriginalConnection(connection, {
      heard: (message) => this.#heard(message, "reply", () => this.#heardReply()),
    });
    this.#data = data;
    this.#track(
      data.run().then((ending) => {
        if (this.#data !== data) return;
        this.#data = undefined;
        // A server that closes may take heartbeats now; one that resets is gone. In the heartbeat
        // phase it was an attempt, to be made again after the next answer.
        const isOver = this.#course.phase === "data" && ending.reason !== "closed";
        if (isOver || ending.by === "self") return this.#end(ending);
        this.#closed = { ...ending, text: "and answered no heartbeats" };
        this.changes.notify();
      }),
    );
  }

  #useForBeats(connection: Connection): void {
    const beats = new OriginalConnection(connection, {
      heard: (message) => this.#heard(message, "heartbeat", () => this.#heardEcho()),
    });
    this.#beats = beats;
    this.#track(
      beats.run().then((ending) => {
        if (this.#beats === beats) this.#beats = undefined;
        if (ending.by === "self") this.#end(ending);
      }),
    );
    for (const _ of this.#unechoed) beats.say("heartbeat");
  }

  #heard(message: OriginalMessage, expected: OriginalMessage, act: () => void): undefined {
    this.framesHeard++;
    this.#course.signOfLife();
    if (message === "terminate") this.#end({ by: "peer", reason: "shutdown", text: "" });
    else if (message === expected) act();
    else throw new ProtocolError(`${ORIGINAL_TEXT[message]} from the server`);
    this.changes.notify();
  }

  #heardReply(): void {
    if (this.allConfirmed) return;
    const { ledger } = this.#course;
    const { events } = this.#options;
    const rtt_ms = this.now() - this.#sent_ms;
    const seq = ++ledger.confirmedUpTo;
    ledger.roundTrip(rtt_ms);
    this.dataHeard++;
    if (events.wantsMessages) events.emit("data_confirmed", { seq, rtt_ms: roundMs(rtt_ms) });
  }

  #heardEcho(): void {
    const n = this.#unechoed.shift();
    if (n !== undefined) this.#heartbeats.hearReply(n);
  }

  #track(task: Promise<void>): void {
    const tracked = task.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  #end(ending: Ending): void {
    this.#course.end(ending, this.#options.connection.peer, this.#heartbeats.detection);
  }
}
