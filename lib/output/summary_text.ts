/**
 * Puts the counters of one session, or of many, in words.
 *
 * @module
 */
import { type CloseReason, EXIT, exitStatus } from "../session/close_reason.ts";
import type { Total } from "../session/events.ts";
import type { Percentiles } from "../session/histogram.ts";
import type { ConnectionSummary, SeqRange, Summary } from "../session/ledger.ts";
import type { Role } from "../wire/protocol.ts";
import { counted, heldBy, seconds } from "./phrases.ts";

/** The counters of one session. */
export function summaryText(summary: Summary, role: Role): string {
  const { data_received, data_sent, duration_ms } = summary;
  const data = role === "client"
    ? `${counted(data_sent, "data message")} sent`
    : `${counted(data_received, "data message")} received`;
  const held = summary.held && summary.in_doubt.length > 0
    ? `, waiting for ${heldBy(summary.held, role)}`
    : "";
  const inDoubt = `${inDoubtText(summary.in_doubt)}${held}`;
  const parts = [
    `${data}, ${summary.data_confirmed} confirmed, ${inDoubt}${inputText(summary)}`,
    connectionsText(summary, role),
    roundTripsText(summary),
    silencesText(summary),
    idleText(summary),
    stallsText(summary.local_stalls),
    heartbeatsText(summary),
  ];
  return `summary of ${seconds(duration_ms)}: ${parts.filter((part) => part !== "").join("; ")}`;
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
  const listed = by_connection.slice(-MAX_LISTED_CONNECTIONS).map((each) => {
    const data = role === "client" ? `${each.sent} sent` : `${each.received} received`;
    const end = connectionEnd(each);
    return `${data}, ${each.resent} again, ${each.confirmed} confirmed${end && `, ${end}`}`;
  });
  const last = connections > listed.length ? `the last ${listed.length}: ` : "";
  return `${connections} connections, ${counted(data_resent, "data message")} sent again ` +
    `(${last}${listed.join(" | ")})`;
}

function connectionEnd({ age_ms, idle_ms }: Partial<ConnectionSummary> = {}): string {
  if (age_ms === undefined || idle_ms === undefined) return "";
  return `ended at an age of ${seconds(age_ms)}, idle for ${seconds(idle_ms)}`;
}

/** Whether a session that was open was lost, or refused in the end. */
export function isLost({ by, reason, unheard }: Partial<CloseReason>, role: Role): boolean {
  if (by === undefined || reason === undefined) return false;
  const status = exitStatus({ by, reason, text: "", unheard }, role, true);
  return status === EXIT.lost || status === EXIT.refused;
}

/** Whether nothing is in doubt and no input was left unsent. */
export function isComplete({ in_doubt, input_ended = true, lines_unsent = 0 }: Summary): boolean {
  return in_doubt.length === 0 && input_ended && lines_unsent === 0;
}

/** What a client did not send of its input. */
function inputText({ input_ended = true, lines_unsent = 0 }: Summary): string {
  const were = lines_unsent === 1 ? "line was" : "lines were";
  const unsent = lines_unsent === 0 ? "" : `; ${lines_unsent} ${were} read but never sent`;
  return input_ended ? unsent : `${unsent}; the input was not read to its end`;
}

/** The results of many sessions. */
export function totalText(total: Total): string {
  const { phases } = total;
  const atEnd = `${phases.data} in the data phase, ${phases.heartbeat} in the heartbeat phase, ` +
    `${phases.connecting} connecting`;
  const ends = `ended as asked ${total.ended_as_asked}, lost ${total.lost}, ` +
    `refused ${total.refused}, never connected ${total.unconnected}`;
  const data = `${counted(total.data_sent, "data message")} sent, ` +
    `${total.data_confirmed} confirmed, ${total.data_resent} sent again, ${total.in_doubt} in doubt`;
  const losses = `${counted(total.silences, "silence")}, ` +
    `${counted(total.disconnected, "connection")} lost and ${total.resumed} resumed`;
  const parts = [
    `${total.opened} opened`,
    `at the end ${atEnd}`,
    ends,
    data,
    percentilesText(total.round_trips),
    losses,
    total.holds === 0 ? "" : `confirmations held up at the server ${total.holds} times`,
    deathsText(total),
    stallsText(total.local_stalls),
  ].filter((part) => part !== "");
  const sessions = counted(total.sessions, "session");
  return `total of ${sessions} in ${seconds(total.duration_ms)}: ${parts.join("; ")}`;
}

function spread({ max_ms, p50_ms, p99_ms }: Percentiles): string {
  return `${p50_ms}/${p99_ms}/${max_ms} ms`;
}

function percentilesText(round_trips: Percentiles): string {
  return round_trips.p50_ms === null ? "" : `round trip p50/p99/max ${spread(round_trips)}`;
}

function deathsText({ deaths, overshoots }: Total): string {
  if (deaths === 0) return "no server was declared dead";
  const late = `later than predicted by p50/p99/max ${spread(overshoots)}`;
  return `${deaths} times the server was declared dead, ${late}`;
}

function inDoubtText(ranges: readonly SeqRange[]): string {
  if (ranges.length === 0) return "none in doubt";
  const shown = ranges.map(([first, last]) => first === last ? `${first}` : `${first} to ${last}`);
  return `in doubt: ${shown.join(", ")}`;
}
