/**
 * Options of a server.
 *
 * @module
 */
import type { Random } from "../platform/random.ts";
import type { Clock } from "../platform/clock.ts";
import type { Address, Transport } from "../platform/net/transport.ts";
import type { EventSink } from "../session/events.ts";
import type { Timers } from "../session/timers.ts";
import type { MessageOutput, Store } from "../store/store.ts";
import type { Coordinator } from "./coordinator.ts";
import type { LegacyProtocol } from "./legacy_protocol.ts";

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
  /** How many sessions there may be. */
  maxSessions: number;
  /** How long a session whose client reconnects is held without a connection, in milliseconds. */
  sessionLifetime_ms: number;
}

/** Picks the shared options. */
export function serverConfig(options: ServerConfig): ServerConfig {
  const { address, maxMessageBytes, maxSessions, original, sessionLifetime_ms, timers } = options;
  return { address, maxMessageBytes, maxSessions, original, sessionLifetime_ms, timers };
}

/** Options for `Server`. */
export interface ServerOptions extends ServerConfig {
  /** How to detect and serve original clients; without it, they are taken for clients that break the protocol. */
  legacy?: LegacyProtocol;
  /** Fills bytes with randomness, for the ids of sessions whose clients send none. */
  random: Random;
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
