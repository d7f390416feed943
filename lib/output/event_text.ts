/**
 * Puts events in words for people: one line per event.
 *
 * @module
 */
import type { TlsFacts } from "../platform/net/transport.ts";
import { formatAddress } from "../platform/net/address.ts";
import { type EndReason, EXIT, exitStatus } from "../session/close_reason.ts";
import type { Event } from "../session/events.ts";
import { isForced } from "../session/ledger.ts";
import type { Timers } from "../session/timers.ts";
import type { Role } from "../wire/protocol.ts";
import { explainEnd } from "./explain.ts";
import { explainStrangers } from "./explain_connect.ts";
import { kernelText } from "./explain_silence.ts";
import { counted, heldBy, otherSide, seconds } from "./phrases.ts";
import {
  isComplete,
  isLost,
  summaryLines,
  summaryText,
  totalLines,
  totalText,
} from "./summary_text.ts";

/** The levels of log lines; details are what happens all the time while all is well. */
export const LEVELS = ["detail", "info", "warning", "error"] as const;

/** The level of a log line. */
export type Level = typeof LEVELS[number];

/** Whether a level is this one or above it. */
export function isAtLeast(level: Level, lowest: Level): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(lowest);
}

/** An event in words. */
export interface EventText {
  /** The level of its line. */
  level: Level;
  /** One line. */
  text: string;
  /** A summary in lines of 80 columns at most, of which the last one says it all. */
  lines?: readonly string[];
}

/** Which key was proved: the client's, and at the client by both. */
function keyText({ who }: Event, role: Role): string {
  if (who === undefined) return "";
  return role === "server" ? `, key ${who}` : `, key ${who} proved by both sides`;
}

/**
 * Formats an event for people; `undefined` if another event, or the command line, already reports it.
 *
 * @param peer With whom the session of a summary was, if known.
 */
export function eventText(
  event: Event,
  role: Role,
  timers: Timers,
  peer?: string,
): EventText | undefined {
  const text = textOf(event, role, timers);
  if (text === undefined) return undefined;
  const lines = linesOf(event, role, peer);
  return { level: levelOf(event, role), text, ...lines && { lines } };
}

function linesOf(event: Event, role: Role, peer?: string): string[] | undefined {
  switch (event.event) {
    case "summary":
      return summaryLines(event, role, peer);
    case "total":
      return totalLines(event);
    case "notice":
      return event.final && [event.text];
  }
}

/** Whether this event sums up: a session, all of them, or what a server did. */
export function isSummary(event: Event): boolean {
  return event.event === "summary" || event.event === "total" ||
    event.event === "notice" && event.final === true;
}

/** The level of an event's line. */
export function levelOf(event: Event, role: Role): Level {
  switch (event.event) {
    case "data_sent":
    case "data_received":
    case "data_confirmed":
    case "heartbeat_sent":
    case "heartbeat_received":
      return "detail";
    case "heartbeat_answered":
      return event.missed ? "info" : "detail";
    case "heartbeat_missed":
    case "local_stall":
    case "account":
    case "disconnected":
    case "reconnecting":
    case "resumed":
      return "warning";
    case "hold":
      // Of what holds up all its sessions, a server warns once.
      return role === "client" ? "warning" : "info";
    case "phase":
      return event.idle ? "info" : "warning";
    case "kernel":
      return "unknown" in event ? "warning" : "info";
    case "terminated":
      return terminatedLevel(event, role);
    case "strangers":
      // Each kind warns once: what comes all the time must not push other warnings out of the log.
      return event.new && (event.limits || event.sent.some((each) => each !== "nothing"))
        ? "warning"
        : "info";
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

function tlsText(tls: TlsFacts | undefined): string {
  if (!tls) return "";
  const { certificate, version = "TLS" } = tls;
  return `, ${version.replace("TLSv", "TLS ")}${certificate ? `, certificate ${certificate}` : ""}`;
}

function textOf(event: Event, role: Role, timers: Timers): string | undefined {
  switch (event.event) {
    case "started":
      return undefined;
    case "listening":
      return `listening on ${formatAddress(event.host, event.port)}` +
        (event.workers === undefined ? "" : `, with ${event.workers} workers`);
    case "connected":
      return `session open with ${event.peer}, local address ${event.local}` +
        `${tlsText(event.tls)}${keyText(event, role)}; ${predictionText(event, role)}`;
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
        (event.rtt_ms === null ? OTHER_ANSWER : `after ${event.rtt_ms} ms`) +
        (event.missed ? `; ${event.missed} missed before` : "");
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
    case "account":
      return accountText(event, role);
    case "kernel":
      return kernelText(event, otherSide(role));
    case "strangers":
      return explainStrangers(event);
    case "disconnected":
      return `the connection is lost, the session goes on: ${explainEnd(event, role, timers)}`;
    case "reconnecting":
      return `dialling ${event.peer} again in ${seconds(event.delay_ms)}, attempt ` +
        `${event.attempt}${dialCause(event.text ?? DIAL_CAUSES[event.cause])}`;
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

/** Any frame from the peer answers a heartbeat. */
const OTHER_ANSWER = "by another frame than its reply, which shows that the peer is there as well";

/** Why a dial failed. The cause of a lost connection is in the line before. */
const DIAL_CAUSES: Partial<Record<EndReason, string>> = {
  refused: "the connection was refused; nothing listens there, or a firewall rejects it",
  name_not_found: "no address is known for that name",
};

function dialCause(text: string | undefined): string {
  return text === undefined ? "" : `: ${text}`;
}

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
    ? "which this server did not know"
    : `${seconds(event.gap_ms)} after the last sign of life before`;
  if (event.resent + event.already_there === 0) {
    return `session resumed, ${when}: nothing was unconfirmed`;
  }
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
    const held = heldBy(event.held, role);
    return `${data} for ${silent}: confirmations wait for ${held}; heartbeat phase`;
  }
  if (event.to === "heartbeat") return `silent: ${data} for ${silent}; heartbeat phase`;
  if (event.from === "heartbeat" && event.to === "data") {
    return `data heard again after ${silent} of silence; data phase`;
  }
  return undefined;
}

function terminatedLevel(event: Event & { event: "terminated" }, role: Role): Level {
  const wasOpen = event.predicted_ms !== null && !event.unheard;
  if (isForced(event)) return "error";
  if (exitStatus(event, role, wasOpen) === EXIT.asked) return "info";
  // A client that opened no session is not the failure of a server.
  return role === "server" && !wasOpen ? "warning" : "error";
}

/** What both sides, or this one, know of an outage that is over. */
function accountText(event: Event & { event: "account" }, role: Role): string {
  const { in_doubt, peer, settled } = event;
  const whose = peer === "unknown"
    ? " by this side alone"
    : peer === "contradicts"
    ? ` by this side alone, which the account of ${otherSide(role)} contradicts`
    : "";
  const doubt = in_doubt === null ? "" : `; ${doubtText(in_doubt, settled)}`;
  return `account of the outage${whose}: ${event.verdict}${doubt}`;
}

/** What was in doubt in an outage that is over, and how much of it is confirmed by then. */
function doubtText(in_doubt: number, settled: number | null): string {
  if (in_doubt === 0) return "nothing was in doubt";
  const what = `in doubt: ${counted(in_doubt, "data message")}`;
  if (!settled) return what;
  const share = settled < in_doubt ? `${settled} of them ` : in_doubt > 1 ? "all " : "";
  return `${what}, ${share}now confirmed`;
}
