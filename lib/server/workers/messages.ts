/**
 * Messages between the main thread of a server and its workers. Requests have a `call` number.
 *
 * @module
 */
import {
  type Connection,
  TransportError,
  type TransportErrorKind,
} from "../../platform/net/transport.ts";
import type { ServerPem } from "../../platform/net/tls/server.ts";
import type { ThinningOptions } from "../../evidence/recording/recording.ts";
import type { Event } from "../../session/events.ts";
import type { IdleResult } from "../../session/idle/idle_results.ts";
import type { Entry, EntryOf, StoredSession } from "../../store/store.ts";
import type { Key } from "../../wire/proof.ts";
import type { IdleSeen } from "../../wire/idle.ts";
import type { HoldReason } from "../../wire/protocol.ts";
import type { Placement, Proven, Refusal, ServerConfig, Stranger, Verdict } from "../options.ts";
import type { Begun, LedgerTotals, LiveReading, Trouble } from "../../monitor/watch.ts";
import type { SessionCounts } from "../session_registry.ts";

/** How a worker records. */
export interface WorkerRecording extends ThinningOptions {
  /** The main thread's `origin_ms`. */
  readonly origin_ms: number;
  /** The main thread's monotonic time when this is sent, in milliseconds. */
  readonly now_ms: number;
}

/** What a worker is started with. */
export interface WorkerConfig extends Readonly<ServerConfig> {
  /** The keys that clients have to prove, if the server has any. */
  readonly keys?: readonly Key[];
  /** Whether to emit the events of every data message. */
  readonly wantsMessages: boolean;
  /** How to record, if the process is recorded. */
  readonly recording?: WorkerRecording;
  /** Whether the main thread judges connections. */
  readonly isJudged: boolean;
  /** Whether a monitor reads the sessions. */
  readonly isWatched: boolean;
  /** If data messages are delivered: whether they are stored. */
  readonly delivery?: { readonly isDurable: boolean };
  /** The sessions of an earlier process that the worker restores. */
  readonly sessions: readonly StoredSession[];
}

/** A {@linkcode TransportError} in a message. */
export interface IoFailure {
  /** What failed. */
  readonly kind: TransportErrorKind;
  /** What happened, for people. */
  readonly text: string;
  /** The operating system's error code, if it gave one. */
  readonly code?: string;
}

/** Puts an error in a message. */
export function failureOf({ code, kind, message: text }: TransportError): IoFailure {
  return { kind, text, ...code !== undefined && { code } };
}

/** Takes an error out of a message. */
export function errorOf({ code, kind, text }: IoFailure): TransportError {
  return new TransportError(kind, text, { code });
}

/** What is known of a connection that is forwarded. */
export type Accepted = Pick<Connection, "local" | "peer" | "tls">;

/** An operation on a forwarded connection. */
export type IoRequest =
  | { use: "read"; size: number }
  | { use: "write"; bytes: Uint8Array }
  | { use: "close_write" }
  | { use: "link_fault" }
  | { use: "close" };

/** The result of an operation; `close` has none. */
export type IoResult =
  | { use: "read"; bytes: Uint8Array | null }
  | { use: "write"; count: number }
  | { use: "close_write" }
  | { use: "link_fault"; fault?: string }
  | { use: "read" | "write" | "close_write" | "link_fault"; failure: IoFailure };

/** The main thread passes these on between the two workers of a forwarded connection. */
export type IoMessage =
  /** To the worker that accepted the connection. */
  | { kind: "io_request"; forwarding: number; request: IoRequest }
  /** To the worker that serves it. */
  | { kind: "io_result"; forwarding: number; result: IoResult };

/** A connection that another worker has accepted, so long ago, with what came of the proof of its key. */
export type ForwardedMessage = { forwarding: number; age_ms: number; proven?: Proven } & Accepted;

/** What a monitor reads of a worker's sessions, and what it is told. */
export type WatchRequest =
  | { read: "sessions"; sessions: readonly string[] }
  | { read: "totals" }
  | { read: "in_doubt" };

/** What was read. */
export interface WatchResults {
  /** These sessions; `undefined` of those that are not there. */
  sessions: readonly (LiveReading | undefined)[];
  /** All in total. */
  totals: LedgerTotals;
  /** How many data messages are in doubt, of those sessions that have any. */
  in_doubt: readonly (readonly [session: string, count: number])[];
}

/** What a worker's sessions, and its server, tell a monitor. */
export type WatchNews =
  | { news: "begun" } & Begun
  | { news: "released"; session: string }
  | { news: "trouble"; what: Trouble; text?: string };

/** From the main thread to a worker. */
export type ToWorker =
  /** Open the port. */
  | { kind: "start"; config: WorkerConfig }
  /** All workers listen: accept connections. */
  | { kind: "serve" }
  /** So many events have been processed. */
  | { kind: "acknowledged"; count: number }
  | { kind: "idle_results_result"; call: number; seen: readonly IdleSeen[] }
  | { kind: "judge_result"; call: number; verdict: Verdict }
  | { kind: "place_result"; call: number; placement: Placement }
  /** Serve a connection that another worker accepted `age_ms` ago, of this session if it has one, or refuse it. */
  | { kind: "forwarded"; session?: string; refusal?: Refusal } & ForwardedMessage
  /** Clients have to prove these keys from now on. */
  | { kind: "keys"; keys: readonly Key[] }
  | IoMessage
  /** Everything up to `seq` is delivered for this recipient: so many bytes more. */
  | { kind: "delivered"; recipient: number; seq: number; bytes: number }
  /** Data messages of this recipient have been waiting, for this. */
  | { kind: "held"; recipient: number; reason: HoldReason }
  /** The reply to `store_and_reply` and `flush`; at once if nothing more can be delivered. */
  | { kind: "delivery_result"; call: number; hasFailed: boolean }
  /** Whether all workers together have no room for another session, or for more data messages. */
  | { kind: "full"; sessions: boolean; share: number }
  /** How long has the session been disconnected that would be evicted first? */
  | { kind: "longest_away"; call: number }
  /** Evict that session. */
  | { kind: "make_room"; call: number }
  /** Read this of the sessions. */
  | { kind: "watch"; call: number; request: WatchRequest }
  /** Nothing more can be delivered. */
  | { kind: "delivery_failed"; text: string }
  /** Show and ask for these from now on. */
  | { kind: "use_tls"; tls: ServerPem }
  | { kind: "stop"; reason: "done" | "shutdown"; text: string };

/** From a worker to the main thread. */
export type FromWorker =
  /** Ready for `start`. */
  | { kind: "loaded" }
  | { kind: "listening" }
  | { kind: "listen_failed"; failure: IoFailure }
  | { kind: "event"; event: Event }
  /** Lines for the recording. */
  | { kind: "recorded"; lines: string }
  /** Is a connection of this peer served? */
  | { kind: "judge"; call: number; peer: string }
  /** Which worker serves this session of this peer, or, without one, an original client? */
  | { kind: "place"; call: number; peer: string; session?: string }
  /** Whether the connection of a session that was placed here has opened or resumed it. */
  | { kind: "placement_settled"; session: string; isKept: boolean }
  /** The session of an original client has begun. */
  | { kind: "session_begun"; session: string; peer: string }
  | { kind: "session_ended"; session: string }
  /** What became of an idle session. */
  | { kind: "idle_result"; result: IdleResult }
  /** What is known of the idle sessions of a search? */
  | { kind: "idle_results"; call: number; search: string; who?: string }
  /** A connection has opened no session. */
  | { kind: "stranger" } & Stranger
  /** Forward a connection that was placed at another worker. */
  | { kind: "forward" } & ForwardedMessage
  | IoMessage
  /** Deliver a data message, and report to this recipient. */
  | { kind: "deliver"; recipient: number; message: EntryOf<"message"> }
  /** Store an entry, in order with the data messages. */
  | { kind: "store"; entry: Entry }
  /** As `store`, with a reply once it is stored. */
  | { kind: "store_and_reply"; call: number; entry: Entry }
  /** Reply once everything is delivered. */
  | { kind: "flush"; call: number }
  /** Without a time if no session can be evicted. */
  | { kind: "longest_away_result"; call: number; away_ms?: number }
  | { kind: "make_room_result"; call: number; isMade: boolean }
  /** What a monitor is told. */
  | { kind: "watched" } & WatchNews
  | { kind: "watch_result"; call: number; result?: WatchResults[keyof WatchResults] }
  /** The last message, with the counts of sessions, and what they come to if a monitor reads them. */
  | { kind: "stopped"; counts: SessionCounts; totals?: LedgerTotals };
