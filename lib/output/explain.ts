/**
 * Explains why a session ended, and what to look at next.
 *
 * @module
 */
import type { CloseReport } from "../session/close_reason.ts";
import type { Timers } from "../session/timers.ts";
import type { Role } from "../wire/protocol.ts";
import { explainUnconnected, nextOf, UNOPENED_HINT } from "./explain_connect.ts";
import {
  explainDeath,
  explainDeclared,
  explainExpiry,
  explainGivenUp,
  explainOpenTimeout,
  explainUnheard,
} from "./explain_silence.ts";
import {
  explained,
  type Explanation,
  heldBy,
  otherSide,
  ownLink,
  seconds,
  traffic,
  whileLink,
} from "./phrases.ts";

/** Explains a `terminated` or `disconnected` event of a side. */
export function explainEnd(end: CloseReport, role: Role, timers: Timers): string {
  const { isOfConnection, what, ...others } = explainCause(end, role, timers);
  const used = isTurnedAway(end) ? "" : traffic(end, isOfConnection);
  return explained({ what: what + used + heldText(end, role) + suspendedText(end), ...others });
}

/** Whether a session was open on the connection, or before it. */
function wasOpen({ predicted_ms }: CloseReport): boolean {
  return predicted_ms !== null;
}

/** Whether a side said why it wanted no session: how the connection was used is of no interest then. */
function isTurnedAway(end: CloseReport): boolean {
  const isSaid = ["full", "refused", "protocol"].includes(end.reason);
  return !wasOpen(end) && (end.by === "self" || end.by === "peer" && isSaid);
}

/** Whether it was closed while confirmations waited, which is explanation enough. */
function isClosedWhileHeld({ by, held, reason }: CloseReport): boolean {
  return held !== undefined && by === "peer" && reason === "closed";
}

function heldText(end: CloseReport, role: Role): string {
  if (!end.held) return "";
  const waiting = `confirmations were waiting for ${heldBy(end.held, role)}`;
  return isClosedWhileHeld(end) ? `, while ${waiting}` : ` (${waiting})`;
}

function suspendedText({ suspended_ms }: CloseReport): string {
  if (suspended_ms === undefined) return "";
  return ` (this host was suspended for ${seconds(suspended_ms)} since the last sign of life)`;
}

function explainCause(end: CloseReport, role: Role, timers: Timers): Explanation {
  if (end.by === "peer") return wasOpen(end) ? explainPeer(end, role) : explainUnopened(end, role);
  if (end.by === "self") {
    if (end.detected_since === "connection_lost") return explainExpiry(end);
    if (end.reason !== "silent") return explainOwn(end, role);
    return end.text === "" ? explainDeath(end, role, timers) : explainOpenTimeout(end, role);
  }
  const isDial = end.reason === "refused" || end.reason === "name_not_found";
  if (wasOpen(end) && !isDial) return explainLoss(end, otherSide(role));
  return role === "client" ? explainUnconnected(end) : explainUnopened(end, role);
}

/** Explains a connection that its peer, or the network, ended before the session was open. */
function explainUnopened(end: CloseReport, role: Role): Explanation {
  const { by, peer, reason, text } = end;
  if (by === "peer" && reason !== "closed") {
    if (role === "server" && reason === "silent" && !end.unheard) return explainGivenUp(end);
    const { next, what } = explainPeer(end, role);
    return { what: `${peer}: ${what}`, next };
  }
  if (role === "client") {
    return {
      what: `${peer} accepted the connection and closed it (FIN) before the session was open`,
      next: UNOPENED_HINT,
    };
  }
  const how = by === "peer" ? "closed the connection" : `was lost: ${text},`;
  return {
    what: `${peer} ${how} before the session was open`,
    next: "was it a port scan or a probe?",
  };
}

function explainOwn(end: CloseReport, role: Role): Explanation {
  const { code, peer, reason, text } = end;
  if (role === "client" && code !== undefined && !wasOpen(end)) {
    const failed = reason === "refused" ? "does not trust" : "cannot connect to";
    return { what: `this side ${failed} ${peer}: ${text}`, next: nextOf("connect", code) };
  }
  if (reason === "protocol") {
    if (wasOpen(end)) return { what: `${otherSide(role)} broke the protocol: ${text}` };
    return { what: `${peer} does not speak PW/1: ${text}`, next: "is this the right port?" };
  }
  if (reason === "refused" && role === "server") return { what: `refused ${peer}: ${text}` };
  if (reason === "unproven") return unprovenOf(peer, text);
  if (reason !== "done") return { what: `ended by this side: ${text || "told to stop"}` };
  return wasOpen(end) || role === "server"
    ? { what: `ended by this side: ${text || ALL_DONE}` }
    : { what: "stopped before a session was opened: its time is over" };
}

/** Explains to a client why it takes no session of a server. */
function unprovenOf(peer: string, text: string): Explanation {
  return {
    what: `${peer} has not proved that it is the right server: ${text}`,
    next:
      "is this the right address; has that server a key_file, with this key; or does somebody else " +
      "answer in its place?",
  };
}

const ALL_DONE = "all that was asked for is done";

function explainPeer(end: CloseReport, role: Role): Explanation {
  const other = otherSide(role);
  const text = end.text === "" ? "" : `: ${end.text}`;
  switch (end.reason) {
    case "closed":
      return explainClosed(end, role);
    case "superseded":
      return {
        what: `${other} has resumed on another connection: this one was lost without a sign`,
        next: "does a firewall, NAT or load balancer on the path forget connections?",
        isOfConnection: true,
      };
    case "silent":
      return end.unheard ? explainUnheard(end, other) : explainDeclared(end, other);
    case "protocol":
      return { what: `${other} says that this side broke the protocol${text}` };
    case "full":
      return {
        what: `${other} has no room at present${text}`,
        next: "wait and try again, which --reconnect does, or raise the limit at the server",
      };
    case "refused":
      return {
        what: `${other} ${role === "client" ? "refused" : "ended"} the session${text}`,
        next: nextOf("connect", end.code),
      };
    case "done":
      return { what: `ended by ${other}: ${end.text || ALL_DONE}` };
    default:
      return { what: `ended by ${other}: it was told to stop${text}` };
  }
}

/** A pause in the traffic, in milliseconds, from which on an idle timeout is likelier than a killed process. */
const PAUSE_MS = 500;

/**
 * Whoever ends the TCP connection sends the FIN: after a pause an idle timeout is the likeliest cause, unless
 * the connection had survived as long a pause.
 */
function explainClosed(end: CloseReport, role: Role): Explanation {
  const other = otherSide(role);
  const closed = `the connection was closed (FIN) from the side of ${other}`;
  if (isClosedWhileHeld(end)) return { what: closed, isOfConnection: true };
  const how = end.text === "" ? "without TERMINATE" : `without TERMINATE, ${end.text}`;
  const writes = role === "client" ? ", or could it not write its store or output" : "";
  const path = "a proxy, tunnel, load balancer or NAT on the path";
  const pause_ms = end.pause_ms ?? end.idle_ms ?? 0;
  const next = end.survived_ms === undefined && pause_ms >= PAUSE_MS
    ? `does ${path} close connections that are idle so long, or are so old; ` +
      `or did ${other}'s process end${writes}?`
    : `did ${other}'s process end (a crash, a kill)${writes}; or did ${path} restart or close it?`;
  return { what: `${closed}, ${how}`, next, isOfConnection: true };
}

function explainLoss(end: CloseReport, other: string): Explanation {
  return { ...explainFailure(end, other), isOfConnection: true };
}

function explainFailure(end: CloseReport, other: string): Explanation {
  const { code, reason, text } = end;
  const next = end.link === undefined ? nextOf("transfer", code) : ownLink(other);
  switch (reason) {
    case "reset":
      if (code === "ECONNABORTED" || code === "ENETRESET") {
        return { what: `the connection was reset: ${text}`, next };
      }
      return {
        what: "the connection was reset (RST)",
        next: "did a proxy, firewall or NAT on the path cut it, or forget it, " +
          `or give it another port; or did ${other}'s process end?`,
      };
    case "silent":
      return {
        what: `this host gave up on the connection to ${other}: ${text}${whileLink(end)}`,
        next: next ?? "does a firewall or NAT on the path drop packets silently, " +
            `or is ${other}'s host down?`,
      };
    case "unreachable":
      return {
        what: `${other} became unreachable: ${text}${whileLink(end)}`,
        next: next ??
          "this host's link and address, and routes, links and firewalls on the path",
      };
    default:
      return { what: `the connection failed: ${text}`, next };
  }
}
