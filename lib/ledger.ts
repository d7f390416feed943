/**
 * What a session has counted: the figures of its summary, kept in constant memory.
 *
 * @module
 */

/** First and last sequence number of an unbroken run. */
export type SeqRange = readonly [first: number, last: number];

/** The fields of the `summary` event: what one side knows at the end. Times in milliseconds. */
export interface Summary {
  /** From the session's start to its end. */
  duration_ms: number;
  /** Data messages sent. */
  data_sent: number;
  /** Data messages received. */
  data_received: number;
  /** Data messages confirmed: heard by the client, handed to the network by the server. */
  data_confirmed: number;
  /** Bytes in the data messages sent or received. */
  data_bytes: number;
  /** Everything up to and including this sequence number is confirmed. */
  confirmed_up_to: number;
  /** Sent (or received) but not confirmed: nobody here knows what became of it. */
  in_doubt: SeqRange[];
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
  /** How often this process was found not to have run in time. */
  local_stalls: number;
  /** Shortest time from a data message to its confirmation; `null` if none was confirmed. */
  rtt_min_ms: number | null;
  /** Mean time from a data message to its confirmation. */
  rtt_avg_ms: number | null;
  /** Longest time from a data message to its confirmation. */
  rtt_max_ms: number | null;
}

/** Rounds milliseconds to the microsecond: what lies below is noise. */
export function roundMs(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** Counts what a session does. */
export class Ledger {
  /** Data messages sent. */
  dataSent = 0;
  /** Data messages received. */
  dataReceived = 0;
  /** Bytes of data messages sent or received. */
  dataBytes = 0;
  /** The last sequence number confirmed. */
  confirmedUpTo = 0;
  /** Heartbeats sent. */
  heartbeatsSent = 0;
  /** Heartbeats answered. */
  heartbeatsAnswered = 0;
  /** Heartbeats missed. */
  heartbeatsMissed = 0;
  /** Heartbeats of the peer. */
  heartbeatsReceived = 0;
  /** Local stalls. */
  localStalls = 0;
  #silences = 0;
  #longestSilence_ms = 0;
  #rtts = 0;
  #rttSum_ms = 0;
  #rttMin_ms = Infinity;
  #rttMax_ms = 0;

  /** Notes a round-trip time of a data message. */
  roundTrip(rtt_ms: number): void {
    this.#rtts++;
    this.#rttSum_ms += rtt_ms;
    if (rtt_ms < this.#rttMin_ms) this.#rttMin_ms = rtt_ms;
    if (rtt_ms > this.#rttMax_ms) this.#rttMax_ms = rtt_ms;
  }

  /** Notes that the session fell silent. */
  silenceBegan(): void {
    this.#silences++;
  }

  /** Notes how long a silence lasted. */
  silenceEnded(silent_ms: number): void {
    this.#longestSilence_ms = Math.max(this.#longestSilence_ms, silent_ms);
  }

  /** The summary, given how long the session lasted. */
  summary(duration_ms: number): Summary {
    const last = Math.max(this.dataSent, this.dataReceived);
    const rtt = (ms: number) => this.#rtts === 0 ? null : roundMs(ms);
    return {
      duration_ms: roundMs(duration_ms),
      data_sent: this.dataSent,
      data_received: this.dataReceived,
      data_confirmed: this.confirmedUpTo,
      data_bytes: this.dataBytes,
      confirmed_up_to: this.confirmedUpTo,
      in_doubt: last > this.confirmedUpTo ? [[this.confirmedUpTo + 1, last]] : [],
      heartbeats_sent: this.heartbeatsSent,
      heartbeats_answered: this.heartbeatsAnswered,
      heartbeats_missed: this.heartbeatsMissed,
      heartbeats_received: this.heartbeatsReceived,
      silences: this.#silences,
      longest_silence_ms: roundMs(this.#longestSilence_ms),
      local_stalls: this.localStalls,
      rtt_min_ms: rtt(this.#rttMin_ms),
      rtt_avg_ms: rtt(this.#rttSum_ms / this.#rtts),
      rtt_max_ms: rtt(this.#rttMax_ms),
    };
  }
}
