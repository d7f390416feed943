/**
 * The state of a session across its connections: phase, silences and end. Emits an event at each change.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import { type CloseReason, closeReport, type Detection } from "./close_reason.ts";
import type { EventSource, Phase, Resumption } from "./events.ts";
import { type ConnectionLedger, Ledger, roundMs, type Summary } from "./ledger.ts";
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

/**
 * What is special about a silence: `idle` if the client has nothing to send; `closed` if an original peer
 * has no data connection, or has closed it, so that heartbeats begin before `data_threshold` is over.
 */
export type SilenceKind = "idle" | "closed";

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
  readonly #clock: Clock;
  readonly #timers: Timers;
  #phase: Phase = "connecting";
  #isOpen = false;
  #closeReason?: CloseReason;
  #silentSince_ms: number;
  #silence?: SilenceKind;
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
  open(peer: string, more: { original?: true } = {}): ConnectionLedger {
    this.#isOpen = true;
    const predicted_detection_s = predictedDetection_ms(this.#timers) / 1000;
    this.events.emit("connected", { peer, predicted_detection_s, ...more });
    return this.ledger.connectionOpened();
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
  silent(since_ms: number, kind?: SilenceKind): void {
    this.#silentSince_ms = since_ms;
    this.#silence = kind;
    if (kind !== "idle") this.ledger.silences++;
    this.#change("silence");
  }

  /** Notes that the connection is lost and the session outlives it. */
  disconnect(closeReason: CloseReason, peer: string, detection?: Detection): void {
    this.#gapSince_ms = this.lastSignOfLife_ms;
    const now_ms = this.#change("disconnect");
    this.events.emit("disconnected", this.#closeReport(closeReason, peer, now_ms, detection));
  }

  /** Ends the session. Only the first reason counts. */
  end(closeReason: CloseReason, peer: string, detection?: Detection): void {
    if (this.#closeReason) return;
    this.#closeReason = closeReason;
    const now_ms = this.#change("end");
    this.events.emit("terminated", this.#closeReport(closeReason, peer, now_ms, detection));
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
    const { by, reason } = this.#closeReason ?? {};
    this.events.emit("summary", { ...summary, ...input, ...by && reason && { by, reason } });
  }

  #closeReport(closeReason: CloseReason, peer: string, now_ms: number, detection?: Detection) {
    const timers = this.#timers;
    const lastSignOfLife_ms = this.#isOpen || detection ? this.lastSignOfLife_ms : undefined;
    return closeReport(closeReason, { peer, timers, now_ms, lastSignOfLife_ms, detection });
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
    const isIdle = this.#silence === "idle" && (from === "heartbeat" || to === "heartbeat");
    const isClosed = this.#silence === "closed" && to === "heartbeat";
    if (from === "heartbeat" && !isIdle) this.ledger.silenceEnded(silent_ms);
    const more = isIdle ? { idle: true as const } : isClosed ? { closed: true as const } : {};
    const phase = { from, to, silent_ms: roundMs(silent_ms), ...more };
    // An attempt that opened no session has no phases.
    if (this.#isOpen) this.events.emit("phase", phase);
    return now_ms;
  }
}
