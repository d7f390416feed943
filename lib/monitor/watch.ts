/**
 * What sessions, and the parts around them, give a monitor to read; without one they are given none of it.
 *
 * @module
 */
import type { NextStep } from "../session/timers.ts";
import type { SessionState } from "../session/state.ts";
import type { SessionReading } from "./reading.ts";

/** One session, in the thread where it runs: read only when somebody wants to know. */
export interface WatchedSession {
  /** Its state, with its events and its ledger. */
  readonly state: SessionState;
  /** The peer's address and port, of the last connection. */
  readonly peer: string;
  /** Everything up to this sequence number is confirmed. */
  readonly confirmedUpTo: number;
  /** What happens next, if nothing is received. */
  readonly next?: NextStep;
  /** If an earlier process has left it in the store: for how long it had no connection when it was restored. */
  readonly away_ms?: number;
}

/** What may keep a process from doing its work. */
export type Trouble = "accepting" | "delivery";

/** Takes the sessions of a thread. */
export interface SessionWatch {
  /** A session has begun, or was restored; it is read until its last event. */
  add(session: WatchedSession): void;
  /** Something fails, for this reason; or, without one, does so no longer. */
  trouble(what: Trouble, text?: string): void;
}

/** What a session is read as where it runs: what only its thread knows. */
export type LiveReading = Pick<
  SessionReading,
  | "phase"
  | "age_ms"
  | "quiet_ms"
  | "due"
  | "held"
  | "missed"
  | "left"
  | "sent"
  | "received"
  | "confirmed"
  | "in_doubt"
  | "connections"
  | "silences"
>;

/** What ledgers add up to: plain data, which threads exchange. */
export interface LedgerTotals {
  /** Data messages sent, each counted once. */
  data_sent: number;
  /** Data messages received, each counted once. */
  data_received: number;
  /** Data messages confirmed. */
  data_confirmed: number;
  /** Data messages sent, or received, again after a resume. */
  data_resent: number;
  /** Bytes in the data messages sent or received. */
  data_bytes: number;
  /** Data messages of live sessions that are not confirmed. */
  in_doubt: number;
  /** Heartbeats sent. */
  heartbeats_sent: number;
  /** Heartbeats answered. */
  heartbeats_answered: number;
  /** Heartbeats missed. */
  heartbeats_missed: number;
  /** Heartbeats of peers. */
  heartbeats_received: number;
}

/** A session that has begun: plain data, which threads exchange. */
export interface Begun {
  /** Its id. */
  readonly session: string;
  /** The name of the client's key, if it has one. */
  readonly who?: string;
  /** The peer's address and port. */
  readonly peer: string;
  /** If an earlier process has left it in the store: for how long it had no connection when it was restored. */
  readonly away_ms?: number;
}

/** The sessions of another thread, read by messages. */
export interface WatchedThread {
  /** Reads these sessions; `undefined` of those that are not there. */
  read(sessions: readonly string[]): Promise<readonly (LiveReading | undefined)[]>;
  /** Its totals, of sessions that have ended too; `undefined` if it has failed before it was ever asked. */
  totals(): Promise<LedgerTotals | undefined>;
  /** How many data messages of each session are in doubt, of those that have any. */
  inDoubt(): Promise<readonly (readonly [session: string, count: number])[]>;
}

/** A lost connection that an earlier process has noted. Times are in milliseconds since 1970. */
export interface PastOutage {
  /** The session's id. */
  readonly session: string;
  /** The name of the client's key, if it has one. */
  readonly who?: string;
  /** The peer's address and port. */
  readonly peer: string;
  /** When the connection was lost. */
  readonly lost_at: number;
  /** When the session was resumed, or ended; it may be that neither has happened. */
  readonly over_at?: number;
  /** Whether it was resumed. */
  readonly isResumed: boolean;
  /** How long nothing was heard by then, in milliseconds. */
  readonly gap_ms?: number;
  /** Why the connection was lost. */
  readonly reason?: string;
}

/** What is known of earlier processes. */
export interface Past {
  /** Outages, in the order in which they began. */
  readonly outages: readonly PastOutage[];
  /** The sessions that have not ended: their peers, and when they were opened, in milliseconds since 1970. */
  readonly opened: readonly {
    readonly session: string;
    readonly peer: string;
    readonly opened_at: number;
  }[];
}

/** Takes the sessions of all threads of a process. */
export interface ProcessWatch extends SessionWatch {
  /** Takes what earlier processes have left: before the sessions that are restored. */
  remember(past: Past): void;
  /** The sessions of another thread are read there. */
  addThread(thread: WatchedThread): void;
  /** A session has begun in another thread. */
  begun(session: Begun, thread: WatchedThread): void;
  /** Confirmations of a session in another thread wait no longer. */
  released(session: string): void;
}
