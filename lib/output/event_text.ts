/**
 * Puts events in words for people: one line per event.
 *
 * @module
 */
import { formatAddress } from "../platform/net/address.ts";
import { type CloseReason, type EndReason, EXIT, exitStatus } from "../session/close_reason.ts";
import type { Event, Total } from "../session/events.ts";
import type { Percentiles } from "../session/histogram.ts";
import type { SeqRange, Summary } from "../session/ledger.ts";
import type { Timers } from "../session/timers.ts";
import type { Role } from "../wire/protocol.ts";
import { explainEnd, heldBy, seconds } from "./explain.ts";
import { explainStrangers } from "./explain_connect.ts";

/** The level of a log line. */
export type Level = "info" | "warning" | "error";

/** An event in words. */
export interface EventText {
  /** The level of its line. */
  level: Level;
  /** One line. */
  text: string;
}

/** Formats an event for people; `undefined` if another event, or the command line, already reports it. */
export function eventText(event: Event, role: Role, timers: Timers): EventText | undefined {
  const text = textOf(event, role, timers);
  return text === undefined ? undefined : { level: levelOf(event, role), text };
}

/** The level of an event's line. */
export function levelOf(event: Event, role: Role): Level {
  switch (event.event) {
    case "heartbeat_missed":
    case "local_stall":
    case "disconnected":
    case "reconnecting":
    case "resumed":
      return "warning";
    case "hold":
      // Of what holds up all its sessions, a server warns once.
      return role === "client" ? "warning" : "info";
    case "phase":
      return event.idle ? "info" : "warning";
    case "terminated":
      return terminatedLevel(event, role);
    case "strangers":
      // Each kind warns once: what comes all the time must not push other warnings out of the log.
      return event.new && event.sent.some((each) => each !== "nothing") ? "warning" : "info";
    case "summary":
      return isComplete(event) && !isLost(event, role) ? "info" : "warning";
    case "total": {
      const { deaths, in_doubt, lost, refused, unconnected } = event;
      return deaths + in_doubt + lost + refused + unconnected === 0 ? "info" : "warning";
    }
    case "notice":
      return event.level;
    default:
      return "info";
  }
}

function textOf(event: Event, role: Role, timers: Timers): string | undefined {
  switch (event.event) {
    case "started":
      return undefined;
    case "listening":
      return `listening on ${formatAddress(event.host, event.port)}` +
        (event.workers === undefined ? "" : `, with ${event.workers} workers`);
    case "connected":
      return `session open with ${event.peer}, local address ${event.local}; ${
        predictionText(event, role)
      }`;
    case "data_sent": {
      const again = event.resent ? " again" : "";
      return `data message ${event.seq} sent${again}, ${counted(event.bytes, "byte")}`;
    }
    case "data_received":
      return `data message ${event.seq} received, ${counted(event.bytes, "byte")}`;
    case "data_confirmed":
      return `data message ${event.seq} confirmed ` +
        (event.rtt_ms === null ? "by the resume" : `after ${event.rtt_ms} ms`);
    case "phase":
      return phaseText(event, role);
    case "heartbeat_sent":
      return `heartbeat ${event.n} sent`;
    case "heartbeat_answered":
      return `heartbeat ${event.n} answered ` +
        (event.rtt_ms === null ? OTHER_ANSWER : `after ${event.rtt_ms} ms`);
    case "heartbeat_received":
      return `heartbeat ${event.n} received`;
    case "heartbeat_missed":
      return `heartbeat ${event.n} missed, ${event.missed} in a row; ` +
        (event.left === 0 ? "the peer is dead" : `dead after ${event.left} more`);
    case "local_stall":
      return event.kind === "suspended"
        ? `this host was suspended for ${seconds(event.ms)}; that is not the peer's silence`
        : `this process did not run for at least ${seconds(event.ms)} (stopped or overloaded); ` +
          `that is not the peer's silence`;
    case "hold":
      return `confirmations wait for ${heldBy(event.reason, role)}, not for the network`;
    case "strangers":
      return explainStrangers(event);
    case "disconnected":
      return `the connection is lost, the session goes on: ${explainEnd(event, role, timers)}`;
    case "reconnecting":
      return `dialling ${event.peer} again in ${seconds(event.delay_ms)}, attempt ` +
        `${event.attempt}: ${event.text ?? CAUSES[event.cause]}`;
    case "resumed":
      return resumedText(event, role);
    case "terminated":
      return explainEnd(event, role, timers);
    case "summary":
      return summaryText(event, role);
    case "total":
      return totalText(event);
    case "notice":
      return event.text;
  }
}

/** A heartbeat asks whether the peer is there, which any frame says. */
const OTHER_ANSWER = "by another frame than its reply, which shows that the peer is there as well";

/** Why a client dials again. */
const CAUSES: Readonly<Record<EndReason, string>> = {
  refused: "the connection was refused; nothing listens there, or a firewall rejects it",
  silent: "nothing was heard in time",
  reset: "the connection was reset (RST)",
  closed: "the connection was closed (FIN)",
  superseded: "another connection has taken its place",
  shutdown: "the server was told to stop",
  unreachable: "the server is unreachable",
  name_not_found: "no address is known for that name",
  done: "the server is done",
  protocol: "the peer broke the protocol",
  failed: "the connection failed",
};

/** When a dead peer is declared so, from what a side knows, and at a client from a cut of the path, too. */
function predictionText(event: Event & { event: "connected" }, role: Role): string {
  const { latest_detection_s, predicted_detection_s } = event;
  if (role === "server") {
    return `a dead client is declared ${predicted_detection_s} s after its last data message`;
  }
  const afterCut = latest_detection_s === undefined
    ? ""
    : `, at most ${latest_detection_s} s after a cut of the path`;
  return `a dead server is declared ${predicted_detection_s} s after the first unanswered data message` +
    afterCut;
}

function resumedText(event: Event & { event: "resumed" }, role: Role): string {
  const when = event.gap_ms === null
    ? "which was opened at another server"
    : `${seconds(event.gap_ms)} after the last sign of life before`;
  const again = role === "client" ? "sent again" : "will be sent again";
  return `session resumed, ${when}: ${counted(event.resent, "data message")} ${again}, ` +
    `${event.already_there} had arrived unconfirmed`;
}

function phaseText(event: Event & { event: "phase" }, role: Role): string | undefined {
  const silent = seconds(event.silent_ms);
  if (event.idle && event.to === "heartbeat") {
    return `nothing to send for ${silent}, all is confirmed; heartbeat phase`;
  }
  if (event.idle && event.to === "data") {
    return `something to send again after ${silent}; data phase`;
  }
  if (event.closed && event.from === "connecting") {
    return "the client begins with heartbeats, without data; heartbeat phase";
  }
  if (event.closed) {
    const last = role === "client" ? "confirmation" : "data message";
    return `the data connection is closed, ${silent} after the last ${last}; heartbeat phase`;
  }
  const data = role === "client" ? "no confirmation" : "no data message";
  if (event.held && event.to === "heartbeat") {
    return `${data} for ${silent}: confirmations wait for ${
      heldBy(event.held, role)
    }; heartbeat phase`;
  }
  if (event.to === "heartbeat") return `silent: ${data} for ${silent}; heartbeat phase`;
  if (event.from === "heartbeat" && event.to === "data") {
    return `data heard again after ${silent} of silence; data phase`;
  }
  return undefined;
}

function terminatedLevel(event: Event & { event: "terminated" }, role: Role): Level {
  const wasOpen = event.predicted_ms !== null && !event.unheard;
  // A stop for a reason, unlike one that a user asked for, is an error.
  if (event.by === "self" && event.reason === "shutdown" && event.text !== "") return "error";
  if (exitStatus(event, role, wasOpen) === EXIT.asked) return "info";
  // A client that opened no session is not the failure of a server.
  return role === "server" && !wasOpen ? "warning" : "error";
}

function summaryText(summary: Summary, role: Role): string {
  const { connections, rtt_min_ms, rtt_avg_ms, rtt_max_ms } = summary;
  const data = role === "client"
    ? `${counted(summary.data_sent, "data message")} sent`
    : `${counted(summary.data_received, "data message")} received`;
  const rtt = rtt_min_ms === null
    ? ""
    : `; round trip min/avg/max ${rtt_min_ms}/${rtt_avg_ms}/${rtt_max_ms} ms`;
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
    `${stallsText(summary.local_stalls)}; ` +
    `heartbeats ${summary.heartbeats_sent} sent, ${summary.heartbeats_answered} answered, ${summary.heartbeats_missed} missed, ` +
    `${summary.heartbeats_received} received`;
}

/** The longest time without traffic, which heartbeats may have kept short where data paused. */
function idleText(summary: Summary): string {
  const { heartbeats_received, heartbeats_sent, longest_idle_ms } = summary;
  const by = heartbeats_received + heartbeats_sent > 0 ? ", heartbeats included" : "";
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
function isLost({ by, reason }: Partial<CloseReason>, role: Role): boolean {
  if (by === undefined || reason === undefined) return false;
  return exitStatus({ by, reason, text: "" }, role, true) !== EXIT.asked;
}

/** Whether nothing is in doubt and no input was left unsent. */
function isComplete({ in_doubt, input_ended = true, lines_unsent = 0 }: Summary): boolean {
  return in_doubt.length === 0 && input_ended && lines_unsent === 0;
}

/** What a client did not send of its input. */
function inputText({ input_ended = true, lines_unsent = 0 }: Summary): string {
  const were = lines_unsent === 1 ? "line was" : "lines were";
  const unsent = lines_unsent === 0 ? "" : `; ${lines_unsent} ${were} read but never sent`;
  return input_ended ? unsent : `${unsent}; the input was not read to its end`;
}

function totalText(total: Total): string {
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

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
