/**
 * The server's side of a session: it hears `HELLO` and data messages, and confirms each.
 *
 * @module
 */
import { serverDataLoop, type ServerDataSide } from "./data_loop.ts";
import type { DetectedSince } from "./ending.ts";
import { greetingOf } from "./greeting.ts";
import { type Frame, PROTOCOL_VERSION, ProtocolError } from "./protocol.ts";
import { Session, type SessionOptions } from "./session.ts";
import type { Deadline } from "./wait.ts";

/** What a server's session is made of. */
export interface ServerSessionOptions extends SessionOptions {
  /** Asked when a client names its session: why it may not be had, or `undefined` to welcome it. */
  admit: (session: ServerSession, id: string) => string | undefined;
}

/** The server's side of a session. */
export class ServerSession extends Session implements ServerDataSide {
  /** Which side this is. */
  override readonly role = "server";
  /** When the last data message was heard, or the session started. */
  lastData_ms = 0;
  /** Called at each data message, while the data phase lasts. */
  onData?: () => void;
  readonly #options: ServerSessionOptions;
  #answered = 0;

  /** Makes the server's side of a session on a connection. */
  constructor(options: ServerSessionOptions) {
    super(options);
    this.#options = options;
  }

  /** Confirms all data messages of one read at once. */
  override heardAll(): void | Promise<void> {
    const { dataReceived } = this.ledger;
    if (dataReceived > this.#answered) {
      this.#answered = dataReceived;
      this.writer.send({ type: "CONFIRM", seq: dataReceived });
    }
    return super.heardAll();
  }

  /** Waits for `HELLO`, which is answered as it is heard. */
  protected override open(signal: AbortSignal): Promise<boolean> {
    return this.changes.until(() => this.isOpen, signal);
  }

  /** Waits until no data message has been heard for too long. */
  protected override dataLoop(deadline: Deadline): Promise<"silent"> {
    return serverDataLoop(this, this.timers, deadline);
  }

  /** Silence is measured from the last data message. */
  protected override silence(): { since: DetectedSince; at_ms: number } {
    return { since: "last_data_heard", at_ms: this.lastData_ms };
  }

  /** Hears `HELLO` and `DATA`. */
  protected override hearOwn(frame: Frame): void {
    if (frame.type === "HELLO") this.#hearHello(frame);
    else if (frame.type === "DATA") this.#hearData(frame.seq, frame.payload);
  }

  /** A server has told an original client by its first bytes. */
  protected override hearUnfinishedLine(): void {}

  /** What the network took is confirmed; what it did not is in doubt. */
  protected override settleLedger(): void {
    this.ledger.confirmedUpTo = this.writer.confirmedUpTo;
  }

  #hearHello({ version, session }: Frame & { type: "HELLO" | "WELCOME" }): void {
    const refusal = version === PROTOCOL_VERSION
      ? this.#options.admit(this, session)
      : `this server speaks PW/${PROTOCOL_VERSION}, not PW/${version}`;
    if (refusal) return this.end({ by: "self", reason: "refused", text: refusal });
    // Not before: whoever is refused is not the session that has this id.
    this.events.session = session;
    const greeting = greetingOf(this.timers, this.#options.maxMessageBytes);
    this.writer.send({ type: "WELCOME", version: PROTOCOL_VERSION, session, greeting });
    this.lastData_ms = this.now();
    this.opened();
  }

  #hearData(seq: number, payload: Uint8Array): void {
    const { ledger } = this;
    if (seq !== ledger.dataReceived + 1) {
      throw new ProtocolError(
        `DATA ${seq} where DATA ${ledger.dataReceived + 1} was due`,
      );
    }
    ledger.dataReceived = seq;
    ledger.dataBytes += payload.length;
    this.dataHeard++;
    this.lastData_ms = this.now();
    this.onData?.();
    if (this.events.wantsMessages) {
      this.events.emit("data_received", { seq, bytes: payload.length });
    }
  }
}
