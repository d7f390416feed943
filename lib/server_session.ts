/**
 * The server's side of a session: it hears `HELLO` and data messages, and confirms each.
 *
 * @module
 */
import type { Course } from "./course.ts";
import { serverDataLoop, type ServerDataSide } from "./data_loop.ts";
import type { DetectedSince, Ending } from "./ending.ts";
import { greetingOf, type Hello, helloOf } from "./greeting.ts";
import type { KeptSession } from "./kept_session.ts";
import type { Resumption } from "./outbox.ts";
import { type Frame, HELLO_LIMIT_MS, PROTOCOL_VERSION, ProtocolError } from "./protocol.ts";
import { Session, type SessionOptions, type SessionSetting } from "./session.ts";
import type { Deadline } from "./wait.ts";

/** What a server decides on a `HELLO`. */
export type Admission =
  | { readonly refusal: string }
  | {
    /** The session that the connection belongs to. */
    readonly kept: KeptSession;
    /** What is made up for, of a session that was open before. */
    readonly resumption?: Resumption;
    /** What to wait for before it is welcomed: that it is stored. */
    readonly opening?: Promise<void>;
  };

/** What a server's session asks its server. */
export interface SessionHost extends SessionSetting {
  /** How long the server keeps a session without a connection, in milliseconds. */
  readonly sessionLifetime_ms: number;
  /** Decides on the client's `HELLO`, unless it came too late. */
  admit(session: ServerSession, hello: Hello): Admission | "late";
  /** Whether a session goes on after its connection has ended like this. */
  goesOn(kept: KeptSession | undefined, ending: Ending): boolean;
}

/** What one connection of a server's session is made of. */
export interface ServerSessionOptions extends SessionOptions {
  /** The server. */
  readonly setting: SessionHost;
}

/** The server's side of a session, on one connection. */
export class ServerSession extends Session implements ServerDataSide {
  /** Which side this is. */
  override readonly role = "server";
  /** The course that the connection was opened with, unless it is the return of a session. */
  readonly course: Course;
  /** When the last data message was heard, or the session started. */
  lastData_ms = 0;
  /** Called at each data message, while the data phase lasts. */
  onData?: () => void;
  readonly #host: SessionHost;
  #kept?: KeptSession;
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
    this.#host = options.setting;
    this.course = options.course;
  }

  /** The session that the connection belongs to, once that is known. */
  get kept(): KeptSession | undefined {
    return this.#kept;
  }

  /** Confirms all data messages of one read at once. */
  override heardAll(): void | Promise<void> {
    this.#confirm();
    if (this.dataHeard > this.#dataBefore) this.onData?.();
    this.#dataBefore = this.dataHeard;
    return super.heardAll();
  }

  /** More has been delivered, and can be confirmed. */
  deliveredMore(): void {
    this.#confirm();
    this.changes.notify();
  }

  /** The client is back on another connection: gives how this one ended. */
  supersede(): Ending {
    this.end({ by: "peer", reason: "superseded", text: "" });
    return this.ending!;
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
  protected override unopened(): Ending {
    const within = `within ${HELLO_LIMIT_MS / 1000} s`;
    if (!this.#kept) return { by: "self", reason: "silent", text: `no HELLO ${within}` };
    const text = `${this.peer}: its session was not stored ${within}; the store does not answer`;
    return { by: "self", reason: "failed", text };
  }

  /** Hears `HELLO` and `DATA`. */
  protected override hearOwn(frame: Frame): void {
    if (frame.type === "HELLO") this.#hearHello(frame);
    else if (frame.type === "DATA") this.#hearData(frame.seq, frame.payload);
  }

  /** A server has told an original client by its first bytes. */
  protected override hearUnfinishedLine(): void {}

  /** Whether the server keeps the session. */
  protected override goesOn(ending: Ending): boolean {
    return this.#host.goesOn(this.#kept, ending);
  }

  /** What has been received is delivered, and so confirmed. */
  protected override settle(limit: Deadline): boolean | Promise<boolean> {
    const kept = this.#kept;
    if (!kept || kept.isSettled) return true;
    const over = () => kept.isSettled || kept.cannotDeliver;
    return this.changes.until(over, limit).then(() => kept.isSettled);
  }

  /** What the network took is confirmed; what it did not is in doubt. */
  protected override settleLedger(): void {
    const { confirmedUpTo } = this.writer;
    this.ledger.confirmedUpTo = Math.max(this.ledger.confirmedUpTo, confirmedUpTo);
    this.counts.confirmed = Math.max(0, confirmedUpTo - this.#confirmedBefore);
  }

  #hearHello(frame: Frame & { type: "HELLO" | "WELCOME" }): void {
    if (this.#kept) throw new ProtocolError("a second HELLO");
    const hello = helloOf(frame);
    const admission = frame.version === PROTOCOL_VERSION
      ? this.#host.admit(this, hello)
      : { refusal: `this server speaks PW/${PROTOCOL_VERSION}, not PW/${frame.version}` };
    if (admission === "late") return this.end(this.unopened());
    if ("refusal" in admission) {
      return this.end({ by: "self", reason: "refused", text: admission.refusal });
    }
    const { kept, opening, resumption } = admission;
    this.#kept = kept;
    if (opening) opening.then(() => this.#welcome(kept, hello, resumption));
    else this.#welcome(kept, hello, resumption);
  }

  /** Opens the session, unless it has ended while it was being stored. */
  #welcome(kept: KeptSession, hello: Hello, resumption?: Resumption): void {
    if (this.ending || kept.cannotDeliver) return;
    if (kept.course !== this.course) this.continue(kept.course);
    this.#sentBefore = hello.sent;
    this.#heardUpTo = this.#confirmed = this.#confirmedBefore = kept.deliveredUpTo;
    this.#sayWelcome(kept);
    this.lastData_ms = this.now();
    this.opened(resumption);
    this.changes.notify();
  }

  #sayWelcome({ comesBack, deliveredUpTo, id }: KeptSession): void {
    const { maxMessageBytes, sessionLifetime_ms } = this.#host;
    const greeting = {
      ...greetingOf(this.timers, maxMessageBytes),
      received: deliveredUpTo,
      ...comesBack && { session_lifetime: sessionLifetime_ms / 1000 },
    };
    this.writer.send({ type: "WELCOME", version: PROTOCOL_VERSION, session: id, greeting });
  }

  #hearData(seq: number, payload: Uint8Array): void {
    const kept = this.#kept!;
    // What has been confirmed meanwhile, of what is on its way to the store, need not come again.
    const due = this.#heardUpTo + 1;
    if (seq < due || seq > Math.max(due, this.#confirmed + 1)) {
      throw new ProtocolError(`DATA ${seq} where DATA ${due} was due`);
    }
    this.#heardUpTo = seq;
    const { counts, ledger } = this;
    counts.received++;
    if (seq <= this.#sentBefore) ledger.dataAgain(counts);
    this.dataHeard++;
    this.lastData_ms = this.heard_ms;
    // What is on its way to the store already is delivered from there, and only once.
    if (seq > kept.receivedUpTo) this.#receive(kept, seq, payload);
  }

  #receive(kept: KeptSession, seq: number, payload: Uint8Array): void {
    this.ledger.dataReceived = seq;
    this.ledger.dataBytes += payload.length;
    if (this.events.wantsMessages) {
      this.events.emit("data_received", { seq, bytes: payload.length });
    }
    const { clock, maxMessageBytes } = this.#host;
    if (kept.receive(seq, payload, clock, maxMessageBytes)) return;
    throw new ProtocolError("more data messages than may be unconfirmed");
  }

  #confirm(): void {
    const upTo = this.#kept?.deliveredUpTo ?? 0;
    if (upTo <= this.#confirmed || !this.isOpen) return;
    this.#confirmed = upTo;
    this.writer.send({ type: "CONFIRM", seq: upTo });
  }
}
