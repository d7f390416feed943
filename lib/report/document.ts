/**
 * The report as JSON: its types are the schema in docs/report.schema.json.
 *
 * @module
 */
import type { FirstNoticed, Judgement } from "../evidence/outages.ts";
import type { Cause } from "../evidence/side.ts";
import type { Reconciled } from "../evidence/ledgers.ts";
import type { Percentiles } from "../session/histogram.ts";
import type { IdleBracket, IdleBrackets } from "../wire/idle.ts";
import type { Role } from "../wire/protocol.ts";

/** An interval; `null` where nothing bounds it. */
export type IntervalDocument = readonly [low: number | null, high: number | null];

/** A value of each side; `null` where it has none. */
export type OfSides<T> = Readonly<Record<Role, T | null>>;

/** One file. */
export interface RecordingDocument {
  /** Its path, as it was given. */
  readonly file: string;
  /** The side that wrote it. */
  readonly role: Role;
  /** The name of that side's host. */
  readonly host: string;
  /** The process's id there. */
  readonly pid: number;
  /** The version of the program. */
  readonly version: string;
  /** The id of the process's run: the same in all of its files. */
  readonly run: string;
  /** How many lines it has, and how many of them are damaged or cut off. */
  readonly lines: number;
  /** How many of its lines are damaged or cut off. */
  readonly damaged: number;
}

/** The offset of two clocks, server minus client. */
export interface ClockDocument {
  /** Of the wall clocks, at the end of the recordings, in milliseconds. */
  readonly offset_ms: IntervalDocument;
  /** Of the monotonic clocks, in parts per million. */
  readonly drift_ppm: IntervalDocument;
}

/** The clocks of one pair of processes. */
export interface PairDocument extends ClockDocument {
  /** The client's process. */
  readonly client: { readonly host: string; readonly run: string };
  /** The server's process. */
  readonly server: { readonly host: string; readonly run: string };
  /** How many frames bound them. */
  readonly frames: number;
  /** Whether frames contradict each other: one was received before it was sent. */
  readonly contradictory: boolean;
}

/** A step of a wall clock. */
export interface StepDocument {
  /** Whose clock it is. */
  readonly role: Role;
  /** On which host. */
  readonly host: string;
  /** In which run of its process. */
  readonly run: string;
  /** When, by that clock before it, and by how many milliseconds. */
  readonly at: string;
  /** By how many milliseconds it went ahead, or back if negative. */
  readonly by_ms: number;
}

/** How frames came through in one direction. */
export interface FlowDocument {
  /** The last frame that came through in time, and when it was sent. */
  readonly last_through: { readonly frame: string; readonly sent: string } | null;
  /** The first that did not come, or came late. */
  readonly first_in_vain: { readonly frame: string; readonly sent: string } | null;
  /** When it, or a later one, came. */
  readonly again: string | null;
}

/** One outage. Times are by the client's wall clock, without the client's recording by the server's. */
export interface OutageDocument {
  /** The session's id. */
  readonly session: string;
  /** Since when no data was heard. */
  readonly from: string;
  /** When data was heard again; `null` if it was not. */
  readonly to: string | null;
  /** How long that was, by the monotonic clock, which no step of the wall clock changes; `null` if it was not. */
  readonly lasted_ms: number | null;
  /** The direction whose frames were lost first. */
  readonly began: Judgement["began"];
  /** Why, as far as it is proven. */
  readonly cause: Cause;
  /** The side that the cause lies at. */
  readonly at: Role | null;
  /** When each side noticed it. */
  readonly noticed: OfSides<string>;
  /** Which side noticed it first; `null` if that is not known. */
  readonly first_noticed_by: FirstNoticed | null;
  /** By how much, in milliseconds, as an interval. */
  readonly by_ms: readonly [number, number] | null;
  /** How soon it was predicted to be detected. */
  readonly predicted_ms: OfSides<number>;
  /** How soon it was: as a death if the peer was declared dead, otherwise as a silence. */
  readonly detected_ms: OfSides<number>;
  /** How many data messages were in doubt; `null` without the client's recording. */
  readonly in_doubt: number | null;
  /** How many of them were confirmed later. */
  readonly settled: number | null;
  /** Frames to the server; `null` without both recordings. */
  readonly to_server: FlowDocument | null;
  /** Frames to the client. */
  readonly to_client: FlowDocument | null;
  /** Times in which a process did not run, by its own recording. */
  readonly stalls: readonly { readonly role: Role; readonly at: string; readonly ms: number }[];
  /** What the kernels' views said last. */
  readonly kernel: OfSides<Cause>;
  /** What is proven, as a sentence. */
  readonly verdict: string;
  /** What is not. */
  readonly not_proven: string;
}

/** One session. */
export interface SessionDocument {
  /** Its id. */
  readonly session: string;
  /** Which sides were recorded. */
  readonly sides: readonly Role[];
  /** When its first entry was. */
  readonly from: string;
  /** When its last entry was. */
  readonly to: string;
  /** How many connections it had. */
  readonly connections: number;
  /** Times from data messages to their confirmations, where recorded. */
  readonly round_trip: { readonly count: number } & Percentiles;
  /** Its outages together: one that was not over counts to the end of the recordings. */
  readonly gaps: { readonly count: number; readonly longest_ms: number; readonly total_ms: number };
  /** How it ended at each side. */
  readonly ended: OfSides<string>;
  /** What both sides counted. */
  readonly ledger: Reconciled;
}

/** One session of a search for idle timeouts. */
export interface IdleProbeDocument {
  /** Who was to speak first after the idle time. */
  readonly first: Role;
  /** How long it was to be idle, in milliseconds. */
  readonly idle_ms: number;
  /** What became of it. */
  readonly outcome: "alive" | Exclude<IdleBracket["how"], null>;
  /** When it ended, if before it was spoken on; otherwise `null`. */
  readonly ended_after_ms: number | null;
}

/** Searches for idle timeouts. */
export interface IdleDocument {
  /** Their sessions, by idle time; without those that prove nothing. */
  readonly probes: readonly IdleProbeDocument[];
  /** How many more are not in that list. */
  readonly left_out: number;
  /** What the last one found, or had found when it was stopped. */
  readonly found: (IdleBrackets & { readonly complete: boolean }) | null;
}

/** The whole report. */
export interface ReportDocument {
  /** The version of this format. */
  readonly report: 1;
  /** The files. */
  readonly recordings: readonly RecordingDocument[];
  /** What is wrong with the recordings, in sentences. */
  readonly notes: readonly string[];
  /** The clocks, if there are two hosts; otherwise `null`, and `clocks` has each pair. */
  readonly clock: ClockDocument | null;
  /** The clocks of each pair of processes. */
  readonly clocks: readonly PairDocument[];
  /** The steps of wall clocks. */
  readonly clock_steps: readonly StepDocument[];
  /** The sessions. */
  readonly sessions: readonly SessionDocument[];
  /** Searches for idle timeouts; `null` if the recordings have none. */
  readonly idle: IdleDocument | null;
  /** Their outages, session by session. */
  readonly outages: readonly OutageDocument[];
}
