/**
 * The course of a session, across its connections: its phases, its silences and its end, told as they
 * happen.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import { type CloseReason, closeReport, type Detection } from "./close_reason.ts";
import type { EventSource, Phase } from "./events.ts";
import { type ConnectionLedger, Ledger, roundMs, type Summary } from "./ledger.ts";
import { predictedDetection_ms, type Timers } from "./timers.ts";

/** What the course of a session is made of. */
export interface SessionStateOptions {
  /** Time. */
  clock: Clock;
  /** The session's timers. */
  timers: Timers;
  /** Where it is told. */
  events: EventSource;
  /** When the connection was opened, in monotonic milliseconds; now, if not given. */
  opened_ms?: number;
}

/** Keeps and tells the course of one session. It ends once, for one reason. */
export class SessionState {
  /** What the session has counted. */
  readonly ledger = new Ledger();
  /** Where it is told. */
  readonly events: EventSource;
  /** When the session, or the connection that it is to be opened on, started. */
  readonly started_ms: number;
  readonly #clock: Clock;
  readonly #timers: Timers;
  #phase: Phase = "connecting";
  #isOpen = false;
  #closeReason?: CloseReason;
  #lastSignOfLife_ms: number;
  #silentSince_ms: number;
  /** Whether the last silence was one of a client that had nothing to send. */
  #isIdle = false;
  #gapSince_ms?: number;

  /** Starts the course of a session that is not open yet. */
  constructor({ clock, events, opened_ms, timers }: SessionStateOptions) {
    this.#clock = clock;
    this.#timers = timers;
    this.events = events;
    this.started_ms =
      this.#gapSince_ms =
      this.#lastSignOfLife_ms =
      this.#silentSince_ms =
        opened_ms ?? clock.now();
  }

  /** Whether the session was ever open. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** How it ended, once it has. */
  get closeReason(): CloseReason | undefined {
    return this.#closeReason;
  }

  /** The phase that the session is in. */
  get phase(): Phase {
    return this.#phase;
  }

  /** When the last sign of life came, in monotonic milliseconds. */
  get lastSignOfLife_ms(): number {
    return this.#lastSignOfLife_ms;
  }

  /**
   * How long ago the last sign of life came before the connection was lost, in milliseconds; `null` if
   * that was elsewhere.
   */
  get gap_ms(): number | null {
    return this.#gapSince_ms === undefined ? null : roundMs(this.#clock.now() - this.#gapSince_ms);
  }

  /** The session goes on here after this sequence number: another process has settled all before. */
  startAfter(seq: number): void {
    this.ledger.startAfter(seq);
    this.#gapSince_ms = undefined;
  }

  /** A sign of life has come. */
  signOfLife(at_ms: number): void {
    this.#lastSignOfLife_ms = at_ms;
  }

  /** The session is open, on a connection whose counts begin. */
  open(peer: string, more: { original?: true } = {}): ConnectionLedger {
    this.#isOpen = true;
    const predicted_detection_s = predictedDetection_ms(this.#timers) / 1000;
    this.events.emit("connected", { peer, predicted_detection_s, ...more });
    return this.ledger.connectionOpened();
  }

  /** What was lost with the last connection is being made up for. */
  resumed(resumption: { resent: number; already_there: number }): void {
    this.events.emit("resumed", { gap_ms: this.gap_ms, ...resumption });
  }

  /** The data phase begins: the first one, or because data has been heard again. */
  data(): void {
    this.#enter("data");
  }

  /** The session has fallen silent, or has nothing to say: the heartbeat phase begins. */
  silent(since_ms: number, isIdle = false): void {
    this.#silentSince_ms = since_ms;
    this.#isIdle = isIdle;
    if (!isIdle) this.ledger.silenceBegan();
    this.#enter("heartbeat");
  }

  /** The connection is lost, and the session goes on without one. */
  disconnect(closeReason: CloseReason, peer: string, detection?: Detection): void {
    this.#gapSince_ms = this.#lastSignOfLife_ms;
    const now_ms = this.#leave("connecting");
    this.events.emit("disconnected", this.#closeReport(closeReason, peer, now_ms, detection));
  }

  /** The session ends, unless it has already: the first reason given is the one. */
  end(closeReason: CloseReason, peer: string, detection?: Detection): void {
    if (this.#closeReason) return;
    this.#closeReason = closeReason;
    const now_ms = this.#leave("terminated");
    this.events.emit("terminated", this.#closeReport(closeReason, peer, now_ms, detection));
  }

  /** This process did not run when a deadline came due, which came so late. */
  stalled(late_ms: number): void {
    this.ledger.localStalls++;
    this.events.emit("local_stall", { ms: roundMs(late_ms) });
  }

  /** The last word: the summary of a session that was open. */
  summarize(input: Pick<Summary, "lines_unsent" | "input_ended"> = {}): void {
    if (!this.#isOpen) return;
    const summary = this.ledger.summary(this.#clock.now() - this.started_ms);
    this.events.emit("summary", { ...summary, ...input });
  }

  #closeReport(closeReason: CloseReason, peer: string, now_ms: number, detection?: Detection) {
    const lastSignOfLife_ms = this.#isOpen || detection ? this.#lastSignOfLife_ms : undefined;
    return closeReport(closeReason, {
      peer,
      timers: this.#timers,
      now_ms,
      lastSignOfLife_ms,
      detection,
    });
  }

  /** Leaves the data or the heartbeat phase because of an end. */
  #leave(to: "connecting" | "terminated"): number {
    if (this.#phase !== "heartbeat") this.#silentSince_ms = this.#lastSignOfLife_ms;
    return this.#enter(to);
  }

  /** Goes to another phase, and gives the time at which it did. */
  #enter(to: Phase): number {
    const from = this.#phase;
    this.#phase = to;
    const now_ms = this.#clock.now();
    const silent_ms = from === "connecting" ? 0 : now_ms - this.#silentSince_ms;
    const isIdle = this.#isIdle && (from === "heartbeat" || to === "heartbeat");
    if (from === "heartbeat" && !isIdle) this.ledger.silenceEnded(silent_ms);
    const phase = { from, to, silent_ms: roundMs(silent_ms), ...isIdle && { idle: true as const } };
    // What was never open has no phases to tell of.
    if (this.#isOpen) this.events.emit("phase", phase);
    return now_ms;
  }
}

/** What a resume came to. */
export interface Resumption {
  /** How many data messages are sent again. */
  readonly resent: number;
  /** How many had arrived, though their confirmations had not. */
  readonly already_there: number;
}
