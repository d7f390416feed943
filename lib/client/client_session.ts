/**
 * The client's side of a session: sends `HELLO` and data messages, receives their confirmations.
 *
 * @module
 */
import type { FrameNote, LastExchange } from "../evidence/outage_log.ts";
import type { Deadline } from "../platform/deadline.ts";
import type { StallKind } from "../platform/suspension.ts";
import type { CloseReason, DetectedSince } from "../session/close_reason.ts";
import { clientDataLoop, type ClientDataSide, nextOfClient } from "../session/data_loop.ts";
import { roundMs } from "../session/ledger.ts";
import type { SessionOptions } from "../session/options.ts";
import { Session } from "../session/session.ts";
import { greetingOf, type NextStep } from "../session/timers.ts";
import { greetingCount, greetingKnows, greetingNumber } from "../wire/hello.ts";
import { type Frame, PROTOCOL_VERSION, ProtocolError } from "../wire/protocol.ts";
import { type Identity, Opening } from "./opening.ts";
import type { Outbox } from "./outbox.ts";

/** Options for {@linkcode ClientSession}. */
export interface ClientSessionOptions extends SessionOptions {
  /** Called once, when the connection ends: returns whether the session goes on without it. */
  survivesDisconnect: (closeReason: CloseReason) => boolean;
  /** The session's id. */
  id: string;
  /** The session's data messages. */
  outbox: Outbox;
  /** Whether the client reconnects: the server is asked to retain the session meanwhile. */
  reconnects: boolean;
  /** What the client shows of itself. */
  identity: Identity;
  /** What the last connection left; not given before the session was ever open. */
  resumes?: {
    /** Whether the server shut down in order, and so has confirmed all that it delivered. */
    settled: boolean;
  };
}

/** The client's side of a session, on one connection. To be run once. */
export class ClientSession extends Session implements ClientDataSide {
  /** Which side this is. */
  override readonly role = "client";
  /** Always false: this object ends with its connection. */
  readonly over = false;
  /** Whether the server knows `ACCOUNT`. */
  override knowsAccounts = false;
  readonly #options: ClientSessionOptions;
  readonly #opening: Opening;
  readonly #outbox: Outbox;
  readonly #ended = Promise.withResolvers<CloseReason>();
  #limit = Infinity;
  /** When the last confirmation came, or `WELCOME`. */
  #lastConfirmed_ms = 0;
  /** When the last local stall ended. */
  #stallEnded_ms = 0;
  /** When the last data message that is confirmed was sent. */
  #confirmedSent_ms = 0;

  /** Makes the client's side of a session; nothing is sent until `run`. */
  constructor(options: ClientSessionOptions) {
    super(options);
    this.#options = options;
    this.#opening = new Opening(options.id, options.identity);
    this.#outbox = options.outbox;
  }

  /**
   * Runs the session, and resolves to how it ended.
   *
   * @throws Only on a defect of this program; the connection is closed all the same.
   */
  run(): Promise<CloseReason> {
    this.start();
    return this.#ended.promise;
  }

  /** Whether all that was asked for is sent and confirmed. */
  get done(): boolean {
    return this.#outbox.done;
  }

  /**
   * When the next data message may go out, in monotonic milliseconds. One that is too large, which ends
   * the session, waits until those before it are confirmed.
   */
  get nextSend_ms(): number {
    const { isInFlight, next_ms } = this.#outbox;
    return isInFlight && next_ms !== Infinity && this.#isNextTooLarge ? Infinity : next_ms;
  }

  get #isNextTooLarge(): boolean {
    return this.#outbox.nextBytes > this.#limit;
  }

  /**
   * When the next confirmation is due, in monotonic milliseconds: `data_threshold` after the oldest
   * unconfirmed data message was sent, or after the last confirmation, if that came later, as it may
   * with several in flight. While none is in flight for want of data, that long after the last one.
   */
  get confirmationDue_ms(): number {
    const oldest = this.#outbox.oldest;
    if (!oldest && this.#outbox.next_ms !== Infinity) return Infinity;
    const since_ms = Math.max(oldest?.sent_ms ?? 0, this.#lastConfirmed_ms, this.#stallEnded_ms);
    return since_ms + this.timers.data_threshold_ms;
  }

  /** Sends every data message that may go out by now. */
  sendReady(): void {
    const { events, writer } = this;
    for (let now_ms = this.now(); this.nextSend_ms <= now_ms; now_ms = this.now()) {
      if (this.#isNextTooLarge) return this.#tooLarge();
      const { payload, seq, times } = this.#outbox.take(now_ms, this.counts);
      writer.send({ type: "DATA", seq, payload });
      if (!events.wantsMessage(seq)) continue;
      const resent = times > 1 && { resent: true as const };
      events.emit("data_sent", { seq, bytes: payload.length, ...resent });
    }
  }

  /** The last data message that was confirmed, its confirmation, and the first one that was not. */
  override lastExchange(): LastExchange {
    const { oldest } = this.#outbox;
    const n = this.ledger.confirmedUpTo;
    const wasConfirmed = this.dataFramesReceived > 0;
    const sent: FrameNote[] = [];
    if (wasConfirmed) sent.push({ frame: "DATA", n, at_ms: this.#confirmedSent_ms });
    if (oldest && this.#outbox.isInFlight) {
      const { payload, seq, sent_ms } = oldest;
      sent.push({ frame: "DATA", n: seq, at_ms: sent_ms, bytes: payload.length });
    }
    const confirm = { frame: "CONFIRM", n, at_ms: this.#lastConfirmed_ms } as const;
    return { sent, received: wasConfirmed ? [confirm] : [] };
  }

  /** Begins the handshake. */
  protected override sendHello(): void {
    const { id, reconnects, resumes } = this.#options;
    const greeting = {
      ...greetingOf(this.timers, this.config.maxMessageBytes),
      ...reconnects && { reconnect: true, sent: this.ledger.dataSent },
      ...resumes && { confirmed: this.ledger.confirmedUpTo },
      ...resumes?.settled && { settled: true },
      ...this.#opening.greeting(),
    };
    this.writer.send({ type: "HELLO", version: PROTOCOL_VERSION, session: id, greeting });
  }

  /** Sends data messages until a confirmation is overdue, or all is done. */
  protected override dataLoop(deadline: Deadline): void {
    this.#outbox.source.onChange = () => this.#onSourceChange();
    this.dataOver(clientDataLoop(this, this.timers, deadline));
  }

  /** With data messages to be confirmed, silence; else the next one. */
  protected override nextInData(): NextStep {
    return nextOfClient(this, this.#outbox.oldest === undefined);
  }

  /** Silence is measured from the first unconfirmed data message, or else from the last confirmation. */
  protected override silence(): { since: DetectedSince; at_ms: number; isIdle: boolean } {
    const { oldest } = this.#outbox;
    return oldest && oldest.sent_ms >= this.#lastConfirmed_ms
      ? { since: "first_unconfirmed_data_sent", at_ms: oldest.sent_ms, isIdle: false }
      : { since: this.#sinceConfirmed, at_ms: this.#lastConfirmed_ms, isIdle: !oldest };
  }

  get #sinceConfirmed(): DetectedSince {
    return this.dataFramesReceived === 0 ? "session_opened" : "last_data_heard";
  }

  /** After a local stall, what is due has its full time once more. */
  override onStall(ms: number, kind: StallKind): void {
    this.#stallEnded_ms = this.now();
    super.onStall(ms, kind);
  }

  /** Receives `CHALLENGE`, `WELCOME`, `CONFIRM` and `HOLD`. */
  protected override onRoleFrame(frame: Frame): void {
    if (frame.type === "WELCOME") this.#onWelcome(frame);
    else if (frame.type === "CONFIRM") this.#onConfirm(frame.seq);
    else if (frame.type === "HOLD") this.state.hold(frame.reason);
    else if (frame.type === "CHALLENGE") this.writer.send(this.#opening.onChallenge(frame.nonce));
  }

  /** Whether the client reconnects. */
  protected override survivesDisconnect(closeReason: CloseReason): boolean {
    return this.#options.survivesDisconnect(closeReason);
  }

  /** Nothing is pending here: what is unconfirmed, the server settles. */
  protected override settle(): boolean {
    return true;
  }

  /** Releases the source. */
  protected override onClosed(defect?: { error: unknown }): void {
    this.#outbox.source.onChange = undefined;
    if (defect) this.#ended.reject(defect.error);
    else this.#ended.resolve(this.closeReason!);
  }

  #onWelcome(frame: Frame & { type: "HELLO" | "WELCOME" }): void {
    const { resumes } = this.#options;
    const text = this.#opening.onWelcome(frame);
    if (text !== undefined) return this.end({ by: "self", reason: "unproven", text });
    const { confirmedUpTo } = this.ledger;
    const received = this.#expectReceived(greetingCount(frame.greeting, "received"));
    this.#lastConfirmed_ms = this.now();
    this.state.release();
    this.knowsAccounts = greetingKnows(frame.greeting).includes("account");
    this.opened(resumes && this.#outbox.resume(received));
    for (let seq = confirmedUpTo + 1; seq <= received; seq++) {
      if (!this.events.wantsConfirmation(seq)) continue;
      this.events.emit("data_confirmed", { seq, rtt_ms: null });
    }
    this.#limit = greetingNumber(frame.greeting, "max_message_bytes") ?? Infinity;
    if (!resumes) this.#compareTimers(greetingNumber(frame.greeting, "data_threshold"));
  }

  /**
   * Checks how much the server has received: all that it confirmed, and nothing that was never sent.
   *
   * @throws {ProtocolError} If that cannot be.
   */
  #expectReceived(announced: number | undefined): number {
    const { confirmedUpTo, dataSent } = this.ledger;
    // Of a session that was never open, a server may leave it out.
    const received = announced ?? (this.#options.resumes ? NaN : 0);
    if (received >= confirmedUpTo && received <= dataSent) return received;
    const what = announced === undefined ? "without what it has received" : `received ${announced}`;
    throw new ProtocolError(
      `WELCOME ${what}; sent up to ${dataSent}, confirmed up to ${confirmedUpTo}`,
    );
  }

  #tooLarge(): void {
    const bytes = this.#outbox.nextBytes;
    const text = `the next data message has ${bytes} bytes; the server accepts ${this.#limit}`;
    this.end({ by: "self", reason: "refused", text });
  }

  /**
   * In the heartbeat phase for want of data, the next data message ends that phase, or the end of the
   * source ends the session.
   */
  #onSourceChange(): void {
    if (this.state.phase === "heartbeat" && !this.#outbox.oldest) {
      if (this.done) return this.onDone();
      this.sendReady();
    }
    this.changes.notify();
  }

  /** All is sent and confirmed: ends the session as asked, unless the source has failed. */
  protected override onDone(): void {
    const { failure } = this.#outbox.source;
    if (failure) this.end({ by: "self", reason: "refused", text: failure });
    else this.stop("done");
  }

  /**
   * Warns of timers with which the server takes a healthy session for a silent one. If both sides have the
   * same data_threshold, the warning before connecting covers it.
   */
  #compareTimers(threshold_s: number | undefined): void {
    const { interval_ms = 0 } = this.#outbox.source;
    const interval_s = interval_ms / 1000;
    if (threshold_s === undefined || interval_s < threshold_s) return;
    if (threshold_s * 1000 === this.timers.data_threshold_ms) return;
    this.events.emit("notice", {
      level: "warning",
      text:
        `data_interval ${interval_s} s here is not below data_threshold ${threshold_s} s of the ` +
        `server: the session will fall silent between messages; make the one smaller or the other larger`,
    });
  }

  #onConfirm(seq: number): void {
    const { counts, events, ledger } = this;
    if (seq > ledger.dataSent || seq < ledger.confirmedUpTo) {
      throw new ProtocolError(
        `CONFIRM ${seq}; sent up to ${ledger.dataSent}, confirmed up to ${ledger.confirmedUpTo}`,
      );
    }
    if (seq === ledger.confirmedUpTo) return;
    this.#lastConfirmed_ms = this.now();
    this.state.release();
    this.dataFramesReceived++;
    for (const message of this.#outbox.confirm(seq, counts)) {
      const rtt_ms = this.#lastConfirmed_ms - message.sent_ms;
      ledger.addRoundTrip(rtt_ms);
      this.#confirmedSent_ms = message.sent_ms;
      if (!events.wantsConfirmation(message.seq)) continue;
      events.emit("data_confirmed", { seq: message.seq, rtt_ms: roundMs(rtt_ms) });
    }
  }
}
