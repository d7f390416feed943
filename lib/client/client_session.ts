/**
 * The client's side of a session: it says `HELLO`, sends data messages and hears their confirmations.
 *
 * @module
 */
import type { Deadline } from "../platform/deadline.ts";
import type { CloseReason, DetectedSince } from "../session/close_reason.ts";
import { clientDataLoop, type ClientDataSide, type DataOutcome } from "../session/data_loop.ts";
import { roundMs } from "../session/ledger.ts";
import { Session, type SessionOptions } from "../session/session.ts";
import { greetingOf, OPEN_LIMIT_MS } from "../session/timers.ts";
import { greetingCount, greetingNumber } from "../wire/hello.ts";
import { type Frame, PROTOCOL_VERSION, ProtocolError } from "../wire/protocol.ts";
import type { Outbox } from "./outbox.ts";

/** What one connection of a client's session is made of. */
export interface ClientSessionOptions extends SessionOptions {
  /** Whether the session goes on after its connection has ended like this. */
  survivesDisconnect: (closeReason: CloseReason) => boolean;
  /** The session's id. */
  id: string;
  /** What the session has to send. */
  outbox: Outbox;
  /** Whether the session is to be kept while it has no connection. */
  reconnects: boolean;
  /** How the session was left by the connection before; not given before it was ever open. */
  resumes?: {
    /** Whether the server said goodbye, and so had settled all that it had. */
    settled: boolean;
  };
}

/** The client's side of a session, on one connection. */
export class ClientSession extends Session implements ClientDataSide {
  /** Which side this is. */
  override readonly role = "client";
  /** Never: when the connection is over, so is this. */
  readonly over = false;
  readonly #options: ClientSessionOptions;
  readonly #outbox: Outbox;
  #limit = Infinity;
  /** When a confirmation came last, or the session was opened, or this process ran again. */
  #lastSignOfLife_ms = 0;
  #ran_ms = 0;

  /** Makes the client's side of a session on a connection. */
  constructor(options: ClientSessionOptions) {
    super(options);
    this.#options = options;
    this.#outbox = options.outbox;
  }

  /** Whether all that was asked for is sent and confirmed. */
  get done(): boolean {
    return this.#outbox.done;
  }

  /** When the next data message may go out. */
  get nextSend_ms(): number {
    return this.#outbox.next_ms;
  }

  /**
   * By when the next confirmation is due: `data_threshold` after the oldest unconfirmed data message
   * was sent, or after the confirmation before it, if that came later, as it may with several in flight.
   * While none is in flight, because there is nothing to say, that long after the last one.
   */
  get confirmationDue_ms(): number {
    const oldest = this.#outbox.oldest;
    if (!oldest && this.#outbox.next_ms !== Infinity) return Infinity;
    const since_ms = Math.max(oldest?.sent_ms ?? 0, this.#lastSignOfLife_ms, this.#ran_ms);
    return since_ms + this.timers.data_threshold_ms;
  }

  /** Sends every data message that may go out by now. */
  sendReady(): void {
    const { events, writer } = this;
    for (let now_ms = this.now(); this.nextSend_ms <= now_ms; now_ms = this.now()) {
      if (this.#outbox.nextBytes > this.#limit) return this.#tooLarge();
      const { payload, seq, times } = this.#outbox.take(now_ms, this.counts);
      writer.send({ type: "DATA", seq, payload });
      if (!events.wantsMessages) continue;
      const again = times > 1 ? { resent: true as const } : {};
      events.emit("data_sent", { seq, bytes: payload.length, ...again });
    }
  }

  /** Says `HELLO` and waits for `WELCOME`. */
  protected override async open(deadline: Deadline): Promise<boolean> {
    const { id, reconnects, resumes, config: { maxMessageBytes } } = this.#options;
    const greeting = {
      ...greetingOf(this.timers, maxMessageBytes),
      ...reconnects && { reconnect: true, sent: this.ledger.dataSent },
      ...resumes && { confirmed: this.ledger.confirmedUpTo },
      ...resumes?.settled && { settled: true },
    };
    this.writer.send({ type: "HELLO", version: PROTOCOL_VERSION, session: id, greeting });
    return await this.changes.until(() => this.isOpen, deadline);
  }

  /** Without `WELCOME` there is no session. */
  protected override openTimeout(): CloseReason {
    return { by: "self", reason: "silent", text: `no WELCOME within ${OPEN_LIMIT_MS / 1000} s` };
  }

  /** Sends data messages until a confirmation fails to come, or all is done. */
  protected override async dataLoop(deadline: Deadline): Promise<DataOutcome> {
    const { source } = this.#outbox;
    source.onChange = () => this.#sourceChanged();
    const outcome = await clientDataLoop(this, this.timers, deadline);
    if (outcome === "done") this.#finish();
    return outcome;
  }

  /** Silence is measured from the first unconfirmed data message, or else from the last confirmation. */
  protected override silence(): { since: DetectedSince; at_ms: number; isIdle: boolean } {
    const { oldest } = this.#outbox;
    return oldest && oldest.sent_ms >= this.#lastSignOfLife_ms
      ? { since: "first_unconfirmed_data_sent", at_ms: oldest.sent_ms, isIdle: false }
      : { since: "last_data_heard", at_ms: this.#lastSignOfLife_ms, isIdle: !oldest };
  }

  /** After a stall of this process, what is due has its full time once more. */
  protected override stalled(late_ms: number): void {
    this.#ran_ms = this.now();
    super.stalled(late_ms);
  }

  /** Hears `WELCOME` and `CONFIRM`. */
  protected override onRoleFrame(frame: Frame): void {
    if (frame.type === "WELCOME") this.#hearWelcome(frame);
    else if (frame.type === "CONFIRM") this.#hearConfirm(frame.seq);
  }

  /** Whether the client dials again. */
  protected override survivesDisconnect(closeReason: CloseReason): boolean {
    return this.#options.survivesDisconnect(closeReason);
  }

  /** What is unconfirmed is the server's to settle. */
  protected override settle(): boolean {
    return true;
  }

  /** A client's books are settled as it goes. */
  protected override finalizeCounters(): void {
    this.#outbox.source.onChange = undefined;
  }

  #hearWelcome(frame: Frame & { type: "HELLO" | "WELCOME" }): void {
    const { id, resumes } = this.#options;
    if (frame.version !== PROTOCOL_VERSION || frame.session !== id) {
      throw new ProtocolError(
        `WELCOME ${frame.version} ${frame.session} in answer to HELLO ${PROTOCOL_VERSION} ${id}`,
      );
    }
    const received = this.#expectReceived(greetingCount(frame.greeting, "received"));
    this.#lastSignOfLife_ms = this.now();
    this.opened(resumes && this.#outbox.resume(received));
    this.#limit = greetingNumber(frame.greeting, "max_message_bytes") ?? Infinity;
    if (!resumes) this.#compareTimers(greetingNumber(frame.greeting, "data_threshold"));
  }

  /** A server that resumes a session has all that it confirmed, and nothing that was never sent. */
  #expectReceived(told: number | undefined): number {
    const { confirmedUpTo, dataSent } = this.ledger;
    // A session that was never open has nothing anywhere, whether the server says so or not.
    const received = told ?? (this.#options.resumes ? NaN : 0);
    if (received >= confirmedUpTo && received <= dataSent) return received;
    const said = told === undefined ? "without what it has received" : `received ${told}`;
    throw new ProtocolError(
      `WELCOME ${said}; sent up to ${dataSent}, confirmed up to ${confirmedUpTo}`,
    );
  }

  #tooLarge(): void {
    const text =
      `the next data message has ${this.#outbox.nextBytes} bytes; the server accepts ${this.#limit}`;
    this.end({ by: "self", reason: "refused", text });
  }

  /**
   * In the heartbeat phase for want of anything to say, the next data message is what ends it, or that
   * there will be none.
   */
  #sourceChanged(): void {
    if (this.phase === "heartbeat" && !this.#outbox.oldest) {
      if (this.done) return this.#finish();
      this.sendReady();
    }
    this.changes.notify();
  }

  /** All is sent and confirmed: as asked, unless what was to be sent has failed. */
  #finish(): void {
    const { failure } = this.#outbox.source;
    if (failure) this.end({ by: "self", reason: "refused", text: failure });
    else this.stop("done");
  }

  /** Warns of timers that make the server take a healthy session for a silent one. */
  #compareTimers(threshold_s: number | undefined): void {
    const { interval_ms = 0 } = this.#outbox.source;
    const interval_s = interval_ms / 1000;
    if (threshold_s === undefined || interval_s < threshold_s) return;
    this.events.emit("notice", {
      level: "warning",
      text:
        `data_interval ${interval_s} s here is not below data_threshold ${threshold_s} s of the ` +
        `server: it will fall silent between messages; make the one smaller or the other larger`,
    });
  }

  #hearConfirm(seq: number): void {
    const { counts, events, ledger } = this;
    if (seq > ledger.dataSent || seq < ledger.confirmedUpTo) {
      throw new ProtocolError(
        `CONFIRM ${seq}; sent up to ${ledger.dataSent}, confirmed up to ${ledger.confirmedUpTo}`,
      );
    }
    if (seq === ledger.confirmedUpTo) return;
    this.#lastSignOfLife_ms = this.now();
    this.dataFramesReceived++;
    for (const message of this.#outbox.confirm(seq, counts)) {
      const rtt_ms = this.#lastSignOfLife_ms - message.sent_ms;
      ledger.addRoundTrip(rtt_ms);
      if (!events.wantsMessages) continue;
      events.emit("data_confirmed", { seq: message.seq, rtt_ms: roundMs(rtt_ms) });
    }
  }
}
