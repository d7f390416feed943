/**
 * The client's side of a session with an original server: data on one connection; after a silence,
 * heartbeats on a second one; and data again on a new one as soon as the server takes it.
 *
 * @module
 */
import type { Course } from "./course.ts";
import type { Timers } from "./settings.ts";
import { clientDataLoop, type ClientDataSide } from "./data_loop.ts";
import { type DialOptions, dialUntilOpen, REDIAL_MS } from "./dial.ts";
import type { Ending } from "./ending.ts";
import { type Hearing, heartbeatLoop, type HeartbeatProbe } from "./heartbeat_loop.ts";
import { Heartbeats } from "./heartbeats.ts";
import { roundMs } from "./ledger.ts";
import { OriginalConnection } from "./original_connection.ts";
import { OriginalOutbox } from "./original_outbox.ts";
import { ORIGINAL_TEXT, type OriginalMessage, type OriginalPurpose } from "./original_wire.ts";
import { ProtocolError } from "./protocol.ts";
import { Tasks } from "./tasks.ts";
import type { Connection } from "./transport.ts";
import { Changes, Deadline, sleep } from "./wait.ts";

const DATA_ECHOED = "the server echoes data: it takes this for its second connection; restart it";

/** What a session with an original server is made of. */
export interface OriginalClientSessionOptions extends DialOptions {
  /** The session's timers. */
  timers: Timers;
  /** The course of the session. */
  course: Course;
  /** The first connection. */
  connection: Connection;
  /** How many data messages to send, each confirmed; for ever if not given. */
  count?: number;
}

/** The client's side of a session with an original server. To be run once. */
export class OriginalClientSession implements ClientDataSide, Hearing {
  /** Tells the running loop that something was heard. */
  readonly changes = new Changes();
  /** Messages heard so far. */
  framesHeard = 0;
  /** Confirmations heard so far. */
  dataHeard = 0;
  /** Always: there is no `WELCOME` to wait for. */
  readonly isOpen = true;
  readonly #options: OriginalClientSessionOptions;
  readonly #course: Course;
  readonly #heartbeats: Heartbeats;
  readonly #outbox: OriginalOutbox;
  readonly #tasks = new Tasks();
  readonly #over = new AbortController();
  #data?: OriginalConnection;
  #beats?: OriginalConnection;
  /** The numbers of the heartbeats whose echo is still to come, in order; an echo carries none. */
  #unechoed: number[] = [];
  readonly #dialing = new Set<OriginalPurpose>();
  /** How the server closed the data connection, as long as nothing has been heard of it since. */
  #closed?: Ending;

  /** Makes the client's side of a session on a connection. */
  constructor(options: OriginalClientSessionOptions) {
    this.#options = options;
    this.#course = options.course;
    const { events, ledger } = options.course;
    this.#outbox = new OriginalOutbox({ ...options, ledger, now_ms: options.clock.now() });
    const send = (n: number) => this.#sendHeartbeat(n);
    this.#heartbeats = new Heartbeats({ ...options, events, ledger, send });
  }

  /** When the next data message may go out. */
  get nextSend_ms(): number {
    return this.over ? Infinity : this.#outbox.next_ms;
  }

  /** By when the confirmation of the one in flight is due. */
  get confirmationDue_ms(): number {
    return this.#outbox.due_ms;
  }

  /** Whether as many data messages as were asked for are confirmed. */
  get done(): boolean {
    return this.#outbox.done;
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
    this.#course.open(connection.peer, { original: true });
    this.#data = this.#read(connection);
    this.#course.data();
    const onStall = (late_ms: number) => this.#course.stalled(late_ms);
    using deadline = new Deadline(clock, { signal: this.#over.signal, onStall });
    try {
      await this.#live(deadline);
    } catch (error) {
      if (error !== this.#course.ending) throw error;
    } finally {
      this.#data?.close();
      this.#beats?.close();
      await this.#tasks.allOver();
    }
    return this.#course.ending!;
  }

  /** Ends the session because this side's user wants it: an original peer just closes. */
  stop(reason: "done" | "shutdown"): void {
    this.#end({ by: "self", reason, text: "" });
  }

  /** Sends the next data message, when its time has come. */
  sendReady(): void {
    if (this.nextSend_ms <= this.now()) this.#sendNext();
  }

  #sendNext(): void {
    this.#outbox.send(this.now());
    this.#course.ledger.dataBytes += ORIGINAL_TEXT.data.length;
    this.#sayData();
  }

  readonly #probe: HeartbeatProbe = {
    send: () => this.#heartbeats.send(),
    missed: (missed, left) => this.#heartbeats.missed(missed, left),
    answered: () => {
      this.#heartbeats.answered();
      this.#closed = undefined;
      // The server lives, and may take data again.
      if (!this.#data) this.#tasks.add(this.#open("data"));
    },
  };

  async #live(deadline: Deadline): Promise<void> {
    const { timers } = this.#options;
    for (;;) {
      const data = await clientDataLoop(this, timers, deadline);
      deadline.throwIfEnded();
      if (data === "done") return this.stop("done");
      if (this.over) {
        this.#notice("the server has closed the data connection");
        deadline.moveTo(this.now());
        await sleep(deadline);
        deadline.throwIfEnded();
      }
      this.#fallSilent();
      const outcome = await heartbeatLoop(this.#probe, this, timers, deadline);
      deadline.throwIfEnded();
      if (outcome === "dead") {
        return this.#end(this.#closed ?? { by: "self", reason: "silent", text: "" });
      }
      this.#closed = undefined;
      this.#beats?.close();
      this.#beats = undefined;
      this.#course.data();
    }
  }

  #fallSilent(): void {
    const { allConfirmed, sent_ms } = this.#outbox;
    const since = allConfirmed ? "last_sign_of_life" : "first_unconfirmed_data_sent";
    const at_ms = allConfirmed ? this.#course.heard_ms : sent_ms;
    this.#heartbeats.silent(since, at_ms);
    this.#course.silent(at_ms);
    // The server listens for the second connection only when the first one is closed.
    this.#data?.close();
    this.#data = undefined;
  }

  #sayData(): void {
    const { events } = this.#course;
    this.#data?.say("data");
    const seq = this.#course.ledger.dataSent;
    if (events.wantsMessages) events.emit("data_sent", { seq, bytes: ORIGINAL_TEXT.data.length });
  }

  #sendHeartbeat(n: number): void {
    this.#unechoed.push(n);
    if (this.#beats) return void this.#beats.say("heartbeat");
    this.#unechoed = [n];
    this.#tasks.add(this.#open("heartbeat"));
  }

  /** Opens a connection in the heartbeat phase, and uses it if that phase goes on. */
  async #open(purpose: OriginalPurpose, wait_ms = 0): Promise<void> {
    if (this.#dialing.has(purpose)) return;
    this.#dialing.add(purpose);
    const isWanted = () => this.#course.phase === "heartbeat";
    // Only for heartbeats does the server begin to listen sooner or later.
    const isOnce = purpose === "data";
    const until = { stopping: this.#over.signal, wait_ms, isWanted, isOnce };
    const connection = await dialUntilOpen(this.#options, until);
    this.#dialing.delete(purpose);
    if (connection && isWanted()) this.#use(connection, purpose);
    else connection?.close();
  }

  #use(connection: Connection, purpose: OriginalPurpose): void {
    const original = this.#read(connection);
    if (purpose === "data") return this.#resume(original);
    this.#beats = original;
    for (const _ of this.#unechoed) original.say("heartbeat");
  }

  /** Sends data again, on another connection: what is still unconfirmed, or else the next message. */
  #resume(connection: OriginalConnection): void {
    this.#data = connection;
    if (this.#outbox.allConfirmed) return this.#sendNext();
    this.#outbox.sendAgain(this.now());
    this.#sayData();
  }

  /** Reads a connection to its end; what it is for may change. */
  #read(connection: Connection): OriginalConnection {
    const original: OriginalConnection = new OriginalConnection(connection, {
      heard: (message) => this.#heard(message, original),
    });
    this.#tasks.add(original.run().then((ending) => this.#ended(original, ending)));
    return original;
  }

  /**
   * A server that closes the data connection may take heartbeats now; one that resets it is gone. In
   * the heartbeat phase a connection can come too early, and be made again.
   */
  #ended(connection: OriginalConnection, ending: Ending): void {
    const isData = connection === this.#data;
    if (!isData && connection !== this.#beats) return;
    if (isData) this.#data = undefined;
    else this.#beats = undefined;
    const isOver = this.#course.phase === "data" && ending.reason !== "closed";
    if (isOver || ending.by === "self") return this.#end(ending);
    this.#closed = { ...ending, text: "and answered no heartbeats" };
    if (!isData && this.#unechoed.length > 0) this.#tasks.add(this.#open("heartbeat", REDIAL_MS));
    this.changes.notify();
  }

  #heard(message: OriginalMessage, connection: OriginalConnection): undefined {
    this.framesHeard++;
    this.#course.signOfLife(this.now());
    if (message === "terminate") this.#end(this.#politeEnd());
    else if (message === "reply") this.#heardReply(connection);
    else if (message === "heartbeat" && connection === this.#beats) this.#hearEcho();
    else if (message === "data" && connection === this.#data) {
      this.#heardReply(connection, DATA_ECHOED);
    } else throw new ProtocolError(`${ORIGINAL_TEXT[message]} from the server`);
    this.changes.notify();
  }

  /** A server tells why it ends only by when: one that is stopped has said something else before. */
  #politeEnd(): Ending {
    if (this.framesHeard > 1) return { by: "peer", reason: "shutdown", text: "" };
    return { by: "peer", reason: "refused", text: "TERMINATE was its first word" };
  }

  /** A reply, or an echo of data, which says as well that this has arrived. */
  #heardReply(connection: OriginalConnection, remark?: string): void {
    if (connection === this.#beats) return this.#dataOnSecond(connection);
    if (this.#outbox.allConfirmed) return;
    const { ledger } = this.#course;
    if (remark && ledger.confirmedUpTo === 0) this.#notice(remark);
    const { events } = this.#course;
    const rtt_ms = this.now() - this.#outbox.sent_ms;
    const seq = ++ledger.confirmedUpTo;
    ledger.roundTrip(rtt_ms);
    this.dataHeard++;
    if (events.wantsMessages) events.emit("data_confirmed", { seq, rtt_ms: roundMs(rtt_ms) });
  }

  /** A heartbeat was confirmed, as data is: the server is a new one, which takes this for data. */
  #dataOnSecond(connection: OriginalConnection): void {
    this.#hearEcho();
    this.#notice("the server has been restarted, and takes the second connection for data");
    this.#data?.close();
    this.#beats = undefined;
    this.#resume(connection);
  }

  #hearEcho(): void {
    this.#heartbeats.hearReply(this.#unechoed.shift() ?? 0);
  }

  #notice(text: string): void {
    this.#course.events.emit("notice", { level: "warning", text });
  }

  #end(ending: Ending): void {
    this.#course.end(ending, this.#options.connection.peer, this.#heartbeats.detection);
    this.#over.abort(ending);
  }
}
