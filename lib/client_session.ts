/**
 * The client's side of a session: it says `HELLO`, sends data messages and hears their confirmations.
 *
 * @module
 */
import { clientDataLoop, type ClientDataSide, type DataOutcome } from "./data_loop.ts";
import type { DetectedSince } from "./ending.ts";
import { greetedNumber, greetingOf } from "./greeting.ts";
import { roundMs } from "./ledger.ts";
import { beginsOriginal } from "./original_wire.ts";
import { type Frame, PROTOCOL_VERSION, ProtocolError } from "./protocol.ts";
import { Session, type SessionOptions } from "./session.ts";
import type { Deadline } from "./wait.ts";

/** What a client's session is made of. */
export interface ClientSessionOptions extends SessionOptions {
  /** The session's id. */
  id: string;
  /** What each data message says. */
  payload: Uint8Array;
  /** How many data messages to send, each confirmed, before ending the session; for ever if not given. */
  count?: number;
}

/** The client's side of a session. */
export class ClientSession extends Session implements ClientDataSide {
  /** Which side this is. */
  override readonly role = "client";
  /** When the next data message is to go out. */
  nextSend_ms = 0;
  /** Never: when the connection is over, so is the session. */
  readonly over = false;
  readonly #options: ClientSessionOptions;
  #sent_ms = 0;

  /** Makes the client's side of a session on a connection. */
  constructor(options: ClientSessionOptions) {
    super(options);
    this.#options = options;
  }

  /** Whether every data message sent is confirmed. */
  get allConfirmed(): boolean {
    return this.ledger.confirmedUpTo === this.ledger.dataSent;
  }

  /** Whether as many data messages as were asked for are confirmed. */
  get done(): boolean {
    return this.ledger.confirmedUpTo === this.#options.count;
  }

  /** Sends the next data message. */
  sendData(): void {
    const { payload } = this.#options;
    const seq = ++this.ledger.dataSent;
    this.ledger.dataBytes += payload.length;
    this.#sent_ms = this.now();
    this.writer.send({ type: "DATA", seq, payload });
    if (this.events.wantsMessages) this.events.emit("data_sent", { seq, bytes: payload.length });
  }

  /** Says `HELLO` and waits for `WELCOME`. */
  protected override async open(signal: AbortSignal): Promise<boolean> {
    const { id, maxMessageBytes } = this.#options;
    const greeting = greetingOf(this.timers, maxMessageBytes);
    this.writer.send({ type: "HELLO", version: PROTOCOL_VERSION, session: id, greeting });
    const welcomed = await this.changes.until(() => this.isOpen, signal);
    this.nextSend_ms = this.now();
    return welcomed;
  }

  /** Sends data messages until a confirmation fails to come, or all is done. */
  protected override dataLoop(deadline: Deadline): Promise<DataOutcome> {
    return clientDataLoop(this, this.timers, deadline);
  }

  /** Silence is measured from the first unconfirmed data message. */
  protected override silence(): { since: DetectedSince; at_ms: number } {
    return { since: "first_unconfirmed_data_sent", at_ms: this.#sent_ms };
  }

  /** Hears `WELCOME` and `CONFIRM`. */
  protected override hearOwn(frame: Frame): void {
    if (frame.type === "WELCOME") this.#hearWelcome(frame);
    else if (frame.type === "CONFIRM") this.#hearConfirm(frame.seq);
  }

  /** Recognizes an original server, which ends no line, by how it answers anything. */
  protected override hearUnfinishedLine(line: Uint8Array): void {
    if (beginsOriginal(line) !== "reply") return;
    throw new ProtocolError("it answers as the original program does; use --original");
  }

  /** A client's books are settled as it goes. */
  protected override settleLedger(): void {}

  #hearWelcome(frame: Frame & { type: "HELLO" | "WELCOME" }): void {
    const { id, payload } = this.#options;
    if (frame.version !== PROTOCOL_VERSION || frame.session !== id) {
      throw new ProtocolError(
        `WELCOME ${frame.version} ${frame.session} in answer to HELLO ${PROTOCOL_VERSION} ${id}`,
      );
    }
    this.opened();
    const limit = greetedNumber(frame.greeting, "max_message_bytes");
    if (limit === undefined || payload.length <= limit) {
      return this.#compareTimers(greetedNumber(frame.greeting, "data_threshold"));
    }
    const text = `a data message has ${payload.length} bytes; the server accepts ${limit}`;
    this.end({ by: "self", reason: "refused", text });
  }

  /** Warns of timers that make the server take a healthy session for a silent one. */
  #compareTimers(threshold_s: number | undefined): void {
    const interval_s = this.timers.data_interval_ms / 1000;
    if (threshold_s === undefined || interval_s < threshold_s) return;
    this.events.emit("notice", {
      level: "warning",
      text:
        `data_interval ${interval_s} s here is not below data_threshold ${threshold_s} s of the ` +
        `server: it will fall silent between messages; make the one smaller or the other larger`,
    });
  }

  #hearConfirm(seq: number): void {
    const { ledger } = this;
    if (seq > ledger.dataSent || seq < ledger.confirmedUpTo) {
      throw new ProtocolError(
        `CONFIRM ${seq}; sent up to ${ledger.dataSent}, confirmed up to ${ledger.confirmedUpTo}`,
      );
    }
    if (seq === ledger.confirmedUpTo) return;
    const rtt_ms = this.now() - this.#sent_ms;
    ledger.confirmedUpTo = seq;
    ledger.roundTrip(rtt_ms);
    this.dataHeard++;
    if (this.events.wantsMessages) {
      this.events.emit("data_confirmed", { seq, rtt_ms: roundMs(rtt_ms) });
    }
  }
}
