/**
 * What a side, the client or the server, passes to a session on one connection, and what it implements.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import type { Connection } from "../platform/net/transport.ts";
import type { ReadAhead } from "../wire/reader.ts";
import type { Deadline } from "../platform/deadline.ts";
import type { Frame, Role } from "../wire/protocol.ts";
import type { CloseReason, DetectedSince } from "./close_reason.ts";
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

/** What the two sides of a session do differently. */
export abstract class SessionSide {
  /** Which side this is. */
  abstract readonly role: Role;
  /** Completes the handshake, `HELLO` and `WELCOME`; false if the deadline passes first. */
  protected abstract open(deadline: Deadline): Promise<boolean>;
  /** The close reason of a handshake that was not completed in time. */
  protected abstract openTimeout(): CloseReason;
  /** Receives a frame that only this role receives. */
  protected abstract onRoleFrame(frame: Frame): void;
  /** Begins the data phase, and calls `dataOver` when no data comes in time, or all is done. */
  protected abstract dataLoop(deadline: Deadline): void;
  /** When the silence that ended the data phase began; `isIdle` if no data was due. */
  protected abstract silence(): { since: DetectedSince; at_ms: number; isIdle?: boolean };
  /** Waits before a polite end until what was received is settled; false if the limit passes first. */
  protected abstract settle(limit: Deadline): boolean | Promise<boolean>;
  /** Whether the session outlives a connection that ended for this reason. */
  protected abstract survivesDisconnect(closeReason: CloseReason): boolean;
  /** Called once the connection is closed, for a defect of this program or not: nothing more comes or goes. */
  protected abstract onClosed(defect?: { error: unknown }): void;
}
