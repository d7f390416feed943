/**
 * Explains an end for want of an answer, before a session was open and after.
 *
 * @module
 */
import type { CloseReport } from "../session/close_reason.ts";
import { heartbeatsUntilDead, type Timers } from "../session/timers.ts";
import type { Role } from "../wire/protocol.ts";
import { counted, type Explanation, otherSide, ownLink, seconds, whileLink } from "./phrases.ts";

/** Explains why this side declared the other one dead. */
export function explainDeath(end: CloseReport, role: Role, timers: Timers): Explanation {
  const other = otherSide(role);
  const silence = seconds(end.silent_ms!);
  const heard = `nothing heard from ${other} for ${silence}`;
  const unanswered = `${counted(heartbeatsUntilDead(timers), "heartbeat")} unanswered`;
  const measured = measuredText(end, role, timers);
  if (end.link !== undefined) {
    return {
      what: `${heard}, ${unanswered}${whileLink(end)}: ${measured}`,
      next: ownLink(other),
    };
  }
  const heardFor_ms = end.detected_after_ms! - end.silent_ms!;
  if (heardFor_ms >= timers.data_threshold_ms / 4) {
    const longer = `${other} was heard ${seconds(heardFor_ms)} longer`;
    return {
      what: `what this side sends does not arrive, though ${longer}: ` +
        `nothing heard for ${silence}, ${unanswered}; ${measured}`,
      next: `what drops packets from this host to ${other}: ` +
        "a firewall or NAT on the path that lets only the other direction through?",
    };
  }
  return {
    what: `${heard}, ${unanswered}: ${measured}`,
    next: "does a firewall, NAT or load balancer on the path drop packets silently, " +
      `or is the process or the host of ${other} frozen or cut off?`,
  };
}

/** When the death was declared, and when that was predicted. */
function measuredText(end: CloseReport, role: Role, timers: Timers): string {
  const since = {
    first_unconfirmed_data_sent: "the first unconfirmed data message was sent",
    last_data_heard: `the last ${role === "client" ? "confirmation" : "data message"} was heard`,
    session_opened: "the session was opened",
    first_unanswered_heartbeat_sent: "the first unanswered heartbeat was sent",
    last_sign_of_life: "the last sign of life",
    connection_lost: "the connection was lost",
  }[end.detected_since!];
  const threshold = `heart_beat_threshold ${timers.heart_beat_threshold_ms / 1000} s`;
  const heartbeats = `${heartbeatsUntilDead(timers)} × ${threshold}`;
  const limits = end.detected_since === "first_unanswered_heartbeat_sent"
    ? heartbeats
    : `data_threshold ${timers.data_threshold_ms / 1000} s + ${heartbeats}`;
  const [detected, predicted] = [end.detected_after_ms!, end.predicted_ms!].map(seconds);
  return `declared dead ${detected} after ${since}, predicted ${predicted} (${limits})`;
}

/** Explains why the other side declared this one dead: what kept this one from answering comes first. */
export function explainDeclared(end: CloseReport, other: string): Explanation {
  const { link, stalled_ms, suspended_ms } = end;
  const text = end.text === "" ? "" : `: ${end.text}`;
  const what =
    `${other} declared this side dead: nothing from this side arrived there in time${text}`;
  if (stalled_ms !== undefined) {
    const stalled = `while this process did not run, for at least ${seconds(stalled_ms)}`;
    return { what: `${what}, ${stalled}`, next: NOT_RUNNING };
  }
  if (link !== undefined) return { what: `${what}${whileLink(end)}`, next: ownLink(other) };
  if (suspended_ms !== undefined) return { what, next: NOT_RUNNING };
  return {
    what,
    next: "does the path drop what this side sends, " +
      "or was this process or host stopped (a local stall)?",
  };
}

const NOT_RUNNING =
  "why did this process or its host not run: a stop signal, a debugger, too much " +
  "load, a sleep? The path may be well";

/** Explains why a session expired that no connection has. */
export function explainExpiry({ detected_after_ms, text }: CloseReport): Explanation {
  const after = `${seconds(detected_after_ms!)} after its connection was lost`;
  return {
    what: `the client ${text}: the session expired ${after}`,
    next: "is the client still running, and can it reach this server?",
  };
}

/** Explains why no session was opened in time on a connection. */
export function explainOpenTimeout({ peer, text }: CloseReport, role: Role): Explanation {
  if (role === "server") {
    return {
      what: `${peer} connected but did not open a session: ${text}`,
      next: "is it Pulsewire on that side, and is its process frozen?",
    };
  }
  return {
    what: `${peer} accepted the connection but sent nothing: ${text}`,
    next: "is it Pulsewire on that port; " +
      "does a proxy, tunnel or load balancer there wait for its own server, or have a queue; " +
      "is the server's process frozen, or does its store not answer?",
  };
}

/** Explains to a server why its client did not wait for the session to open. */
export function explainGivenUp({ peer, text }: CloseReport): Explanation {
  const why = text && `: ${text}`;
  return {
    what: `${peer}: the client gave up before its session was open${why}`,
    next: "did the store of this server not answer, was this process or host stopped, " +
      "or does the path drop what this side sends?",
  };
}

/** Explains to a server why its client had given up before this server had heard of it. */
export function explainUnheard({ text }: CloseReport, other: string): Explanation {
  const why = text && ` (${text})`;
  return {
    what: `${other} had given up before its HELLO arrived here${why}; it was answered at once`,
    next: "does a proxy or load balancer on the path hold connections in a queue, " +
      "or take long to connect here; or was this process or host stopped?",
  };
}
