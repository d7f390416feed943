/**
 * What a server is made of.
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
  /** How long a session whose client comes back is kept without a connection, in milliseconds. */
  sessionLifetime_ms: number;
}

/** Picks the shared options. */
export function serverConfig(options: ServerConfig): ServerConfig {
  const { address, maxMessageBytes, maxSessions, original, sessionLifetime_ms, timers } = options;
  return { address, maxMessageBytes, maxSessions, original, sessionLifetime_ms, timers };
}

/** What a server is made of. */
export interface ServerOptions extends ServerConfig {
  /** Fills bytes with randomness, for the ids of sessions that bring none. */
  random: Random;
  /** Whether to serve one session only and end with it. */
  once: boolean;
  /** Where to keep data messages, sessions and outages. */
  store?: Store;
  /** Where to write data messages. */
  output?: MessageOutput;
  /** The pool, of a server that is one of several workers: that has the store and the output. */
  coordinator?: Coordinator;
  /** The network. */
  transport: Transport;
  /** Time. */
  clock: Clock;
  /** Takes the events of all sessions. */
  sink: EventSink;
}
