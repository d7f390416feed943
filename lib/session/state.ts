/**
 * The state of a session across its connections: phase, silences and end. Emits an event at each change.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import type { Addresses } from "../platform/net/transport.ts";
import {
  type CloseReason,
  type CloseReport,
  closeReport,
  type ConnectionUse,
  type Detection,
} from "./close_reason.ts";
import type { EventSource, Phase, Resumption } from "./events.ts";
import { type ConnectionLedger, Ledger, roundMs, type Summary } from "./ledger.ts";
import type { HoldReason } from "../wire/protocol.ts";
import { predictedDetection_ms, type Timers } from "./timers.ts";

/**
 * Which phase follows which, and on what: `data` (the handshake is complete, or data is received again),
 * `silence` (no data for `data_threshold`, or none to send), `disconnect` (the session outlives its
 * connection) or `end`.
 */
const NEXT_PHASE: Readonly<Record<Phase, Readonly<Partial<Record<Change, Phase>>>>> = {
  // An original client may be recognized by a heartbeat only.
  connecting: { data: "data", silence: "heartbeat", end: "terminated" },
  data: { silence: "heartbeat", disconnect: "connecting", end: "terminated" },
  heartbeat: { data: "data", disconnect: "connecting", end: "terminated" },
  terminated: {},
};

type Change = "data" | "silence" | "disconnect" | "end";

/** Options for {@linkcode SessionState}. */
export interface SessionStateOptions {
  /** The clock. */
  clock: Clock;
  /** The session's timers. */
  timers: Timers;
  /** Emits its events. */
  events: EventSource;
  /** When the connection was opened, in monotonic milliseconds; by default now. */
  opened_ms?: number;
}

/** The connection with which a session ends, or that it loses. */
export interface ClosedConnection {
  /** The peer's address and port; of a connection that was never open, those that were dialled. */
  readonly peer: string;
  /** How it was used, if it was open. */
  readonly use?: ConnectionUse;
  /** What a death is measured from. */
  readonly detection?: Detection;
}

/** The state of one session. It ends once, for one reason. */
export class SessionState {
  /** The session's counters. */
  readonly ledger = new Ledger();
  /** Emits its events. */
  readonly events: EventSource;
  /** When its first connection was opened, in monotonic milliseconds. */
  readonly started_ms: number;
  /** When the last sign of life came, in monotonic milliseconds. */
  lastSignOfLife_ms: number;
  #held?: HoldReason;
  readonly #clock: Clock;
  readonly #timers: Timers;
  #phase: Phase = "connecting";
  #isOpen = false;
  #closeReason?: CloseReason;
  #silentSince_ms: number;
  /** Whether the last silence was one of a client that had nothing to send. */
  #isIdle = false;
  /** What confirmations waited for when the last silence began. */
  #heldAtSilence?: HoldReason;
  /** The last sign of life on the last connection; not known if that was another process's. */
  #gapSince_ms?: number;

  /** Creates the state of a session that is not open yet. */
  constructor({ clock, events, opened_ms, timers }: SessionStateOptions) {
    this.#clock = clock;
    this.#timers = timers;
    this.events = events;
    this.started_ms = opened_ms ?? clock.now();
    this.#gapSince_ms = this.lastSignOfLife_ms = this.#silentSince_ms = this.started_ms;
  }

  /** Whether the session was ever open. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Why it ended, once it has. */
  get closeReason(): CloseReason | undefined {
    return this.#closeReason;
  }

  /** The session's phase. */
  get phase(): Phase {
    return this.#phase;
  }

  /** What confirmations wait for at the server, if they do. */
  get held(): HoldReason | undefined {
    return this.#held;
  }

  /** Since the last sign of life on the last connection, in milliseconds; `null` if another process had it. */
  get gap_ms(): number | null {
    return this.#gapSince_ms === undefined ? null : roundMs(this.#clock.now() - this.#gapSince_ms);
  }

  /** Continues a session of another process, which has settled everything up to this sequence number. */
  startAfter(seq: number): void {
    this.ledger.startAfter(seq);
    this.#gapSince_ms = undefined;
  }

  /** Opens the session, or resumes it, on a connection; returns the counters of that connection. */
  open({ local, peer }: Addresses, more: { original?: true } = {}): ConnectionLedger {
    this.#isOpen = true;
    const predicted_detection_s = predictedDetection_ms(this.#timers) / 1000;
    this.events.emit("connected", { peer, local, predicted_detection_s, ...more });
    return this.ledger.connectionOpened();
  }

  /** Notes that confirmations wait at the server, and for what; does nothing if that is known. */
  hold(reason: HoldReason): void {
    if (this.#held === reason) return;
    this.#held = reason;
    this.events.emit("hold", { reason });
  }

  /** Notes that confirmations wait no longer, or that this is not known any more. */
  release(): void {
    this.#held = undefined;
  }

  /** Reports a resume. */
  resumed(resumption: Resumption): void {
    this.events.emit("resumed", { gap_ms: this.gap_ms, ...resumption });
  }

  /** Enters the data phase. */
  data(): void {
    this.#change("data");
  }

  /** Enters the heartbeat phase: no data is received, or, if idle, none is due. */
  silent(since_ms: number, isIdle = false): void {
    this.#silentSince_ms = since_ms;
    this.#isIdle = isIdle;
    this.#heldAtSilence = this.#held;
    if (!isIdle) this.ledger.silences++;
    this.#change("silence");
  }

  /** Notes that the connection is lost and the session outlives it. */
  disconnect(closeReason: CloseReason, connection: ClosedConnection): void {
    this.#gapSince_ms = this.lastSignOfLife_ms;
    const now_ms = this.#change("disconnect");
    this.events.emit("disconnected", this.#closeReport(closeReason, now_ms, connection));
  }

  /** Ends the session. Only the first reason counts. */
  end(closeReason: CloseReason, connection: ClosedConnection): void {
    if (this.#closeReason) return;
    this.#closeReason = closeReason;
    const now_ms = this.#change("end");
    this.events.emit("terminated", this.#closeReport(closeReason, now_ms, connection));
  }

  /** Notes a local stall: a deadline passed so late. */
  stalled(late_ms: number): void {
    this.ledger.localStalls++;
    this.events.emit("local_stall", { ms: roundMs(late_ms) });
  }

  /** Emits the summary, the session's last event, if it was ever open or had an input. */
  summarize(input?: Required<Pick<Summary, "lines_unsent" | "input_ended">>): void {
    if (!this.#isOpen && !input) return;
    const summary = this.ledger.summary(this.#clock.now() - this.started_ms);
    const held = this.#held;
    this.events.emit("summary", { ...summary, ...input, ...held && { held } });
  }

  #closeReport(
    closeReason: CloseReason,
    now_ms: number,
    { detection, peer, use }: ClosedConnection,
  ): CloseReport {
    const timers = this.#timers;
    const lastSignOfLife_ms = this.#isOpen || detection ? this.lastSignOfLife_ms : undefined;
    const context = { peer, timers, now_ms, lastSignOfLife_ms, detection, use };
    const held = this.#held;
    return { ...closeReport(closeReason, context), ...held && { held } };
  }

  /** Changes the phase by the table; returns the time at which it did. */
  #change(change: Change): number {
    const from = this.#phase;
    const to = NEXT_PHASE[from][change];
    if (!to) throw new Error(`a session cannot change by ${change} in phase ${from}`);
    this.#phase = to;
    // An end finds the data phase before any silence.
    if (from === "data" && to !== "heartbeat") this.#silentSince_ms = this.lastSignOfLife_ms;
    const now_ms = this.#clock.now();
    const silent_ms = from === "connecting" ? 0 : now_ms - this.#silentSince_ms;
    const isSilence = from === "heartbeat" || to === "heartbeat";
    const isIdle = this.#isIdle && isSilence;
    const held = isSilence && this.#heldAtSilence;
    if (from === "heartbeat" && !isIdle) this.ledger.silenceEnded(silent_ms);
    const idle = isIdle && { idle: true as const };
    const phase = { from, to, silent_ms: roundMs(silent_ms), ...idle, ...held && { held } };
    // An attempt that opened no session has no phases.
    if (this.#isOpen) this.events.emit("phase", phase);
    return now_ms;
  }
}
