/**
 * The report as JSON: its types are the schema in docs/report.schema.json.
 *
 * @module
 */
import type { FirstNoticed, Judgement } from "../evidence/outages.ts";
import type { Cause } from "../evidence/side.ts";
import type { Reconciled } from "../evidence/ledgers.ts";
import type { Percentiles } from "../session/histogram.ts";
import type { Role } from "../wire/protocol.ts";

/** An interval; `null` where nothing bounds it. */
export type IntervalDocument = readonly [low: number | null, high: number | null];

/** A value of each side; `null` where it has none. */
export type OfSides<T> = Readonly<Record<Role, T | null>>;

/** One file. */
export interface RecordingDocument {
  readonly file: string;
  readonly role: Role;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly run: string;
  /** How many lines it has, and how many of them are damaged or cut off. */
  readonly lines: number;
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
  readonly client: { readonly host: string; readonly run: string };
  readonly server: { readonly host: string; readonly run: string };
  /** How many frames bound them. */
  readonly frames: number;
  /** Whether frames contradict each other: one was received before it was sent. */
  readonly contradictory: boolean;
}

/** A step of a wall clock. */
export interface StepDocument {
  readonly role: Role;
  readonly host: string;
  readonly run: string;
  /** When, by that clock before it, and by how many milliseconds. */
  readonly at: string;
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
  readonly session: string;
  readonly from: string;
  readonly to: string | null;
  readonly began: Judgement["began"];
  readonly cause: Cause;
  /** The side that the cause lies at. */
  readonly at: Role | null;
  readonly noticed: OfSides<string>;
  readonly first_noticed_by: FirstNoticed | null;
  readonly by_ms: readonly [number, number] | null;
  readonly predicted_ms: OfSides<number>;
  readonly detected_ms: OfSides<number>;
  readonly in_doubt: number | null;
  readonly settled: number | null;
  readonly to_server: FlowDocument | null;
  readonly to_client: FlowDocument | null;
  /** Times in which a process did not run, by its own recording. */
  readonly stalls: readonly { readonly role: Role; readonly at: string; readonly ms: number }[];
  /** What the kernels' views said last. */
  readonly kernel: OfSides<Cause>;
  readonly verdict: string;
  readonly not_proven: string;
}

/** One session. */
export interface SessionDocument {
  readonly session: string;
  /** Which sides were recorded. */
  readonly sides: readonly Role[];
  readonly from: string;
  readonly to: string;
  readonly connections: number;
  /** Times from data messages to their confirmations, where recorded. */
  readonly round_trip: { readonly count: number } & Percentiles;
  /** How often it was silent or without a connection, and for how long. */
  readonly gaps: { readonly count: number; readonly longest_ms: number; readonly total_ms: number };
  /** How it ended at each side. */
  readonly ended: OfSides<string>;
  readonly ledger: Reconciled;
}

/** The whole report. */
export interface ReportDocument {
  /** The version of this format. */
  readonly report: 1;
  readonly recordings: readonly RecordingDocument[];
  /** What is wrong with the recordings, in sentences. */
  readonly notes: readonly string[];
  /** The clocks, if there are two hosts; otherwise `null`, and `clocks` has each pair. */
  readonly clock: ClockDocument | null;
  readonly clocks: readonly PairDocument[];
  readonly clock_steps: readonly StepDocument[];
  readonly sessions: readonly SessionDocument[];
  readonly outages: readonly OutageDocument[];
}
