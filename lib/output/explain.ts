/**
 * Explains why a session ended, and what to look at next.
 *
 * @module
 */
import { formatAddress } from "../platform/net/address.ts";
import type { Address, TransportError, TransportErrorKind } from "../platform/net/transport.ts";
import type { CloseReport, EndReason } from "../session/close_reason.ts";
import type { EventFields } from "../session/events.ts";
import { CONNECT_LIMIT_MS, heartbeatsUntilDead, type Timers } from "../session/timers.ts";
import type { HoldReason, Role } from "../wire/protocol.ts";

/** Milliseconds as seconds, to the millisecond. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(3)} s`;
}

function otherSide(role: Role): string {
  return role === "client" ? "the server" : "the client";
}

/** What confirmations wait for, as either side says it. */
export function heldBy(reason: HoldReason, role: Role): string {
  const whose = role === "client" ? "the server's" : "the";
  return {
    store: `${whose} store`,
    output: `${whose} output, whose reader or disk does not keep up`,
    room: `room at ${
      role === "client" ? "the server" : "this server"
    }, whose store or output does not keep up`,
  }[reason];
}

/** Explains a `terminated` or `disconnected` event of a side. */
export function explainEnd(end: CloseReport, role: Role, timers: Timers): string {
  const { held, ...others } = end;
  if (held === undefined) return explainUnheld(end, role, timers);
  const waited = `confirmations were waiting for ${heldBy(held, role)}`;
  if (end.by === "peer" && end.reason === "closed") {
    return `${otherSide(role)} closed the connection (FIN) while ${waited}`;
  }
  return `${explainUnheld(others, role, timers)} (${waited})`;
}

function explainUnheld(end: CloseReport, role: Role, timers: Timers): string {
  const other = otherSide(role);
  const wasOpen = end.predicted_ms !== null;
  if (end.by === "peer") return wasOpen ? explainPeer(end, other) : explainUnopened(end, role);
  if (end.by === "self") {
    if (end.detected_since === "connection_lost") return explainExpiry(end);
    if (end.reason === "silent") {
      return end.text === "" ? explainDeath(end, role, timers) : explainOpenTimeout(end, other);
    }
    return explainOwn(end, role, wasOpen);
  }
  const isDial = end.reason === "refused" || end.reason === "name_not_found";
  if (wasOpen && !isDial) return explainLoss(end, other);
  return role === "client" ? explainUnconnected(end) : explainUnopened(end, role);
}

function explainDeath(end: CloseReport, role: Role, timers: Timers): string {
  const other = otherSide(role);
  const since = {
    first_unconfirmed_data_sent: "the first unconfirmed data message was sent",
    last_data_heard: `the last ${role === "client" ? "confirmation" : "data message"} was heard`,
    first_unanswered_heartbeat_sent: "the first unanswered heartbeat was sent",
    last_sign_of_life: "the last sign of life",
    connection_lost: "the connection was lost",
  }[end.detected_since!];
  const tries = heartbeatsUntilDead(timers);
  const heartbeats = `${tries} × heart_beat_threshold ${timers.heart_beat_threshold_ms / 1000} s`;
  const limits = end.detected_since === "first_unanswered_heartbeat_sent"
    ? heartbeats
    : `data_threshold ${timers.data_threshold_ms / 1000} s + ${heartbeats}`;
  return `${other} is dead: declared ${seconds(end.detected_after_ms!)} after ${since}, ` +
    `predicted ${seconds(end.predicted_ms!)} (${limits}); ` +
    `last sign of life ${seconds(end.silent_ms!)} ago. ` +
    `Look next: is its host frozen or cut off, or does a firewall, NAT or load balancer on the path ` +
    `drop packets silently?`;
}

function explainExpiry(end: CloseReport): string {
  return `the client ${end.text}: the session expired ${seconds(end.detected_after_ms!)} after ` +
    `its connection was lost. Look next: is the client still running, and can it reach this server?`;
}

function explainOpenTimeout(end: CloseReport, other: string): string {
  const missing = other === "the server"
    ? `${end.peer} accepted the connection but sent nothing`
    : `${end.peer} connected but did not open a session`;
  const store = other === "the server" ? ", or does its store not answer" : "";
  return `${missing}: ${end.text}. Look next: is it Pulsewire on that side, and is its process ` +
    `frozen${store}?`;
}

/** Explains a connection that its peer, or the network, ended before the session was open. */
function explainUnopened(end: CloseReport, role: Role): string {
  if (end.by === "peer" && end.reason !== "closed") {
    return `${end.peer}: ${explainPeer(end, otherSide(role))}`;
  }
  const how = end.by === "peer" ? "closed the connection" : `was lost (${end.reason}, ${end.text})`;
  const next = role === "client"
    ? "is it Pulsewire on that port, and does its store answer?"
    : "was it a port scan or a probe?";
  return `${end.peer} ${how} before the session was open. Look next: ${next}`;
}

function explainOwn(end: CloseReport, role: Role, wasOpen: boolean): string {
  if (end.reason === "protocol") {
    return wasOpen
      ? `${otherSide(role)} broke the protocol: ${end.text}`
      : `${end.peer} does not speak PW/1: ${end.text}. Look next: is this the right port?`;
  }
  if (end.reason === "refused" && role === "server") return `refused ${end.peer}: ${end.text}`;
  if (end.reason !== "done") return `ended by this side: ${end.text || "told to stop"}`;
  return wasOpen || role === "server"
    ? "ended by this side: all that was asked for is done"
    : "stopped before a session was opened: its time is over";
}

function explainPeer(end: CloseReport, other: string): string {
  const text = end.text === "" ? "" : `: ${end.text}`;
  switch (end.reason) {
    case "closed":
      return `${other} closed the connection (FIN) without saying why${text && `, ${end.text}`}. ` +
        `Look next: did its process crash or was it killed, ` +
        (other === "the server" ? "could it not write its store or output, " : "") +
        `or does a proxy on the path close connections?`;
    case "superseded":
      return `${other} has resumed on another connection: this one was lost without a sign. Look next: ` +
        `does a firewall, NAT or load balancer on the path forget connections?`;
    case "silent":
      return `${other} declared this side dead: nothing from it arrived in time${text}. Look next: was ` +
        `this process or host stopped (a local stall), or does the path drop what it sends?`;
    case "protocol":
      return `${other} says that this side broke the protocol${text}`;
    case "refused":
      return other === "the server"
        ? `${other} refused the session${text}`
        : `${other} ended the session${text}`;
    case "done":
      return `ended by ${other}: all that was asked for is done${text}`;
    default:
      return `ended by ${other}: it was told to stop${text}`;
  }
}

function explainLoss(end: CloseReport, other: string): string {
  switch (end.reason) {
    case "reset":
      return `the connection was reset (RST): ${other}'s process is gone, or a firewall on the path ` +
        `cut the connection. Look next: is that process still running?`;
    case "silent":
      return `this host gave up on the connection (${end.text}): ${other}'s host acknowledged ` +
        `nothing. Look next: is that host up, and does a firewall on the path drop packets silently?`;
    case "unreachable":
      return `${other} became unreachable (${end.text}). Look next: routes and links on the path`;
    default:
      return `the connection failed: ${end.text}`;
  }
}

function explainUnconnected({ peer, reason, text }: CloseReport): string {
  const next = "Look next: is the server running, and is the port open in its firewall?";
  const causes: Partial<Record<EndReason, string>> = {
    refused:
      "refused; its host answers, but nothing listens on that port, or a firewall rejects it. " +
      next,
    silent:
      `no answer within ${CONNECT_LIMIT_MS / 1000} s. Look next: is the address right, is the ` +
      "server running there, and is the port open in its firewall?",
    reset: `reset before the session was open. ${next}`,
    unreachable:
      `unreachable (${text}). Look next: the address, and routes and firewalls on the path`,
    name_not_found:
      "no address is known for that name. Look next: its spelling, and the name server",
  };
  return `cannot connect to ${peer}: ${causes[reason] ?? text}`;
}

/** What a stranger sent, in words, and what to change where it comes from. */
const STRANGERS_SENT: Readonly<Record<string, string>> = {
  nothing: "nothing, as port checks do",
  proxy_v1: "a PROXY header (version 1): switch off send-proxy in the load balancer",
  proxy_v2: "a PROXY header (version 2): switch off send-proxy-v2 in the load balancer",
  http: "an HTTP request: make the load balancer's health check one of TCP, or use another port",
  http2: "an HTTP/2 preface: make the load balancer's health check one of TCP, or use another port",
  tls: "a TLS hello: switch off TLS towards this port, which takes none",
  ssh: "an SSH banner: connect to the port of the SSH server",
};

/** Explains connections that opened no session. */
export function explainStrangers({ addresses, count, sent }: EventFields["strangers"]): string {
  const connections = count === 1 ? "1 connection" : `${count} connections`;
  const from = addresses.length > 1
    ? `${addresses.slice(0, -1).join(", ")} and ${addresses.at(-1)}`
    : addresses[0];
  const what = sent.map((each) => STRANGERS_SENT[each] ?? each);
  return `${connections} from ${from} opened no session and sent ${what.join("; ")}`;
}

const LISTEN_CAUSES: Partial<Record<TransportErrorKind, string>> = {
  address_in_use: "the port is taken. Look next: is a server running already? See: ss -ltnp",
  not_permitted: "not permitted. Ports below 1024 need root; choose a higher one with --port",
  address_not_here: "no interface of this host has that address. See: ip address",
  name_not_found:
    "no address is known for that name. Look next: its spelling; 0.0.0.0 listens on " +
    "every address",
};

/**
 * Explains why a server cannot listen, and what to do about it.
 *
 * @param isHeldByTimeWait Whether closed connections hold the port.
 */
export function explainListen(
  error: TransportError,
  { host, port }: Address,
  isHeldByTimeWait = false,
): string {
  const cause = error.kind === "address_in_use" && isHeldByTimeWait
    ? "closed connections from that port still hold it (TIME_WAIT), and nothing listens there. " +
      `Start again within a minute, when they are gone. See: ss -tan sport = ${port}`
    : LISTEN_CAUSES[error.kind] ?? error.message;
  return `cannot listen on ${formatAddress(host, port)}: ${cause}`;
}
