/**
 * What one of several workers of a server asks of the pool that it belongs to: they share the port, and
 * a session may come back over a connection that another worker has accepted.
 *
 * @module
 */
import type { Connection } from "../platform/net/transport.ts";
import type { Delivery } from "../store/delivery.ts";
import type { StoredSession } from "../store/store.ts";

/** Who serves a connection. */
export type Placement =
  /** The worker that has accepted it; it is to refuse it if there is a reason for that. */
  | { readonly at: "here"; readonly refusal?: string }
  /** Another one, to which it is lent by this number. */
  | { readonly at: "elsewhere"; readonly forwarding: number };

/** The pool, as one of its workers knows it. */
export interface Coordinator {
  /** Where its data messages go, if anywhere. */
  readonly delivery?: Delivery;
  /** The sessions of an earlier process that it is to take up. */
  readonly sessions: readonly StoredSession[];
  /** Whether all workers together have as many sessions as they may have. */
  readonly isFull: boolean;
  /**
   * Says who is to serve a connection: of a session, the worker that has it; of an original client, the
   * one that has all of those. A session that is placed here has to be told of with `settled`.
   */
  place(session: string | undefined): Promise<Placement>;
  /** Lends a connection to another worker; resolves when that has closed it. */
  forward(forwarding: number, connection: Connection, connected_ms: number): Promise<void>;
  /** The connection of a session that was placed here has led to it, or has come to nothing. */
  settled(session: string, isKept: boolean): void;
  /** The session of an original client has begun here. */
  begun(session: string): void;
  /** A session that was here has ended. */
  ended(session: string): void;
}
