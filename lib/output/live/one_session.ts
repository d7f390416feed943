/**
 * The live view of one session.
 *
 * @module
 */
import type {
  Outage,
  SessionHistory,
  SessionReading,
  SessionStateName,
} from "../../monitor/reading.ts";
import type { Role } from "../../wire/protocol.ts";
import { counted, heldBy } from "../phrases.ts";
import { flowed, type Line, lineOf, type Span, type Style, widthOf } from "./spans.ts";
import { sparkline } from "./sparkline.ts";
import { countText, dueText, durationText, roundTripText } from "./words.ts";

/** How each state stands out. */
export const STATE_STYLE: Readonly<Record<SessionStateName, Style>> = {
  ok: "good",
  idle: "good",
  held: "doubtful",
  silent: "bad",
  connecting: "doubtful",
  away: "doubtful",
  ended: "faint",
  lost: "bad",
};

/** A line of bars longer than this shows no more than it. */
const MOST_BARS = 60;

/** Draws one session. */
export function oneLines(
  history: SessionHistory,
  now_ms: number,
  { hasColours, role, width }: { hasColours: boolean; role: Role; width: number },
): Line[] {
  const { now } = history;
  const flow = (spans: readonly Span[]) => flowed(spans, width, hasColours);
  return [
    ...flow([...stateSpans(now, role), [`${now.phase} phase`]]),
    ...flow([
      [`session ${now.session}`],
      [now.who === undefined ? "" : `key ${now.who}`],
      [now.peer === "" ? "" : `${role === "client" ? "to" : "from"} ${now.peer}`],
      [`${durationText(now.age_ms)} old`],
    ]),
    ...flow(roundTripSpans(history)),
    ...sparkLines(history, now_ms, width, hasColours),
    ...flow(countSpans(now, role)),
    ...flow(outageSpans(history.outages, now_ms)),
  ];
}

/** The state, since when, and what comes next. */
function stateSpans(now: SessionReading, role: Role): Span[] {
  const style = STATE_STYLE[now.state];
  const missed = now.missed === undefined || now.missed === 0
    ? ""
    : `${counted(now.missed, "heartbeat")} missed, ${now.left ?? 0} left`;
  const end = now.end
    ? `${now.end.reason.replaceAll("_", " ")}, ${ENDED_BY[now.end.by] ?? now.end.by}`
    : "";
  return [
    [`${now.state} for ${durationText(now.state_ms)}`, style],
    [dueText(now), now.due?.what === "dead" ? "bad" : "strong"],
    [missed, "bad"],
    [now.held ? `waits for ${heldBy(now.held, role)}` : "", "doubtful"],
    [end],
  ];
}

const ENDED_BY: Readonly<Record<string, string>> = {
  self: "by this side",
  peer: "by the peer",
  network: "by the network",
};

function roundTripSpans({ now, round_trip }: SessionHistory): Span[] {
  if (now.rtt_ms === null) return [["no round trip yet"]];
  return [
    [`round trip ${roundTripText(now.rtt_ms)}`],
    [`p50 ${roundTripText(round_trip.p50_ms)}`],
    [`p99 ${roundTripText(round_trip.p99_ms)}`],
  ];
}

/** The sparkline, with its legend behind it if both fit. */
function sparkLines(
  history: SessionHistory,
  now_ms: number,
  width: number,
  hasColours: boolean,
): Line[] {
  const { bars, legend } = sparkline(history, now_ms, Math.min(width, MOST_BARS));
  if (bars === "") return [];
  const spans: Span[] = [[bars, "good"]];
  if (widthOf(bars) + 1 + widthOf(legend) <= width) spans.push([` ${legend}`, "faint"]);
  return [lineOf(spans, width, hasColours)];
}

function countSpans(now: SessionReading, role: Role): Span[] {
  return [
    role === "client" ? [`sent ${countText(now.sent)}`] : [`received ${countText(now.received)}`],
    [`confirmed ${countText(now.confirmed)}`],
    [`in doubt ${countText(now.in_doubt)}`, now.in_doubt > 1 ? "doubtful" : undefined],
    [now.connections > 1 ? `${countText(now.connections)} connections` : ""],
  ];
}

function outageSpans(outages: readonly Outage[], now_ms: number): Span[] {
  const [last] = outages;
  if (!last) return [["no outage"]];
  return [[counted(outages.length, "outage")], ...lastOutageSpans("last", last, now_ms)];
}

/** When an outage began, its cause, how long it was, and how it ended. */
export function lastOutageSpans(
  what: string,
  { at, began_ms, cause, ended_ms, outcome, silent_ms }: Outage,
  now_ms: number,
): Span[] {
  const where = at === undefined ? "" : ` at the ${at}`;
  const why = cause === "unknown" ? "cause unknown" : `${cause.replaceAll("_", " ")}${where}`;
  const style = outcome === "lasts" || outcome === "lost" ? "bad" : undefined;
  return [
    [`${what} ${durationText(now_ms - began_ms)} ago: ${why}`],
    [durationText(silent_ms ?? (ended_ms ?? now_ms) - began_ms)],
    [outcome, style],
  ];
}
