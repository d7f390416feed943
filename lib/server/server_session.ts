/**
 * The server's side of a session: receives `HELLO` and data messages, and confirms each.
 *
 * @module
 */
import type { Deadline, DeadlineListener } from "../platform/deadline.ts";
import {
  type CloseReason,
  type DetectedSince,
  isPolite,
  isRetryable,
} from "../session/close_reason.ts";
import type { Resumption } from "../session/events.ts";
import type { SessionConfig, SessionOptions } from "../session/options.ts";
import { Session } from "../session/session.ts";
import { greetingOf, OPEN_LIMIT_MS } from "../session/timers.ts";
import { type Hello, helloFields } from "../wire/hello.ts";
import { type Frame, PROTOCOL_VERSION, ProtocolError } from "../wire/protocol.ts";
import { Assurance } from "./assurance.ts";
import type { SessionRecord } from "./session_record.ts";

/** What an admitted connection leads to. */
export interface Admitted {
  /** The session that the connection belongs to. */
  readonly record: SessionRecord;
  /** What is resent and what had arrived, of a session that was open before. */
  readonly resumption?: Resumption;
}

/** What a server decides on a `HELLO`; `late` of one that came after its limit. */
export type AdmissionResult = Admitted | { readonly refusal: string } | "late";

/** What the sessions of a server share, and ask of it. */
export interface SessionHost extends SessionConfig {
  /** How long the server holds a session without a connection, in milliseconds. */
  readonly sessionLifetime_ms: number;
  /** Decides on the client's `HELLO`. */
  admit(session: ServerSession, hello: Hello): AdmissionResult;
  /** Called when the connection of a session is closed; a defect of this program may have ended it. */
  closed(session: ServerSession, defect?: { error: unknown }): void;
}

/** The server's side of a session, on one connection. */
export class ServerSession extends Session implements DeadlineListener {
  /** Which side this is. */
  override readonly role = "server";
  /** The session that the connection belongs to, once that is known. */
  record?: SessionRecord;
  /** When the last data message was received, or the session started, in monotonic milliseconds. */
  lastData_ms = 0;
  readonly #host: SessionHost;
  /** The last sequence number received on this connection, or sent in `WELCOME`. */
  #receivedUpTo = 0;
  #dataBefore = 0;
  /** The last sequence number that the client had sent before. */
  #sentBefore = 0;
  /** What this connection has confirmed, and what earlier ones had. */
  #confirmed = 0;
  #confirmedBefore = 0;
  /** The smallest threshold of the client. */
  #threshold_ms = Infinity;
  #assurance?: Assurance;
  /** Ends the hold that the session is under. */
  #release?: () => void;

  /** Makes the server's side of a session on a connection. */
  constructor(options: SessionOptions & { readonly config: SessionHost }) {
    super(options);
    this.#host = options.config;
  }

  /** Confirms all data messages of one read at once. */
  override onBatchEnd(): void | Promise<void> {
    this.#confirm();
    if (this.dataFramesReceived > this.#dataBefore) {
      this.#expectData();
      this.#assurance?.stop();
    }
    this.#dataBefore = this.dataFramesReceived;
    const ready = super.onBatchEnd();
    return this.record?.isOverShare ? this.#hold(this.record, ready) : ready;
  }

  /** The bytes of a large message move the deadline as a message does; the client gets signs of life. */
  protected override onPartialData(): void {
    super.onPartialData();
    this.lastData_ms = this.state.lastSignOfLife_ms;
    this.#expectData();
    this.#startAssurance();
  }

  /** Ends the session, also while it is held. */
  protected override end(closeReason: CloseReason): void {
    super.end(closeReason);
    this.#assurance?.stop();
    this.#release?.();
  }

  /** More has been delivered, and can be confirmed. */
  deliveredMore(): void {
    this.#confirm();
    this.changes.notify();
  }

  /** The client has reconnected: ends this connection, and returns how it ended. */
  supersede(): CloseReason {
    this.end({ by: "peer", reason: "superseded", text: "" });
    return this.closeReason!;
  }

  /** Waits for `HELLO`, which is answered when it arrives. */
  protected override open(deadline: Deadline): Promise<boolean> {
    return this.changes.until(() => this.isOpen, deadline);
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
    return { since: "last_data_heard", at_ms: this.lastData_ms };
  }

  /** `HELLO` may have arrived, and the session still be waiting for the store. */
  protected override openTimeout(): CloseReason {
    const within = `within ${OPEN_LIMIT_MS / 1000} s`;
    if (!this.record) return { by: "self", reason: "silent", text: `no HELLO ${within}` };
    const text = `${this.peer}: its session was not stored ${within}; the store does not answer`;
    return { by: "self", reason: "failed", text };
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
    this.#host.closed(this, defect);
  }

  /**
   * Reads nothing until more is delivered: too much is waiting, and most of it is this session's. A client
   * that is not read is not judged, and must not take this server for dead.
   */
  async #hold(record: SessionRecord, ready: void | Promise<void>): Promise<void> {
    await ready;
    this.deadline.pause();
    this.#startAssurance();
    while (record.isOverShare && !record.cannotDeliver && !this.closeReason) {
      const ended = new Promise<void>((resolve) => this.#release = resolve);
      await Promise.race([record.room(), ended]);
    }
    this.#assurance?.stop();
    this.lastData_ms = this.now();
    this.deadline.resume();
  }

  #startAssurance(): void {
    if (this.closeReason) return;
    const { clock, timers } = this.#host;
    const { data_threshold_ms, heart_beat_interval_ms, heart_beat_threshold_ms } = timers;
    const threshold_ms = Math.min(data_threshold_ms, heart_beat_threshold_ms, this.#threshold_ms);
    const interval_ms = Math.min(threshold_ms / 4, heart_beat_interval_ms);
    this.#assurance ??= new Assurance(clock, interval_ms, () => this.assure());
    this.#assurance.start();
  }

  #onHello(frame: Frame & { type: "HELLO" | "WELCOME" }): void {
    if (this.record) throw new ProtocolError("a second HELLO");
    const hello = helloFields(frame);
    const admission = frame.version === PROTOCOL_VERSION
      ? this.#host.admit(this, hello)
      : { refusal: `this server speaks PW/${PROTOCOL_VERSION}, not PW/${frame.version}` };
    if (admission === "late") return this.end(this.openTimeout());
    if ("refusal" in admission) {
      return this.end({ by: "self", reason: "refused", text: admission.refusal });
    }
    const { record, resumption } = admission;
    this.record = record;
    const welcome = () => this.#welcome(record, hello, resumption);
    if (record.opening) record.opening.then(welcome);
    else welcome();
  }

  /** Opens the session, unless it ended while it was being stored. */
  #welcome(record: SessionRecord, hello: Hello, resumption?: Resumption): void {
    if (this.closeReason || record.cannotDeliver) return;
    if (record.state !== this.state) {
      this.state = record.state;
      this.state.lastSignOfLife_ms = this.now();
    }
    this.#sentBefore = hello.sent;
    this.#threshold_ms = hello.threshold_ms;
    this.#receivedUpTo = this.#confirmed = this.#confirmedBefore = record.deliveredUpTo;
    const { maxMessageBytes, sessionLifetime_ms } = this.#host;
    const greeting = {
      ...greetingOf(this.timers, maxMessageBytes),
      received: record.deliveredUpTo,
      ...record.reconnects && { session_lifetime: sessionLifetime_ms / 1000 },
    };
    this.writer.send({ type: "WELCOME", version: PROTOCOL_VERSION, session: record.id, greeting });
    this.lastData_ms = this.now();
    this.opened(resumption);
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
    if (seq <= this.#sentBefore) this.ledger.countResent(this.counts);
    this.dataFramesReceived++;
    this.lastData_ms = this.state.lastSignOfLife_ms;
    // What an earlier connection received is being delivered already.
    if (seq > record.receivedUpTo) this.#receive(record, seq, payload);
  }

  #receive(record: SessionRecord, seq: number, payload: Uint8Array): void {
    this.ledger.dataReceived = seq;
    this.ledger.dataBytes += payload.length;
    if (this.events.wantsMessages) {
      this.events.emit("data_received", { seq, bytes: payload.length });
    }
    const { clock, maxMessageBytes } = this.#host;
    if (record.receive(seq, payload, clock, maxMessageBytes)) return;
    throw new ProtocolError("more data messages than may be unconfirmed");
  }

  #confirm(): void {
    const upTo = this.record?.deliveredUpTo ?? 0;
    if (upTo <= this.#confirmed || !this.isOpen) return;
    this.#confirmed = upTo;
    this.writer.send({ type: "CONFIRM", seq: upTo });
  }
}
