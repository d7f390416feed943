/**
 * Why a session or a connection ended, the exit status for it, and when it was noticed, against the
 * prediction.
 *
 * @module
 */
import type { Noticed } from "../evidence/outage_log.ts";
import { defectText } from "../platform/errors.ts";
import { mayPass } from "../platform/net/error_text.ts";
import { TransportError, type TransportErrorKind } from "../platform/net/transport.ts";
import type { HoldReason, Role, TerminateReason } from "../wire/protocol.ts";
import type { Cut } from "../evidence/cuts.ts";
import type { KernelFigures, KernelVerdict } from "../evidence/kernel.ts";
import type { Cause } from "../evidence/side.ts";
import { roundMs } from "./ledger.ts";
import { heartbeatPhase_ms, predictedDetection_ms, type Timers } from "./timers.ts";

/** Who ended the session: this side, its peer, or the network between them. */
export type EndedBy = "self" | "peer" | "network";

/** Why a session ended: a reason of `TERMINATE`, or what happened to the connection. */
export type EndReason =
  | TerminateReason
  | "closed"
  | "reset"
  | "unreachable"
  | "name_not_found"
  | "superseded"
  | "unproven"
  | "failed";

/** The moment from which a detection time is measured. */
export type DetectedSince =
  | "first_unconfirmed_data_sent"
  | "last_data_heard"
  | "session_opened"
  | "first_unanswered_heartbeat_sent"
  | "last_sign_of_life"
  | "connection_lost";

/** Why a session or a connection ended. */
export interface CloseReason {
  /** Who ended it. */
  readonly by: EndedBy;
  /** Why. */
  readonly reason: EndReason;
  /** What whoever ended it said about the reason; empty if nothing. */
  readonly text: string;
  /** The operating system's error code, if an error of the network has one, or a code of TLS. */
  readonly code?: string;
  /** Set if the peer had given up before it was answered, as after a wait in a proxy's queue. */
  readonly unheard?: true;
  /** What was wrong with this host's own interface in the silence before, if anything was found. */
  readonly link?: string;
}

/** Why a connection ended, by the network if nobody else is named. */
const END_OF_KIND: Readonly<
  Record<TransportErrorKind, EndReason | readonly [by: EndedBy, reason: EndReason]>
> = {
  refused: "refused",
  reset: "reset",
  unreachable: "unreachable",
  // On an open connection: the kernel gave up retransmitting what the peer never acknowledged.
  unanswered: "silent",
  name_not_found: "name_not_found",
  address_in_use: "failed",
  address_not_here: "unreachable",
  // A route or a firewall on the path forbids it (RFC 1812, section 5.2.7.1).
  not_permitted: "unreachable",
  too_many_open_files: "failed",
  untrusted: ["self", "refused"],
  no_tls: ["self", "protocol"],
  turned_away: ["peer", "refused"],
  closed: "closed",
  other: "failed",
};

/** The close reason for an error: the connection failed, or else it is a defect of this program. */
export function closeReasonOf(error: unknown): CloseReason {
  if (!(error instanceof TransportError)) {
    return { by: "self", reason: "failed", text: defectText(`${error}`) };
  }
  const { code, kind, message: text } = error;
  const end = END_OF_KIND[kind];
  const [by, reason] = typeof end === "string" ? ["network", end] as const : end;
  return { by, reason, text, ...code && { code } };
}

/** The exit statuses of both commands; `cli/options.ts` says what leads to each. */
export const EXIT = { asked: 0, lost: 1, usage: 2, unconnected: 3, refused: 4 } as const;

/** One of {@linkcode EXIT}. */
export type ExitStatus = typeof EXIT[keyof typeof EXIT];

/**
 * The exit status of one side of a session. An end that either user asked for is as asked, except for a
 * client whose server stops before the client is done.
 */
export function exitStatus(closeReason: CloseReason, role: Role, wasOpen: boolean): ExitStatus {
  const { by, reason, unheard } = closeReason;
  const neverBegun = role === "client" && !wasOpen && reason === "done";
  if (by === "self" && isPolite(closeReason)) return neverBegun ? EXIT.unconnected : EXIT.asked;
  const isTurnedAway = reason === "refused" || reason === "full";
  if (by === "peer" && isTurnedAway || reason === "unproven") return EXIT.refused;
  if (!wasOpen || unheard) return EXIT.unconnected;
  if (by === "peer" && isPolite(closeReason) && role === "server") return EXIT.asked;
  return EXIT.lost;
}

/** Whether dialling again may help: the cause of a lost or failed connection may be temporary. */
export function isRetryable({ by, code, reason }: CloseReason): boolean {
  if (by === "network" || mayPass(code)) return true;
  if (by === "self") return reason === "silent";
  return ["closed", "silent", "shutdown", "superseded", "full"].includes(reason);
}

/** Whether a session ended because a user asked for it. */
export function isPolite(closeReason: CloseReason): boolean {
  return closeReason.by !== "network" &&
    (closeReason.reason === "done" || closeReason.reason === "shutdown");
}

/** Whether the peer declared this side dead. */
export function isDeclaredByPeer({ by, reason }: CloseReason): boolean {
  return by === "peer" && reason === "silent";
}

/** The close reason, with what was wrong with this host's own interface if that may be why. */
export function onLink(closeReason: CloseReason, link: string | undefined): CloseReason {
  const { reason } = closeReason;
  const isOfPath = reason === "silent" || reason === "unreachable";
  return isOfPath && link !== undefined ? { ...closeReason, link } : closeReason;
}

/** Whether a connection ended without `TERMINATE`: by FIN, by RST, or by an error. */
export function isCut({ by, reason }: CloseReason): boolean {
  return by === "network" ? reason !== "silent" : by === "peer" && reason === "closed";
}

/** The fields of `terminated` and `disconnected`: who ended it, why, and when that was noticed. */
export interface CloseReport extends CloseReason {
  /** The peer's address and port. */
  peer: string;
  /** How long after `detected_since` it was noticed; `null` for an end that a user asked for. */
  detected_after_ms: number | null;
  /** The moment from which that is measured. */
  detected_since: DetectedSince | null;
  /** How long after that a dead peer was predicted to be declared; `null` if no session was open. */
  predicted_ms: number | null;
  /** How long before it the last sign of life came. */
  silent_ms: number | null;
  /** For how long this host was suspended in the silence before; absent if it was not. */
  suspended_ms?: number;
  /** If the peer declared this side dead: how long, at least, this process had just not run; absent if it did. */
  stalled_ms?: number;
  /** How long before it the last byte was sent or received on the connection; `null` without one. */
  idle_ms: number | null;
  /** How old the connection was; `null` without one. */
  age_ms: number | null;
  /** The pause in its traffic that had ended just before, or with what a dead peer left unanswered first. */
  pause_ms?: number;
  /** Of a close by FIN: the longest pause that the connection had survived, if it is not below the last one. */
  survived_ms?: number;
  /** What confirmations waited for at the server, if they did. */
  held?: HoldReason;
  /** Why it fell silent, or was closed, by all that is known here; absent if its end was asked for. */
  cause?: Cause;
  /** What the kernel said last of a connection that was silent. */
  kernel?: KernelFigures;
  /** How long TCP alone would have gone on; `null` if for ever, absent if that is not known. */
  tcp_gives_up_ms?: number | null;
}

/** The start of a silence, and the predicted time from it to the declaration of death. */
export interface Detection {
  /** What happened at that moment. */
  readonly since: DetectedSince;
  /** When, in monotonic milliseconds. */
  readonly at_ms: number;
  /** The predicted time from then to death, in milliseconds. */
  readonly predicted_ms: number;
}

/** What {@linkcode closeReport} needs besides the close reason. */
export interface CloseContext {
  /** The peer's address and port. */
  peer: string;
  /** The session's timers. */
  timers: Timers;
  /** When the session ended, in monotonic milliseconds. */
  now_ms: number;
  /** When the last sign of life came; absent if no session was ever open. */
  lastSignOfLife_ms?: number;
  /** For how long this host was suspended since then, in milliseconds. */
  suspended_ms?: number;
  /** If the peer declared this side dead: for how long this process had just not run, in milliseconds. */
  stalled_ms?: number;
  /** Of the last silence; absent if there was none. */
  detection?: Detection;
  /** What follows from what the kernel knew in the last silence; absent if it is over, or nothing was known. */
  kernel?: KernelVerdict;
  /** How its connection was used until it ended; absent if it had none. */
  cut?: Cut;
}

function rounded({ reason }: CloseReason, { age_ms, idle_ms, pause_ms, survived_ms }: Cut) {
  const isNoTimeout = reason === "closed" && survived_ms > 0 &&
    survived_ms >= (pause_ms ?? idle_ms);
  return {
    idle_ms: roundMs(idle_ms),
    age_ms: roundMs(age_ms),
    ...pause_ms !== undefined && { pause_ms: roundMs(pause_ms) },
    ...isNoTimeout && { survived_ms: roundMs(survived_ms) },
  };
}

/** Whether this side declared its peer dead. */
export function isDeath(
  { by, reason }: CloseReason,
  detection: Detection | undefined,
): detection is Detection {
  return by === "self" && reason === "silent" && detection !== undefined;
}

/** Makes the fields of `terminated` and `disconnected`. */
export function closeReport(closeReason: CloseReason, context: CloseContext): CloseReport {
  const { detection, lastSignOfLife_ms, now_ms, peer, timers, cut } = context;
  const { stalled_ms = 0, suspended_ms = 0 } = context;
  const sinceUse = cut ? rounded(closeReason, cut) : { idle_ms: null, age_ms: null };
  const why = conclusion(closeReason, context);
  if (lastSignOfLife_ms === undefined) {
    const none = { detected_after_ms: null, detected_since: null, predicted_ms: null };
    return { ...closeReason, peer, ...none, silent_ms: null, ...sinceUse, ...why };
  }
  const measured = isDeath(closeReason, detection) ? detection : {
    since: "last_sign_of_life" as const,
    at_ms: lastSignOfLife_ms,
    predicted_ms: predictedDetection_ms(timers),
  };
  // Of a death that the peer declared, this side noticed nothing by itself.
  const noticed = !isPolite(closeReason) && !isDeclaredByPeer(closeReason);
  return {
    ...closeReason,
    peer,
    detected_after_ms: noticed ? roundMs(now_ms - measured.at_ms) : null,
    detected_since: noticed ? measured.since : null,
    predicted_ms: measured.predicted_ms,
    silent_ms: roundMs(now_ms - lastSignOfLife_ms),
    ...suspended_ms > 0 && { suspended_ms: roundMs(suspended_ms) },
    ...stalled_ms > 0 && { stalled_ms: roundMs(stalled_ms) },
    ...sinceUse,
    ...why,
  };
}

/** The cause, and what the kernel said that it follows from. */
function conclusion(
  closeReason: CloseReason,
  context: CloseContext,
): Pick<CloseReport, "cause" | "kernel" | "tcp_gives_up_ms"> {
  const { figures, ...verdict } = context.kernel ?? {};
  const cause = causeOf(closeReason, context);
  if (cause === undefined) return {};
  return {
    cause,
    ...figures && { kernel: figures },
    ...cause === context.kernel?.cause && verdict,
  };
}

function causeOf({ by, link, reason }: CloseReason, context: CloseContext): Cause | undefined {
  const { detection, kernel, lastSignOfLife_ms, timers } = context;
  if (reason === "closed" || reason === "reset") return reason;
  const wasOpen = lastSignOfLife_ms !== undefined;
  if (by === "network") {
    if (reason === "silent") return wasOpen ? "path_cut" : "unknown";
    return reason === "unreachable" && wasOpen ? "path_cut" : undefined;
  }
  if (reason !== "silent" && reason !== "superseded") return undefined;
  if (detection?.since === "connection_lost") return undefined;
  // While this process did not run, it answered no heartbeat of a peer with timers like its own.
  const stalled_ms = Math.max(context.stalled_ms ?? 0, context.suspended_ms ?? 0);
  if (by === "peer" && stalled_ms >= heartbeatPhase_ms(timers)) return "local_stall";
  // The interface of this host is part of the path.
  if (link !== undefined) return "path_cut";
  if (by === "self") return kernel?.cause ?? "unknown";
  // The peer is there, and has heard nothing: only what did not arrive there can be why.
  const isInVain = kernel?.cause === "path_cut" || kernel?.cause === "large_packets";
  return isInVain ? kernel.cause : "unknown";
}

/** As what this side noticed an outage by the end of the connection; `undefined` if only the peer did. */
export function noticedBy({ by, reason }: CloseReason): Noticed | undefined {
  if (reason === "reset" || reason === "closed") return reason;
  if (by === "self" && reason === "silent") return reason;
  return by === "network" ? "other" : undefined;
}
