/**
 * What the web page's server says as JSON: its types are the schema in docs/web.schema.json.
 *
 * @module
 */
import type { Health, Totals } from "../../monitor/monitor.ts";
import type {
  DueKind,
  Outage,
  RoundTripSample,
  SessionHistory,
  SessionReading,
  SessionStateName,
  Stretch,
} from "../../monitor/reading.ts";
import type { EndReason } from "../../session/close_reason.ts";
import type { Phase } from "../../session/events.ts";
import type { Percentiles } from "../../session/histogram.ts";
import type { HoldReason, Role } from "../../wire/protocol.ts";

/** The version of this format. */
export const API_VERSION = 1;

/** What all documents begin with. */
export interface Heading {
  /** The version of this format. */
  readonly api: typeof API_VERSION;
  /** When it was made, in milliseconds since 1970. */
  readonly time_ms: number;
}

/** A stretch of time in one state: since when, in milliseconds since 1970, and which. It ends where the next begins. */
export type StretchDocument = readonly [from_ms: number, state: SessionStateName];

/** The states of a session over time. */
export interface StatesDocument {
  /** Since when they are known, in milliseconds since 1970. */
  readonly known_since_ms: number;
  /** The states, the oldest first. */
  readonly stretches: readonly StretchDocument[];
}

/** One session at this moment; see `SessionReading`. */
export interface SessionDocument {
  /** Its id. */
  readonly session: string;
  /** The name of the client's key. */
  readonly who: string | null;
  /** The peer's address and port. */
  readonly peer: string;
  /** What a user calls its state. */
  readonly state: SessionStateName;
  /** Its phase. */
  readonly phase: Phase;
  /** For how long it has been in that state. */
  readonly state_ms: number;
  /** Since its first connection was opened. */
  readonly age_ms: number;
  /** For how long nothing was heard. */
  readonly quiet_ms: number | null;
  /** What becomes of it next if nothing is received, and in how long. */
  readonly due: { readonly what: DueKind; readonly in_ms: number } | null;
  /** What confirmations wait for. */
  readonly held: HoldReason | null;
  /** Heartbeats missed in a row. */
  readonly missed: number | null;
  /** How many more until the peer is dead. */
  readonly left: number | null;
  /** The last round trip. */
  readonly rtt_ms: number | null;
  /** Data messages sent. */
  readonly sent: number;
  /** Data messages received. */
  readonly received: number;
  /** Data messages confirmed. */
  readonly confirmed: number;
  /** Data messages sent, or received, and not confirmed. */
  readonly in_doubt: number;
  /** How many connections it has had. */
  readonly connections: number;
  /** How often it fell silent. */
  readonly silences: number;
  /** Why it ended. */
  readonly end: { readonly by: string; readonly reason: EndReason } | null;
  /** Its states over time, where they were asked for. */
  readonly states: StatesDocument | null;
}

/** What all sessions come to; see `Totals`, of which the histograms are left to `/metrics`. */
export type TotalsDocument = Omit<
  Totals,
  "round_trips" | "silence_durations" | "overshoots"
>;

/** An outage; see `Outage`. */
export interface OutageDocument {
  /** The session's id. */
  readonly session: string;
  /** The name of the client's key. */
  readonly who: string | null;
  /** The peer's address and port. */
  readonly peer: string;
  /** When it began, in milliseconds since 1970. */
  readonly began_ms: number;
  /** When it was over. */
  readonly ended_ms: number | null;
  /** How long nothing was heard. */
  readonly silent_ms: number | null;
  /** How it ended. */
  readonly outcome: Outage["outcome"];
  /** The cause, in the words of the `account` and `terminated` events. */
  readonly cause: string;
  /** At which side the cause lies. */
  readonly at: Role | null;
  /** In which direction it began. */
  readonly began: string | null;
  /** Who noticed first. */
  readonly first_noticed_by: string | null;
  /** Data messages in doubt. */
  readonly in_doubt: number | null;
}

/** `/api/sessions`. */
export interface SessionsDocument extends Heading {
  /** How many sessions match. */
  readonly matched: number;
  /** How many of those stand before the first one here. */
  readonly from: number;
  /** Some of them. */
  readonly sessions: readonly SessionDocument[];
}

/** `/api/sessions/ID`. */
export interface SessionHistoryDocument extends Heading {
  /** The session, with its states over time. */
  readonly session: SessionDocument;
  /** Its round trips. */
  readonly round_trips: {
    /** The length of a sample, in milliseconds. */
    readonly sample_ms: number;
    /** The least and the most of each sample, the oldest first. */
    readonly samples: readonly RoundTripSample[];
    /** Percentiles of all. */
    readonly percentiles: Percentiles;
  };
  /** Its outages, the latest first. */
  readonly outages: readonly OutageDocument[];
}

/** `/api/outages`. */
export interface OutagesDocument extends Heading {
  /** The outages, the latest first. */
  readonly outages: readonly OutageDocument[];
}

/** An event of `/api/events`. */
export interface OverviewDocument extends Heading {
  /** Which side this process is. */
  readonly role: Role;
  /** When it was started, in milliseconds since 1970. */
  readonly started_ms: number;
  /** All sessions together. */
  readonly totals: TotalsDocument;
  /** The latest outages. */
  readonly outages: readonly OutageDocument[];
  /** Whether this process does its work. */
  readonly health: Health;
}

/** One session as JSON. */
export function sessionDocument(
  reading: SessionReading,
  states: StatesDocument | null,
): SessionDocument {
  return {
    session: reading.session,
    who: reading.who ?? null,
    peer: reading.peer,
    state: reading.state,
    phase: reading.phase,
    state_ms: rounded(reading.state_ms),
    age_ms: rounded(reading.age_ms),
    quiet_ms: reading.quiet_ms === null ? null : rounded(reading.quiet_ms),
    due: reading.due ? { what: reading.due.what, in_ms: rounded(reading.due.in_ms) } : null,
    held: reading.held ?? null,
    missed: reading.missed ?? null,
    left: reading.left ?? null,
    rtt_ms: reading.rtt_ms,
    sent: reading.sent,
    received: reading.received,
    confirmed: reading.confirmed,
    in_doubt: reading.in_doubt,
    connections: reading.connections,
    silences: reading.silences,
    end: reading.end ? { by: reading.end.by, reason: reading.end.reason } : null,
    states,
  };
}

/** The states of a session as JSON: the last ones, if there are more than `most`. */
export function statesDocument(
  states: readonly Stretch[],
  known_since_ms: number,
  most = Infinity,
): StatesDocument {
  const kept = states.length > most ? states.slice(-most) : states;
  const since_ms = kept.length < states.length ? kept[0]!.from_ms : known_since_ms;
  return {
    known_since_ms: rounded(since_ms),
    stretches: kept.map(({ from_ms, state }) => [rounded(from_ms), state]),
  };
}

/** An outage as JSON. */
export function outageDocument(outage: Outage): OutageDocument {
  return {
    session: outage.session,
    who: outage.who ?? null,
    peer: outage.peer,
    began_ms: rounded(outage.began_ms),
    ended_ms: outage.ended_ms === null ? null : rounded(outage.ended_ms),
    silent_ms: outage.silent_ms === null ? null : rounded(outage.silent_ms),
    outcome: outage.outcome,
    cause: outage.cause,
    at: outage.at ?? null,
    began: outage.began ?? null,
    first_noticed_by: outage.first_noticed_by ?? null,
    in_doubt: outage.in_doubt ?? null,
  };
}

/** The history of a session as JSON. */
export function historyDocument(
  { time_ms, history }: { readonly time_ms: number; readonly history: SessionHistory },
): SessionHistoryDocument {
  const { known_since_ms, now, outages, round_trip, round_trips, sample_ms, states } = history;
  return {
    api: API_VERSION,
    time_ms,
    session: sessionDocument(now, statesDocument(states, known_since_ms)),
    round_trips: { sample_ms, samples: round_trips, percentiles: round_trip },
    outages: outages.map(outageDocument),
  };
}

/** All sessions together as JSON. */
export function totalsDocument(totals: Totals): TotalsDocument {
  const { overshoots: _o, round_trips: _r, silence_durations: _s, ...others } = totals;
  return others;
}

function rounded(ms: number): number {
  return Math.round(ms);
}
