/**
 * Sessions, histories and totals for the live view.
 *
 * @module
 */
import type { Outage, SessionHistory, SessionReading } from "../../lib/monitor/reading.ts";
import type { Presentation, Readings } from "../../lib/output/live/readings.ts";
import { NO_TOTALS } from "./fake_monitor.ts";

/** The time at which all is read. */
export const NOW_MS = Date.UTC(2026, 10, 27, 12);

/** A session that is well, as a client reads it. */
export const WELL: SessionReading = {
  session: "8b9d2cfb1182a4da",
  peer: "192.0.2.7:4000",
  state: "ok",
  phase: "data",
  state_ms: 133_000,
  age_ms: 3_900_000,
  quiet_ms: 1_800,
  due: { what: "send", in_ms: 3_200 },
  rtt_ms: 0.612,
  sent: 1_027,
  received: 0,
  confirmed: 1_027,
  in_doubt: 0,
  connections: 1,
  silences: 0,
};

/** The same when it is silent. */
export const SILENT: SessionReading = {
  ...WELL,
  state: "silent",
  phase: "heartbeat",
  state_ms: 13_200,
  due: { what: "dead", in_ms: 8_040 },
  missed: 2,
  left: 2,
  sent: 1_028,
  in_doubt: 1,
  silences: 2,
};

/** An outage that is over. */
export const OUTAGE: Outage = {
  session: WELL.session,
  peer: WELL.peer,
  began_ms: NOW_MS - 120_000,
  ended_ms: NOW_MS - 90_000,
  silent_ms: 50_000,
  outcome: "recovered",
  cause: "path_cut",
};

/** What is known of a session over 80 s: a message every 5 s, and a silence from the 40th to the 60th. */
export function historyOf(now: SessionReading, outages: readonly Outage[] = []): SessionHistory {
  const since_ms = NOW_MS - 80_000;
  return {
    now,
    states: [
      { from_ms: since_ms, state: "ok" },
      { from_ms: since_ms + 40_000, state: "silent" },
      { from_ms: since_ms + 60_000, state: "ok" },
    ],
    known_since_ms: since_ms,
    round_trips: Array.from({ length: 80 }, (_, second) => {
      const isIn = second % 5 === 0 && (second < 40 || second >= 60);
      const ms = isIn ? 0.25 * (1 + second / 5 % 8) : null;
      return [since_ms + second * 1_000, ms, ms] as const;
    }),
    sample_ms: 1_000,
    round_trip: { p50_ms: 0.584, p99_ms: 12.34, max_ms: 15 },
    outages,
  };
}

/** Readings of one session. */
export function readingsOf(history: SessionHistory): Readings {
  return {
    now_ms: NOW_MS,
    started_ms: NOW_MS - 90_000,
    totals: NO_TOTALS,
    matched: 1,
    rows: [history.now],
    history,
  };
}

/** How a client shows it on a terminal of so many columns. */
export function shownAt(columns: number, how: Partial<Presentation> = {}): Presentation {
  return {
    role: "client",
    size: { columns, rows: 24 },
    hasColours: false,
    hasKeys: true,
    explainsKeys: false,
    isPaused: false,
    order: "worst",
    ...how,
  };
}
