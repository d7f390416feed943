/**
 * Options of a server, and the interface of a second protocol on its port.
 *
 * @module
 */
import type { Random } from "../platform/secrets.ts";
import type { Clock } from "../platform/clock.ts";
import type { ServerPem } from "../platform/net/tls/server.ts";
import type { Address, Connection, Transport } from "../platform/net/transport.ts";
import type { CloseReason } from "../session/close_reason.ts";
import type { EventSink } from "../session/events.ts";
import type { Timers } from "../session/timers.ts";
import type { MessageOutput, Store } from "../store/store.ts";
import type { KeyRing } from "../wire/proof.ts";
import type { Access, Coordinator } from "./coordinator.ts";

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
  /** How long a session whose client reconnects is held without a connection, in milliseconds. */
  sessionLifetime_ms: number;
  /** Whether it is held, too, for a client that knows no tokens, so that whoever knows its id may resume it. */
  resumeWithoutToken: boolean;
}

/** Picks the shared options. */
export function serverConfig(options: ServerConfig): ServerConfig {
  const { address, maxMessageBytes, maxSessions, maxUnopened, original, timers, tls } = options;
  const { resumeWithoutToken, sessionLifetime_ms } = options;
  const sessions = { maxSessions, maxUnopened, original, resumeWithoutToken, sessionLifetime_ms };
  return { address, maxMessageBytes, timers, tls, ...sessions };
}

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
}

/** A protocol that is detected by the first bytes of a connection, which name no session. */
export interface LegacyProtocol {
  /** Whether first bytes are enough to tell whether a connection speaks it. */
  isDecided(first: Uint8Array): boolean;
  /** Whether a connection that begins like this speaks it. */
  matches(first: Uint8Array): boolean;
  /** Makes the sessions of a server, none yet. */
  serve(options: Pick<ServerOptions, "clock" | "random" | "sink" | "timers">): LegacySessions;
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
