/**
 * A second protocol on the server's port, as the server needs it: registered by the entry point.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import type { Connection } from "../platform/net/transport.ts";
import type { Random } from "../platform/random.ts";
import type { CloseReason } from "../session/close_reason.ts";
import type { EventSink } from "../session/events.ts";
import type { Timers } from "../session/timers.ts";

/** A protocol that is detected by the first bytes of a connection, which name no session. */
export interface LegacyProtocol {
  /** Whether first bytes are enough to tell whether a connection speaks it. */
  isDecided(first: Uint8Array): boolean;
  /** Whether a connection that begins like this speaks it. */
  matches(first: Uint8Array): boolean;
  /** Makes the sessions of a server, none yet. */
  serve(options: LegacyOptions): LegacySessions;
}

/** What the server gives to its sessions of a legacy protocol. */
export interface LegacyOptions {
  /** Time. */
  clock: Clock;
  /** The timers of the sessions. */
  timers: Timers;
  /** Receives the events of the sessions. */
  sink: EventSink;
  /** Fills bytes with randomness, for the ids of the sessions. */
  random: Random;
  /** Whether such sessions are served at all. */
  isServed: boolean;
  /** Whether data messages are stored or written. */
  delivers: boolean;
}

/** A server's sessions of a legacy protocol, which may have several connections each. */
export interface LegacySessions {
  /** How many there are. */
  readonly size: number;
  /** Why this server takes none; `undefined` if it does. */
  readonly refusal?: string;
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
