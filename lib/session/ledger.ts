/**
 * The counters of a session, in constant memory, and its summary.
 *
 * @module
 */
import type { Cut } from "../evidence/cuts.ts";
import type { HoldReason } from "../wire/protocol.ts";

/** First and last sequence number of an unbroken run. */
export type SeqRange = readonly [first: number, last: number];

/** What one connection of a session counted. */
export interface ConnectionSummary extends Omit<ConnectionLedger, "summary"> {
  /** Sent or received on it but not confirmed on it; the next connection settles them. */
  in_doubt: number;
}

/** The fields of the `summary` event: the counters of one side at the end. Times in milliseconds. */
export interface Summary {
  /** From the session's start to its end. */
  duration_ms: number;
  /** Data messages sent, each counted once. */
  data_sent: number;
  /** Data messages received, each counted once. */
  data_received: number;
  /** Data messages sent, or received, again after a resume. */
  data_resent: number;
  /** Data messages whose confirmation the client received, or the server gave to the network. */
  data_confirmed: number;
  /** Of a client that sends its input: how many lines were read and never sent. */
  lines_unsent?: number;
  /** Of a client that sends its input: whether that was read to its end. */
  input_ended?: boolean;
  /** Bytes in the data messages sent or received. */
  data_bytes: number;
  /** Everything up to and including this sequence number is confirmed. */
  confirmed_up_to: number;
  /** Sent (or received) but not confirmed: whether the other side has them is not known here. */
  in_doubt: SeqRange[];
  /** What confirmations waited for at the end, if they did. */
  held?: HoldReason;
  /** How many connections the session has had. */
  connections: number;
  /** The counters of each of them; of many, the last ones. */
  by_connection: ConnectionSummary[];
  /** Heartbeats sent. */
  heartbeats_sent: number;
  /** Heartbeats sent that a sign of life followed in time. */
  heartbeats_answered: number;
  /** Heartbeats sent that nothing followed in time. */
  heartbeats_missed: number;
  /** Heartbeats of the peer, each answered. */
  heartbeats_received: number;
  /** How often the session fell silent. */
  silences: number;
  /** The longest of these silences; 0 if there was none. */
  longest_silence_ms: number;
  /** The longest time in which nothing was sent or received on an open connection. */
  longest_idle_ms: number;
  /** How often this process did not run in time. */
  local_stalls: number;
  /** Shortest time from a data message to its confirmation; `null` if none was confirmed. */
  rtt_min_ms: number | null;
  /** Mean time from a data message to its confirmation. */
  rtt_avg_ms: number | null;
  /** Longest time from a data message to its confirmation. */
  rtt_max_ms: number | null;
}

/** Counters that add up over many sessions: plain data, so that threads can exchange them. */
export class Counters {
  /** Sessions that were ever open. */
  opened = 0;
  /** How often a session fell silent. */
  silences = 0;
  /** How often a server was declared dead. */
  deaths = 0;
  /** How often a connection was lost that the session outlived. */
  disconnected = 0;
  /** How often a session was resumed. */
  resumed = 0;
  /** Data messages sent, each counted once. */
  data_sent = 0;
  /** Data messages confirmed. */
  data_confirmed = 0;
  /** Data messages sent again. */
  data_resent = 0;
  /** Data messages sent and not confirmed. */
  in_doubt = 0;
  /** How often this process did not run in time. */
  local_stalls = 0;
  /** How often confirmations waited at the server for its store, its output or room. */
  holds = 0;
}

/** Adds counters to others; those that are not given count as zero. */
export function addCounters(to: Counters, from: Partial<Counters>): void {
  for (const name of Object.keys(to) as (keyof Counters)[]) to[name] += from[name] ?? 0;
}

/** Rounds milliseconds to the microsecond: what lies below is noise. */
export function roundMs(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** For how many connections, the last ones, a ledger has separate counters. */
export const MAX_CONNECTIONS_KEPT = 100;

/** The counters of one connection. */
export class ConnectionLedger {
  /** Data messages sent, repetitions included. */
  sent = 0;
  /** Data messages received, each once in its session. */
  received = 0;
  /** Data messages confirmed. */
  confirmed = 0;
  /** Of those sent or received, how many had been sent on an earlier connection. */
  resent = 0;
  /** How long nothing had been sent or received before its end, in milliseconds. */
  declare idle_ms?: number;
  /** How old it was at its end, in milliseconds. */
  declare age_ms?: number;

  /** Their values, and what is in doubt. */
  summary(): ConnectionSummary {
    // What was sent on an earlier connection may be confirmed on this one before it is sent again.
    return { ...this, in_doubt: Math.max(0, this.sent + this.received - this.confirmed) };
  }
}

/** The counters of a session. */
export class Ledger {
  /** The last sequence number sent. */
  dataSent = 0;
  /** The last sequence number received. */
  dataReceived = 0;
  /** Bytes of data messages sent or received, each counted once. */
  dataBytes = 0;
  /** The size of the largest data message received, in bytes. */
  largestData = 0;
  /** The last sequence number confirmed. */
  confirmedUpTo = 0;
  /** Receives each round-trip time as well, if set. */
  roundTrips?: { add(rtt_ms: number): void };
  /** Heartbeats sent. */
  heartbeatsSent = 0;
  /** Heartbeats answered. */
  heartbeatsAnswered = 0;
  /** Heartbeats missed. */
  heartbeatsMissed = 0;
  /** Heartbeats of the peer. */
  heartbeatsReceived = 0;
  /** How often the session fell silent. */
  silences = 0;
  /** Local stalls. */
  localStalls = 0;
  #before = 0;
  #resent = 0;
  #connection?: ConnectionLedger;
  /** Those before, the last ones; made with the second. */
  #earlier?: ConnectionLedger[];
  #connectionsForgotten = 0;
  #longestSilence_ms = 0;
  #longestIdle_ms = 0;
  /** Made with the first: a server has none. */
  #rtts?: { count: number; sum_ms: number; min_ms: number; max_ms: number };

  /** Counts a data message that was received for the first time. */
  received(seq: number, bytes: number): void {
    this.dataReceived = seq;
    this.dataBytes += bytes;
    if (bytes > this.largestData) this.largestData = bytes;
  }

  /** Notes how a connection, the last one, was used until its end. */
  connectionClosed({ age_ms, idle_ms, pause_ms = 0, survived_ms }: Cut): void {
    Object.assign(this.#connection!, {
      age_ms: roundMs(age_ms),
      idle_ms: roundMs(idle_ms),
    });
    this.#longestIdle_ms = Math.max(this.#longestIdle_ms, survived_ms, pause_ms, idle_ms);
  }

  /** Returns new counters for another connection. */
  connectionOpened(): ConnectionLedger {
    if (this.#connection) (this.#earlier ??= []).push(this.#connection);
    if (this.#earlier?.length === MAX_CONNECTIONS_KEPT) {
      this.#earlier.shift();
      this.#connectionsForgotten++;
    }
    return this.#connection = new ConnectionLedger();
  }

  /** Leaves out what another process has settled: everything up to this sequence number. */
  startAfter(seq: number): void {
    this.#before = this.dataReceived = this.confirmedUpTo = seq;
  }

  /** Counts a data message that had been sent on an earlier connection. */
  countResent(connection: ConnectionLedger): void {
    this.#resent++;
    connection.resent++;
  }

  /** Adds the round-trip time of a data message. */
  addRoundTrip(rtt_ms: number): void {
    this.roundTrips?.add(rtt_ms);
    const all = this.#rtts ??= { count: 0, sum_ms: 0, min_ms: Infinity, max_ms: 0 };
    all.count++;
    all.sum_ms += rtt_ms;
    if (rtt_ms < all.min_ms) all.min_ms = rtt_ms;
    if (rtt_ms > all.max_ms) all.max_ms = rtt_ms;
  }

  /** Adds the duration of a silence. */
  silenceEnded(silent_ms: number): void {
    this.#longestSilence_ms = Math.max(this.#longestSilence_ms, silent_ms);
  }

  /** How many connections the session has had. */
  get connectionCount(): number {
    return this.#connectionsForgotten + (this.#earlier?.length ?? 0) + (this.#connection ? 1 : 0);
  }

  /** Data messages received by this process. */
  get receivedHere(): number {
    return this.dataReceived - this.#before;
  }

  /** Of those confirmed up to a sequence number, how many are of this process. */
  confirmedHere(upTo: number): number {
    return upTo - this.#before;
  }

  /** Data messages sent, or received, again after a resume. */
  get dataResent(): number {
    return this.#resent;
  }

  /** The summary of a session that lasted so long. */
  summary(duration_ms: number): Summary {
    const last = Math.max(this.dataSent, this.dataReceived);
    const by_connection = [...this.#earlier ?? [], ...this.#connection ? [this.#connection] : []];
    const rtts = this.#rtts;
    return {
      duration_ms: roundMs(duration_ms),
      data_sent: this.dataSent,
      data_received: this.receivedHere,
      data_resent: this.#resent,
      data_confirmed: this.confirmedHere(this.confirmedUpTo),
      data_bytes: this.dataBytes,
      confirmed_up_to: this.confirmedUpTo,
      in_doubt: last > this.confirmedUpTo ? [[this.confirmedUpTo + 1, last]] : [],
      connections: this.connectionCount,
      by_connection: by_connection.map((each) => each.summary()),
      heartbeats_sent: this.heartbeatsSent,
      heartbeats_answered: this.heartbeatsAnswered,
      heartbeats_missed: this.heartbeatsMissed,
      heartbeats_received: this.heartbeatsReceived,
      silences: this.silences,
      longest_silence_ms: roundMs(this.#longestSilence_ms),
      longest_idle_ms: roundMs(this.#longestIdle_ms),
      local_stalls: this.localStalls,
      rtt_min_ms: rtts ? roundMs(rtts.min_ms) : null,
      rtt_avg_ms: rtts ? roundMs(rtts.sum_ms / rtts.count) : null,
      rtt_max_ms: rtts ? roundMs(rtts.max_ms) : null,
    };
  }
}

/** Who ended a session and why, as a close reason has it. */
export interface SessionEnd {
  /** Who. */
  by: string;
  /** Why. */
  reason: string;
  /** More of it. */
  text: string;
  /** Whether the peer had given up before it was open. */
  unheard?: boolean;
}

/** Whether this process stopped because it cannot go on, such as without its store, and no user asked for it. */
export function isForced({ by, reason, text = "" }: Partial<SessionEnd>): boolean {
  return by === "self" && reason === "shutdown" && text !== "";
}

/** The fields of a summary about the end. It has the text only of a forced end, which its reason does not show. */
export function endFields<E extends SessionEnd>(
  end: E,
): Pick<E, "by" | "reason"> & Partial<Pick<E, "text" | "unheard">> {
  const { by, reason, text, unheard } = end;
  return { by, reason, ...isForced(end) && { text }, ...unheard && { unheard } };
}
