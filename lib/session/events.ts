/**
 * What happens, as plain data: the events that the log, the JSON output and the tests are made from.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import type { CloseReport, EndReason } from "./close_reason.ts";
import type { Percentiles } from "./histogram.ts";
import type { Summary } from "./ledger.ts";

/** The phase a session is in. */
export type Phase = "connecting" | "data" | "heartbeat" | "terminated";

/** What many sessions came to together. Times in milliseconds. */
export interface Total {
  /** How many were asked for. */
  sessions: number;
  /** How many were started. */
  started: number;
  /** How many were ever open. */
  opened: number;
  /** From the first start to the last end. */
  duration_ms: number;
  /** How many were in which phase when they were told to end, or at their own ends. */
  phases: Readonly<Record<Phase, number>>;
  /** How often a session fell silent. */
  silences: number;
  /** How often a server was declared dead. */
  deaths: number;
  /** How often a connection was lost that the session outlived. */
  disconnected: number;
  /** How often a session was resumed. */
  resumed: number;
  /** Data messages sent, each counted once. */
  data_sent: number;
  /** Data messages confirmed. */
  data_confirmed: number;
  /** Data messages sent again. */
  data_resent: number;
  /** Data messages that are sent and not confirmed. */
  in_doubt: number;
  /** How often this process was found not to have run in time. */
  local_stalls: number;
  /** Sessions that ended as asked. */
  ended_as_asked: number;
  /** Sessions that were lost. */
  lost: number;
  /** Sessions that were never open. */
  unconnected: number;
  /** Sessions that were refused. */
  refused: number;
  /** Times from data messages to their confirmations. */
  round_trips: Percentiles;
  /** How much later than predicted dead servers were declared so. */
  overshoots: Percentiles;
}

/** An event's own fields, by its name. Times are in milliseconds unless a name ends in `_s`. */
export interface EventFields {
  /** The server waits for clients, perhaps with several workers. */
  listening: { host: string; port: number; workers?: number };
  /** A session is open: `HELLO` and `WELCOME` have been exchanged, or the peer is an original one. */
  connected: { peer: string; predicted_detection_s: number; original?: true };
  /** The client sent a data message. */
  data_sent: { seq: number; bytes: number; resent?: true };
  /** The server received a data message. */
  data_received: { seq: number; bytes: number };
  /** The client heard the confirmation of a data message. */
  data_confirmed: { seq: number; rtt_ms: number };
  /**
   * A session went from one phase to another; how long no data had been heard by then. Into and out of
   * the heartbeat phase, `idle` says that none was due: the client had nothing to send.
   */
  phase: { from: Phase; to: Phase; silent_ms: number; idle?: true };
  /** This side sent a heartbeat. */
  heartbeat_sent: { n: number };
  /** A sign of life came after a heartbeat; only its own reply gives a round-trip time. */
  heartbeat_answered: { n: number; rtt_ms: number | null };
  /** A heartbeat went unanswered; how many in a row, and how many are left until the peer is dead. */
  heartbeat_missed: { n: number; missed: number; left: number };
  /** This process did not run when it should have; for at least so long. */
  local_stall: { ms: number };
  /** The connection is lost; the session goes on without one. */
  disconnected: CloseReport;
  /** The client dials again after a wait, so many times in a row, because of this; `text` says what failed. */
  reconnecting: {
    attempt: number;
    delay_ms: number;
    cause: EndReason;
    peer: string;
    text?: string;
  };
  /**
   * A session goes on over another connection: how long after its last sign of life on the one before,
   * how many data messages are sent again, and how many had arrived unconfirmed. Of a session that
   * another process has begun it is not known how long that is.
   */
  resumed: { gap_ms: number | null; resent: number; already_there: number };
  /** The session, or the attempt at one, is over. */
  terminated: CloseReport;
  /** The last word on a session: its ledger. */
  summary: Summary;
  /** The last word on many sessions of one process. */
  total: Total;
  /** Something a user should know that is no part of a session's life. */
  notice: { level: "info" | "warning" | "error"; text: string };
}

/** The name of an event. */
export type EventName = keyof EventFields;

/** One event: when, what, of which session, and its own fields. */
export type Event = {
  [Name in EventName]:
    & { time: string; event: Name; session: string | null }
    & EventFields[Name];
}[EventName];

/** Takes events. */
export interface EventSink {
  /** Whether the three events of every data message are wanted; without them a message is cheap. */
  readonly wantsMessages: boolean;
  /** Takes one event. It must not throw, and must not wait. */
  emit(event: Event): void;
  /**
   * Resolves when there is room for the events of more data messages; nothing if there is. A sink
   * without it always has.
   */
  room?(): Promise<void> | undefined;
}

/** Gives events of one session their time and session, and hands them on. */
export class EventSource {
  readonly #sink: EventSink;
  readonly #clock: Clock;
  /** The session's id; `null` before there is one. */
  session: string | null;

  /** Makes a source of events. */
  constructor(sink: EventSink, clock: Clock, session: string | null = null) {
    this.#sink = sink;
    this.#clock = clock;
    this.session = session;
  }

  /** Whether the events of every data message are wanted. */
  get wantsMessages(): boolean {
    return this.#sink.wantsMessages;
  }

  /** Resolves when there is room for the events of more data messages; nothing if there is. */
  room(): Promise<void> | undefined {
    return this.#sink.room?.();
  }

  /** Emits an event of this session, now. */
  emit<Name extends EventName>(event: Name, fields: EventFields[Name]): void {
    const time = isoTime(this.#clock.wallTime());
    this.#sink.emit({ time, event, session: this.session, ...fields } as Event);
  }
}

let lastTime = { at: NaN, text: "" };

/** A time in ISO 8601; of many events at once it is made but once. */
function isoTime(at: number): string {
  if (at !== lastTime.at) lastTime = { at, text: new Date(at).toISOString() };
  return lastTime.text;
}
