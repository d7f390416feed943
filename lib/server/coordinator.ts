/**
 * What a server that is one of several workers asks of the others: they share the port, and a client may
 * reconnect to a worker that does not have its session.
 *
 * @module
 */
import type { Connection } from "../platform/net/transport.ts";
import type { CloseReason } from "../session/close_reason.ts";
import type { Delivery } from "../store/delivery.ts";
import type { StoredSession } from "../store/store.ts";
import type { Stranger } from "./strangers.ts";

/** Which worker serves a connection. */
export type Placement =
  /** The one that accepted it, which refuses it if there is a reason to. */
  | { readonly at: "here"; readonly refusal?: string }
  /** Another one, to which it is forwarded under this number. */
  | { readonly at: "elsewhere"; readonly forwarding: number };

/** What came of the proof of a client's key. */
export interface Access {
  /** The name of the key, if it was proved. */
  readonly who?: string;
  /** This side's own proof then. */
  readonly proof?: string;
  /** What is wrong otherwise, for this side's user. */
  readonly failure?: string;
  /** How that ends the connection, if its next frame does not. */
  readonly end?: CloseReason;
}

/** The close reason of a connection that gets no session. */
export function refused(text: string): CloseReason {
  return { by: "self", reason: "refused", text };
}

/** A connection that one worker has accepted and another one serves. */
export interface Forwarded {
  /** The connection. */
  readonly connection: Connection;
  /** When it was opened, in monotonic milliseconds. */
  readonly connected_ms: number;
  /** What came of the proof of its key, if the server has keys. */
  readonly access?: Access;
  /** The session that it was placed for, if it names one. */
  readonly session?: string;
}

/** All workers together, as one of them sees it. */
export interface Coordinator {
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
  findWorker(session: string | undefined): Promise<Placement>;
  /** Forwards a connection to another worker; resolves when that has closed it. */
  forward(to: Forwarded & { readonly forwarding: number }): Promise<void>;
  /** Reports whether the connection of a session that was placed here has led to it. */
  sessionPlaced(session: string, isKept: boolean): void;
  /** Reports that the session of a legacy client began here. */
  sessionStarted(session: string): void;
  /** Reports that a session of this worker has ended. */
  sessionEnded(session: string): void;
  /** Reports a connection that opened no session. */
  onStranger(stranger: Stranger): void;
}
