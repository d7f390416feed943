/**
 * Why a session ended, told apart: who noticed, what it was, and what that means for the exit status.
 *
 * @module
 */
import type { Role, TerminateReason } from "./protocol.ts";
import { TransportError, type TransportErrorKind } from "./transport.ts";

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
export interface Ending {
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
export function endingOfError(error: unknown): Ending {
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
export function exitStatus(ending: Ending, role: Role, wasOpen: boolean): ExitStatus {
  const neverBegun = role === "client" && !wasOpen && ending.reason === "done";
  if (ending.by === "self" && isPolite(ending)) return neverBegun ? EXIT.unconnected : EXIT.asked;
  if (ending.by === "peer" && ending.reason === "refused") return EXIT.refused;
  if (!wasOpen) return EXIT.unconnected;
  if (ending.by === "peer" && isPolite(ending) && role === "server") return EXIT.asked;
  return EXIT.lost;
}

/** Whether the cause of a lost connection, or of one that could not be opened, may pass. */
export function isPassing({ by, reason }: Ending): boolean {
  if (by === "network") return true;
  if (by === "self") return reason === "silent";
  return ["closed", "silent", "shutdown", "superseded"].includes(reason);
}

/** Whether a session ended because somebody asked for it. */
export function isPolite(ending: Ending): boolean {
  return ending.by !== "network" && (ending.reason === "done" || ending.reason === "shutdown");
}
