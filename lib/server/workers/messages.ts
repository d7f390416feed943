/**
 * Messages between the main thread of a server and its workers. Requests have a `call` number.
 *
 * @module
 */
import type { TransportErrorKind } from "../../platform/net/transport.ts";
import type { Event } from "../../session/events.ts";
import type { Entry, EntryOf, StoredSession } from "../../store/store.ts";
import type { Placement } from "../coordinator.ts";
import type { ServerConfig } from "../options.ts";

/** What a worker is started with. */
export interface WorkerConfig extends Readonly<ServerConfig> {
  /** Whether to emit the events of every data message. */
  readonly wantsMessages: boolean;
  /** If data messages are delivered: whether they are stored. */
  readonly delivery?: { readonly isDurable: boolean };
  /** The sessions of an earlier process that the worker restores. */
  readonly sessions: readonly StoredSession[];
}

/** An operation on a forwarded connection. */
export type IoRequest =
  | { readonly use: "read"; readonly size: number }
  | { readonly use: "write"; readonly bytes: Uint8Array }
  | { readonly use: "close_write" }
  | { readonly use: "close" };

/** The result of an operation; `close` has none. */
export type IoResult =
  | { readonly use: "read"; readonly bytes: Uint8Array | null }
  | { readonly use: "write"; readonly count: number }
  | { readonly use: "close_write" }
  | {
    readonly use: "read" | "write" | "close_write";
    readonly failure: { readonly kind: TransportErrorKind; readonly text: string };
  };

/** From the main thread to a worker. */
export type ToWorker =
  /** Open the port. */
  | { readonly kind: "start"; readonly config: WorkerConfig }
  /** All workers listen: accept connections. */
  | { readonly kind: "serve" }
  /** So many events have been processed. */
  | { readonly kind: "acknowledged"; readonly count: number }
  | { readonly kind: "place_result"; readonly call: number; readonly placement: Placement }
  /** Serve a connection that another worker accepted `age_ms` ago, of this session if it has one. */
  | {
    readonly kind: "forwarded";
    readonly forwarding: number;
    readonly peer: string;
    readonly age_ms: number;
    readonly session?: string;
  }
  /** To the worker that accepted a forwarded connection. */
  | { readonly kind: "io_request"; readonly forwarding: number; readonly request: IoRequest }
  /** To the worker that serves a forwarded connection. */
  | { readonly kind: "io_result"; readonly forwarding: number; readonly result: IoResult }
  /** Everything up to `seq` is delivered for this recipient: so many bytes more. */
  | {
    readonly kind: "delivered";
    readonly recipient: number;
    readonly seq: number;
    readonly bytes: number;
  }
  /** The reply to `store_and_reply` and `flush`; at once if nothing more can be delivered. */
  | { readonly kind: "delivery_result"; readonly call: number; readonly hasFailed: boolean }
  /** Whether all workers together have no room for another session, or for more data messages. */
  | { readonly kind: "full"; readonly sessions: boolean; readonly delivery: boolean }
  /** How long has the session been disconnected that would be evicted first? */
  | { readonly kind: "longest_away"; readonly call: number }
  /** Evict that session. */
  | { readonly kind: "make_room"; readonly call: number }
  /** Nothing more can be delivered. */
  | { readonly kind: "delivery_failed"; readonly text: string }
  | { readonly kind: "stop"; readonly reason: "done" | "shutdown"; readonly text: string };

/** From a worker to the main thread. */
export type FromWorker =
  /** Ready for `start`. */
  | { readonly kind: "loaded" }
  | { readonly kind: "listening" }
  | { readonly kind: "listen_failed"; readonly error: TransportErrorKind; readonly text: string }
  | { readonly kind: "event"; readonly event: Event }
  /** Which worker serves this session, or, without one, an original client? */
  | { readonly kind: "place"; readonly call: number; readonly session?: string }
  /** Whether the connection of a session that was placed here has opened or resumed it. */
  | { readonly kind: "placement_settled"; readonly session: string; readonly isKept: boolean }
  /** The session of an original client has begun. */
  | { readonly kind: "session_begun"; readonly session: string }
  | { readonly kind: "session_ended"; readonly session: string }
  /** Forward a connection that was placed at another worker. */
  | {
    readonly kind: "forward";
    readonly forwarding: number;
    readonly peer: string;
    readonly age_ms: number;
  }
  | { readonly kind: "io_request"; readonly forwarding: number; readonly request: IoRequest }
  | { readonly kind: "io_result"; readonly forwarding: number; readonly result: IoResult }
  /** Deliver a data message, and report to this recipient. */
  | {
    readonly kind: "deliver";
    readonly recipient: number;
    readonly message: EntryOf<"message">;
  }
  /** Store an entry, in order with the data messages. */
  | { readonly kind: "store"; readonly entry: Entry }
  /** As `store`, with a reply once it is stored. */
  | { readonly kind: "store_and_reply"; readonly call: number; readonly entry: Entry }
  /** Reply once everything is delivered. */
  | { readonly kind: "flush"; readonly call: number }
  /** Without a time if no session can be evicted. */
  | { readonly kind: "longest_away_result"; readonly call: number; readonly away_ms?: number }
  | { readonly kind: "make_room_result"; readonly call: number; readonly isMade: boolean }
  /** The last message: how many sessions the worker has served, and how many of them were lost. */
  | { readonly kind: "stopped"; readonly served: number; readonly lost: number };
