/**
 * What the main thread of a server and its workers say to each other.
 *
 * @module
 */
import type { Address, TransportErrorKind } from "../../platform/net/transport.ts";
import type { Event } from "../../session/events.ts";
import type { Timers } from "../../session/timers.ts";
import type { Entry, EntryOf, StoredSession } from "../../store/store.ts";
import type { Placement } from "../coordinator.ts";

/** What a worker is to do. */
export interface WorkerConfig {
  /** Where to listen. */
  readonly address: Address;
  /** The timers of its sessions. */
  readonly timers: Timers;
  /** The largest data message to accept, in bytes. */
  readonly maxMessageBytes: number;
  /** How many sessions the server may have. */
  readonly maxSessions: number;
  /** How long a session is kept without a connection, in milliseconds. */
  readonly sessionLifetime_ms: number;
  /** Whether to serve clients of the original program too. */
  readonly original: boolean;
  /** Whether the events of every data message are wanted. */
  readonly wantsMessages: boolean;
  /** If data messages go anywhere: whether they are stored. */
  readonly delivery?: { readonly isDurable: boolean };
  /** The sessions of an earlier process that it is to take up. */
  readonly sessions: readonly StoredSession[];
}

/** What a worker does with a connection that is lent to it. */
export type IoRequest =
  | { readonly use: "read"; readonly size: number }
  | { readonly use: "write"; readonly bytes: Uint8Array }
  | { readonly use: "close_write" }
  | { readonly use: "close" };

/** What came of it. */
export type IoResult =
  | { readonly use: "read"; readonly bytes: Uint8Array | null }
  | { readonly use: "write"; readonly count: number }
  | { readonly use: "close_write" }
  | {
    readonly use: "read" | "write" | "close_write";
    readonly failure: { readonly kind: TransportErrorKind; readonly text: string };
  };

/** What the main thread says to a worker. */
export type ToWorker =
  | { readonly kind: "start"; readonly order: WorkerConfig }
  /** So many events have been told. */
  | { readonly kind: "told"; readonly count: number }
  /** All workers listen: accept, and serve. */
  | { readonly kind: "serve" }
  /** The answer to `place`. */
  | { readonly kind: "placed"; readonly call: number; readonly placement: Placement }
  /** Serve a connection that another worker has accepted, so long ago, perhaps of a session. */
  | {
    readonly kind: "take";
    readonly forwarding: number;
    readonly peer: string;
    readonly age_ms: number;
    readonly session?: string;
  }
  /** To who has lent a connection. */
  | { readonly kind: "use"; readonly forwarding: number; readonly what: IoRequest }
  /** To whom it is lent. */
  | { readonly kind: "used"; readonly forwarding: number; readonly what: IoResult }
  /** So much more of a recipient's is delivered. */
  | {
    readonly kind: "delivered";
    readonly recipient: number;
    readonly seq: number;
    readonly bytes: number;
  }
  /** The answer to `keep` and `flush`: it is done, or nothing more can be delivered. */
  | { readonly kind: "done"; readonly call: number; readonly hasFailed: boolean }
  /** Whether there is no room for another session, and whether no more is to be delivered for now. */
  | { readonly kind: "full"; readonly sessions: boolean; readonly delivery: boolean }
  /** Say how long the session has been away that is the first to give up. */
  | { readonly kind: "longest_away"; readonly call: number }
  /** Give that up. */
  | { readonly kind: "make_room"; readonly call: number }
  /** Nothing more can be delivered. */
  | { readonly kind: "undeliverable"; readonly text: string }
  | { readonly kind: "stop"; readonly reason: "done" | "shutdown"; readonly text: string };

/** What a worker says to the main thread. */
export type FromWorker =
  /** It can be started. */
  | { readonly kind: "loaded" }
  | { readonly kind: "listening" }
  | { readonly kind: "failed"; readonly error: TransportErrorKind; readonly text: string }
  | { readonly kind: "event"; readonly event: Event }
  | { readonly kind: "place"; readonly call: number; readonly session?: string }
  /** Of a session that was placed there: whether its connection has led to it. */
  | { readonly kind: "settled"; readonly session: string; readonly isKept: boolean }
  /** The session of an original client has begun. */
  | { readonly kind: "begun"; readonly session: string }
  | { readonly kind: "ended"; readonly session: string }
  | {
    readonly kind: "forward";
    readonly forwarding: number;
    readonly peer: string;
    readonly age_ms: number;
  }
  | { readonly kind: "use"; readonly forwarding: number; readonly what: IoRequest }
  | { readonly kind: "used"; readonly forwarding: number; readonly what: IoResult }
  /** Deliver a data message, and tell this recipient. */
  | {
    readonly kind: "deliver";
    readonly recipient: number;
    readonly message: EntryOf<"message">;
  }
  | { readonly kind: "note"; readonly entry: Entry }
  /** As `note`; to be answered when it is stored. */
  | { readonly kind: "keep"; readonly call: number; readonly entry: Entry }
  /** To be answered when all is delivered. */
  | { readonly kind: "flush"; readonly call: number }
  /** The answer to `longest_away`; no time if there is no such session. */
  | { readonly kind: "away"; readonly call: number; readonly away_ms?: number }
  /** The answer to `make_room`. */
  | { readonly kind: "made_room"; readonly call: number; readonly isMade: boolean }
  /** Its last word: how many sessions it has served, and how many of them were lost. */
  | { readonly kind: "over"; readonly served: number; readonly lost: number };
