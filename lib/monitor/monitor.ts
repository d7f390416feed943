/**
 * What is known of all sessions of this process, at this moment and over time, for whoever shows it.
 *
 * The room: the live view, the metrics and the web page read a {@linkcode Monitor}, whose sessions are as
 * `reading.ts` says. `session_monitor.ts` is that of a process: it takes events, on their way to the output, and
 * sessions by what `watch.ts` has, which client and server are given. Of events it makes counts
 * (`event_counts.ts`, `buckets.ts`), `outages.ts`, and for each session a `track.ts` with its states and its
 * `round_trips.ts`; `session_tracks.ts` has them all in order. What events do not say it reads in the session when
 * somebody asks, by the `roster.ts` of its thread. `health.ts` watches the process itself.
 * `cli/viewers.ts` makes it, if anybody wants to see it. Nothing here formats, writes or waits for a reader, and
 * without one nothing here is made.
 *
 * @module
 */
import type { Phase } from "../session/events.ts";
import type { Percentiles } from "../session/histogram.ts";
import type { Role } from "../wire/protocol.ts";
import type { Outage, SessionHistory, SessionReading } from "./reading.ts";

/** Counts of times at fixed bounds, cumulative as Prometheus has them: plain data, which threads exchange. */
export interface Buckets {
  /** How many were at most as long as each bound. */
  readonly counts: readonly number[];
  /** The upper bounds, in seconds, ascending; `Infinity` is not among them. */
  readonly bounds_s: readonly number[];
  /** How many there were. */
  readonly count: number;
  /** Their sum, in seconds. */
  readonly sum_s: number;
}

/** What all sessions of this process come to since its start; those that have ended are in it. */
export interface Totals {
  /** How many sessions are in which phase; `terminated` is always 0: ended sessions are in `ended`. */
  readonly phases: Readonly<Record<Phase, number>>;
  /** Of those in the heartbeat phase, how many are silent, and not merely idle. */
  readonly silent: number;
  /** Of those without a silence, how many have confirmations held up at the server. */
  readonly held: number;
  /** Sessions that were opened. */
  readonly opened: number;
  /** How often a session was resumed. */
  readonly resumed: number;
  /** How often a connection was lost that its session outlived. */
  readonly disconnected: number;
  /** How often a session fell silent. */
  readonly silences: number;
  /** How often data was heard again after a silence. */
  readonly recoveries: number;
  /** How many sessions ended, by who ended them and why. */
  readonly ended: readonly {
    readonly by: string;
    readonly reason: string;
    readonly count: number;
  }[];
  /** Data messages sent, each counted once. */
  readonly data_sent: number;
  /** Data messages received, each counted once. */
  readonly data_received: number;
  /** Data messages confirmed. */
  readonly data_confirmed: number;
  /** Data messages sent again. */
  readonly data_resent: number;
  /** Bytes in the data messages sent or received. */
  readonly data_bytes: number;
  /** Data messages of live sessions sent, or received, and not confirmed. */
  readonly in_doubt: number;
  /** Heartbeats sent. */
  readonly heartbeats_sent: number;
  /** Heartbeats answered. */
  readonly heartbeats_answered: number;
  /** Heartbeats missed. */
  readonly heartbeats_missed: number;
  /** Heartbeats of peers. */
  readonly heartbeats_received: number;
  /** How often this process did not run in time, or its host was suspended. */
  readonly local_stalls: number;
  /** How often confirmations waited for store, output or room. */
  readonly holds: number;
  /** Connections that opened no session. */
  readonly strangers: number;
  /** Round trips, of data messages at a client, of heartbeats at a server. */
  readonly round_trips: Buckets;
  /** The same as percentiles of all, in milliseconds. */
  readonly round_trip: Percentiles;
  /** How long silences lasted that are over. */
  readonly silence_durations: Buckets;
  /** How much later than predicted dead peers were declared so. */
  readonly overshoots: Buckets;
}

/** Worst first (silent ones, by how soon they are dead; then those without a connection; then the rest), or by a column. */
export const LIST_ORDERS = ["worst", "session", "peer", "round_trip", "age", "in_doubt"] as const;

/** One of {@linkcode LIST_ORDERS}. */
export type ListOrder = typeof LIST_ORDERS[number];

/** Which sessions, in which order. */
export interface ListQuery {
  /** In which order; by default the worst first. */
  readonly order?: ListOrder;
  /** Whether the order is turned round. */
  readonly descending?: boolean;
  /** Only those whose id, peer or `who` contains this. */
  readonly search?: string;
  /** Only those in these states. */
  readonly states?: readonly SessionReading["state"][];
  /** How many to leave out from the first. */
  readonly from?: number;
  /** How many at most. */
  readonly count?: number;
}

/** Whether this process does its work. */
export interface Health {
  /** Whether it does. */
  readonly ok: boolean;
  /** What is wrong, a sentence each; empty if nothing is. */
  readonly problems: readonly string[];
}

/** What outputs read of the sessions of this process, of all its threads. */
export interface Monitor {
  /** Which side this is. */
  readonly role: Role;
  /** When this process was started, in milliseconds since 1970. */
  readonly started_ms: number;
  /** All sessions together; of more than a thousand, sums of their counters may be a second old. */
  totals(): Promise<Totals>;
  /** Sessions that have not ended, and for a while those that have; `matched` is how many match without the limits. */
  list(
    query?: ListQuery,
  ): Promise<{ readonly matched: number; readonly rows: readonly SessionReading[] }>;
  /** What is known of one session over time; `undefined` if there is none of that id. */
  history(session: string): Promise<SessionHistory | undefined>;
  /** The outages of all sessions, the latest first: those under way, and a bounded number of those that are over. */
  outages(limits?: { readonly count?: number; readonly session?: string }): readonly Outage[];
  /** Whether this process does its work: its store, its event loop, its listener. */
  health(): Health;
  /** Calls this after changes of phase, connection or outage, at most once in a turn of the event loop, until aborted. */
  onChange(changed: () => void, signal: AbortSignal): void;
}
