/**
 * The wire formats, bytes <-> messages. PW/1: this file (frames, which side may send them when, limits),
 * `line` (text of a frame), `encoder` and `decoder` (its bytes), `hello` (fields of HELLO and WELCOME), `idle` (those
 * of idle sessions), `proof` (of keys); `original` (the 2022 program's messages); `reader` and `writer` (one each per
 * connection); `quote` (peer's text for logs); `foreign` (other protocols, by their first bytes).
 *
 * Sessions call it. It knows no session and no time; the grammar is in `docs/protocol.md`.
 *
 * @module
 */

/** Protocol version in `HELLO` and `WELCOME`. */
export const PROTOCOL_VERSION = 1;

/** Maximum length of a line, in bytes, with its line end. */
export const MAX_LINE_BYTES = 1024;

/** Maximum length of a session id, in characters. */
export const MAX_SESSION_ID_LENGTH = 64;

/** Default for the maximum size of a data message, in bytes. */
export const DEFAULT_MAX_MESSAGE_BYTES = 1_048_576;

/** Maximum window: unconfirmed data messages that a server accepts. */
export const MAX_WINDOW = 16_384;

/** Which side of a session a process is. */
export type Role = "client" | "server";

/** Reasons of `TERMINATE`. */
export const TERMINATE_REASONS = [
  "done",
  "shutdown",
  "silent",
  "full",
  "refused",
  "protocol",
] as const;

/** Why a peer terminates a session. */
export type TerminateReason = typeof TERMINATE_REASONS[number];

/** What confirmations may wait for at a server: its store, its output, or room for more data messages. */
export const HOLD_REASONS = ["store", "output", "room"] as const;

/** Why a server's confirmations wait. */
export type HoldReason = typeof HOLD_REASONS[number];

/**
 * What this version knows besides the first one: frames, keys and reasons of `TERMINATE`, as it says in `HELLO`
 * and `WELCOME`.
 */
export const KNOWN_EXTENSIONS = ["hold", "account", "full", "token"] as const;

/** JSON object of a frame. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** That of `HELLO` and `WELCOME`: the sender's timers in seconds, and its state of the session. */
export type Greeting = JsonObject;

/** One frame of PW/1. */
export type Frame =
  | { type: "HELLO" | "WELCOME"; version: number; session: string; greeting: Greeting }
  | { type: "DATA"; seq: number; payload: Uint8Array }
  | { type: "CONFIRM"; seq: number }
  | { type: "HEARTBEAT" | "HEARTBEAT_REPLY"; n: number }
  | { type: "HOLD"; reason: HoldReason }
  | { type: "ACCOUNT"; account: JsonObject }
  | { type: "IDLE_RESULTS"; results: JsonObject }
  | { type: "CHALLENGE"; nonce: string }
  | { type: "PROOF"; proof: string }
  | { type: "TERMINATE"; reason: TerminateReason; text: string };

/** The number of a frame; -1 if it has none. */
export function frameNumber(frame: Frame): number {
  switch (frame.type) {
    case "DATA":
    case "CONFIRM":
      return frame.seq;
    case "HEARTBEAT":
    case "HEARTBEAT_REPLY":
      return frame.n;
  }
  return -1;
}

/** The first word of a frame. */
export type FrameType = Frame["type"];

/** Whether `HELLO` and `WELCOME` have been exchanged, and whether for a session that is to be idle. */
export type Stage = "opening" | "open" | "idle";

/**
 * Frames that each side accepts at each stage. Any other is a protocol error. A server with keys takes `PROOF`
 * before: `server/dispatcher.ts`.
 */
export const ACCEPTED_FRAMES: Readonly<
  Record<Role, Readonly<Record<Stage, readonly FrameType[]>>>
> = {
  server: {
    opening: ["HELLO", "TERMINATE"],
    open: ["DATA", "HEARTBEAT", "HEARTBEAT_REPLY", "ACCOUNT", "TERMINATE"],
    idle: ["HEARTBEAT", "HEARTBEAT_REPLY", "TERMINATE"],
  },
  client: {
    opening: ["CHALLENGE", "WELCOME", "TERMINATE"],
    open: ["CONFIRM", "HEARTBEAT", "HEARTBEAT_REPLY", "HOLD", "ACCOUNT", "TERMINATE"],
    idle: ["HEARTBEAT", "HEARTBEAT_REPLY", "IDLE_RESULTS", "TERMINATE"],
  },
};

const WHEN: Readonly<Record<Stage, string>> = {
  opening: "as the first frame",
  open: "in an open session",
  idle: "in an idle session",
};

/** Violation of the protocol by the peer. Its message is the text of `TERMINATE protocol`. */
export class ProtocolError extends Error {
  /** The name of this kind of error. */
  override readonly name = "ProtocolError";
}

/**
 * Checks that a side accepts a frame at this stage.
 *
 * @throws {ProtocolError} If it does not.
 */
export function expectFrame(frame: Frame, receiver: Role, stage: Stage): void {
  const allowed = ACCEPTED_FRAMES[receiver][stage];
  if (allowed.includes(frame.type)) return;
  const from = receiver === "server" ? "client" : "server";
  const when = WHEN[stage];
  throw new ProtocolError(`${frame.type} from the ${from} ${when}; expected ${list(allowed)}`);
}

function list(words: readonly string[]): string {
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
