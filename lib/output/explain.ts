/**
 * Explains why a session ended, and what to look at next.
 *
 * @module
 */
import type { CloseReport } from "../session/close_reason.ts";
import { heartbeatsUntilDead, type Timers } from "../session/timers.ts";
import type { Role } from "../wire/protocol.ts";
import { explainUnconnected, nextOf, UNOPENED_HINT } from "./explain_connect.ts";
import { explainKernel } from "./explain_kernel.ts";
import { heldBy, otherSide, seconds } from "./words.ts";

/** Explains a `terminated` or `disconnected` event of a side. */
export function explainEnd(end: CloseReport, role: Role, timers: Timers): string {
  const { held, suspended_ms, ...others } = end;
  const waited = held && `confirmations were waiting for ${heldBy(held, role)}`;
  const cause = waited && end.by === "peer" && end.reason === "closed"
    ? `the connection was closed (FIN) from the side of ${otherSide(role)} while ${waited}`
    : explainCause(others, role, timers) + (waited ? ` (${waited})` : "");
  const suspended = suspended_ms === undefined
    ? ""
    : ` (this host was suspended for ${seconds(suspended_ms)} since the last sign of life)`;
  return cause + suspended;
}

function explainCause(end: CloseReport, role: Role, timers: Timers): string {
  const other = otherSide(role);
  const wasOpen = end.predicted_ms !== null;
  if (end.by === "peer") return wasOpen ? explainPeer(end, role) : explainUnopened(end, role);
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

/** What is known of the silence comes first, then what it was measured against, then where to look. */
function explainDeath(end: CloseReport, role: Role, timers: Timers): string {
  const other = otherSide(role);
  const since = {
    first_unconfirmed_data_sent: "the first unconfirmed data message was sent",
    last_data_heard: `the last ${role === "client" ? "confirmation" : "data message"} was heard`,
    session_opened: "the session was opened",
    first_unanswered_heartbeat_sent: "the first unanswered heartbeat was sent",
    last_sign_of_life: "the last sign of life",
    connection_lost: "the connection was lost",
  }[end.detected_since!];
  const tries = heartbeatsUntilDead(timers);
  const heartbeats = `${tries} × heart_beat_threshold ${timers.heart_beat_threshold_ms / 1000} s`;
  const limits = end.detected_since === "first_unanswered_heartbeat_sent"
    ? heartbeats
    : `data_threshold ${timers.data_threshold_ms / 1000} s + ${heartbeats}`;
  const measured = `declared dead ${seconds(end.detected_after_ms!)} after ${since}, ` +
    `predicted ${seconds(end.predicted_ms!)} (${limits})`;
  const unanswered = `${tries} heartbeat${tries === 1 ? "" : "s"} unanswered`;
  const heardFor_ms = end.detected_after_ms! - end.silent_ms!;
  if (end.link !== undefined) {
    return `nothing heard from ${other} for ${
      seconds(end.silent_ms!)
    }, ${unanswered}, and this host has ` +
      `${end.link}: ${measured}. Look next: this host's cable, link and address; ${other} may be well`;
  }
  const kernel = explainKernel(end, other);
  const alone = kernel?.alone ?? "";
  const next = kernel?.next;
  if (heardFor_ms >= timers.data_threshold_ms / 4 && !next) {
    return `what this side sends does not arrive, though ${other} was heard ` +
      `${seconds(heardFor_ms)} longer: nothing heard for ${
        seconds(end.silent_ms!)
      }, ${unanswered}; ` +
      `${measured}.${alone} Look next: what drops packets from this host to ${other}: a firewall or NAT on the ` +
      `path that lets only the other direction through?`;
  }
  const what = kernel ? `, ${kernel.what}` : "";
  const isFrozen = kernel
    ? `is the host of ${other} down`
    : `is the process or the host of ${other} frozen`;
  const silence = "does a firewall, NAT or load balancer on the path drop packets silently, or " +
    `${isFrozen} or cut off?`;
  return `nothing heard from ${other} for ${seconds(end.silent_ms!)}, ${unanswered}${what}: ` +
    `${measured}.${alone} Look next: ${next ?? silence}`;
}

function explainExpiry(end: CloseReport): string {
  return `the client ${end.text}: the session expired ${seconds(end.detected_after_ms!)} after ` +
    `its connection was lost. Look next: is the client still running, and can it reach this server?`;
}

function explainOpenTimeout(end: CloseReport, other: string): string {
  if (other === "the client") {
    return `${end.peer} connected but did not open a session: ${end.text}. Look next: is it Pulsewire ` +
      `on that side, and is its process frozen?`;
  }
  return `${end.peer} accepted the connection but sent nothing: ${end.text}. Look next: is it Pulsewire on ` +
    `that port; does a proxy, tunnel or load balancer there wait for its own server, or have a queue; is the ` +
    `server's process frozen, or does its store not answer?`;
}

/** Explains a connection that its peer, or the network, ended before the session was open. */
function explainUnopened(end: CloseReport, role: Role): string {
  if (role === "server" && end.by === "peer" && end.reason === "silent" && !end.unheard) {
    return `${end.peer}: the client gave up before its session was open${
      end.text && `: ${end.text}`
    }. ` +
      `Look next: did the store of this server not answer, was this process or host stopped, or does ` +
      `the path drop what this side sends?`;
  }
  if (end.by === "peer" && end.reason !== "closed") {
    return `${end.peer}: ${explainPeer(end, role)}`;
  }
  const how = end.by === "peer" ? "closed the connection" : `was lost: ${end.text},`;
  if (role === "server") {
    return `${end.peer} ${how} before the session was open. Look next: was it a port scan or a probe?`;
  }
  return `${end.peer} accepted the connection and closed it (FIN) before the session was open. ` +
    `Look next: ${UNOPENED_HINT}`;
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
    ? `ended by this side: ${end.text || "all that was asked for is done"}`
    : "stopped before a session was opened: its time is over";
}

function explainPeer(end: CloseReport, role: Role): string {
  const other = otherSide(role);
  const text = end.text === "" ? "" : `: ${end.text}`;
  switch (end.reason) {
    case "closed":
      return `the connection was closed (FIN) from the side of ${other}, without TERMINATE` +
        `${text && `, ${end.text}`}, ${traffic(end)}. Look next: ${closedHint(end, role)}`;
    case "superseded":
      return `${other} has resumed on another connection: this one was lost without a sign, ${
        traffic(end)
      }. ` +
        `Look next: does a firewall, NAT or load balancer on the path forget connections?`;
    case "silent":
      if (end.unheard) return explainUnheard(end, other);
      return explainDeclared(end, other, text);
    case "protocol":
      return `${other} says that this side broke the protocol${text}`;
    case "refused":
      return role === "client"
        ? `${other} refused the session${text}`
        : `${other} ended the session${text}`;
    case "done":
      return `ended by ${other}: ${end.text || "all that was asked for is done"}`;
    default:
      return `ended by ${other}: it was told to stop${text}`;
  }
}

/** The peer heard nothing of this side, and this side has heard that. */
function explainDeclared(end: CloseReport, other: string, text: string): string {
  const declared =
    `${other} declared this side dead: nothing from this side arrived there in time${text}`;
  const kernel = explainKernel(end, other);
  if (end.cause === "local_stall") {
    return `${declared}, since this process did not run. Look next: what stopped this process or host?`;
  }
  return kernel
    ? `${declared}: ${kernel.what}.${kernel.alone} Look next: ` +
      (kernel.next ?? "what drops packets from this host to there: a firewall or NAT on the path?")
    : `${declared}. Look next: does the path drop what this side sends, or was this process or host ` +
      `stopped (a local stall)?`;
}

function explainUnheard(end: CloseReport, other: string): string {
  return `${other} had given up before its HELLO arrived here${
    end.text && ` (${end.text})`
  }; it was answered ` +
    `at once. Look next: does a proxy or load balancer on the path hold connections in a queue, or take ` +
    `long to connect here?`;
}

/** A pause in the traffic, in milliseconds, from which on an idle timeout is likelier than a killed process. */
const PAUSE_MS = 500;

/**
 * Whoever ends the TCP connection sends the FIN: after a pause an idle timeout is the likeliest cause, unless
 * the connection had survived as long a pause.
 */
function closedHint({ idle_ms, pause_ms, survived_ms }: CloseReport, role: Role): string {
  const other = otherSide(role);
  const path = "a proxy, tunnel, load balancer or NAT on the path";
  const writes = role === "client" ? ", or could it not write its store or output" : "";
  return survived_ms === undefined && (pause_ms ?? idle_ms ?? 0) >= PAUSE_MS
    ? `does ${path} close connections that are idle so long, or are so old; or did ${other}'s process end` +
      `${writes}?`
    : `did ${other}'s process end (a crash, a kill)${writes}; or did ${path} restart or close it?`;
}

/** How long the connection had been idle, and how old it was. */
function traffic({ age_ms, idle_ms, pause_ms }: CloseReport): string {
  if (idle_ms === null || age_ms === null) return "without traffic";
  const when = pause_ms === undefined
    ? `${seconds(idle_ms)} after the last traffic`
    : `at the first traffic after a pause of ${seconds(pause_ms)}`;
  return `${when}, at an age of ${seconds(age_ms)}`;
}

function explainLoss(end: CloseReport, other: string): string {
  const next = nextOf("transfer", end.code);
  switch (end.reason) {
    case "reset":
      if (end.code === "ECONNABORTED" || end.code === "ENETRESET") {
        return `the connection was reset: ${end.text}, ${traffic(end)}${next}`;
      }
      return `the connection was reset (RST), ${
        traffic(end)
      }. Look next: did a proxy, firewall or NAT on ` +
        `the path cut it, or forget it, or give it another port; or did ${other}'s process end?`;
    case "silent":
      return `this host gave up on the connection to ${other}: ${end.text}, ${traffic(end)}` +
        (next ||
          `. Look next: does a firewall or NAT on the path drop packets silently, or is ${other}'s host down?`);
    case "unreachable":
      return `${other} became unreachable: ${end.text}, ${traffic(end)}` + (next ||
        ". Look next: this host's link and address, and routes, links and firewalls on the path");
    default:
      return `the connection failed: ${end.text}${next}`;
  }
}
