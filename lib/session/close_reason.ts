/**
 * Why a session or a connection ended: who noticed, when, what that means for the exit status, and how
 * the time compares with the prediction.
 *
 * @module
 */
import { TransportError, type TransportErrorKind } from "../platform/net/transport.ts";
import type { Role, TerminateReason } from "../wire/protocol.ts";
import { roundMs } from "./ledger.ts";
import { predictedDetection_ms, type Timers } from "./timers.ts";

/** Who ended the session: this side, its peer, or the network between them. */
export type EndedBy = "self" | "peer" | "network";

/** Why a session ended: a reason of `TERMINATE`, or what the connection showed. */
export type EndReason =
  | TerminateReason
  | "closed"
  | "reset"
  | "unreachable"
  | "name_not_found"
  | "superseded"
  | "failed";

/** What a death by silence is measured from. */
export type DetectedSince =
  | "first_unconfirmed_data_sent"
  | "last_data_heard"
  | "first_unanswered_heartbeat_sent"
  | "last_sign_of_life"
  | "connection_lost";

/** How a session ended. */
export interface CloseReason {
  /** Who ended it. */
  readonly by: EndedBy;
  /** Why. */
  readonly reason: EndReason;
  /** The reason in the words of whoever gave it; empty where there is nothing to add. */
  readonly text: string;
}

const REASON_OF_KIND: Readonly<Record<TransportErrorKind, EndReason>> = {
  refused: "refused",
  reset: "reset",
  unreachable: "unreachable",
  // On an open connection: the kernel gave up repeating what the peer never acknowledged.
  unanswered: "silent",
  name_not_found: "name_not_found",
  address_in_use: "failed",
  address_not_here: "unreachable",
  // A route or a firewall on the path forbids it (RFC 1812, section 5.2.7.1).
  not_permitted: "unreachable",
  too_many_open_files: "failed",
  closed: "closed",
  other: "failed",
};

/** The ending that an error means: a failed connection, or else a defect of this program. */
export function closeReasonOf(error: unknown): CloseReason {
  if (!(error instanceof TransportError)) {
    return { by: "self", reason: "failed", text: `a defect of this program: ${error}` };
  }
  const text = error.kind === "too_many_open_files"
    ? "this process has as many files open as it may; see ulimit -n"
    : error.message;
  return { by: "network", reason: REASON_OF_KIND[error.kind], text };
}

/** The exit statuses of both commands. */
export const EXIT = {
  /** Ended as asked. */
  asked: 0,
  /** The session was lost. */
  lost: 1,
  /** Wrong use or configuration. */
  usage: 2,
  /** Could not connect or listen. */
  unconnected: 3,
  /** Refused by the peer. */
  refused: 4,
} as const;

/** One of {@linkcode EXIT}. */
export type ExitStatus = typeof EXIT[keyof typeof EXIT];

/**
 * The exit status that a session's end means for a side of it. An end that either user asked for is
 * as asked, but for a client whose server goes away before the client was done.
 */
export function exitStatus(closeReason: CloseReason, role: Role, wasOpen: boolean): ExitStatus {
  const neverBegun = role === "client" && !wasOpen && closeReason.reason === "done";
  if (closeReason.by === "self" && isPolite(closeReason)) {
    return neverBegun ? EXIT.unconnected : EXIT.asked;
  }
  if (closeReason.by === "peer" && closeReason.reason === "refused") return EXIT.refused;
  if (!wasOpen) return EXIT.unconnected;
  if (closeReason.by === "peer" && isPolite(closeReason) && role === "server") return EXIT.asked;
  return EXIT.lost;
}

/** Whether the cause of a lost connection, or of one that could not be opened, may pass. */
export function isRetryable({ by, reason }: CloseReason): boolean {
  if (by === "network") return true;
  if (by === "self") return reason === "silent";
  return ["closed", "silent", "shutdown", "superseded"].includes(reason);
}

/** Whether a session ended because somebody asked for it. */
export function isPolite(closeReason: CloseReason): boolean {
  return closeReason.by !== "network" &&
    (closeReason.reason === "done" || closeReason.reason === "shutdown");
}

/** Who noticed the end of a session or of a connection, when, and why. */
export interface CloseReport {
  /** Who ended it. */
  by: EndedBy;
  /** Why. */
  reason: EndReason;
  /** The reason in the words of whoever gave it. */
  text: string;
  /** The peer's address and port. */
  peer: string;
  /** How long after `detected_since` it was noticed; `null` of an end that somebody asked for. */
  detected_after_ms: number | null;
  /** What that is measured from. */
  detected_since: DetectedSince | null;
  /** How long after that a dead peer was predicted to be declared; `null` before a session was open. */
  predicted_ms: number | null;
  /** How long ago the last sign of life had come. */
  silent_ms: number | null;
}

/** What a death by silence is measured from, and how long after it death was predicted. */
export interface Detection {
  /** What happened then. */
  readonly since: DetectedSince;
  /** When, in monotonic milliseconds. */
  readonly at_ms: number;
  /** The predicted time from then to death, in milliseconds. */
  readonly predicted_ms: number;
}

/** What a verdict is made from. */
export interface CloseContext {
  /** The peer's address and port. */
  peer: string;
  /** The session's timers. */
  timers: Timers;
  /** When the session ended, in monotonic milliseconds. */
  now_ms: number;
  /** When the last sign of life came; not given if no session was ever open. */
  lastSignOfLife_ms?: number;
  /** What a death by silence is measured from; not given if the session never fell silent. */
  detection?: Detection;
}

/** The fields of `terminated` and `disconnected`. */
export function closeReport(closeReason: CloseReason, evidence: CloseContext): CloseReport {
  const { detection, lastSignOfLife_ms, now_ms, peer, timers } = evidence;
  if (lastSignOfLife_ms === undefined) {
    const none = { detected_after_ms: null, detected_since: null, predicted_ms: null };
    return { ...closeReason, peer, ...none, silent_ms: null };
  }
  const died = closeReason.by === "self" && closeReason.reason === "silent";
  const measured = died && detection ? detection : {
    since: "last_sign_of_life" as const,
    at_ms: lastSignOfLife_ms,
    predicted_ms: predictedDetection_ms(timers),
  };
  const noticed = !isPolite(closeReason);
  return {
    ...closeReason,
    peer,
    detected_after_ms: noticed ? roundMs(now_ms - measured.at_ms) : null,
    detected_since: noticed ? measured.since : null,
    predicted_ms: measured.predicted_ms,
    silent_ms: roundMs(now_ms - lastSignOfLife_ms),
  };
}
