/**
 * Options of a server, and the interfaces of what is passed in with them: a second protocol on its port; who may come
 * in; and, if it is one of several workers, the coordinator, which knows which of them serves a connection: they share
 * the port, and a client may reconnect to a worker that does not have its session.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import type { ServerPem } from "../platform/net/tls/server.ts";
import type { Address, Connection, Transport } from "../platform/net/transport.ts";
import type { Random } from "../platform/secrets.ts";
import type { SessionWatch } from "../monitor/watch.ts";
import type { CloseReason } from "../session/close_reason.ts";
import type { EventSink, EventSource, Limit } from "../session/events.ts";
import type { IdleResultStore } from "../session/idle/idle_results.ts";
import type { Timers } from "../session/timers.ts";
import { BatchDelivery, type Delivery } from "../store/delivery.ts";
import type { MessageOutput, Store, StoredSession } from "../store/store.ts";
import type { KeyRing, ProofVerdict } from "../wire/proof.ts";

/** Options that a server shares with its workers: plain data, which can be sent to a thread. */
export interface ServerConfig {
  /** Where to listen. */
  address: Address;
  /** The timers of its sessions. */
  timers: Timers;
  /** The largest data message to accept, in bytes. */
  maxMessageBytes: number;
  /** Whether to serve clients of the original program too. */
  original: boolean;
  /** What to show, and to ask for, with TLS; without it, connections have none. */
  tls?: ServerPem;
  /** How many sessions there may be. */
  maxSessions: number;
  /** How many connections there may be that have opened no session; of a server's workers, of each. */
  maxUnopened: number;
  /** How long a session may be idle for a client that searches for idle timeouts, in milliseconds. */
  maxIdle_ms: number;
  /** How long a session whose client reconnects is held without a connection, in milliseconds. */
  sessionLifetime_ms: number;
  /** Whether it is held, too, for a client that knows no tokens, so that whoever knows its id may resume it. */
  resumeWithoutToken: boolean;
}

/** Picks the shared options. */
export function serverConfig(options: ServerConfig): ServerConfig {
  const { address, maxMessageBytes, maxSessions, maxUnopened, original, timers, tls } = options;
  const { maxIdle_ms, resumeWithoutToken, sessionLifetime_ms } = options;
  const sessions = {
    maxIdle_ms,
    maxSessions,
    maxUnopened,
    original,
    resumeWithoutToken,
    sessionLifetime_ms,
  };
  return { address, maxMessageBytes, timers, tls, ...sessions };
}

/** What keeps a server that is being stopped from accepting. */
export const STOPPING = "the server is being stopped";

/** Options for `Server`. */
export interface ServerOptions extends ServerConfig {
  /** How to detect and serve original clients; without it, they are taken for clients that break the protocol. */
  legacy?: LegacyProtocol;
  /** Fills bytes with randomness, for the ids of sessions whose clients send none. */
  random: Random;
  /** The keys that clients have to prove; without them, none has to. */
  keys?: KeyRing;
  /** Who may come in; without it, everybody. */
  access?: Access;
  /** Whether to serve one session only and end with it. */
  once: boolean;
  /** Where to store data messages, sessions and outages. */
  store?: Store;
  /** Where to write data messages. */
  output?: MessageOutput;
  /** What may wait for the store and the output, in bytes, before sessions are held. */
  maxPendingBytes?: number;
  /** The coordinator, of a server that is one of several workers: it has the store and the output. */
  coordinator?: Coordinator;
  /** The network. */
  transport: Transport;
  /** Time. */
  clock: Clock;
  /** Receives the events of all sessions. */
  sink: EventSink;
  /** Reads the sessions while they run, for a monitor. */
  watch?: SessionWatch;
}

/** Makes the delivery of a server that has somewhere to deliver to; reports its failure before `onFailure` is called. */
export function makeDelivery(
  { clock, maxPendingBytes, output, store }: Pick<
    ServerOptions,
    "clock" | "maxPendingBytes" | "output" | "store"
  >,
  events: EventSource,
  onFailure: (text: string) => void,
): BatchDelivery | undefined {
  if (!store && !output) return undefined;
  const notice = (level: "info" | "warning" | "error", text: string) =>
    void events.emit("notice", { level, text });
  return new BatchDelivery({
    ...{ store, output, clock, notice, maxPendingBytes },
    onFailure: (text) => {
      notice("error", text);
      onFailure(text);
    },
  });
}

/** A protocol that is detected by the first bytes of a connection, which name no session. */
export interface LegacyProtocol {
  /** Whether first bytes are enough to tell whether a connection speaks it. */
  isDecided(first: Uint8Array): boolean;
  /** Whether a connection that begins like this speaks it. */
  matches(first: Uint8Array): boolean;
  /** Makes the sessions of a server, none yet. */
  serve(
    options: Pick<ServerOptions, "clock" | "random" | "sink" | "timers" | "watch">,
  ): LegacySessions;
}

/** A server's sessions of a legacy protocol, which may have several connections each. */
export interface LegacySessions {
  /** How many there are. */
  readonly size: number;
  /** Adds a connection to the session that waits for it; false if none does. */
  attach(connection: Connection, first: Uint8Array): boolean;
  /** Makes a session of a connection that no session waits for. */
  create(connection: Connection, first: Uint8Array): LegacySession;
  /** Sends a refusal in the words of the protocol, and closes. */
  refuse(connection: Connection, stopping: AbortSignal): Promise<void>;
  /** Removes a session that has ended. */
  delete(session: LegacySession): void;
}

/** One session of a legacy protocol. */
export interface LegacySession {
  /** Its id. */
  readonly id: string;
  /** How it ended, once it has. */
  readonly closeReason?: CloseReason;
  /** Runs it until it ends, and closes its connections. */
  run(): Promise<CloseReason>;
  /** Ends it because this side's user wants it. */
  stop(reason: "done" | "shutdown", text?: string): void;
}

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
  /** What is seen of idle sessions. */
  readonly idleResults: IdleResultStore;
  /** Reports a connection that opened no session. */
  onStranger(stranger: Stranger): void;
}
