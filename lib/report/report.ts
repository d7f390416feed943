/**
 * What recordings of one or both sides prove.
 *
 * The room: this file makes a report; `lines.ts` and `entries.ts` read recordings, as a stream, several times;
 * `side_history.ts` is what one side recorded of a session; `matching.ts` matches both sides and bounds their
 * clocks; `outage_list.ts` puts together what both recorded of an outage, with its frames and lines
 * (`windows.ts`); `idle_survival.ts` has searches for idle timeouts. The report goes out as `document.ts` (JSON), made by `make_document.ts`, as `text.ts`, and as a page (`page/`).
 *
 * `cli/` calls it. It opens no session; memory does not grow with the length of the recordings.
 *
 * @module
 */
import type { Role } from "../wire/protocol.ts";
import type { ReportDocument } from "./document.ts";
import { durationIn, type Entry, openRecordings, type Run } from "./entries.ts";
import { Clocks, MatchedSession } from "./matching.ts";
import { documentOf, type Found, isoTime } from "./make_document.ts";
import { IdleSurvival } from "./idle_survival.ts";
import { judged, outagesOf, readWindows } from "./outage_list.ts";
import { Series } from "./series.ts";
import { SideHistory } from "./side_history.ts";

/** Options for {@linkcode makeReport}. */
export interface ReportOptions {
  /** Only what was at or after this moment, in milliseconds since 1970, and not after the other one. */
  readonly since_ms?: number;
  /** Only what was not after this moment. */
  readonly until_ms?: number;
}

/** A report. */
export interface Report extends Found {
  /** As JSON. */
  readonly document: ReportDocument;
  /** The round trips of all clients, by their wall clocks. */
  readonly roundTrips: Series;
}

/**
 * Makes a report of recordings.
 *
 * @throws {UsageError} If a file cannot be read, or none is a recording.
 */
export function makeReport(paths: readonly string[], options: ReportOptions = {}): Report {
  const { notes, runs } = openRecordings(paths);
  const { since_ms = -Infinity, until_ms = Infinity } = options;
  noteWindow(options, notes);
  const isWanted = (wall_ms: number) => wall_ms >= since_ms && wall_ms <= until_ms;
  const sessions = new Map<string, MatchedSession>();
  const roundTrips = new Series();
  const idle = new IdleSurvival();
  for (const run of runs) readHistories(run, { sessions, roundTrips, idle, isWanted, notes });
  for (const session of sessions.values()) session.order();
  if (!idle.document || sessions.size > 0) noteUnmatched(sessions, runs, notes);
  const clocks = new Clocks(sessions);
  clocks.read(runs);
  const found = [...sessions.values()].flatMap((session) => outagesOf(session, clocks))
    .filter(({ from_ms, over_ms, parts: [part] }) => {
      const run = part!.side.run;
      const to_ms = over_ms ?? part!.side.history.last_ms;
      return run.wallAt(to_ms) >= since_ms && run.wallAt(from_ms) <= until_ms;
    });
  readWindows(found);
  const outages = found.map((outage) => judged(outage, clocks));
  const all = { sessions: [...sessions.values()], outages, clocks, idle };
  return { ...all, roundTrips, document: documentOf(all, runs, notes) };
}

/** What is left out would otherwise look as if it had not been. */
function noteWindow({ since_ms, until_ms }: ReportOptions, notes: string[]): void {
  const times = [
    ...since_ms === undefined ? [] : [`before ${isoTime(since_ms)}`],
    ...until_ms === undefined ? [] : [`after ${isoTime(until_ms)}`],
  ];
  if (times.length > 0) {
    notes.push(`outages and round trips ${times.join(" and ")} are left out, as asked`);
  }
}

/** What is read of the runs. */
interface Readings extends Pick<Found, "idle"> {
  sessions: Map<string, MatchedSession>;
  roundTrips: Series;
  isWanted: (wall_ms: number) => boolean;
  notes: string[];
}

/** Reads what a run recorded of each session. */
function readHistories(run: Run, into: Readings): void {
  const { idle, isWanted, notes, roundTrips, sessions } = into;
  const histories = new Map<string, SideHistory>();
  const twice = new Set<string>();
  run.forEachEntry((entry) => {
    const at_ms = entry.mono_us / 1_000;
    run.first_ms = Math.min(run.first_ms, at_ms);
    run.last_ms = Math.max(run.last_ms, at_ms);
    const isFrame = entry.event === "frame_sent" || entry.event === "frame_received";
    // Frames may be written long after they were seen.
    if (!isFrame) readClocks(run, entry, at_ms);
    if (entry.session === null) return isWanted(entry.wall_ms) ? idle.take(entry) : undefined;
    let history = histories.get(entry.session);
    if (!history) {
      history = new SideHistory();
      histories.set(entry.session, history);
      if (!addSide(sessions, entry.session, run, history)) twice.add(entry.session);
    }
    const isWantedNow = isWanted(entry.wall_ms);
    history.take(entry, isWantedNow);
    const rtt_ms = entry.event === "data_confirmed" && isWantedNow && !twice.has(entry.session)
      ? durationIn(entry, "rtt_ms")
      : null;
    if (rtt_ms !== null) roundTrips.add(entry.wall_ms, rtt_ms);
  });
  for (const { hasAnother, lines, path } of run.files) {
    if (!hasAnother) continue;
    notes.push(
      `${path} has another recording from line ${lines + 1} on, which is left out: ` +
        "give each in a file of its own",
    );
  }
  if (twice.size === 0) return;
  const [id] = twice;
  notes.push(
    `${run.files[0]!.path} has the client's side of session ${id}${
      twice.size > 1 ? ` and ${twice.size - 1} more` : ""
    }, which another recording has, too: the first one counts`,
  );
}

function readClocks(run: Run, entry: Entry, at_ms: number): void {
  if (entry.event === "local_stall" && entry.kind === "suspended") run.wall.suspended();
  run.wall.add(at_ms, entry.wall_ms);
}

/** Adds a side to its session; false if another run has the same side. */
function addSide(
  sessions: Map<string, MatchedSession>,
  id: string,
  run: Run,
  history: SideHistory,
): boolean {
  let session = sessions.get(id);
  if (!session) sessions.set(id, session = new MatchedSession(id));
  if (run.role === "server") session.servers.push({ run, history });
  else if (session.client) return false;
  else session.client = { run, history };
  return true;
}

function noteUnmatched(
  sessions: ReadonlyMap<string, MatchedSession>,
  runs: readonly Run[],
  notes: string[],
): void {
  const all = [...sessions.values()];
  if (all.length === 0) {
    notes.push("there is no session in the recordings");
    return;
  }
  const has = (role: Role) => runs.some((run) => run.role === role);
  if (!has("client") || !has("server")) return;
  const matched = all.filter(({ isMatched }) => isMatched).length;
  if (matched === 0) {
    notes.push("no session is in recordings of both sides: they are of different sessions");
  } else if (matched < all.length) {
    notes.push(`${all.length - matched} of ${all.length} sessions were recorded by one side only`);
  }
}
