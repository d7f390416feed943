/**
 * What happens, as plain data: the events that the log, the JSON output and the tests are made from.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { DetectedSince, EndedBy, EndReason } from "./ending.ts";
import type { Summary } from "./ledger.ts";

/** The phase a session is in. */
export type Phase = "connecting" | "data" | "heartbeat" | "terminated";

/** An event's own fields, by its name. Times are in milliseconds unless a name ends in `_s`. */
export interface EventFields {
  /** The server waits for clients. */
  listening: { host: string; port: number };
  /** A session is open: `HELLO` and `WELCOME` have been exchanged, or the peer is an original one. */
  connected: { peer: string; predicted_detection_s: number; original?: true };
  /** The client sent a data message. */
  data_sent: { seq: number; bytes: number };
  /** The server received a data message. */
  data_received: { seq: number; bytes: number };
  /** The client heard the confirmation of a data message. */
  data_confirmed: { seq: number; rtt_ms: number };
  /** A session went from one phase to another; how long no data had been heard by then. */
  phase: { from: Phase; to: Phase; silent_ms: number };
  /** This side sent a heartbeat. */
  heartbeat_sent: { n: number };
  /** A sign of life came after a heartbeat; only its own reply gives a round-trip time. */
  heartbeat_answered: { n: number; rtt_ms: number | null };
  /** A heartbeat went unanswered; how many in a row, and how many are left until the peer is dead. */
  heartbeat_missed: { n: number; missed: number; left: number };
  /** This process did not run when it should have; for at least so long. */
  local_stall: { ms: number };
  /** The session, or the attempt at one, is over. */
  terminated: {
    by: EndedBy;
    reason: EndReason;
    text: string;
    peer: string;
    detected_after_ms: number | null;
    detected_since: DetectedSince | null;
    predicted_ms: number | null;
    silent_ms: number | null;
  };
  /** The last word on a session: its ledger. */
  summary: Summary;
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

  /** Emits an event of this session, now. */
  emit<Name extends EventName>(event: Name, fields: EventFields[Name]): void {
    const time = new Date(this.#clock.wallTime()).toISOString();
    this.#sink.emit({ time, event, session: this.session, ...fields } as Event);
  }
}
