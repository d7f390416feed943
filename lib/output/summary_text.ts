/**
 * Puts the counters of one session, or of many, in words: in one line for log files, and in several lines of
 * 80 columns at most, the last of which is the verdict.
 *
 * @module
 */
import { SHORTEST_PAUSE_MS } from "../evidence/cuts.ts";
import { type CloseReason, EXIT, exitStatus } from "../session/close_reason.ts";
import type { Total } from "../session/events.ts";
import type { Percentiles } from "../session/histogram.ts";
import {
  type ConnectionSummary,
  isForced,
  type SeqRange,
  type Summary,
} from "../session/ledger.ts";
import type { Role } from "../wire/protocol.ts";
import { COLUMNS, counted, heldBy, seconds, wrapped } from "./phrases.ts";

/** The counters of one session. */
export function summaryText(summary: Summary, role: Role): string {
  const inDoubt = `${inDoubtText(summary.in_doubt)}${heldText(summary, role)}`;
  const input = inputTexts(summary).map((text) => `; ${text}`).join("");
  const parts = [
    `${dataText(summary, role)}, ${inDoubt}${input}`,
    connectionsText(summary, role),
    roundTripsText(summary),
    silencesText(summary),
    idleText(summary),
    stallsText(summary.local_stalls),
    heartbeatsText(summary),
  ];
  const duration = seconds(summary.duration_ms);
  return `summary of ${duration}: ${parts.filter((part) => part !== "").join("; ")}`;
}

/** The counters of one session in lines; the last one says how it ended, what is confirmed and what in doubt. */
export function summaryLines(
  summary: Summary & Partial<CloseReason> & { session: string | null },
  role: Role,
  peer?: string,
): string[] {
  const { heartbeats_received, heartbeats_sent, silences } = summary;
  const doubt = inDoubtText(summary.in_doubt);
  const held = heldText(summary, role);
  const verdict = verdictOf(summary, role);
  const hasDoubt = held === "" && verdict.endsWith(doubt);
  const idle = summary.longest_idle_ms < SHORTEST_PAUSE_MS ? "" : idleText(summary);
  const silence = silencesText(summary);
  return linesOf([
    `--- pulsewire ${role}: session ${summary.session}${peer ? ` with ${peer}` : ""} ---`,
    `${dataText(summary, role)}, in ${seconds(summary.duration_ms)}`,
    hasDoubt ? "" : `${doubt}${held}`,
    ...inputTexts(summary),
    ...connectionLines(summary, role),
    roundTripsText(summary),
    ...silences > 0 || idle === "" ? [silence, idle] : [`${silence}; ${idle}`],
    stallsText(summary.local_stalls),
    heartbeats_sent + heartbeats_received > 0 ? heartbeatsText(summary) : "",
    verdict,
  ]);
}

/** How a session ended, what is confirmed and what in doubt, as exactly as fits in a line. */
function verdictOf(summary: Summary & Partial<CloseReason>, role: Role): string {
  const { data_confirmed, data_received, data_sent, in_doubt } = summary;
  const how = endText(summary, role);
  const of = role === "client" ? data_sent : data_received;
  const confirmed = `${data_confirmed} of ${counted(of, "data message")} confirmed`;
  const count = in_doubt.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  return firstFitting([
    `${how}: ${confirmed}, ${inDoubtText(in_doubt)}`,
    `${how}: ${confirmed}, ${count} in doubt`,
    `${how}: ${data_confirmed} confirmed, ${count} in doubt`,
  ]);
}

/** The first text that fits in a line; the last one is to be short. */
function firstFitting(texts: readonly string[]): string {
  return texts.find(({ length }) => length <= COLUMNS) ?? texts.at(-1)!;
}

/** Leaves out what is empty, and breaks what is too wide. */
function linesOf(texts: readonly string[]): string[] {
  return texts.filter((text) => text !== "").flatMap((text) => wrapped(text, 2));
}

/** Why a session was lost, where the reason alone would not say it. */
const WHY: Readonly<Record<string, string>> = {
  "self done": "its time was over",
  "self protocol": "protocol error",
  "peer protocol": "protocol error",
  "peer done": "ended by the server",
  "peer shutdown": "the server stopped",
  "peer silent": "declared dead by the peer",
  "peer closed": "connection closed",
  "network reset": "connection reset",
  "network refused": "connection refused",
};

/** How a session ended, in few words. */
function endText(summary: Summary & Partial<CloseReason>, role: Role): string {
  const { by, connections, reason, unheard } = summary;
  if (by === undefined || reason === undefined) return "ended";
  if (isForced(summary)) return "lost (store or output failed)";
  const status = exitStatus({ by, reason, text: "", unheard }, role, connections > 0);
  const why = WHY[`${by} ${reason}`] ?? reason.replaceAll("_", " ");
  return {
    [EXIT.asked]: "ended as asked",
    [EXIT.lost]: `lost (${why})`,
    [EXIT.refused]: "refused",
    [EXIT.unconnected]: `never open (${why})`,
    [EXIT.usage]: "",
  }[status];
}

function dataText({ data_confirmed, data_received, data_sent }: Summary, role: Role): string {
  const data = role === "client"
    ? `${counted(data_sent, "data message")} sent`
    : `${counted(data_received, "data message")} received`;
  return `${data}, ${data_confirmed} confirmed`;
}

/** What confirmations waited for at the end. */
function heldText({ held, in_doubt }: Summary, role: Role): string {
  return held && in_doubt.length > 0 ? `, waiting for ${heldBy(held, role)}` : "";
}

function roundTripsText({ rtt_avg_ms, rtt_max_ms, rtt_min_ms }: Summary): string {
  if (rtt_min_ms === null) return "";
  const times = [rtt_min_ms, rtt_avg_ms, rtt_max_ms].map(fourDigits);
  return `round trip min/avg/max ${times.join("/")} ms`;
}

function silencesText({ longest_silence_ms, silences }: Summary): string {
  if (silences === 0) return "no silence";
  return `${counted(silences, "silence")}, the longest ${seconds(longest_silence_ms)}`;
}

/** Milliseconds with four digits at most before and behind the point, or as many as stand before it. */
function fourDigits(ms: number | null): string {
  return ms === null ? "" : ms >= 1_000 ? ms.toFixed(0) : `${Number(ms.toPrecision(4))}`;
}

function heartbeatsText(summary: Summary): string {
  const { heartbeats_answered, heartbeats_missed, heartbeats_received, heartbeats_sent } = summary;
  return heartbeats_sent + heartbeats_received === 0
    ? "no heartbeats"
    : `heartbeats ${heartbeats_sent} sent, ${heartbeats_answered} answered, ${heartbeats_missed} ` +
      `missed, ${heartbeats_received} received`;
}

/** The longest time without traffic, which heartbeats may have kept short where data paused. */
function idleText(summary: Summary): string {
  const { heartbeats_received, heartbeats_sent, longest_idle_ms } = summary;
  const by = heartbeats_received + heartbeats_sent > 0 ? " (heartbeats are traffic)" : "";
  return `longest time without traffic ${seconds(longest_idle_ms)}${by}`;
}

/** How often this side itself did not run, which is no silence of the peer. */
function stallsText(count: number): string {
  return count === 0 ? "" : `${counted(count, "local stall")} of this side`;
}

/** How many connections, the last ones, a summary lists one by one. */
const MAX_LISTED_CONNECTIONS = 5;

function connectionsText(summary: Summary, role: Role): string {
  const { by_connection, connections, data_resent } = summary;
  if (connections <= 1) {
    const end = connectionEnd(by_connection[0]);
    return end && `connection ${end}`;
  }
  const listed = listedConnections(summary, role, connectionEnd);
  const last = connections > listed.length ? `the last ${listed.length}: ` : "";
  return `${connections} connections, ${counted(data_resent, "data message")} sent again ` +
    `(${last}${listed.join(" | ")})`;
}

/** The connections of a session that had several: of one, the line about its end has said all. */
function connectionLines(summary: Summary, role: Role): string[] {
  const { connections, data_resent } = summary;
  if (connections <= 1) return [];
  const listed = listedConnections(summary, role, shortEnd).map((each) => `  ${each}`);
  const last = connections > listed.length ? `; the last ${listed.length}:` : ":";
  return [
    `${connections} connections, ${counted(data_resent, "data message")} sent again${last}`,
    ...listed,
  ];
}

function listedConnections(
  { by_connection }: Summary,
  role: Role,
  endOf: (connection: ConnectionSummary) => string,
): string[] {
  return by_connection.slice(-MAX_LISTED_CONNECTIONS).map((each) => {
    const data = role === "client" ? `${each.sent} sent` : `${each.received} received`;
    const end = endOf(each);
    return `${data}, ${each.resent} again, ${each.confirmed} confirmed${end && `, ${end}`}`;
  });
}

function connectionEnd({ age_ms, idle_ms }: Partial<ConnectionSummary> = {}): string {
  if (age_ms === undefined || idle_ms === undefined) return "";
  return `ended at an age of ${seconds(age_ms)}, idle for ${seconds(idle_ms)}`;
}

function shortEnd({ age_ms, idle_ms }: ConnectionSummary): string {
  if (age_ms === undefined || idle_ms === undefined) return "";
  return `${seconds(age_ms)} old, idle for ${seconds(idle_ms)}`;
}

/** Whether a session that was open was lost, or refused in the end. */
export function isLost(end: Partial<CloseReason>, role: Role): boolean {
  const { by, reason, unheard } = end;
  if (by === undefined || reason === undefined) return false;
  const status = exitStatus({ by, reason, text: "", unheard }, role, true);
  return isForced(end) || status === EXIT.lost || status === EXIT.refused;
}

/** Whether nothing is in doubt and no input was left unsent. */
export function isComplete({ in_doubt, input_ended = true, lines_unsent = 0 }: Summary): boolean {
  return in_doubt.length === 0 && input_ended && lines_unsent === 0;
}

/** What a client did not send of its input. */
function inputTexts({ input_ended = true, lines_unsent = 0 }: Summary): string[] {
  const were = lines_unsent === 1 ? "line was" : "lines were";
  return [
    ...lines_unsent === 0 ? [] : [`${lines_unsent} ${were} read but never sent`],
    ...input_ended ? [] : ["the input was not read to its end"],
  ];
}

/** The results of many sessions. */
export function totalText(total: Total): string {
  const sessions = counted(total.sessions, "session");
  return `total of ${sessions} in ${seconds(total.duration_ms)}: ${totalParts(total).join("; ")}`;
}

/** The results of many sessions in lines; the last one says how many ended as asked, and what is confirmed. */
export function totalLines(total: Total): string[] {
  const { data_confirmed, ended_as_asked, in_doubt, sessions } = total;
  const [opened, ...rest] = totalParts(total);
  const data = `${data_confirmed} confirmed, ${in_doubt === 0 ? "none" : in_doubt} in doubt`;
  return linesOf([
    `--- pulsewire client: total of ${counted(sessions, "session")} ---`,
    `${opened}, in ${seconds(total.duration_ms)}`,
    ...rest,
    firstFitting([
      `${ended_as_asked} of ${counted(sessions, "session")} ended as asked: ${data}`,
      `${ended_as_asked} of ${sessions} ended as asked: ${data}`,
    ]),
  ]);
}

function totalParts(total: Total): string[] {
  const { phases } = total;
  const atEnd = `${phases.data} in the data phase, ${phases.heartbeat} in the heartbeat phase, ` +
    `${phases.connecting} connecting`;
  const ends = `ended as asked ${total.ended_as_asked}, lost ${total.lost}, ` +
    `refused ${total.refused}, never connected ${total.unconnected}`;
  const data = `${counted(total.data_sent, "data message")} sent, ` +
    `${total.data_confirmed} confirmed, ${total.data_resent} sent again, ${total.in_doubt} in doubt`;
  const losses = `${counted(total.silences, "silence")}, ` +
    `${counted(total.disconnected, "connection")} lost and ${total.resumed} resumed`;
  return [
    `${total.opened} opened`,
    `at the end ${atEnd}`,
    ends,
    data,
    percentilesText(total.round_trips),
    losses,
    total.holds === 0 ? "" : `confirmations held up at the server ${counted(total.holds, "time")}`,
    deathsText(total),
    stallsText(total.local_stalls),
  ].filter((part) => part !== "");
}

function spread({ max_ms, p50_ms, p99_ms }: Percentiles): string {
  return `${p50_ms}/${p99_ms}/${max_ms} ms`;
}

function percentilesText(round_trips: Percentiles): string {
  return round_trips.p50_ms === null ? "" : `round trip p50/p99/max ${spread(round_trips)}`;
}

function deathsText({ deaths, overshoots }: Total): string {
  if (deaths === 0) return "no server was declared dead";
  return `server declared dead ${counted(deaths, "time")}, late by p50/p99/max ${
    spread(overshoots)
  }`;
}

function inDoubtText(ranges: readonly SeqRange[]): string {
  if (ranges.length === 0) return "none in doubt";
  const shown = ranges.map(([first, last]) => first === last ? `${first}` : `${first} to ${last}`);
  return `in doubt: ${shown.join(", ")}`;
}
