/**
 * Explains why a session ended, and what to look at next.
 *
 * @module
 */
import { formatAddress } from "../platform/net/address.ts";
import type { Address, TransportError } from "../platform/net/transport.ts";
import type { CloseReport } from "../session/close_reason.ts";
import { CONNECT_LIMIT_MS, heartbeatsUntilDead, type Timers } from "../session/timers.ts";
import type { Role } from "../wire/protocol.ts";

/** Milliseconds as seconds, to the millisecond. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(3)} s`;
}

/** Explains a `terminated` or `disconnected` event of a side. */
export function explainEnd(end: CloseReport, role: Role, timers: Timers): string {
  const other = role === "client" ? "the server" : "the client";
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
  const other = role === "client" ? "the server" : "the client";
  const since = {
    first_unconfirmed_data_sent: "the first unconfirmed data message was sent",
    last_data_heard: role === "client"
      ? "the last confirmation was heard"
      : "the last data message was heard",
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
  return `the client ${end.text}: the session expired ${
    seconds(end.detected_after_ms!)
  } after its ` +
    `connection was lost. Look next: is the client still running, and can it reach this server?`;
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
    return `${end.peer}: ${explainPeer(end, role === "client" ? "the server" : "the client")}`;
  }
  const how = end.by === "peer" ? "closed the connection" : `was lost (${end.reason}, ${end.text})`;
  const next = role === "client"
    ? "is it Pulsewire on that port, and does its store answer?"
    : "was it a port scan or a probe?";
  return `${end.peer} ${how} before the session was open. Look next: ${next}`;
}

function explainOwn(end: CloseReport, role: Role, wasOpen: boolean): string {
  const other = role === "client" ? "the server" : "the client";
  switch (end.reason) {
    case "protocol":
      return wasOpen
        ? `${other} broke the protocol: ${end.text}`
        : `${end.peer} does not speak PW/1: ${end.text}. Look next: is this the right port?`;
    case "refused":
      return role === "server"
        ? `refused ${end.peer}: ${end.text}`
        : `ended by this side: ${end.text}`;
    case "done":
      return wasOpen || role === "server"
        ? "ended by this side: all that was asked for is done"
        : "stopped before a session was opened: its time is over";
    case "shutdown":
      return `ended by this side: ${end.text || "told to stop"}`;
    default:
      return `ended by this side: ${end.text}`;
  }
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

function explainUnconnected(end: CloseReport): string {
  const next = "Look next: is the server running, and is the port open in its firewall?";
  switch (end.reason) {
    case "refused":
      return `cannot connect to ${end.peer}: refused; its host answers, but nothing listens on that ` +
        `port, or a firewall rejects it. ${next}`;
    case "silent":
      return `cannot connect to ${end.peer}: no answer within ${CONNECT_LIMIT_MS / 1000} s. Look ` +
        `next: is the address right, is the server running there, and is the port open in its ` +
        `firewall?`;
    case "reset":
      return `cannot connect to ${end.peer}: reset before the session was open. ${next}`;
    case "unreachable":
      return `cannot connect to ${end.peer}: unreachable (${end.text}). Look next: the address, and ` +
        `routes and firewalls on the path`;
    case "name_not_found":
      return `cannot connect to ${end.peer}: no address is known for that name. Look next: its ` +
        `spelling, and the name server`;
    default:
      return `cannot connect to ${end.peer}: ${end.text}`;
  }
}

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
  const where = `cannot listen on ${formatAddress(host, port)}`;
  if (error.kind === "address_in_use" && isHeldByTimeWait) {
    return `${where}: closed connections from that port still hold it (TIME_WAIT), and nothing ` +
      `listens there. Start again within a minute, when they are gone. See: ss -tan sport = ${port}`;
  }
  switch (error.kind) {
    case "address_in_use":
      return `${where}: the port is taken. Look next: is a server running already? See: ss -ltnp`;
    case "not_permitted":
      return `${where}: not permitted. Ports below 1024 need root; choose a higher one with --port`;
    case "address_not_here":
      return `${where}: no interface of this host has that address. See: ip address`;
    case "name_not_found":
      return `${where}: no address is known for that name. Look next: its spelling; 0.0.0.0 listens ` +
        `on every address`;
    default:
      return `${where}: ${error.message}`;
  }
}
