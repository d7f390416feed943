/**
 * What a store knows of the outages of earlier processes.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import type { Past, PastOutage } from "../../monitor/watch.ts";

/** Lost connections, and when they were resumed or their sessions ended. */
const OUTAGES = `SELECT id, who, sessions.peer, lost_at, coalesce(resumed_at, ended_at) AS over_at,
    resumed_at, gap_ms, reason FROM outages JOIN sessions ON sessions.number = outages.session
  ORDER BY outages.number DESC LIMIT ?`;

/** Of the last sessions, those that were lost without a lost connection before. */
const LOST = `SELECT id, who, peer, ended_at AS lost_at, ended_at AS over_at, end_reason AS reason
  FROM sessions WHERE number > (SELECT max(number) FROM sessions) - ? AND ended_at IS NOT NULL
    AND end_reason NOT IN ('done', 'shutdown')
    AND NOT EXISTS (SELECT 1 FROM outages WHERE session = sessions.number AND resumed_at IS NULL)`;

const OPENED = "SELECT id, peer, opened_at FROM sessions WHERE ended_at IS NULL";

/** Reads at most so many outages, the latest ones, and when the sessions that have not ended were opened. */
export function readPast(database: DatabaseSync, count: number): Past {
  const outages = [OUTAGES, LOST].flatMap((sql) => database.prepare(sql).all(count)).map(outageOf);
  const opened = database.prepare(OPENED).all().map((row) => ({
    session: String(row["id"]),
    peer: String(row["peer"]),
    opened_at: Number(row["opened_at"]),
  }));
  outages.sort((a, b) => a.lost_at - b.lost_at);
  return { outages: outages.slice(-count), opened };
}

function outageOf(row: Record<string, unknown>): PastOutage {
  const text = (key: string) => typeof row[key] === "string" ? row[key] : undefined;
  const number = (key: string) => typeof row[key] === "number" ? row[key] : undefined;
  return {
    session: String(row["id"]),
    who: text("who"),
    peer: String(row["peer"]),
    lost_at: Number(row["lost_at"]),
    over_at: number("over_at"),
    isResumed: number("resumed_at") !== undefined,
    gap_ms: number("gap_ms"),
    reason: text("reason"),
  };
}
