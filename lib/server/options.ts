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

/** Options for `Server`. */
export interface ServerOptions {
  /** Where to listen. */
  address: Address;
  /** The timers of its sessions. */
  timers: Timers;
  /** The largest data message to accept, in bytes. */
  maxMessageBytes: number;
  /** Whether to serve clients of the original program too. */
  original: boolean;
  /** How to detect and serve them; without it, they are taken for clients that break the protocol. */
  legacy?: LegacyProtocol;
  /** Fills bytes with randomness, for the ids of sessions whose clients send none. */
  random: Random;
  /** Whether to serve one session only and end with it. */
  once: boolean;
  /** How many sessions there may be. */
  maxSessions: number;
  /** How long a session whose client reconnects is held without a connection, in milliseconds. */
  sessionLifetime_ms: number;
  /** Where to store data messages, sessions and outages. */
  store?: Store;
  /** Where to write data messages. */
  output?: MessageOutput;
  /** The coordinator, of a server that is one of several workers: it has the store and the output. */
  coordinator?: Coordinator;
  /** The network. */
  transport: Transport;
  /** Time. */
  clock: Clock;
  /** Receives the events of all sessions. */
  sink: EventSink;
}
