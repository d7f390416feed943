/**
 * Every timer and limit of a session.
 *
 * @module
 */
import type { Greeting } from "../wire/protocol.ts";

/** What a session is timed by, in milliseconds. */
export interface Timers {
  /** From one data message of the client to the next. */
  readonly data_interval_ms: number;
  /** Until a data message counts as timed out. */
  readonly data_threshold_ms: number;
  /** From a heartbeat's answer to the next heartbeat. */
  readonly heart_beat_interval_ms: number;
  /** Until a heartbeat counts as missed. */
  readonly heart_beat_threshold_ms: number;
  /** Further heartbeats after the first missed one. */
  readonly heart_beat_additional_tries: number;
}

/** How many heartbeats in a row must go unanswered for the peer to be dead. */
export function heartbeatsUntilDead(timers: Timers): number {
  return 1 + timers.heart_beat_additional_tries;
}

/** How long a dead peer's heartbeats take to be missed, in milliseconds. */
export function heartbeatPhase_ms(timers: Timers): number {
  return heartbeatsUntilDead(timers) * timers.heart_beat_threshold_ms;
}

/** From the first unconfirmed, or the last heard, data message until the peer is declared dead. */
export function predictedDetection_ms(timers: Timers): number {
  return timers.data_threshold_ms + heartbeatPhase_ms(timers);
}

/** The greeting of a side with these timers, in seconds, and with this limit to a data message. */
export function greetingOf(timers: Timers, maxMessageBytes: number): Greeting {
  return {
    data_interval: timers.data_interval_ms / 1000,
    data_threshold: timers.data_threshold_ms / 1000,
    heart_beat_interval: timers.heart_beat_interval_ms / 1000,
    heart_beat_threshold: timers.heart_beat_threshold_ms / 1000,
    heart_beat_additional_tries: timers.heart_beat_additional_tries,
    max_message_bytes: maxMessageBytes,
  };
}

/** How long, in milliseconds, a new connection may take to complete `HELLO` and `WELCOME`. */
export const OPEN_LIMIT_MS = 5_000;

/** How long, in milliseconds, a polite end may take: `TERMINATE` out, and the peer's close heard. */
export const GRACEFUL_CLOSE_LIMIT_MS = 500;

/** The same for a peer that is dead: what the kernel needs to take a line. */
export const FINAL_WRITE_LIMIT_MS = 20;

/** How long, in milliseconds, what is under way may take to be settled before a polite end. */
export const SETTLE_LIMIT_MS = 1_000;

/** How long, in milliseconds, opening a connection may take. */
export const CONNECT_LIMIT_MS = 10_000;

/** How long, in milliseconds, the final write to an original client may take. */
export const ORIGINAL_FINAL_WRITE_LIMIT_MS = 50;

/** How long, in milliseconds, to wait before an original server that does not listen is dialled again. */
export const ORIGINAL_REDIAL_MS = 250;
