/**
 * The live view of many sessions: the totals, and some of the sessions, the worst ones unless sorted otherwise.
 *
 * @module
 */
import type { Totals } from "../../monitor/monitor.ts";
import type { SessionReading } from "../../monitor/reading.ts";
import type { Role } from "../../wire/protocol.ts";
import { lastOutageSpans, STATE_STYLE } from "./one_session.ts";
import type { Order, Presentation, Readings } from "./readings.ts";
import { fitted, flowed, type Line, lineOf, type Span } from "./spans.ts";
import { countText, dueText, durationText, roundTripText } from "./words.ts";

/** A column of the table. */
interface Column {
  /** What stands above it. */
  readonly title: string;
  /** How wide it is at least. */
  readonly least: number;
  /** What it shows of a session. */
  readonly text: (session: SessionReading) => string;
  /** Whether it takes as much room as its longest text, if there is room. */
  readonly grows?: true;
}

/** The columns in their order. */
const COLUMNS = {
  session: { title: "session", least: 8, text: ({ session }) => session, grows: true },
  who: { title: "key", least: 8, text: ({ who }) => who ?? "", grows: true },
  peer: { title: "peer", least: 15, text: ({ peer }) => peer, grows: true },
  state: { title: "state", least: 10, text: ({ state }) => state },
  since: { title: "for", least: 7, text: ({ state_ms }) => durationText(state_ms) },
  due: { title: "then", least: 19, text: (each) => dueText(each, true) },
  trip: { title: "round trip", least: 11, text: ({ rtt_ms }) => roundTripText(rtt_ms) },
  doubt: { title: "in doubt", least: 8, text: ({ in_doubt }) => countText(in_doubt) },
} as const satisfies Record<string, Column>;

type ColumnName = keyof typeof COLUMNS;

/** Which columns are kept where not all of them fit: the first ones. */
const PRIORITY: readonly ColumnName[] = [
  "session",
  "state",
  "due",
  "since",
  "peer",
  "who",
  "trip",
  "doubt",
];

/** Draws many sessions in at most so many lines. */
export function manyLines(
  readings: Readings,
  how: Pick<Presentation, "hasColours" | "order" | "role"> & { width: number; lineCount: number },
): Line[] {
  const { hasColours, lineCount, order, role, width } = how;
  const { lastOutage, now_ms, rows, totals } = readings;
  const flow = (spans: readonly Span[]) => flowed(spans, width, hasColours);
  const head = [
    ...flow(stateSpans(totals, role)),
    ...flow(countSpans(totals, role)),
    ...lastOutage
      ? flow([
        ...lastOutageSpans("last outage", lastOutage, now_ms),
        [lastOutage.session],
      ])
      : [],
  ];
  const count = Math.min(rows.length, lineCount - head.length - 1);
  if (count < 1) return head;
  return [...head, ...table(rows.slice(0, count), { hasColours, order, width })];
}

/** Says that there is no session. */
export function noSession(role: Role): Span {
  return [role === "server" ? "nobody is connected" : "no session yet", "doubtful"];
}

/** How many sessions there are, and how they are. */
function stateSpans({ held, phases, silent }: Totals, role: Role): Span[] {
  const { connecting, data, heartbeat } = phases;
  const some = (count: number, what: string, style: Span[1]): Span =>
    count > 0 ? [`${countText(count)} ${what}`, style] : [""];
  const all = connecting + data + heartbeat;
  if (all === 0) return [noSession(role)];
  return [
    [`${countText(all)} session${all === 1 ? "" : "s"}`, "strong"],
    some(Math.max(0, data - held), "ok", "good"),
    some(Math.max(0, heartbeat - silent), "idle", "good"),
    some(held, "held", "doubtful"),
    some(connecting, "connecting", "doubtful"),
    some(silent, "silent", "bad"),
  ];
}

/** What has come of them so far. */
function countSpans(totals: Totals, role: Role): Span[] {
  const { data_confirmed, disconnected, ended, in_doubt, opened, recoveries } = totals;
  const { resumed, round_trip, silences } = totals;
  const sum = (areAsAsked: boolean) =>
    ended.reduce((sum, end) => sum + (isAsAsked(end, role) === areAsAsked ? end.count : 0), 0);
  const [asAsked, lost] = [sum(true), sum(false)];
  return [
    [`opened ${countText(opened)}`],
    [`ended ${countText(asAsked)}`],
    [`lost ${countText(lost)}`, lost > 0 ? "bad" : undefined],
    [silences > 0 ? `silences ${countText(silences)}, over ${countText(recoveries)}` : ""],
    [disconnected > 0 ? `disconnected ${countText(disconnected)}` : ""],
    [resumed > 0 ? `resumed ${countText(resumed)}` : ""],
    [`confirmed ${countText(data_confirmed)}`],
    [`in doubt ${countText(in_doubt)}`],
    [
      `round trip p50 ${roundTripText(round_trip.p50_ms)}, p99 ${roundTripText(round_trip.p99_ms)}`,
    ],
  ];
}

/** Whether a user of this side asked for such an end; a server is done when its client is. */
function isAsAsked({ by, reason }: Totals["ended"][number], role: Role): boolean {
  return (reason === "done" || reason === "shutdown") &&
    (by === "self" || by === "peer" && role === "server");
}

/** The column that an order is by, if it is by one. */
const COLUMN_OF: Readonly<Partial<Record<Order, ColumnName>>> = {
  session: "session",
  peer: "peer",
  round_trip: "trip",
  in_doubt: "doubt",
};

function table(
  rows: readonly SessionReading[],
  { hasColours, order, width }: { hasColours: boolean; order: Order; width: number },
): Line[] {
  const widths = widthsOf(rows, width);
  const names = (Object.keys(COLUMNS) as ColumnName[]).filter((name) => widths.has(name));
  const inColumn = (name: ColumnName, text: string) =>
    name === names.at(-1) ? text : `${fitted(text, widths.get(name)!)} `;
  const titles = names.map((name): Span => {
    const { title } = COLUMNS[name];
    return [inColumn(name, COLUMN_OF[order] === name ? `${title}*` : title), "faint"];
  });
  const lines = rows.map((row) =>
    names.map((name): Span => {
      const isStyled = name === "state" || (name === "due" && row.state === "silent");
      return [
        inColumn(name, COLUMNS[name].text(row)),
        isStyled ? STATE_STYLE[row.state] : undefined,
      ];
    })
  );
  return [titles, ...lines].map((spans) => lineOf(spans, width, hasColours));
}

/** A terminal of this width has room for whole ids of sessions beside what is most important. */
const ROOMY = 48;

/** How many characters an id has that this program makes. */
const USUAL_ID = 16;

/** The widths of the columns that are shown. */
function widthsOf(rows: readonly SessionReading[], width: number): Map<ColumnName, number> {
  const widths = new Map<ColumnName, number>();
  const longest = (column: Column) =>
    Math.max(column.least, ...rows.map((row) => column.text(row).length));
  let free = width;
  for (const name of PRIORITY) {
    if (name === "who" && rows.every(({ who }) => who === undefined)) continue;
    const column = COLUMNS[name];
    const needed = name === "session" && width >= ROOMY
      ? Math.min(USUAL_ID, longest(column))
      : column.least;
    if (needed > free) break;
    widths.set(name, needed);
    free -= needed + 1;
  }
  for (const [name, needed] of widths) {
    const column: Column = COLUMNS[name];
    const grown = column.grows ? Math.min(longest(column), needed + Math.max(0, free)) : needed;
    widths.set(name, grown);
    free -= grown - needed;
  }
  return widths;
}
