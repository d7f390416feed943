/**
 * What one side of a session is made from.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import type { Connection } from "../platform/net/transport.ts";
import type { ReadAhead } from "../wire/reader.ts";
import type { SessionState } from "./state.ts";
import type { Timers } from "./timers.ts";

/** What the sessions of a client or a server share. */
export interface SessionConfig {
  /** The clock. */
  readonly clock: Clock;
  /** The sessions' timers. */
  readonly timers: Timers;
  /** The largest data message to accept, in bytes. */
  readonly maxMessageBytes: number;
  /** Recognizes a peer of another protocol, which sends no line, before the session is open. */
  readonly legacy?: { explainAnswer(first: Uint8Array): string | undefined };
}

/** Options for {@linkcode Session}. */
export interface SessionOptions {
  /** What it shares with other sessions. */
  readonly config: SessionConfig;
  /** The session's state, which may outlive the connection. */
  readonly state: SessionState;
  /** The connection; the session closes it. */
  readonly connection: Connection;
  /** What was read of it before. */
  readonly first?: ReadAhead;
  /** When the connection was opened, in monotonic milliseconds. */
  readonly connected_ms: number;
}
