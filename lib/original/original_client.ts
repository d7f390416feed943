/**
 * The client's side of a session with an original server: data on one connection; after a silence,
 * heartbeats on a second one; and data again on a new one as soon as the server takes it.
 *
 * @module
 */
import { Condition, sleep } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";
import type { Connection } from "../platform/net/transport.ts";
import { TaskGroup } from "../platform/task_group.ts";
import type { CloseReason } from "../session/close_reason.ts";
import { clientDataLoop, type ClientDataSide } from "../session/data_loop.ts";
import type { DialOptions } from "../session/dial.ts";
import {
  heartbeatLoop,
  type HeartbeatProbe,
  type ReceiveCounters,
} from "../session/heartbeat_loop.ts";
import { Heartbeats } from "../session/heartbeats.ts";
import { roundMs } from "../session/ledger.ts";
import type { SessionState } from "../session/state.ts";
import type { Timers } from "../session/timers.ts";
import { ORIGINAL_TEXT, type OriginalMessage, type OriginalPurpose } from "../wire/original.ts";
import { ProtocolError } from "../wire/protocol.ts";
import { dialUntilOpen, OriginalConnection, REDIAL_MS } from "./connection.ts";
import { PendingMessage } from "./pending_message.ts";

const DATA_ECHOED = "the server echoes data: it takes this for its second connection; restart it";

/** What a session with an original server is made of. */
export interface OriginalClientSessionOptions extends DialOptions {
  /** The session's timers. */
  timers: Timers;
  /** The course of the session. */
  state: SessionState;
  /** The first connection. */
  connection: Connection;
  /** How many data messages to send, each confirmed; for ever if not given. */
  count?: number;
}

/** The client's side of a session with an original server. To be run once. */
export class OriginalClientSession implements ClientDataSide, ReceiveCounters {
  /** Tells the running loop that something was heard. */
  readonly changes = new Condition();
  /** Messages heard so far. */
  framesReceived = 0;
  /** Confirmations heard so far. */
  dataFramesReceived = 0;
  /** Always: there is no `WELCOME` to wait for. */
  readonly isOpen = true;
  readonly #options: OriginalClientSessionOptions;
  readonly #state: SessionState;
  readonly #heartbeats: Heartbeats;
  readonly #outbox: PendingMessage;
  readonly #tasks = new TaskGroup();
  readonly #over = new AbortController();
  #data?: OriginalConnection;
  #beats?: OriginalConnection;
  /** The numbers of the heartbeats whose echo is still to come, in order; an echo carries none. */
  #unechoed: number[] = [];
  readonly #dialing = new Set<OriginalPurpose>();
  /** How the server closed the data connection, as long as nothing has been heard of it since. */
  #closed?: CloseReason;

  /** Makes the client's side of a session on a connection. */
  constructor(options: OriginalClientSessionOptions) {
    this.#options = options;
    this.#state = options.state;
    const { events, ledger } = options.state;
    this.#outbox = new PendingMessage({ ...options, ledger, now_ms: options.clock.now() });
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
  async run(): Promise<CloseReason> {
    const { clock, connection } = this.#options;
    this.#state.open(connection.peer, { original: true });
    this.#data = this.#read(connection);
    this.#state.data();
    const onStall = (late_ms: number) => this.#state.stalled(late_ms);
    using deadline = new Deadline(clock, { signal: this.#over.signal, onStall });
    try {
      await this.#live(deadline);
    } catch (error) {
      if (error !== this.#state.closeReason) throw error;
    } finally {
      this.#data?.close();
      this.#beats?.close();
      await this.#tasks.finished();
    }
    return this.#state.closeReason!;
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
    this.#state.ledger.dataBytes += ORIGINAL_TEXT.data.length;
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
      this.#state.data();
    }
  }

  #fallSilent(): void {
    const { allConfirmed, sent_ms } = this.#outbox;
    const since = allConfirmed ? "last_sign_of_life" : "first_unconfirmed_data_sent";
    const at_ms = allConfirmed ? this.#state.lastSignOfLife_ms : sent_ms;
    this.#heartbeats.silent(since, at_ms);
    this.#state.silent(at_ms);
    // The server listens for the second connection only when the first one is closed.
    this.#data?.close();
    this.#data = undefined;
  }

  #sayData(): void {
    const { events } = this.#state;
    this.#data?.say("data");
    const seq = this.#state.ledger.dataSent;
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
    const isWanted = () => this.#state.phase === "heartbeat";
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
    this.#tasks.add(original.run().then((closeReason) => this.#ended(original, closeReason)));
    return original;
  }

  /**
   * A server that closes the data connection may take heartbeats now; one that resets it is gone. In
   * the heartbeat phase a connection can come too early, and be made again.
   */
  #ended(connection: OriginalConnection, closeReason: CloseReason): void {
    const isData = connection === this.#data;
    if (!isData && connection !== this.#beats) return;
    if (isData) this.#data = undefined;
    else this.#beats = undefined;
    const isOver = this.#state.phase === "data" && closeReason.reason !== "closed";
    if (isOver || closeReason.by === "self") return this.#end(closeReason);
    this.#closed = { ...closeReason, text: "and answered no heartbeats" };
    if (!isData && this.#unechoed.length > 0) this.#tasks.add(this.#open("heartbeat", REDIAL_MS));
    this.changes.notify();
  }

  #heard(message: OriginalMessage, connection: OriginalConnection): undefined {
    this.framesReceived++;
    this.#state.signOfLife(this.now());
    if (message === "terminate") this.#end(this.#politeEnd());
    else if (message === "reply") this.#heardReply(connection);
    else if (message === "heartbeat" && connection === this.#beats) this.#hearEcho();
    else if (message === "data" && connection === this.#data) {
      this.#heardReply(connection, DATA_ECHOED);
    } else throw new ProtocolError(`${ORIGINAL_TEXT[message]} from the server`);
    this.changes.notify();
  }

  /** A server tells why it ends only by when: one that is stopped has said something else before. */
  #politeEnd(): CloseReason {
    if (this.framesReceived > 1) return { by: "peer", reason: "shutdown", text: "" };
    return { by: "peer", reason: "refused", text: "TERMINATE was its first word" };
  }

  /** A reply, or an echo of data, which says as well that this has arrived. */
  #heardReply(connection: OriginalConnection, remark?: string): void {
    if (connection === this.#beats) return this.#dataOnSecond(connection);
    if (this.#outbox.allConfirmed) return;
    const { ledger } = this.#state;
    if (remark && ledger.confirmedUpTo === 0) this.#notice(remark);
    const { events } = this.#state;
    const rtt_ms = this.now() - this.#outbox.sent_ms;
    const seq = ++ledger.confirmedUpTo;
    ledger.addRoundTrip(rtt_ms);
    this.dataFramesReceived++;
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
    this.#heartbeats.onReply(this.#unechoed.shift() ?? 0);
  }

  #notice(text: string): void {
    this.#state.events.emit("notice", { level: "warning", text });
  }

  #end(closeReason: CloseReason): void {
    this.#state.end(closeReason, this.#options.connection.peer, this.#heartbeats.detection);
    this.#over.abort(closeReason);
  }
}
