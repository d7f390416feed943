/**
 * What one session is read as: plain data, which threads exchange. All durations are milliseconds up to the
 * moment of reading, because each thread has a monotonic clock of its own.
 *
 * @module
 */
import type { EndReason } from "../session/close_reason.ts";
import type { Phase } from "../session/events.ts";
import type { Percentiles } from "../session/histogram.ts";
import type { DueKind } from "../session/timers.ts";
import type { HoldReason, Role } from "../wire/protocol.ts";

export type { DueKind };

/**
 * What a user calls the state of a session: `ok` (data phase), `idle` (heartbeats because the client has nothing
 * to send), `held` (confirmations wait at the server, not for the network), `silent`, `connecting` (never opened
 * yet), `away` (its connection is lost, and it may be resumed), `ended` (as asked), `lost` (dead, or its connection
 * was lost for good; also one that was refused).
 */
export const SESSION_STATES = [
  "ok",
  "idle",
  "held",
  "silent",
  "connecting",
  "away",
  "ended",
  "lost",
] as const;

/** One of {@linkcode SESSION_STATES}. */
export type SessionStateName = typeof SESSION_STATES[number];

/** One session at this moment. */
export interface SessionReading {
  /** Its id. */
  readonly session: string;
  /** The name of the client's key, if it has one. */
  readonly who?: string;
  /** The peer's address and port, of the last connection. */
  readonly peer: string;
  /** What a user calls its state. */
  readonly state: SessionStateName;
  /** Its phase. */
  readonly phase: Phase;
  /** For how long it has been in that state. */
  readonly state_ms: number;
  /** Since its first connection was opened. */
  readonly age_ms: number;
  /** For how long nothing was heard; `null` before anything was. */
  readonly quiet_ms: number | null;
  /** What becomes of it next if nothing is received, and in how long: of a silent session its death. */
  readonly due?: { readonly what: DueKind; readonly in_ms: number };
  /** What confirmations wait for at the server. */
  readonly held?: HoldReason;
  /** Of a session in the heartbeat phase: heartbeats missed in a row. */
  readonly missed?: number;
  /** How many more until the peer is dead. */
  readonly left?: number;
  /** The last round trip: of a data message at a client, of a heartbeat at a server; `null` if there was none. */
  readonly rtt_ms: number | null;
  /** Data messages sent, each counted once. */
  readonly sent: number;
  /** Data messages received, each counted once. */
  readonly received: number;
  /** Data messages confirmed. */
  readonly confirmed: number;
  /** Data messages sent, or received, and not confirmed. */
  readonly in_doubt: number;
  /** How many connections it has had. */
  readonly connections: number;
  /** How often it fell silent. */
  readonly silences: number;
  /** Why it ended, if it has. */
  readonly end?: { readonly by: string; readonly reason: EndReason };
}

/** A stretch of time in one state. Wall-clock milliseconds since 1970. */
export interface Stretch {
  /** When it entered the state. */
  readonly from_ms: number;
  /** The state. */
  readonly state: SessionStateName;
}

/** Round trips over a stretch of time: `[from_ms, least, most]`, with `null` where there were none. */
export type RoundTripSample = readonly [
  from_ms: number,
  least_ms: number | null,
  most_ms: number | null,
];

/** One outage of one session: a silence, a lost connection, or both. */
export interface Outage {
  /** The session's id. */
  readonly session: string;
  /** The name of the client's key, if it has one. */
  readonly who?: string;
  /** The peer's address and port. */
  readonly peer: string;
  /** When it began, in milliseconds since 1970: when the silence was noticed, or the connection lost. */
  readonly began_ms: number;
  /** When it was over; `null` while it lasts. */
  readonly ended_ms: number | null;
  /** How long nothing was heard by its end, or by now. */
  readonly silent_ms: number | null;
  /** How it ended: not yet, data was heard again, on another connection, or never. */
  readonly outcome: "lasts" | "recovered" | "resumed" | "lost";
  /** The cause, in the words of the `account` and `terminated` events; `unknown` until it is known. */
  readonly cause: string;
  /** At which side the cause lies, as in `account`, if it lies at one. */
  readonly at?: Role;
  /** In which direction it began, as in `account`. */
  readonly began?: string;
  /** Who noticed first, as in `account`. */
  readonly first_noticed_by?: string;
  /** Data messages in doubt at its end, or now. */
  readonly in_doubt?: number;
}

/** What is known of one session over time. */
export interface SessionHistory {
  /** Its reading. */
  readonly now: SessionReading;
  /** Its states in order, true to the millisecond; of many, the last ones. */
  readonly states: readonly Stretch[];
  /** Since when its states are known, in milliseconds since 1970. */
  readonly known_since_ms: number;
  /** Its round trips, the oldest first. */
  readonly round_trips: readonly RoundTripSample[];
  /** The length of a sample, in milliseconds. */
  readonly sample_ms: number;
  /** Percentiles of all its round trips. */
  readonly round_trip: Percentiles;
  /** Its outages, the latest first. */
  readonly outages: readonly Outage[];
}
