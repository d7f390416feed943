/**
 * The server's side of a session: it hears `HELLO` and data messages, and confirms each.
 *
 * @module
 */
import type { Deadline } from "../platform/deadline.ts";
import type { CloseReason, DetectedSince } from "../session/close_reason.ts";
import { serverDataLoop, type ServerDataSide } from "../session/data_loop.ts";
import type { Resumption } from "../session/events.ts";
import { Session, type SessionConfig, type SessionOptions } from "../session/session.ts";
import type { SessionState } from "../session/state.ts";
import { greetingOf, OPEN_LIMIT_MS } from "../session/timers.ts";
import { type Hello, helloFields } from "../wire/hello.ts";
import { type Frame, PROTOCOL_VERSION, ProtocolError } from "../wire/protocol.ts";
import type { SessionRecord } from "./session_record.ts";

/** What a server decides on a `HELLO`. */
export type Admission =
  | { readonly refusal: string }
  | {
    /** The session that the connection belongs to. */
    readonly record: SessionRecord;
    /** What is made up for, of a session that was open before. */
    readonly resumption?: Resumption;
    /** What to wait for before it is welcomed: that it is stored. */
    readonly opening?: Promise<void>;
  };

/** What a server's session asks its server. */
export interface SessionHost extends SessionConfig {
  /** How long the server keeps a session without a connection, in milliseconds. */
  readonly sessionLifetime_ms: number;
  /** Decides on the client's `HELLO`, unless it came too late. */
  admit(session: ServerSession, hello: Hello): Admission | "late";
  /** Whether a session goes on after its connection has ended like this. */
  survivesDisconnect(record: SessionRecord | undefined, closeReason: CloseReason): boolean;
}

/** What one connection of a server's session is made of. */
export interface ServerSessionOptions extends SessionOptions {
  /** The server. */
  readonly config: SessionHost;
}

/** The server's side of a session, on one connection. */
export class ServerSession extends Session implements ServerDataSide {
  /** Which side this is. */
  override readonly role = "server";
  /** The course that the connection was opened with, unless it is the return of a session. */
  readonly state: SessionState;
  /** When the last data message was heard, or the session started. */
  lastData_ms = 0;
  /** Called at each data message, while the data phase lasts. */
  onData?: () => void;
  readonly #host: SessionHost;
  #record?: SessionRecord;
  /** The last sequence number heard on this connection, or told in `WELCOME`. */
  #heardUpTo = 0;
  #dataBefore = 0;
  /** The last sequence number that the client had sent before. */
  #sentBefore = 0;
  /** What this connection has confirmed, and what earlier ones had. */
  #confirmed = 0;
  #confirmedBefore = 0;

  /** Makes the server's side of a session on a connection. */
  constructor(options: ServerSessionOptions) {
    super(options);
    this.#host = options.config;
    this.state = options.state;
  }

  /** The session that the connection belongs to, once that is known. */
  get record(): SessionRecord | undefined {
    return this.#record;
  }

  /** Confirms all data messages of one read at once. */
  override onBatchEnd(): void | Promise<void> {
    this.#confirm();
    if (this.dataFramesReceived > this.#dataBefore) this.onData?.();
    this.#dataBefore = this.dataFramesReceived;
    return super.onBatchEnd();
  }

  /** More has been delivered, and can be confirmed. */
  deliveredMore(): void {
    this.#confirm();
    this.changes.notify();
  }

  /** The client is back on another connection: gives how this one ended. */
  supersede(): CloseReason {
    this.end({ by: "peer", reason: "superseded", text: "" });
    return this.closeReason!;
  }

  /** Waits for `HELLO`, which is answered as it is heard. */
  protected override open(deadline: Deadline): Promise<boolean> {
    return this.changes.until(() => this.isOpen, deadline);
  }

  /** Waits until no data message has been heard for too long. */
  protected override dataLoop(deadline: Deadline): Promise<"silent"> {
    return serverDataLoop(this, this.timers, deadline);
  }

  /** Silence is measured from the last data message. */
  protected override silence(): { since: DetectedSince; at_ms: number } {
    return { since: "last_data_heard", at_ms: this.lastData_ms };
  }

  /** A `HELLO` may have come, and its session still be on its way to the store. */
  protected override openTimeout(): CloseReason {
    const within = `within ${OPEN_LIMIT_MS / 1000} s`;
    if (!this.#record) return { by: "self", reason: "silent", text: `no HELLO ${within}` };
    const text = `${this.peer}: its session was not stored ${within}; the store does not answer`;
    return { by: "self", reason: "failed", text };
  }

  /** Hears `HELLO` and `DATA`. */
  protected override onRoleFrame(frame: Frame): void {
    if (frame.type === "HELLO") this.#hearHello(frame);
    else if (frame.type === "DATA") this.#hearData(frame.seq, frame.payload);
  }

  /** A server has told an original client by its first bytes. */
  protected override onUnfinishedLine(): void {}

  /** Whether the server keeps the session. */
  protected override survivesDisconnect(closeReason: CloseReason): boolean {
    return this.#host.survivesDisconnect(this.#record, closeReason);
  }

  /** What has been received is delivered, and so confirmed. */
  protected override settle(limit: Deadline): boolean | Promise<boolean> {
    const record = this.#record;
    if (!record || record.isSettled) return true;
    const over = () => record.isSettled || record.cannotDeliver;
    return this.changes.until(over, limit).then(() => record.isSettled);
  }

  /** What the network took is confirmed; what it did not is in doubt. */
  protected override finalizeCounters(): void {
    const { confirmedUpTo } = this.writer;
    this.ledger.confirmedUpTo = Math.max(this.ledger.confirmedUpTo, confirmedUpTo);
    this.counts.confirmed = Math.max(0, confirmedUpTo - this.#confirmedBefore);
  }

  #hearHello(frame: Frame & { type: "HELLO" | "WELCOME" }): void {
    if (this.#record) throw new ProtocolError("a second HELLO");
    const hello = helloFields(frame);
    const admission = frame.version === PROTOCOL_VERSION
      ? this.#host.admit(this, hello)
      : { refusal: `this server speaks PW/${PROTOCOL_VERSION}, not PW/${frame.version}` };
    if (admission === "late") return this.end(this.openTimeout());
    if ("refusal" in admission) {
      return this.end({ by: "self", reason: "refused", text: admission.refusal });
    }
    const { record, opening, resumption } = admission;
    this.#record = record;
    if (opening) opening.then(() => this.#welcome(record, hello, resumption));
    else this.#welcome(record, hello, resumption);
  }

  /** Opens the session, unless it has ended while it was being stored. */
  #welcome(record: SessionRecord, hello: Hello, resumption?: Resumption): void {
    if (this.closeReason || record.cannotDeliver) return;
    if (record.state !== this.state) this.attachTo(record.state);
    this.#sentBefore = hello.sent;
    this.#heardUpTo = this.#confirmed = this.#confirmedBefore = record.deliveredUpTo;
    this.#sayWelcome(record);
    this.lastData_ms = this.now();
    this.opened(resumption);
    this.changes.notify();
  }

  #sayWelcome({ reconnects, deliveredUpTo, id }: SessionRecord): void {
    const { maxMessageBytes, sessionLifetime_ms } = this.#host;
    const greeting = {
      ...greetingOf(this.timers, maxMessageBytes),
      received: deliveredUpTo,
      ...reconnects && { session_lifetime: sessionLifetime_ms / 1000 },
    };
    this.writer.send({ type: "WELCOME", version: PROTOCOL_VERSION, session: id, greeting });
  }

  #hearData(seq: number, payload: Uint8Array): void {
    const record = this.#record!;
    // What has been confirmed meanwhile, of what is on its way to the store, need not come again.
    const due = this.#heardUpTo + 1;
    if (seq < due || seq > Math.max(due, this.#confirmed + 1)) {
      throw new ProtocolError(`DATA ${seq} where DATA ${due} was due`);
    }
    this.#heardUpTo = seq;
    const { counts, ledger } = this;
    counts.received++;
    if (seq <= this.#sentBefore) ledger.countResent(counts);
    this.dataFramesReceived++;
    this.lastData_ms = this.lastSignOfLife_ms;
    // What is on its way to the store already is delivered from there, and only once.
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
    const upTo = this.#record?.deliveredUpTo ?? 0;
    if (upTo <= this.#confirmed || !this.isOpen) return;
    this.#confirmed = upTo;
    this.writer.send({ type: "CONFIRM", seq: upTo });
  }
}
