/**
 * The client's side of a session with an original server: data on one connection; after a silence,
 * heartbeats on a second one; and data again on a new one as soon as the server takes it.
 *
 * @module
 */
import { sleep } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";
import type { Connection } from "../platform/net/transport.ts";
import type { CloseReason, Detection } from "../session/close_reason.ts";
import { clientDataLoop, type ClientDataSide, nextOfClient } from "../session/data_loop.ts";
import { dial, type DialOptions } from "../session/connection.ts";
import { heartbeatLoop, type HeartbeatProbe, Heartbeats } from "../session/heartbeat_loop.ts";
import { roundMs } from "../session/ledger.ts";
import { type NextStep, ORIGINAL_REDIAL_MS, type Timers } from "../session/timers.ts";
import { ProtocolError } from "../wire/protocol.ts";
import { OriginalConnection } from "./connection.ts";
import { OriginalSession, type OriginalSessionOptions } from "./original_session.ts";
import { PendingMessage } from "./pending_message.ts";
import { ORIGINAL_TEXT, type OriginalMessage, type OriginalPurpose } from "./wire.ts";

const DATA_ECHOED = "the server echoes data: it takes this for its second connection; restart it";

/** Options for {@linkcode OriginalClientSession}. */
export interface OriginalClientSessionOptions extends OriginalSessionOptions, DialOptions {
  /** The session's timers. */
  timers: Timers;
  /** How many data messages to send, each confirmed; for ever if not given. */
  count?: number;
}

/** The client's side of a session with an original server. To be run once. */
export class OriginalClientSession extends OriginalSession implements ClientDataSide {
  readonly #options: OriginalClientSessionOptions;
  readonly #heartbeats: Heartbeats;
  readonly #outbox: PendingMessage;
  #data?: OriginalConnection;
  #beats?: OriginalConnection;
  /** The numbers of the heartbeats whose echo is still to come, in order; an echo carries none. */
  #unechoed: number[] = [];
  readonly #dialing = new Set<OriginalPurpose>();
  /** How the server closed the data connection, as long as nothing has been received since. */
  #closed?: CloseReason;

  /** Makes the client's side of a session on a connection. */
  constructor(options: OriginalClientSessionOptions) {
    super(options);
    this.#options = options;
    const { clock, count, timers } = options;
    const { events, ledger, link } = this;
    this.#outbox = new PendingMessage(ledger, timers, clock.now(), count);
    const send = (n: number) => this.#sendHeartbeat(n);
    this.#heartbeats = new Heartbeats({ clock, timers, events, ledger, link, send });
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

  /** Whether the server has closed the data connection: it does so when it falls silent. */
  get over(): boolean {
    return this.#data === undefined;
  }

  /** Sends the next data message, when it is due. */
  sendReady(): void {
    if (this.nextSend_ms <= this.now()) this.#sendNext();
  }

  /** Runs the phases in turn, until the session ends. */
  protected override async runPhases(deadline: Deadline): Promise<void> {
    const { connection, timers } = this.#options;
    this.#data = this.#read(connection);
    for (;;) {
      this.state.data();
      const data = await clientDataLoop(this, timers, deadline);
      deadline.throwIfEnded();
      if (data === "done") return this.stop("done");
      if (this.over) {
        this.#warn("the server has closed the data connection");
        deadline.moveTo(this.now());
        await sleep(deadline);
        deadline.throwIfEnded();
      }
      this.#enterSilence(this.over);
      const outcome = await heartbeatLoop(this.#probe, this, timers, deadline);
      deadline.throwIfEnded();
      if (outcome === "dead") {
        return this.end(this.#closed ?? { by: "self", reason: "silent", text: "" });
      }
      this.#heartbeats.over();
      this.#closed = undefined;
      this.#beats?.close();
      this.#beats = undefined;
    }
  }

  /** Measured by the heartbeats, as with a Pulsewire server. */
  protected override detection(): Detection | undefined {
    return this.#heartbeats.detection;
  }

  /** By the heartbeats. */
  protected override nextDeath(due_ms: number): NextStep {
    return this.#heartbeats.next(due_ms);
  }

  /** With a data message to be confirmed, silence; else the next one. */
  protected override nextInData(): NextStep {
    return nextOfClient(this, this.#outbox.allConfirmed);
  }

  /** Closes without TERMINATE: an original client sends none. */
  protected override close(): void {
    this.#data?.close();
    this.#beats?.close();
  }

  #sendNext(): void {
    this.#outbox.send(this.now());
    this.ledger.dataBytes += ORIGINAL_TEXT.data.length;
    this.#sendData();
  }

  readonly #probe: HeartbeatProbe = {
    send: () => this.#heartbeats.send(),
    missed: (missed, left) => this.#heartbeats.missed(missed, left),
    answered: () => {
      this.#heartbeats.answered();
      this.#closed = undefined;
      // A server that answers heartbeats may accept data again.
      if (!this.#data) this.tasks.add(this.#open("data"));
    },
  };

  #enterSilence(isClosed: boolean): void {
    const { allConfirmed, sent_ms } = this.#outbox;
    const since = allConfirmed ? "last_sign_of_life" : "first_unconfirmed_data_sent";
    const at_ms = allConfirmed ? this.state.lastSignOfLife_ms : sent_ms;
    this.#heartbeats.silent(since, at_ms);
    this.state.silent(at_ms, isClosed ? "closed" : undefined);
    // The server listens for the second connection only when the first one is closed.
    this.#data?.close();
    this.#data = undefined;
  }

  #sendData(): void {
    this.#data?.send("data");
    const { events, ledger } = this;
    const seq = ledger.dataSent;
    if (events.wantsMessage(seq)) {
      events.emit("data_sent", { seq, bytes: ORIGINAL_TEXT.data.length });
    }
  }

  #sendHeartbeat(n: number): void {
    this.#unechoed.push(n);
    if (this.#beats) return void this.#beats.send("heartbeat");
    this.#unechoed = [n];
    this.tasks.add(this.#open("heartbeat"));
  }

  /** Opens a connection in the heartbeat phase, and uses it if that phase goes on. */
  async #open(purpose: OriginalPurpose, wait_ms = 0): Promise<void> {
    if (this.#dialing.has(purpose)) return;
    this.#dialing.add(purpose);
    const connection = await this.#dialUntilOpen(purpose, wait_ms);
    this.#dialing.delete(purpose);
    // The server may have taken the second connection for data meanwhile.
    const isWanted = this.state.phase === "heartbeat" && !(purpose === "data" && this.#data);
    if (connection && isWanted) this.#use(connection, purpose);
    else connection?.close();
  }

  /** Dials until a connection opens; `undefined` if none is wanted any more. */
  async #dialUntilOpen(
    purpose: OriginalPurpose,
    wait_ms: number,
  ): Promise<Connection | undefined> {
    using pause = new Deadline(this.#options.clock, { signal: this.ended });
    for (let pause_ms = wait_ms;; pause_ms = ORIGINAL_REDIAL_MS) {
      pause.moveTo(this.now() + pause_ms);
      if (pause_ms > 0) await sleep(pause).catch(() => {});
      if (this.state.phase !== "heartbeat") return undefined;
      const connection = await dial(this.#options, this.ended);
      if (!("reason" in connection)) return connection;
      // The server listens again for heartbeats, sooner or later; for data, perhaps not yet.
      if (purpose === "data") return undefined;
    }
  }

  #use(connection: Connection, purpose: OriginalPurpose): void {
    const original = this.#read(connection);
    if (purpose === "data") return this.#resume(original);
    this.#beats = original;
    for (const _ of this.#unechoed) original.send("heartbeat");
  }

  /** Sends data again, on another connection: what is still unconfirmed, or else the next message. */
  #resume(connection: OriginalConnection): void {
    this.#data = connection;
    if (this.#outbox.allConfirmed) return this.#sendNext();
    this.#outbox.sendAgain(this.now());
    this.#sendData();
  }

  /** Reads a connection to its end; what it is for may change. */
  #read(connection: Connection): OriginalConnection {
    this.connectionOpened();
    const original: OriginalConnection = new OriginalConnection(connection, {
      onMessage: (message) => this.#onMessage(message, original),
      onWritten: () => this.onTraffic(),
    });
    this.tasks.add(original.run().then((closeReason) => this.#onClosed(original, closeReason)));
    return original;
  }

  /**
   * A server that closes the data connection may accept heartbeats now; one that resets it is gone. A
   * second connection that was opened too early is closed by the server, and dialled again.
   */
  #onClosed(connection: OriginalConnection, closeReason: CloseReason): void {
    const isData = connection === this.#data;
    if (!isData && connection !== this.#beats) return;
    this.look();
    if (isData) this.#data = undefined;
    else this.#beats = undefined;
    const isOver = this.state.phase === "data" && closeReason.reason !== "closed";
    if (isOver || closeReason.by === "self") return this.end(closeReason);
    this.#closed = { ...closeReason, text: "and answered no heartbeats" };
    if (!isData && this.#unechoed.length > 0) {
      this.tasks.add(this.#open("heartbeat", ORIGINAL_REDIAL_MS));
    }
    this.changes.notify();
  }

  #onMessage(message: OriginalMessage, connection: OriginalConnection): undefined {
    this.framesReceived++;
    this.state.lastSignOfLife_ms = this.look();
    if (message !== "terminate") this.onTraffic();
    if (message === "terminate") this.end(this.#terminateReason());
    else if (message === "reply") this.#onReply(connection);
    else if (message === "heartbeat" && connection === this.#beats) this.#onEcho();
    else if (message === "data" && connection === this.#data) {
      this.#onReply(connection, DATA_ECHOED);
    } else throw new ProtocolError(`${ORIGINAL_TEXT[message]} from the server`);
    this.changes.notify();
  }

  /** TERMINATE has no reason: a server that is stopped has sent something before it, one that refuses not. */
  #terminateReason(): CloseReason {
    if (this.framesReceived > 1) return { by: "peer", reason: "shutdown", text: "" };
    return { by: "peer", reason: "refused", text: "its first message was TERMINATE" };
  }

  /** A confirmation, or an echo of data, which confirms it as well. */
  #onReply(connection: OriginalConnection, remark?: string): void {
    if (connection === this.#beats) return this.#moveDataToSecond(connection);
    if (this.#outbox.allConfirmed) return;
    const { events, ledger } = this;
    if (remark && ledger.confirmedUpTo === 0) this.#warn(remark);
    const rtt_ms = this.now() - this.#outbox.sent_ms;
    const seq = ++ledger.confirmedUpTo;
    ledger.addRoundTrip(rtt_ms);
    this.dataFramesReceived++;
    if (events.wantsConfirmation(seq)) {
      events.emit("data_confirmed", { seq, rtt_ms: roundMs(rtt_ms) });
    }
  }

  /** A heartbeat was confirmed as data is: a restarted server takes this connection for data. */
  #moveDataToSecond(connection: OriginalConnection): void {
    this.#onEcho();
    this.#warn("the server has been restarted, and takes the second connection for data");
    this.#data?.close();
    this.#beats = undefined;
    this.#resume(connection);
  }

  #onEcho(): void {
    this.#heartbeats.onReply(this.#unechoed.shift() ?? 0);
  }

  #warn(text: string): void {
    this.events.emit("notice", { level: "warning", text });
  }
}
