/**
 * Every timer and limit of a session, in milliseconds. {@linkcode Timers} is what a user sets; the limits
 * below are fixed.
 *
 * @module
 */
import { type Greeting, KNOWN_EXTENSIONS } from "../wire/protocol.ts";

/**
 * How late a deadline may pass and still count as on time (10 ms), and how late before that is a local
 * stall (250 ms). They stand where `Deadline` uses them.
 */
export { ON_TIME_TOLERANCE_MS, STALL_TOLERANCE_MS } from "../platform/deadline.ts";

/** Until a connection is open: the kernel itself would retransmit SYN for two minutes. */
export const CONNECT_LIMIT_MS = 10_000;

/** What is said of a connection that nobody has answered by then. */
export const NO_ANSWER = `no answer within ${CONNECT_LIMIT_MS / 1000} s`;

/** From an open connection to the end of the handshake, so that idle strangers hold no socket. */
export const OPEN_LIMIT_MS = 5_000;

/** Until what was received is delivered and confirmed before a polite end: a store may be slow. */
export const SETTLE_LIMIT_MS = 1_000;

/** From `TERMINATE` to the peer's close: closing earlier may reset the connection and lose it. */
export const GRACEFUL_CLOSE_LIMIT_MS = 500;

/** For the last frame to a dead peer: the kernel takes a line at once, or its buffer is full. */
export const FINAL_WRITE_LIMIT_MS = 20;

/** For the last message to an original client, on all its connections: one that is blocked delays no end. */
export const ORIGINAL_FINAL_WRITE_LIMIT_MS = 50;

/** From a failed dial of an original server to the next: short against its timers, which count seconds. */
export const ORIGINAL_REDIAL_MS = 250;

/** From an outage's end to its conclusion without the peer's account: that comes in one round trip. */
export const ACCOUNT_LIMIT_MS = 1_000;

/** How long before the peer noticed an outage one may have been over here that is the same. */
export const CONCLUDED_MS = 30_000;

/** How long after `data_threshold` a frame may come that ends no outage: none was due. */
export const LATE_MS = 250;

/**
 * How many data messages of a read are confirmed before the others are looked at: so a client with a window of 64 goes
 * on while they are, and need not wait for the last one.
 */
export const CONFIRMED_EARLY = 16;

/** Frames taken from a connection before other connections are read: keeps one peer from starving them. */
export const FRAMES_PER_TURN = 256;

/** The same for a read of so many bytes. */
export const LARGE_READ_BYTES = 32_768;

/** The timers of a session that a user sets, in milliseconds. */
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

/** How many heartbeats in a row go unanswered before the peer is dead. */
export function heartbeatsUntilDead(timers: Timers): number {
  return 1 + timers.heart_beat_additional_tries;
}

/** From the first unanswered heartbeat until the peer is declared dead. */
export function heartbeatPhase_ms(timers: Timers): number {
  return heartbeatsUntilDead(timers) * timers.heart_beat_threshold_ms;
}

/** From the first unconfirmed, or the last received, data message until the peer is declared dead. */
export function predictedDetection_ms(timers: Timers): number {
  return timers.data_threshold_ms + heartbeatPhase_ms(timers);
}

/** What happens next in a session, if nothing is received until then. */
export type DueKind =
  /** The next data message goes out. */
  | "send"
  /** The session falls silent. */
  | "silent"
  /** The peer is declared dead. */
  | "dead"
  /** The client dials again. */
  | "dial"
  /** The server forgets a session whose client stays away. */
  | "forget";

/** The next step of a session, if nothing is received until then. */
export interface NextStep {
  /** What happens. */
  readonly what: DueKind;
  /** When, in monotonic milliseconds; `Infinity` if that is not known. */
  readonly at_ms: number;
  /** Of a session in the heartbeat phase: heartbeats missed in a row. */
  readonly missed?: number;
  /** How many more until the peer is dead. */
  readonly left?: number;
}

/** When the peer is dead whose answer is due at a time, after so many heartbeats missed in a row. */
export function nextDeath(timers: Timers, due_ms: number, missed: number): NextStep {
  const left = heartbeatsUntilDead(timers) - missed;
  const at_ms = due_ms + (left - 1) * timers.heart_beat_threshold_ms;
  return { what: "dead", at_ms, missed, left };
}

/**
 * What a side sends in the handshake of its timers, in seconds, of its largest data message, and of the
 * frames that it knows: `idle` is said in the handshakes of a search for idle timeouts only, since in others it would
 * make `HELLO` longer than the first read (`SMALLEST_READ_BYTES`).
 */
export function greetingOf(
  timers: Timers,
  maxMessageBytes: number,
  besides: readonly "idle"[] = [],
): Greeting {
  return {
    data_interval: timers.data_interval_ms / 1000,
    data_threshold: timers.data_threshold_ms / 1000,
    heart_beat_interval: timers.heart_beat_interval_ms / 1000,
    heart_beat_threshold: timers.heart_beat_threshold_ms / 1000,
    heart_beat_additional_tries: timers.heart_beat_additional_tries,
    max_message_bytes: maxMessageBytes,
    knows: [...KNOWN_EXTENSIONS, ...besides],
  };
}
