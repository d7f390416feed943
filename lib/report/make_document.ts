/**
 * Makes the report's JSON of what was found.
 *
 * @module
 */
import type { Interval } from "../evidence/clock_bounds.ts";
import type { Flow } from "../evidence/directions.ts";
import { reconcile } from "../evidence/ledgers.ts";
import { verdictOf } from "../evidence/verdict.ts";
import { roundMs } from "../session/ledger.ts";
import type { Role } from "../wire/protocol.ts";
import type {
  ClockDocument,
  FlowDocument,
  IntervalDocument,
  OfSides,
  OutageDocument,
  PairDocument,
  ReportDocument,
  SessionDocument,
  StepDocument,
} from "./document.ts";
import type { Run } from "./entries.ts";
import type { IdleSurvival } from "./idle_survival.ts";
import {
  clientLedger,
  type ClockPair,
  type Clocks,
  type MatchedSession,
  onClock,
  serverLedger,
  type Side,
  sideWallTime,
  wallTime,
} from "./matching.ts";
import type { JudgedOutage, Outage } from "./outage_list.ts";

/** What a document is made of. */
export interface Found {
  /** The sessions. */
  readonly sessions: readonly MatchedSession[];
  /** Their outages, in the order of the document. */
  readonly outages: readonly JudgedOutage[];
  /** The clocks. */
  readonly clocks: Clocks;
  /** Searches for idle timeouts. */
  readonly idle: IdleSurvival;
}

/** Makes the document of a report. */
export function documentOf(found: Found, runs: readonly Run[], notes: string[]): ReportDocument {
  const { clocks, outages, sessions } = found;
  const ofSession = Map.groupBy(outages.map(({ outage }) => outage), ({ session }) => session);
  const pairs = clocks.pairs.map(pairDocument);
  for (const { client, contradictory, server } of pairs) {
    if (!contradictory) continue;
    notes.push(
      `the recordings of ${client.host} (run ${client.run}) and ${server.host} (run ${server.run}) ` +
        "contradict each other: a frame was received before it was sent",
    );
  }
  const { drift_ppm, offset_ms } = pairs[0] ?? {};
  return {
    report: 1,
    recordings: runs.flatMap(({ files, host, id, pid, role, version }) =>
      files.map(({ damaged, lines, path }) => (
        { file: path, role, host, pid, version, run: id, lines, damaged }
      ))
    ),
    notes,
    clock: pairs.length === 1 ? { offset_ms: offset_ms!, drift_ppm: drift_ppm! } : null,
    clocks: pairs,
    clock_steps: runs.flatMap(stepDocuments),
    idle: found.idle.document,
    sessions: sessions.map((each) => sessionDocument(each, ofSession.get(each) ?? [], clocks)),
    outages: outages.map((each) => outageDocument(each, clocks)),
  };
}

/** A moment as text, in UTC; empty if it is none. */
export function isoTime(wall_ms: number): string {
  return Number.isFinite(wall_ms) ? new Date(wall_ms).toISOString() : "";
}

function intervalDocument([low, high]: Interval): IntervalDocument {
  const bound = (value: number) => Number.isFinite(value) ? roundMs(value) : null;
  return [bound(low), bound(high)];
}

function pairDocument({ bounds, client, frames, server }: ClockPair): PairDocument {
  const end_ms = client.last_ms;
  const found = bounds.at(end_ms);
  const unknown: Interval = [-Infinity, Infinity];
  const [low_ms, high_ms] = found?.offset_ms ?? unknown;
  const ofClient = client.wall.distance_ms(end_ms) ?? unknown;
  // The server's wall clock is that of the same moment.
  const middle_ms = Number.isFinite(low_ms + high_ms) ? end_ms + (low_ms + high_ms) / 2 : Infinity;
  const ofServer = server.wall.distance_ms(middle_ms) ?? unknown;
  const clock: ClockDocument = {
    offset_ms: intervalDocument([
      low_ms + ofServer[0] - ofClient[1],
      high_ms + ofServer[1] - ofClient[0],
    ]),
    drift_ppm: intervalDocument(found?.drift_ppm ?? unknown),
  };
  const contradictory = found === undefined ||
    bounds.at((client.first_ms + end_ms) / 2) === undefined ||
    bounds.at(client.first_ms) === undefined;
  return {
    client: { host: client.host, run: client.id },
    server: { host: server.host, run: server.id },
    ...clock,
    frames,
    contradictory,
  };
}

function stepDocuments({ host, id, role, wall }: Run): StepDocument[] {
  return wall.steps.map(({ by_ms, mono_ms }) => ({
    role,
    host,
    run: id,
    at: isoTime(mono_ms + (wall.distance_ms(mono_ms - 0.001)?.[0] ?? NaN)),
    by_ms,
  }));
}

function outageDocument({ judgement, outage }: JudgedOutage, clocks: Clocks): OutageDocument {
  const { at, began, by_ms, cause, first_noticed_by, to_client, to_server } = judgement;
  const { clock, from_ms, over_ms, parts, session } = outage;
  const ofSides = <T>(value: (role: Role) => T | null | undefined): OfSides<T> => ({
    client: value("client") ?? null,
    server: value("server") ?? null,
  });
  const firstOf = (role: Role) =>
    parts.filter(({ outages, side }) => side.run.role === role && outages.length > 0)[0];
  const time = (side: Side, at_ms: number) => isoTime(sideWallTime(clocks, session, side, at_ms));
  return {
    session: session.id,
    from: isoTime(clock.run.wallAt(from_ms)),
    to: over_ms === undefined ? null : isoTime(clock.run.wallAt(over_ms)),
    lasted_ms: over_ms === undefined ? null : roundMs(over_ms - from_ms),
    began,
    cause,
    at: at ?? null,
    noticed: ofSides((role) => {
      const part = firstOf(role);
      return part && time(part.side, part.outages[0]!.noticed_ms);
    }),
    first_noticed_by,
    by_ms: by_ms && [roundMs(by_ms[0]), roundMs(by_ms[1])],
    ...detection(parts, ofSides),
    ...doubt(outage),
    to_server: flowDocument(to_server, session),
    to_client: flowDocument(to_client, session),
    stalls: parts.flatMap(({ side, window }) =>
      side.history.stalls
        .filter(({ from_ms, to_ms }) =>
          to_ms >= window.limits.linesFrom_ms && from_ms <= window.limits.sentTo_ms
        )
        .map(({ from_ms, to_ms }) => ({
          role: side.run.role,
          at: time(side, from_ms),
          ms: roundMs(to_ms - from_ms),
        }))
    ),
    kernel: ofSides((role) =>
      parts.filter(({ side }) => side.run.role === role)
        .flatMap(({ outages }) => outages.flatMap(({ causes }) => causes)).at(-1)
    ),
    ...verdictOf(judgement, recordingEnded(outage, clocks)),
  };
}

/**
 * How long before one side noticed an outage the recording of the other one, which did not, has its last line,
 * in milliseconds; `undefined` if it does not certainly end before, or that is not known.
 */
function recordingEnded(
  { parts, session }: JudgedOutage["outage"],
  clocks: Clocks,
): number | undefined {
  const first = parts.find(({ outages }) => outages.length > 0);
  const others = parts.filter(({ side }) => side.run.role !== first?.side.run.role);
  if (!first || others.some(({ outages }) => outages.length > 0)) return undefined;
  const moment = (side: Side, at_ms: number) => onClock(clocks, session, side, at_ms);
  const noticed = moment(first.side, first.outages[0]!.noticed_ms);
  // A process that was started again later says nothing of that time.
  const running = others.filter(({ side }) => moment(side, side.run.first_ms)[0] <= noticed[1]);
  const ends = running.map(({ side }) => moment(side, side.run.last_ms));
  if (ends.length === 0 || ends.some((end) => !(end[1] < noticed[0]))) return undefined;
  const before_ms = ends.map((end) => (noticed[0] + noticed[1] - end[0] - end[1]) / 2);
  // Where frames bound the clocks from one side only, it is not known how long.
  return Number.isFinite(Math.min(...before_ms)) ? Math.min(...before_ms) : undefined;
}

/** Of a side that declared its peer dead, when it did so; of another one, when it fell silent. */
function detection(
  parts: JudgedOutage["outage"]["parts"],
  ofSides: <T>(value: (role: Role) => T | null | undefined) => OfSides<T>,
): Pick<OutageDocument, "detected_ms" | "predicted_ms"> {
  const of = (role: Role): { predicted_ms: number | null; detected_ms: number | null } => {
    const own = parts.filter(({ side }) => side.run.role === role).flatMap(({ outages, side }) =>
      outages.map((each) => ({ ...each, side }))
    );
    const dead = own.find(({ detected_ms }) => detected_ms !== null);
    if (dead) return dead;
    const silent = own.find(({ how, silent_ms }) => how === "silent" && silent_ms > 0);
    return silent
      ? {
        predicted_ms: silent.side.run.setting_ms("data_threshold"),
        detected_ms: silent.silent_ms,
      }
      : { predicted_ms: null, detected_ms: null };
  };
  return {
    predicted_ms: ofSides((role) => of(role).predicted_ms),
    detected_ms: ofSides((role) => of(role).detected_ms),
  };
}

/** What the client had sent and not seen confirmed, and how much of it was confirmed later. */
function doubt({ parts, session }: JudgedOutage["outage"]): {
  in_doubt: number | null;
  settled: number | null;
} {
  const own = parts.find(({ outages, side }) => side.run.role === "client" && outages.length > 0);
  if (!own) return { in_doubt: null, settled: null };
  const { confirmed } = own.outages[0]!;
  const sent = Math.max(...own.outages.map((each) => each.sent));
  const later = session.client!.history.confirmed;
  const in_doubt = Math.max(0, sent - confirmed);
  return { in_doubt, settled: Math.min(in_doubt, Math.max(0, later - confirmed)) };
}

function flowDocument(flow: Flow | null, session: MatchedSession): FlowDocument | null {
  if (!flow) return null;
  const time = (at: Interval) => isoTime(wallTime(session, (at[0] + at[1]) / 2));
  const frame = (seen: Flow["vain"]) =>
    seen
      ? {
        frame: seen.n === undefined ? seen.frame : `${seen.frame} ${seen.n}`,
        sent: time(seen.at),
      }
      : null;
  return {
    last_through: frame(flow.through),
    first_in_vain: frame(flow.vain),
    again: flow.again ? time(flow.again) : null,
  };
}

/** When the last entry of a session was that an outage has outlasted, by the clock of the outage. */
function lastOf({ clock, parts, session }: Outage, clocks: Clocks): number {
  const last = parts.map(({ side }) => {
    const last_ms = side.history.last_ms;
    const [low_ms, high_ms] = side === clock
      ? [last_ms, last_ms]
      : onClock(clocks, session, side, last_ms);
    return (low_ms + high_ms) / 2;
  });
  return Math.max(...last.filter(Number.isFinite));
}

function sessionDocument(
  session: MatchedSession,
  outages: readonly Outage[],
  clocks: Clocks,
): SessionDocument {
  const { client, id, servers } = session;
  const sides = [...client ? [client] : [], ...servers];
  const wall = (side: Side, at_ms: number) => sideWallTime(clocks, session, side, at_ms);
  const from_ms = Math.min(...sides.map((side) => wall(side, side.history.first_ms)));
  const to_ms = Math.max(...sides.map((side) => wall(side, side.history.last_ms)));
  const gaps = outages.map((each) => (each.over_ms ?? lastOf(each, clocks)) - each.from_ms);
  const roundTrips = client?.history.roundTrips;
  const ended = ({ history }: Side) =>
    history.ended && `${history.ended.reason} (${history.ended.by})`;
  return {
    session: id,
    sides: [...client ? ["client" as const] : [], ...servers.length > 0 ? ["server" as const] : []],
    from: isoTime(from_ms),
    to: isoTime(to_ms),
    connections: session.connections,
    round_trip: {
      count: roundTrips?.count ?? 0,
      ...roundTrips?.percentiles() ?? { p50_ms: null, p99_ms: null, max_ms: null },
    },
    gaps: {
      count: gaps.length,
      longest_ms: roundMs(Math.max(0, ...gaps)),
      total_ms: roundMs(gaps.reduce((sum, each) => sum + each, 0)),
    },
    ended: {
      client: client && ended(client) || null,
      server: servers.length > 0 && ended(servers.at(-1)!) || null,
    },
    ledger: reconcile(clientLedger(session), serverLedger(session)),
  };
}
