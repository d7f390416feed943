/**
 * Explains an end for want of an answer, before a session was open and after; and what the kernel knows of it.
 *
 * @module
 */
import type { KernelFigures } from "../evidence/kernel.ts";
import type { CloseReport } from "../session/close_reason.ts";
import type { Event } from "../session/events.ts";
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
  const { alone, next, what } = explainKernel(end, other) ?? {};
  const heardFor_ms = end.detected_after_ms! - end.silent_ms!;
  if (heardFor_ms >= timers.data_threshold_ms / 4 && !next) {
    const longer = `${other} was heard ${seconds(heardFor_ms)} longer`;
    return {
      what: `what this side sends does not arrive, though ${longer}: ` +
        `nothing heard for ${silence}, ${unanswered}; ${measured}`,
      alone,
      next: `what drops packets from this host to ${other}: ` +
        "a firewall or NAT on the path that lets only the other direction through?",
    };
  }
  const known = what === undefined ? "" : `, ${what}`;
  const isThere = what === undefined
    ? `the process or the host of ${other} frozen or cut off?`
    : `the host of ${other} down or cut off?`;
  return {
    what: `${heard}, ${unanswered}${known}: ${measured}`,
    alone,
    next: next ?? "does a firewall, NAT or load balancer on the path drop packets silently, " +
        `or is ${isThere}`,
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
  const kernel = explainKernel(end, other);
  if (kernel) {
    return {
      what: `${what}: ${kernel.what}`,
      alone: kernel.alone,
      next: kernel.next ?? `what drops packets from this host to ${other}: a firewall or NAT?`,
    };
  }
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

/** What the kernel shows at one moment. */
export function kernelText(event: Event & { event: "kernel" }, other: string): string {
  if ("unknown" in event) {
    return `what the kernel knows of silent connections cannot be read here: ${event.unknown}`;
  }
  const bytes = counted(event.unacked_bytes, "byte");
  const texts: Readonly<Record<KernelState, string>> = {
    unknown: "",
    acknowledged: `all is acknowledged by ${hostOf(other)}`,
    not_reading: `${bytes} wait here, the receive window of ${other} is closed`,
    waiting: `${bytes} wait here to be sent`,
    too_early: `${bytes} unacknowledged, sent too recently to prove anything`,
    in_vain: inVain(event),
    sent: `${bytes} unacknowledged`,
  };
  const { unread_bytes } = event;
  const unread = unread_bytes === 0 ? "" : `, ${counted(unread_bytes, "byte")} unread here`;
  return `the kernel: ${texts[kernelState(event)]}${unread}`;
}

/** What the kernel shows without its numbers, which change all the time. */
export type KernelState =
  | "unknown"
  | "acknowledged"
  | "not_reading"
  | "waiting"
  | "too_early"
  | "in_vain"
  | "sent";

/** What the kernel shows at one moment, as far as a change of it is news. */
export function kernelState(event: Event & { event: "kernel" }): KernelState {
  if ("unknown" in event) return "unknown";
  const { cause, retransmissions, timer, too_early, unacked_bytes } = event;
  if (unacked_bytes === 0) return "acknowledged";
  if (timer === "window_probe") return cause === "not_reading" ? "not_reading" : "waiting";
  if (too_early) return "too_early";
  return retransmissions > 0 ? "in_vain" : "sent";
}

function hostOf(other: string): string {
  return `${other}'s host, or a proxy in front of it`;
}

/**
 * Explains why a peer was silent, or this side in its eyes, as far as the kernel has shown it. Without `next`,
 * that is where a silence leads.
 */
export function explainKernel(end: CloseReport, other: string): Explanation | undefined {
  const { cause, kernel, link, tcp_gives_up_ms } = end;
  if (!kernel || link !== undefined) return undefined;
  const alone = aloneText(tcp_gives_up_ms);
  switch (cause) {
    case "process_not_running":
      return {
        what: `though ${hostOf(other)}, acknowledges everything`,
        alone,
        next: `is the process of ${other}, or of a proxy in front of it, stopped, hung or cut off?`,
      };
    case "not_reading":
      return {
        what: `${other}, or a proxy in front of it, does not read: its receive window is closed, ` +
          `and ${counted(kernel.unacked_bytes, "byte")} wait here`,
        alone,
        next: `is the process of ${other}, or of a proxy in front of it, stopped or overloaded?`,
      };
    case "path_cut":
      // A peer that declares this side dead is heard all the same.
      return end.by === "peer"
        ? { what: inVain(kernel), alone }
        : { what: `nothing comes through (${inVain(kernel)})`, alone };
    case "large_packets":
      return {
        what: `small packets come through, large ones never (${inVain(kernel)})`,
        alone,
        next: `does the path drop packets above a size (an MTU black hole)?`,
      };
    default:
      return undefined;
  }
}

/** Where this host cannot send, nothing is sent again. */
function inVain({ retransmissions, unacked_bytes }: KernelFigures): string {
  const bytes = counted(unacked_bytes, "byte");
  return retransmissions === 0
    ? `${bytes} wait here to be sent`
    : `${bytes} unacknowledged after ${counted(retransmissions, "retransmission")}`;
}

function aloneText(tcp_gives_up_ms: number | null | undefined): string | undefined {
  if (tcp_gives_up_ms === undefined) return undefined;
  const wait = tcp_gives_up_ms === null ? "for ever" : `some ${inMinutes(tcp_gives_up_ms)}`;
  return `An application without heartbeats would have waited ${wait} here`;
}

function inMinutes(ms: number): string {
  const s = Math.round(ms / 1000);
  return s < 60 ? `${s} s` : `${Math.floor(s / 60)} min ${s % 60} s`;
}
