/**
 * Fields of the JSON object in `HELLO` and `WELCOME`.
 *
 * @module
 */
import { isSecret } from "../platform/secrets.ts";
import { greetingIdle, greetingIdleResults, type IdleTerms } from "./idle.ts";
import { isKeyName } from "./proof.ts";
import { type Frame, type Greeting, PROTOCOL_VERSION } from "./protocol.ts";

/** A non-negative number in a peer's greeting; `undefined` if it is missing or invalid. */
export function greetingNumber(greeting: Greeting, key: string): number | undefined {
  const value = greeting[key];
  return typeof value === "number" && value >= 0 ? value : undefined;
}

/** A non-negative integer in a peer's greeting; `undefined` if it is missing or invalid. */
export function greetingCount(greeting: Greeting, key: string): number | undefined {
  const value = greetingNumber(greeting, key);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** What a peer's greeting says that it knows besides the first version. */
export function greetingKnows(greeting: Greeting): readonly string[] {
  const { knows } = greeting;
  return Array.isArray(knows) ? knows.filter((each) => typeof each === "string") : [];
}

/** A secret that a peer's greeting gives under a key; `undefined` if it is missing or invalid. */
export function greetingSecret(greeting: Greeting, key: string): string | undefined {
  const value = greeting[key];
  return isSecret(value) ? value : undefined;
}

/** A client's state of its session, from its `HELLO`. */
export interface Hello {
  /** The session's id. */
  readonly id: string;
  /** Whether the client reconnects after a lost connection. */
  readonly reconnects: boolean;
  /** The last confirmation that the client has received; only if the session was open before. */
  readonly confirmed?: number;
  /** The last sequence number that the client has sent. */
  readonly sent: number;
  /** Whether everything unconfirmed is known to be undelivered. */
  readonly settled: boolean;
  /** The token that the session's first `WELCOME` gave. */
  readonly token?: string;
  /** The name of the key that the client is going to prove. */
  readonly key?: string;
  /** The client's nonce for that. */
  readonly nonce?: string;
  /** The smallest of the client's thresholds, in milliseconds; `Infinity` if it gives none. */
  readonly threshold_ms: number;
  /** How the session is to be idle, if that is all it is for. */
  readonly idle?: IdleTerms;
  /** The search of whose idle sessions the client asks what the server saw. */
  readonly idleResults?: string;
  /** What it knows besides the first version: any other frame would be a protocol error. */
  readonly knows: readonly string[];
}

/** Reads a client's state of its session from its `HELLO`. */
export function helloFields({ greeting, session }: Frame & { type: "HELLO" | "WELCOME" }): Hello {
  const { key } = greeting;
  return {
    id: session,
    reconnects: greeting.reconnect === true,
    confirmed: greetingCount(greeting, "confirmed"),
    sent: greetingCount(greeting, "sent") ?? 0,
    settled: greeting.settled === true,
    token: greetingSecret(greeting, "token"),
    ...isKeyName(key) && { key, nonce: greetingSecret(greeting, "nonce") },
    threshold_ms: 1000 * Math.min(
      greetingNumber(greeting, "data_threshold") ?? Infinity,
      greetingNumber(greeting, "heart_beat_threshold") ?? Infinity,
    ),
    ...greeting.idle !== undefined && { idle: greetingIdle(greeting) },
    ...greeting.idle_results !== undefined && { idleResults: greetingIdleResults(greeting) },
    knows: greetingKnows(greeting),
  };
}

/** Why a client that speaks another version is refused; `undefined` if it speaks this one. */
export function refuseVersion(version: number): string | undefined {
  if (version === PROTOCOL_VERSION) return undefined;
  return `this server speaks PW/${PROTOCOL_VERSION}, not PW/${version}`;
}
