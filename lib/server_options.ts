/**
 * What a server is made of.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { EventSink } from "./events.ts";
import type { Pool } from "./pool.ts";
import type { Timers } from "./settings.ts";
import type { MessageOutput, Store } from "./store_types.ts";
import type { Address, Transport } from "./transport.ts";

/** What a server is made of. */
export interface ServerOptions {
  /** Where to listen. */
  address: Address;
  /** The timers of its sessions. */
  timers: Timers;
  /** The largest data message to accept, in bytes. */
  maxMessageBytes: number;
  /** Whether to serve clients of the original program too. */
  original: boolean;
  /** Fills bytes with randomness, for the ids of sessions that bring none. */
  random: (bytes: Uint8Array) => void;
  /** Whether to serve one session only and end with it. */
  once: boolean;
  /** How many sessions there may be. */
  maxSessions: number;
  /** How long a session whose client comes back is kept without a connection, in milliseconds. */
  sessionLifetime_ms: number;
  /** Where to keep data messages, sessions and outages. */
  store?: Store;
  /** Where to write data messages. */
  output?: MessageOutput;
  /** The pool, of a server that is one of several workers: that has the store and the output. */
  pool?: Pool;
  /** The network. */
  transport: Transport;
  /** Time. */
  clock: Clock;
  /** Takes the events of all sessions. */
  sink: EventSink;
}
