/**
 * Event types, plain data; the log, the JSON output and the tests read them. And who emits them.
 *
 * @module
 */
import type { KernelReport } from "../evidence/kernel.ts";
import type { Clock } from "../platform/clock.ts";
import type { StallKind } from "../platform/suspension.ts";
import type { Addresses, TlsFacts } from "../platform/net/transport.ts";
import type { Recording } from "../evidence/recording/recording.ts";
import { SessionTrace } from "../evidence/recording/session_trace.ts";
import type { Conclusion } from "../evidence/verdict.ts";
import type { IdleBrackets, IdleFindings, IdleProbe } from "../wire/idle.ts";
import type { HoldReason, Role } from "../wire/protocol.ts";
import type { CloseReason, CloseReport, EndReason } from "./close_reason.ts";
import type { Percentiles } from "./histogram.ts";
import type { Counters, Summary } from "./ledger.ts";

/** A phase of a session. */
export type Phase = "connecting" | "data" | "heartbeat" | "terminated";

/**
 * What is special about a silence: `idle` if the client has nothing to send; `closed` if an original peer
 * has no data connection, or has closed it, so that heartbeats begin before `data_threshold` is over.
 */
export type SilenceKind = "idle" | "closed";

/** The fields of the `total` event: the results of many sessions. Times in milliseconds. */
export interface Total extends Counters {
  /** How many were asked for. */
  sessions: number;
  /** How many were started. */
  started: number;
  /** From the first start to the last end. */
  duration_ms: number;
  /** How many were in which phase when they were stopped, or at their own ends. */
  phases: Readonly<Record<Phase, number>>;
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

/** The result of a resume. */
export interface Resumption {
  /** How many data messages are sent again. */
  readonly resent: number;
  /** How many had arrived, though their confirmations had not. */
  readonly already_there: number;
}

/** A limit of a server for which a connection is closed, or a session refused; most are named as their settings. */
export type Limit =
  | "denied"
  | "max_new_per_second"
  | "max_unopened"
  | "max_sessions"
  | "max_sessions_per_address"
  | "open_files";

/** How many connections were closed or refused for each limit. */
export type LimitCounts = Readonly<Partial<Record<Limit, number>>>;

/** An event's own fields, by its name. Times are in milliseconds unless a name ends in `_s`. */
export interface EventFields {
  /**
   * A process has started: the first event of each, with the name of its host and of its time zone, and
   * with every setting that it has, none of which is a secret.
   */
  started: {
    version: string;
    role: Role;
    host: string;
    pid: number;
    zone: string;
    settings: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  };
  /** The server waits for clients, perhaps with several workers. */
  listening: { host: string; port: number; workers?: number };
  /** A session is open: the handshake is complete, or the peer is an original one. */
  connected: Addresses & {
    predicted_detection_s: number;
    /** Of a client: how long after a cut of the path a dead server is declared at the latest. */
    latest_detection_s?: number;
    original?: true;
    /** With TLS: what both sides agreed on; at a server that asks for one, whose certificate the client has. */
    tls?: TlsFacts;
  };
  /** The client sent a data message. */
  data_sent: { seq: number; bytes: number; resent?: true };
  /** The server received a data message. */
  data_received: { seq: number; bytes: number };
  /** The client received the confirmation of a data message; without a time if a resume settled it. */
  data_confirmed: { seq: number; rtt_ms: number | null };
  /**
   * The phase changed; `silent_ms` is how long no data had been received by then. On entering and leaving
   * the heartbeat phase, `idle` says that none was due: the client had nothing to send; `held` that
   * confirmations waited at the server, and for what. On entering it, `closed` says that an original peer has
   * no data connection: `data_threshold` was not waited for.
   */
  phase: {
    from: Phase;
    to: Phase;
    silent_ms: number;
    idle?: true;
    closed?: true;
    held?: HoldReason;
  };
  /** This side sent a heartbeat. */
  heartbeat_sent: { n: number };
  /**
   * A sign of life came after a heartbeat; only its own reply gives a round-trip time. `missed` says how many in
   * a row before it were missed, if any.
   */
  heartbeat_answered: { n: number; rtt_ms: number | null; missed?: number };
  /** A heartbeat went unanswered: how many in a row, and how many more until the peer is dead. */
  heartbeat_missed: { n: number; missed: number; left: number };
  /** The peer sent a heartbeat: by its number, or at an original server by how many have come. */
  heartbeat_received: { n: number };
  /** This process did not run when it should have, for at least so long; or its host was suspended so long. */
  local_stall: { ms: number; kind: StallKind };
  /**
   * What the kernel knows of a silent connection, and what follows from that; once in a thread, why that
   * cannot be known here.
   */
  kernel: KernelReport;
  /**
   * So many connections opened no session: the addresses and what was sent, each once and ten at most. What
   * was sent is `nothing`, a known protocol, or in quotes how it begins; `new` if any of these, or of the
   * limits, had not been reported before. `limits` has how many of them were closed or refused for which limit.
   */
  strangers: {
    count: number;
    addresses: readonly string[];
    sent: readonly string[];
    new?: true;
    limits?: LimitCounts;
  };
  /** Confirmations have been waiting at the server, for this and not for the network. */
  hold: { reason: HoldReason };
  /**
   * An outage is over, and what both sides know of it, or this one alone: in which direction it began, why, and
   * at which side if it lies there; who noticed it first and by how many milliseconds at least and at most; how
   * long after the silence began either side noticed it, or declared the other dead, and the prediction; how many
   * data messages were in doubt and how many of them were confirmed at its end; the verdict, and what it does not prove.
   * `peer` says whether the peer's account is known, and agrees.
   */
  account: Conclusion;
  /** The connection is lost and the session outlives it. */
  disconnected: CloseReport;
  /** The client dials again after a delay, for which time in a row, and why; `text` says what failed. */
  reconnecting: {
    attempt: number;
    delay_ms: number;
    cause: EndReason;
    peer: string;
    text?: string;
  };
  /**
   * A session is resumed on another connection, so long after its last sign of life on the one before:
   * `null` for a session of another process.
   */
  resumed: { gap_ms: number | null } & Resumption;
  /** The session, or the attempt at one, is over. */
  terminated: CloseReport;
  /** The last event of a session: its counters, and who ended it and why. */
  summary: Summary & Partial<Pick<CloseReason, "by" | "reason" | "text" | "unheard">>;
  /** What came of one session of an idle-timeout search. */
  idle_probe: IdleProbe;
  /** An idle-timeout search knows more than before: how many sessions are idle, and when it is done at the latest. */
  idle_search: IdleBrackets & { under_way: number; done_in_s: number };
  /** What an idle-timeout search has found. */
  idle_timeout: IdleFindings;
  /** The last event of a load run. */
  total: Total;
  /** Something that a user should know besides the events of sessions; `final` if it is the last of a run. */
  notice: { level: "info" | "warning" | "error"; text: string; final?: true };
}

/** What `connected` may say of how a session was opened. */
export type Opened = Pick<EventFields["connected"], "original" | "tls">;

/**
 * How much later than predicted a dead peer was declared so, in milliseconds, by a `terminated` or `disconnected`;
 * `undefined` if it was not.
 */
export function overshootOf(report: CloseReport): number | undefined {
  const { by, detected_after_ms, detected_since, predicted_ms, reason } = report;
  if (by !== "self" || reason !== "silent") return undefined;
  if (detected_after_ms === null || predicted_ms === null) return undefined;
  // Of a peer that never answered, and of a client that did not return, no death was predicted.
  if (detected_since === "last_sign_of_life" || detected_since === "connection_lost") {
    return undefined;
  }
  return detected_after_ms - predicted_ms;
}

/** The name of an event. */
export type EventName = keyof EventFields;

/** One event: time, name, session, the name of the client's key if it has one, and its own fields. */
export type Event = {
  [Name in EventName]:
    & { time: string; event: Name; session: string | null; who?: string }
    & EventFields[Name];
}[EventName];

/** Receives events. */
export interface EventSink {
  /** Whether it wants the three events of every data message; without them a message is cheap. */
  readonly wantsMessages: boolean;
  /** Receives one event; it must neither throw nor block. */
  emit(event: Event): void;
  /**
   * Backpressure: resolves when there is room for the events of more data messages; `undefined` if there
   * is. A sink without this method always has room.
   */
  room?(): Promise<void> | undefined;
  /** Receives what is recorded besides, and of frames too, if this process is recorded. */
  readonly recording?: Recording;
}

/** Emits the events of one session, with time and session id. */
export class EventSource {
  /** What is recorded of the session, if this process is recorded. */
  declare readonly trace?: SessionTrace;
  /** The name of the client's key, if it has one. */
  declare who?: string;
  readonly #sink: EventSink;
  readonly #clock: Clock;
  /** The session's id; `null` before there is one. */
  session: string | null;

  /** Creates a source that emits to a sink. */
  constructor(sink: EventSink, clock: Clock, session: string | null = null) {
    this.#sink = sink;
    this.#clock = clock;
    this.session = session;
    if (sink.recording) this.trace = new SessionTrace(sink.recording, this);
  }

  /** Whether the event of this data message, sent or received now, is wanted. */
  wantsMessage(seq: number): boolean {
    return this.trace?.wantsMessage(seq, this.#clock) || this.#sink.wantsMessages;
  }

  /** Whether the event of this confirmation is wanted. */
  wantsConfirmation(seq: number): boolean {
    return this.#sink.wantsMessages || this.trace?.wantsConfirmation(seq) === true;
  }

  /** The sink's backpressure: see {@linkcode EventSink.room}. */
  room(): Promise<void> | undefined {
    return this.#sink.room?.();
  }

  /**
   * Emits an event of this session with the present time. Gives when it was, in monotonic milliseconds, if it is
   * recorded with that.
   */
  emit<Name extends EventName>(event: Name, fields: EventFields[Name]): number | undefined {
    const wall_ms = this.#clock.wallTime();
    const { session, who } = this;
    const time = isoTime(wall_ms);
    const emitted =
      (who === undefined
        ? { time, event, session, ...fields }
        : { time, event, session, who, ...fields }) as Event;
    const now_ms = this.trace && this.#clock.now();
    this.trace?.event(emitted, wall_ms, now_ms!);
    this.#sink.emit(emitted);
    return now_ms;
  }
}

let lastTime = { at: NaN, text: "" };

/** A time in ISO 8601; formatted once for many events of one millisecond. */
function isoTime(at: number): string {
  if (at !== lastTime.at) lastTime = { at, text: new Date(at).toISOString() };
  return lastTime.text;
}
