/**
 * The state of a session across its connections: phase, silences and end. Emits an event at each change.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import { type ConnectionUse, CutPattern, type Pace } from "../evidence/cuts.ts";
import type { KernelVerdict } from "../evidence/kernel.ts";
import { LocalStalls, type StallKind } from "../platform/suspension.ts";
import type { Addresses } from "../platform/net/transport.ts";
import {
  type CloseReason,
  closeReport,
  type Detection,
  isCut,
  isDeath,
  isDeclaredByPeer,
} from "./close_reason.ts";
import type { Accounts } from "./accounts.ts";
import type { EventSource, Opened, Phase, Resumption, SilenceKind } from "./events.ts";
import { type ConnectionLedger, endFields, Ledger, roundMs, type Summary } from "./ledger.ts";
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
  /** Of a client: the longest time, in milliseconds, in which a healthy session sends nothing. */
  dataPause_ms?: number;
  /** What keeps its traffic going, as far as this side knows. */
  pace?: Pace;
}

/** The connection with which a session ends, or that it loses. */
export interface ClosedConnection {
  /** The peer's address and port; of a connection that was never open, those that were dialled. */
  readonly peer: string;
  /** How it was used, if it was open. */
  readonly use?: ConnectionUse;
  /** Whether the session was open on it. */
  readonly wasOpened?: boolean;
  /** What a death is measured from. */
  readonly detection?: Detection;
  /** What follows from what the kernel knew of it while it was silent. */
  readonly kernel?: KernelVerdict;
}

/** The state of one session. It ends once, for one reason. */
export class SessionState {
  /** The session's counters. */
  readonly ledger = new Ledger();
  /** Emits its events. */
  readonly events: EventSource;
  /** What is noted of its outages; made with the first one. */
  accounts?: Accounts;
  /** When its first connection was opened, in monotonic milliseconds. */
  readonly started_ms: number;
  /** When the last sign of life came, in monotonic milliseconds. */
  lastSignOfLife_ms: number;
  /** Called when confirmations wait no longer; set only if a monitor reads the session. */
  declare onRelease?: () => void;
  #held?: HoldReason;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #dataPause_ms?: number;
  readonly #pace: Pace;
  #phase: Phase = "connecting";
  #isOpen = false;
  #closeReason?: CloseReason;
  #silentSince_ms: number;
  #silence?: SilenceKind;
  /** What confirmations waited for when the last silence began. */
  #heldAtSilence?: HoldReason;
  /** How much of the suspensions of this host has been reported. */
  #suspended_ms: number;
  /** Made with the first one. */
  #stalls?: LocalStalls;
  /** The last sign of life on the last connection; not known if that was another process's. */
  #gapSince_ms?: number;
  /** Made with the first cut. */
  #cuts?: CutPattern;

  /** Creates the state of a session that is not open yet. */
  constructor(options: SessionStateOptions) {
    const { clock, dataPause_ms, events, opened_ms, pace = "unknown", timers } = options;
    this.#clock = clock;
    this.#dataPause_ms = dataPause_ms;
    this.#pace = pace;
    this.#timers = timers;
    this.events = events;
    this.#suspended_ms = clock.suspended_ms();
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

  /** Whether it is in the heartbeat phase because data that was due did not come. */
  get isSilent(): boolean {
    return this.#phase === "heartbeat" && this.#silence !== "idle";
  }

  /** When this process did not run, or its host was suspended, the last time. */
  get lastStall(): LocalStalls["last"] {
    return this.#stalls?.last;
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
  open({ local, peer }: Addresses, more: Opened = {}): ConnectionLedger {
    this.noteSuspension();
    this.#isOpen = true;
    const predicted_detection_s = predictedDetection_ms(this.#timers) / 1000;
    const latest = this.#dataPause_ms !== undefined && {
      latest_detection_s: predicted_detection_s + this.#dataPause_ms / 1000,
    };
    this.events.emit("connected", { peer, local, predicted_detection_s, ...latest, ...more });
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
    if (this.#held === undefined) return;
    this.#held = undefined;
    this.onRelease?.();
  }

  /** Reports a resume. */
  resumed(resumption: Resumption): void {
    this.events.emit("resumed", { gap_ms: this.gap_ms, ...resumption });
  }

  /** Enters the data phase. */
  data(): void {
    this.#change("data");
  }

  /** Enters the heartbeat phase: no data is received, or, if idle, none is due. Gives when, in monotonic ms. */
  silent(since_ms: number, kind?: SilenceKind): number {
    this.#silentSince_ms = since_ms;
    this.#silence = kind;
    this.#heldAtSilence = this.#held;
    if (kind !== "idle") this.ledger.silences++;
    return this.#change("silence");
  }

  /** Notes that the connection is lost and the session outlives it. */
  disconnect(closeReason: CloseReason, connection: ClosedConnection): void {
    this.#gapSince_ms = this.lastSignOfLife_ms;
    this.#closed("disconnected", closeReason, this.#change("disconnect"), connection);
  }

  /** Ends the session. Only the first reason counts. */
  end(closeReason: CloseReason, connection: ClosedConnection): void {
    if (this.#closeReason) return;
    this.accounts?.end();
    const now_ms = this.#change("end");
    this.#closeReason = closeReason;
    this.#closed("terminated", closeReason, now_ms, connection);
  }

  /** Notes a local stall: a deadline passed so late, or this host was suspended so long. */
  stalled(ms: number, kind: StallKind): void {
    // That may have been noted before the deadline was looked at.
    if (kind === "suspended") this.noteSuspension();
    else this.#reportStall(ms, kind);
  }

  /** Looks whether this host was suspended since the last look, and notes that as a local stall. */
  noteSuspension(): void {
    const suspended_ms = this.#clock.suspended_ms();
    const ms = suspended_ms - this.#suspended_ms;
    if (ms === 0 || this.#closeReason) return;
    this.#suspended_ms = suspended_ms;
    (this.#stalls ??= new LocalStalls()).suspended(ms, this.#clock.now(), this.lastSignOfLife_ms);
    this.#reportStall(ms, "suspended");
  }

  /** Emits the summary, the session's last event, if it was ever open or had an input. */
  summarize(input?: Required<Pick<Summary, "lines_unsent" | "input_ended">>): void {
    if (!this.#isOpen && !input) return;
    const summary = this.ledger.summary(this.#clock.now() - this.started_ms);
    const end = this.#closeReason && endFields(this.#closeReason);
    const held = this.#held && { held: this.#held };
    this.events.emit("summary", { ...summary, ...input, ...end, ...held });
  }

  #reportStall(ms: number, kind: StallKind): void {
    this.ledger.localStalls++;
    const { lastSignOfLife_ms } = this;
    (this.#stalls ??= new LocalStalls()).reported(ms, kind, this.#clock.now(), lastSignOfLife_ms);
    this.events.emit("local_stall", { ms: roundMs(ms), kind });
  }

  /** Emits why and how a connection ended, and what the ends of several have in common. */
  #closed(
    event: "disconnected" | "terminated",
    closeReason: CloseReason,
    now_ms: number,
    { detection, kernel, peer, use, wasOpened }: ClosedConnection,
  ): void {
    const lastSignOfLife_ms = this.#isOpen || detection ? this.lastSignOfLife_ms : undefined;
    const suspended_ms = this.#stalls?.suspendedSince_ms(this.lastSignOfLife_ms) ?? 0;
    const just = isDeclaredByPeer(closeReason) && this.#stalls?.justBefore(now_ms);
    const death = isDeath(closeReason, detection) ? detection : undefined;
    const cut = death ? use?.reportDeath(now_ms, death.at_ms) : use?.report(now_ms);
    const found = { suspended_ms, ...just, kernel, detection, cut };
    const context = { peer, timers: this.#timers, now_ms, lastSignOfLife_ms, ...found };
    const held = this.#held && { held: this.#held };
    this.events.emit(event, { ...closeReport(closeReason, context), ...held });
    if (!cut || !wasOpened) return;
    this.ledger.connectionClosed(cut);
    if (!death && !isCut(closeReason)) return;
    // The first and last cut is like no other: thousands may end at once.
    if (this.#closeReason && !this.#cuts) return;
    const text = (this.#cuts ??= new CutPattern(this.#pace)).add(cut);
    if (text !== undefined) this.events.emit("notice", { level: "warning", text });
  }

  /** Changes the phase by the table; returns the time at which it did. */
  #change(change: Change): number {
    this.noteSuspension();
    const from = this.#phase;
    const to = NEXT_PHASE[from][change];
    if (!to) throw new Error(`a session cannot change by ${change} in phase ${from}`);
    this.#phase = to;
    // An end finds the data phase before any silence.
    if (from === "data" && to !== "heartbeat") this.#silentSince_ms = this.lastSignOfLife_ms;
    const now_ms = this.#clock.now();
    const silent_ms = from === "connecting" ? 0 : now_ms - this.#silentSince_ms;
    const isSilence = from === "heartbeat" || to === "heartbeat";
    const isIdle = this.#silence === "idle" && isSilence;
    const isClosed = this.#silence === "closed" && to === "heartbeat";
    if (from === "heartbeat" && !isIdle) this.ledger.silenceEnded(silent_ms);
    const kind = isIdle ? { idle: true as const } : isClosed ? { closed: true as const } : {};
    const held = isSilence && this.#heldAtSilence;
    const phase = { from, to, silent_ms: roundMs(silent_ms), ...kind, ...held && { held } };
    // An attempt that opened no session has no phases.
    const recorded_ms = this.#isOpen ? this.events.emit("phase", phase) : undefined;
    return recorded_ms ?? now_ms;
  }
}
