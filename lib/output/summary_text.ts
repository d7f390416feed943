/**
 * Puts the counters of one session, or of many, in words.
 *
 * @module
 */
import { type CloseReason, EXIT, exitStatus } from "../session/close_reason.ts";
import type { Total } from "../session/events.ts";
import type { Percentiles } from "../session/histogram.ts";
import type { SeqRange, Summary } from "../session/ledger.ts";
import type { Role } from "../wire/protocol.ts";
import { counted, heldBy, seconds } from "./words.ts";

/** The counters of one session. */
export function summaryText(summary: Summary, role: Role): string {
  const { connections, rtt_min_ms, rtt_avg_ms, rtt_max_ms } = summary;
  const data = role === "client"
    ? `${counted(summary.data_sent, "data message")} sent`
    : `${counted(summary.data_received, "data message")} received`;
  const rtt = rtt_min_ms === null
    ? ""
    : `; round trip min/avg/max ${
      [rtt_min_ms, rtt_avg_ms, rtt_max_ms].map(fourDigits).join("/")
    } ms`;
  const overConnections = connections > 1 ? `; ${connectionsText(summary, role)}` : "";
  const silences = summary.silences === 0
    ? "no silence"
    : `${counted(summary.silences, "silence")}, the longest ${seconds(summary.longest_silence_ms)}`;
  const held = summary.held && summary.in_doubt.length > 0
    ? `, waiting for ${heldBy(summary.held, role)}`
    : "";
  const confirmed = `${summary.data_confirmed} confirmed, ${inDoubtText(summary.in_doubt)}${held}`;
  return `summary of ${seconds(summary.duration_ms)}: ${data}, ${confirmed}` +
    `${inputText(summary)}${overConnections}${rtt}; ${silences}${idleText(summary)}` +
    `${stallsText(summary.local_stalls)}; ${heartbeatsText(summary)}`;
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
  return `; longest time without traffic ${seconds(longest_idle_ms)}${by}`;
}

/** How often this side itself did not run, which is no silence of the peer. */
function stallsText(count: number): string {
  return count === 0 ? "" : `; ${counted(count, "local stall")} of this side`;
}

/** How many connections, the last ones, a summary lists one by one. */
const MAX_LISTED_CONNECTIONS = 5;

function connectionsText(summary: Summary, role: Role): string {
  const { by_connection, connections, data_resent } = summary;
  const listed = by_connection.slice(-MAX_LISTED_CONNECTIONS).map((each) => {
    const data = role === "client" ? `${each.sent} sent` : `${each.received} received`;
    const end = each.age_ms === undefined
      ? ""
      : `, ended at an age of ${seconds(each.age_ms)}, idle for ${seconds(each.idle_ms!)}`;
    return `${data}, ${each.resent} again, ${each.confirmed} confirmed${end}`;
  });
  const last = connections > listed.length ? `the last ${listed.length}: ` : "";
  return `${connections} connections, ${counted(data_resent, "data message")} sent again ` +
    `(${last}${listed.join(" | ")})`;
}

/** Whether a session that was open ended otherwise than asked. */
export function isLost({ by, reason }: Partial<CloseReason>, role: Role): boolean {
  if (by === undefined || reason === undefined) return false;
  return exitStatus({ by, reason, text: "" }, role, true) !== EXIT.asked;
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
  const { overshoots, phases, round_trips } = total;
  const spread = ({ max_ms, p50_ms, p99_ms }: Percentiles) => `${p50_ms}/${p99_ms}/${max_ms} ms`;
  const rtt = round_trips.p50_ms === null ? "" : `; round trip p50/p99/max ${spread(round_trips)}`;
  const deaths = total.deaths === 0
    ? "no server was declared dead"
    : `${total.deaths} times the server was declared dead, later than predicted by p50/p99/max ` +
      spread(overshoots);
  const held = total.holds === 0
    ? ""
    : `confirmations held up at the server ${total.holds} times; `;
  return `total of ${counted(total.sessions, "session")} in ${seconds(total.duration_ms)}: ` +
    `${total.opened} opened; at the end ${phases.data} in the data phase, ${phases.heartbeat} in the ` +
    `heartbeat phase, ${phases.connecting} connecting; ended as asked ${total.ended_as_asked}, lost ` +
    `${total.lost}, refused ${total.refused}, never connected ${total.unconnected}; ` +
    `${counted(total.data_sent, "data message")} sent, ${total.data_confirmed} confirmed, ` +
    `${total.data_resent} sent again, ${total.in_doubt} in doubt${rtt}; ` +
    `${counted(total.silences, "silence")}, ${counted(total.disconnected, "connection")} lost ` +
    `and ${total.resumed} resumed; ${held}${deaths}${stallsText(total.local_stalls)}`;
}

function inDoubtText(ranges: readonly SeqRange[]): string {
  if (ranges.length === 0) return "none in doubt";
  const shown = ranges.map(([first, last]) => first === last ? `${first}` : `${first} to ${last}`);
  return `in doubt: ${shown.join(", ")}`;
}
