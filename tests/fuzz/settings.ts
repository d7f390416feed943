/**
 * What recorded and fuzzed sessions have in common, so that what was recorded is right when it is replayed.
 *
 * @module
 */
import { OriginalProtocol } from "../../lib/original/protocol.ts";
import { type Random as RandomSource, SECRET_LENGTH } from "../../lib/platform/secrets.ts";
import type { Timers } from "../../lib/session/timers.ts";
import type { Key } from "../../lib/wire/proof.ts";
import type { Random } from "../support/random.ts";
import { saying } from "../support/stage.ts";

/** Silent after 2 s, dead 2 s later. */
export const TIMERS: Timers = {
  data_interval_ms: 1_000,
  data_threshold_ms: 2_000,
  heart_beat_interval_ms: 1_000,
  heart_beat_threshold_ms: 1_000,
  heart_beat_additional_tries: 1,
};

const SHARED = { timers: TIMERS, maxMessageBytes: 20_000, legacy: new OriginalProtocol() };

/** Of each server; sessions without a connection are soon forgotten, and few connections have none. */
export const SERVER = {
  ...SHARED,
  maxIdle_ms: 4_000,
  sessionLifetime_ms: 4_000,
  resumeWithoutToken: false,
  maxUnopened: 3,
};

/** The id of the recorded sessions: what `clientOptions` has for random bytes. */
export const RECORDED = "5a".repeat(8);

/** The key of honest clients, and of those that were recorded. */
export const KEY: Key = { name: "mill", secret: "MILL".padEnd(SECRET_LENGTH, "0") };

/** What clients say. */
const SAID = "hello";

/** Whether a data message is what clients say. */
export function isHonestPayload(payload: Uint8Array): boolean {
  return new TextDecoder().decode(payload) === SAID;
}

/** Of a client. */
export function clientSettings() {
  return { ...SHARED, ...saying(SAID, TIMERS) };
}

/**
 * By when everything of a peer that does nothing more is gone, in milliseconds: it is declared dead, its session
 * forgotten, its connection closed.
 */
export const GONE_AFTER_MS = 14_000;

/** The same of a session that is to be idle for `maxIdle_ms`: after that it has 21 s to speak. */
export const IDLE_GONE_AFTER_MS = 27_000;

/** The seed of what a server draws in each exchange: the tokens that were recorded are right again. */
export const CASE_RANDOM = 7;

/** A source that fills with what a generator gives. */
export function randomOf(random: Random): RandomSource {
  return (bytes) => bytes.set(random.bytes(bytes.length));
}
