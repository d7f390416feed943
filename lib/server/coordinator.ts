/**
 * What a server asks of others: who may come in; and, if it is one of several workers, which of them serves a
 * connection: they share the port, and a client may reconnect to a worker that does not have its session.
 *
 * @module
 */
import type { Connection } from "../platform/net/transport.ts";
import type { CloseReason } from "../session/close_reason.ts";
import type { ProofVerdict } from "../wire/proof.ts";
import type { Delivery } from "../store/delivery.ts";
import type { Limit } from "../session/events.ts";
import type { StoredSession } from "../store/store.ts";

/**
 * What becomes of a connection by its peer's address: it is served at once (`undefined`) or after a wait, or
 * closed for a limit.
 */
export type Verdict = { readonly wait_ms: number } | { readonly limit: Limit } | undefined;

/** Who may come in, and how many sessions an address may have. */
export interface Access {
  /** How many sessions an address may have. */
  readonly maxSessionsPerAddress: number;
  /** Whether any connection may be judged other than to be served at once. */
  readonly isJudging: boolean;
  /** Judges a connection that has just been accepted, before anything of it is read. */
  judge(peer: string): Verdict | Promise<Verdict>;
  /** Whether there is room for another session of this peer's address. */
  hasRoom(peer: string): boolean;
  /** Counts a session for this peer's address, for as long as it lives. */
  count(peer: string): CountedSession;
}

/** A session that is counted for an address. */
export interface CountedSession {
  /** Takes it out of the count. */
  release(): void;
}

/** Why a session is not admitted; for a limit, of which there may be room later, or for good. */
export interface Refusal {
  /** Why, for people. */
  readonly refusal: string;
  /** The limit, if it is for want of room. */
  readonly limit?: Limit;
}

/** What came of the proof of a client's key. */
export interface Proven extends ProofVerdict {
  /** How the connection ends that has proved none, unless its next frame ends it. */
  readonly end?: CloseReason;
}

/** A connection that one worker has accepted and another one serves. */
export interface Forwarded {
  /** The connection. */
  readonly connection: Connection;
  /** When it was opened, in monotonic milliseconds. */
  readonly connected_ms: number;
  /** The session that it was placed for, if it names one. */
  readonly session?: string;
  /** Why it is refused, if it is. */
  readonly refusal?: Refusal;
  /** What came of the proof of its key, if the server has keys. */
  readonly proven?: Proven;
}

/** A connection that opened no session. */
export interface Stranger {
  /** Its address and port. */
  readonly peer: string;
  /** What it sent: see `describeSent`; `undefined` if that was not looked at. */
  readonly sent?: string;
  /** The limit for which it was closed or refused, if it was. */
  readonly limit?: Limit;
}

/** Which worker serves a connection. */
export type Placement =
  /** The one that accepted it, which refuses it if there is a reason to. */
  | { readonly at: "here"; readonly refusal?: Refusal }
  /** Another one, to which it is forwarded under this number. */
  | { readonly at: "elsewhere"; readonly forwarding: number };

/** All workers together, as one of them sees it. */
export interface Coordinator extends Pick<Access, "judge"> {
  /** Where data messages go, if anywhere. */
  readonly delivery?: Delivery;
  /** The sessions of an earlier process that this worker restores. */
  readonly sessions: readonly StoredSession[];
  /** Whether all workers together have as many sessions as they may have. */
  readonly isFull: boolean;
  /**
   * Decides which worker serves a connection: that of its session, or, without a session's id, the one
   * that serves all legacy clients. What comes of a session placed here is reported with `sessionPlaced`.
   */
  findWorker(session: string | undefined, peer: string): Promise<Placement>;
  /** Forwards a connection to another worker; resolves when that has closed it. */
  forward(to: Forwarded & { readonly forwarding: number }): Promise<void>;
  /** Reports whether the connection of a session that was placed here has led to it. */
  sessionPlaced(session: string, isKept: boolean): void;
  /** Reports that the session of a legacy client began here. */
  sessionStarted(session: string, peer: string): void;
  /** Reports that a session of this worker has ended. */
  sessionEnded(session: string): void;
  /** Reports a connection that opened no session. */
  onStranger(stranger: Stranger): void;
}
