/**
 * What `HELLO` and `WELCOME` say of the sender: its timers, so that each side can see what to expect,
 * and how far it has come with the session.
 *
 * @module
 */
import type { Frame, Greeting } from "./protocol.ts";
import type { Timers } from "./settings.ts";

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

/** A number that a peer's greeting gives, or `undefined` where it gives none. */
export function greetedNumber(greeting: Greeting, key: string): number | undefined {
  const value = greeting[key];
  return typeof value === "number" && value >= 0 ? value : undefined;
}

/** A whole number from 0 that a peer's greeting gives, or `undefined` where it gives none. */
export function greetedCount(greeting: Greeting, key: string): number | undefined {
  const value = greetedNumber(greeting, key);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** What a client says of its session. */
export interface Hello {
  /** The session's id. */
  readonly id: string;
  /** Whether the client comes back after a lost connection. */
  readonly comesBack: boolean;
  /** Of a session that was open before: the client has heard confirmations up to here. */
  readonly confirmed?: number;
  /** The last sequence number that the client has sent. */
  readonly sent: number;
  /** Whether what is not confirmed is known to have been delivered nowhere. */
  readonly settled: boolean;
}

/** What a client says of its session in its `HELLO`. */
export function helloOf({ greeting, session }: Frame & { type: "HELLO" | "WELCOME" }): Hello {
  return {
    id: session,
    comesBack: greeting.reconnect === true,
    confirmed: greetedCount(greeting, "confirmed"),
    sent: greetedCount(greeting, "sent") ?? 0,
    settled: greeting.settled === true,
  };
}
