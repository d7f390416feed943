/**
 * The server's side of a session: receives `HELLO` and data messages, and confirms each.
 *
 * @module
 */
import type { Deadline, DeadlineListener } from "../platform/deadline.ts";
import {
  type CloseReason,
  type DetectedSince,
  isDeclaredByPeer,
  isPolite,
  isRetryable,
} from "../session/close_reason.ts";
import type { FrameNote, LastExchange } from "../evidence/outage_log.ts";
import type { Limit } from "../session/events.ts";
import type { SessionConfig, SessionOptions } from "../session/options.ts";
import { Session } from "../session/session.ts";
import type { ClosedConnection } from "../session/state.ts";
import { CONFIRMED_EARLY } from "../session/timers.ts";
import { type Hello, helloFields, refuseVersion } from "../wire/hello.ts";
import { type Frame, type HoldReason, ProtocolError } from "../wire/protocol.ts";
import { Assurance } from "./assurance.ts";
import { isOfClient, limitOf, strangerOf } from "./first_bytes.ts";
import type { AdmissionResult, Admitted, SessionRecord } from "./session_record.ts";
import { refusalOf } from "./session_record.ts";
import type { Proven, Stranger } from "./options.ts";

/** What the sessions of a server share, and ask of it. */
export interface SessionHost extends SessionConfig {
  /** How long the server holds a session without a connection, in milliseconds. */
  readonly sessionLifetime_ms: number;
  /** Decides on the client's `HELLO`. */
  admit(session: ServerSession, hello: Hello): AdmissionResult;
  /** Called when the connection of a session is closed; a defect of this program may have ended it. */
  closed(session: ServerSession, defect?: { error: unknown }): void;
  /** Counts a connection that opened no session. */
  onStranger(stranger: Stranger): void;
}

/** The server's side of a session, on one connection. */
export class ServerSession extends Session implements DeadlineListener {
  /** Which side this is. */
  override readonly role = "server";
  /** The session that the connection belongs to, once that is known. */
  record?: SessionRecord;
  /** What came of the proof of its key, if the server has keys. */
  declare readonly proven?: Proven;
  /** When the last data message was received, or the session started, in monotonic milliseconds. */
  lastData_ms = 0;
  #welcomed_ms = 0;
  /** What the sessions of a server share, and ask of it. */
  declare readonly config: SessionHost;
  /** The last sequence number received on this connection, or sent in `WELCOME`. */
  #receivedUpTo = 0;
  #dataBefore = 0;
  /** What this connection has confirmed, and what earlier ones had. */
  #confirmed = 0;
  #confirmedBefore = 0;
  /** When that was sent; and the confirmation before it, which the client may be the last to have received. */
  #confirmed_ms = NaN;
  #confirmedEarlier = 0;
  #confirmedEarlier_ms = NaN;
  #assurance?: Assurance;
  /** The client's `HELLO`, once it has come, be it refused; and for which limit, if for one. */
  #hello?: Hello;
  #limit?: Limit;

  /** Makes the server's side of a session on a connection. */
  constructor(options: SessionOptions & Pick<ServerSession, "config" | "proven">) {
    super(options);
    if (options.proven) this.proven = options.proven;
  }

  /** Confirms all data messages of one read at once. */
  override onBatchEnd(bytes: number): void | Promise<void> {
    this.#confirm(this.state.lastSignOfLife_ms);
    if (this.dataFramesReceived > this.#dataBefore) {
      this.#expectData();
      if (this.record!.isSettled) this.#assurance?.stop();
      else if (!this.closeReason) this.#assured().start();
    }
    this.#dataBefore = this.dataFramesReceived;
    if (this.record?.isUnclaimed) this.record.heard(this, this.config.clock.wallTime());
    const ready = super.onBatchEnd(bytes);
    return this.isHeld ? this.#hold(this.record!, ready) : ready;
  }

  /** Bytes that were read take a small part of the memory of the messages in them. */
  get isHeld(): boolean {
    return !this.closeReason && this.record?.isOverShare === true;
  }

  /** The bytes of a large message move the deadline as a message does; the client gets signs of life. */
  protected override onPartialData(): void {
    super.onPartialData();
    this.lastData_ms = this.state.lastSignOfLife_ms;
    this.#expectData();
    if (!this.closeReason) this.#assured().start();
  }

  /** Ends the session, also while it is held. */
  protected override end(closeReason: CloseReason): void {
    // HELLO and TERMINATE have come together: the client had given up on WELCOME before this was sent.
    const isUnheard = this.isOpen && this.framesReceived === 2 && isDeclaredByPeer(closeReason);
    super.end(isUnheard ? { ...closeReason, unheard: true } : closeReason);
    this.#assurance?.end();
  }

  /** One that ends without a `HELLO` or a certificate, or for a limit, is counted among the strangers. */
  protected override reportEnd(closeReason: CloseReason, connection: ClosedConnection): void {
    const limit = this.#limit ?? (this.#hello ? undefined : limitOf(closeReason));
    const [{ code }, failure] = [closeReason, this.proven?.failure];
    const isClient = this.#hello !== undefined || isOfClient(closeReason, this.firstBytes);
    const isStranger = !isClient || limit || failure || this.connection.refusal;
    if (!isStranger) return super.reportEnd(closeReason, connection);
    this.config.onStranger(strangerOf(this.connection, this.firstBytes, { code, failure, limit }));
  }

  /** More has been delivered, and can be confirmed. */
  deliveredMore(): void {
    this.#confirm(this.now());
    // What follows may be its end.
    if (this.record?.isSettled) this.#assurance?.release();
    this.changes.notify();
  }

  /** Confirmations have been waiting: tells a client that understands it. */
  held(reason: HoldReason): void {
    if (this.closeReason || !this.#hello?.knows.includes("hold")) return;
    this.writer.send({ type: "HOLD", reason });
  }

  /** The client has reconnected: ends this connection, and returns how it ended. */
  supersede(): CloseReason {
    this.end({ by: "peer", reason: "superseded", text: "" });
    return this.closeReason!;
  }

  /** Whether the client knows `ACCOUNT`. */
  get knowsAccounts(): boolean {
    return this.#hello?.knows.includes("account") === true;
  }

  /** The last data message, and the last two confirmations. */
  override lastExchange(): LastExchange {
    const last: FrameNote = { frame: "DATA", n: this.ledger.dataReceived, at_ms: this.lastData_ms };
    const sent: FrameNote[] = [
      { frame: "CONFIRM", n: this.#confirmedEarlier, at_ms: this.#confirmedEarlier_ms },
      { frame: "CONFIRM", n: this.#confirmed, at_ms: this.#confirmed_ms },
    ];
    const received = this.dataFramesReceived > 0 ? [last] : [];
    return { received, sent: sent.filter(({ at_ms }) => !Number.isNaN(at_ms)) };
  }

  /** Waits until no data message has been received for `data_threshold`. */
  protected override dataLoop(deadline: Deadline): void {
    // Not an async function, which would take as much memory as the rest of an idle session; nor does a
    // data message wake this wait: it only moves the deadline.
    this.#expectData();
    deadline.wake(this);
  }

  /** No data message has been received in time, or the session has ended. */
  onDeadline(): void {
    this.dataOver("silent");
  }

  /** Moves the deadline of the data phase, while that lasts, to when the next data message is due. */
  #expectData(): void {
    if (this.state.phase !== "data") return;
    const again_ms = this.timers.data_threshold_ms;
    this.deadline.moveTo(this.lastData_ms + again_ms, { again_ms });
  }

  /** Silence is measured from the last data message. */
  protected override silence(): { since: DetectedSince; at_ms: number } {
    const since = this.lastData_ms === this.#welcomed_ms ? "session_opened" : "last_data_heard";
    return { since, at_ms: this.lastData_ms };
  }

  /** Receives `HELLO` and `DATA`. */
  protected override onRoleFrame(frame: Frame): void {
    if (frame.type === "HELLO") this.#onHello(frame);
    else if (frame.type === "DATA") this.#onDataFrame(frame.seq, frame.payload);
  }

  /** Whether the server holds the session. */
  protected override survivesDisconnect(closeReason: CloseReason): boolean {
    return this.record?.reconnects === true && isRetryable(closeReason) && !isPolite(closeReason);
  }

  /** Waits until what was received is delivered, and so confirmed. */
  protected override settle(limit: Deadline): boolean | Promise<boolean> {
    const { record } = this;
    if (!record || record.isSettled) return true;
    const over = () => record.isSettled || record.cannotDeliver;
    return this.changes.until(over, limit).then(() => record.isSettled);
  }

  /** What was written to the network is confirmed; the rest is in doubt. */
  protected override onClosed(defect?: { error: unknown }): void {
    this.#assurance?.stop();
    const { confirmedUpTo } = this.writer;
    this.ledger.confirmedUpTo = Math.max(this.ledger.confirmedUpTo, confirmedUpTo);
    this.counts.confirmed = Math.max(0, confirmedUpTo - this.#confirmedBefore);
    this.config.closed(this, defect);
  }

  /** Reads nothing until more is delivered. Who is not read is not judged, and must not take this side for dead. */
  async #hold(record: SessionRecord, ready: void | Promise<void>): Promise<void> {
    await ready;
    const since_ms = this.now();
    this.deadline.pause();
    await this.#assured().hold(() => record.room(), () => record.held("room"));
    if (this.state.held === "room") this.state.release();
    this.accounts.unread(since_ms);
    this.lastData_ms = this.now();
    this.deadline.resume();
  }

  /** Made when first needed. */
  #assured(): Assurance {
    return this.#assurance ??= new Assurance(this.config, this.#hello!.threshold_ms, this);
  }

  /** Says what was missing: the proof of a key, if that was asked for. */
  protected override openTimeout(): CloseReason {
    return this.proven?.end ?? super.openTimeout();
  }

  #onHello(frame: Frame & { type: "HELLO" | "WELCOME" }): void {
    if (this.#hello) throw new ProtocolError("a second HELLO");
    const hello = this.#hello = helloFields(frame);
    const refusal = this.connection.refusal?.text ?? refuseVersion(frame.version);
    const admission = refusal === undefined ? this.config.admit(this, hello) : { refusal };
    if (admission === "late") return this.end(this.openTimeout());
    if (admission === "given up") return;
    if ("refusal" in admission) {
      this.#limit = admission.limit;
      return this.end(refusalOf(admission, hello));
    }
    if ("end" in admission) return this.end(admission.end);
    const record = this.record = admission.record;
    const welcome = () => this.#welcome(admission);
    if (!record.opening) return welcome();
    // The client has done its part: how long it waits for the store is its choice.
    this.deadline.pause();
    record.opening.then(welcome);
  }

  /** Opens the session, unless it ended while it was being stored. */
  #welcome({ record, resumption, terms }: Admitted): void {
    if (this.closeReason || record.cannotDeliver) return;
    if (record.state !== this.state) {
      this.state = record.state;
      this.state.lastSignOfLife_ms = this.now();
    }
    this.#receivedUpTo = this.#confirmed = this.#confirmedBefore = record.deliveredUpTo;
    this.writer.send(record.welcome(this.config, terms));
    this.lastData_ms = this.#welcomed_ms = this.now();
    this.deadline.resume();
    this.opened(resumption);
    if (this.state.held) this.held(this.state.held);
    this.changes.notify();
  }

  #onDataFrame(seq: number, payload: Uint8Array): void {
    const record = this.record!;
    // A client need not resend what was confirmed since WELCOME, when a delivery was still under way.
    const due = this.#receivedUpTo + 1;
    if (seq < due || seq > Math.max(due, this.#confirmed + 1)) {
      throw new ProtocolError(`DATA ${seq} where DATA ${due} was due`);
    }
    this.#receivedUpTo = seq;
    this.counts.received++;
    if (seq <= this.#hello!.sent) this.ledger.countResent(this.counts);
    this.dataFramesReceived++;
    this.lastData_ms = this.state.lastSignOfLife_ms;
    // What an earlier connection received is being delivered already.
    if (seq <= record.receivedUpTo) return;
    const bytes = payload.length;
    this.ledger.received(seq, bytes);
    if (this.events.wantsMessage(seq)) this.events.emit("data_received", { seq, bytes });
    const isTaken = record.receive(seq, payload, this.config);
    if (!isTaken) throw new ProtocolError("more data messages than may be unconfirmed");
    if (this.dataFramesReceived - this.#dataBefore !== CONFIRMED_EARLY) return;
    this.#confirm(this.lastData_ms);
    this.writer.writeNow();
  }

  #confirm(now_ms: number): void {
    const upTo = this.record?.deliveredUpTo ?? 0;
    if (upTo <= this.#confirmed || !this.isOpen) return;
    [this.#confirmedEarlier, this.#confirmedEarlier_ms] = [this.#confirmed, this.#confirmed_ms];
    this.#confirmed = upTo;
    this.#confirmed_ms = now_ms;
    this.writer.send({ type: "CONFIRM", seq: upTo });
    if (!this.#assurance?.isHolding) this.#assurance?.stop();
  }
}
