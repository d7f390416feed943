/**
 * What `HELLO` and `WELCOME` say of the sender: its timers, so that each side can see what to expect,
 * and how far it has come with the session.
 *
 * @module
 */
import type { Frame, Greeting } from "./protocol.ts";

/** A number that a peer's greeting gives, or `undefined` where it gives none. */
export function greetingNumber(greeting: Greeting, key: string): number | undefined {
  const value = greeting[key];
  return typeof value === "number" && value >= 0 ? value : undefined;
}

/** A whole number from 0 that a peer's greeting gives, or `undefined` where it gives none. */
export function greetingCount(greeting: Greeting, key: string): number | undefined {
  const value = greetingNumber(greeting, key);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** What a client says of its session. */
export interface Hello {
  /** The session's id. */
  readonly id: string;
  /** Whether the client comes back after a lost connection. */
  readonly reconnects: boolean;
  /** Of a session that was open before: the client has heard confirmations up to here. */
  readonly confirmed?: number;
  /** The last sequence number that the client has sent. */
  readonly sent: number;
  /** Whether what is not confirmed is known to have been delivered nowhere. */
  readonly settled: boolean;
}

/** What a client says of its session in its `HELLO`. */
export function helloFields({ greeting, session }: Frame & { type: "HELLO" | "WELCOME" }): Hello {
  return {
    id: session,
    reconnects: greeting.reconnect === true,
    confirmed: greetingCount(greeting, "confirmed"),
    sent: greetingCount(greeting, "sent") ?? 0,
    settled: greeting.settled === true,
  };
}
