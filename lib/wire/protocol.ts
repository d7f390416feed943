/**
 * What is said on the wire in PW/1: the frames, who may say them when, and their limits.
 * Pure: it knows nothing of bytes, sockets or time. The grammar is in `docs/protocol.md`.
 *
 * @module
 */

/** The version of the protocol that `HELLO` and `WELCOME` carry. */
export const PROTOCOL_VERSION = 1;

/** Longest line, in bytes, its line end included. */
export const MAX_LINE_BYTES = 1024;

/** Longest session id, in characters. */
export const MAX_SESSION_ID_LENGTH = 64;

/** Largest data message by default, in bytes. */
export const DEFAULT_MAX_MESSAGE_BYTES = 1_048_576;

/** Which side of a session a process is. */
export type Role = "client" | "server";

/** The reasons that `TERMINATE` may carry. */
export const TERMINATE_REASONS = ["done", "shutdown", "silent", "refused", "protocol"] as const;

/** Why a peer ends a session politely. */
export type TerminateReason = typeof TERMINATE_REASONS[number];

/** The JSON object that `HELLO` and `WELCOME` carry: the sender's timers, in seconds. */
export type Greeting = Readonly<Record<string, unknown>>;

/** One frame of PW/1. */
export type Frame =
  | { type: "HELLO" | "WELCOME"; version: number; session: string; greeting: Greeting }
  | { type: "DATA"; seq: number; payload: Uint8Array }
  | { type: "CONFIRM"; seq: number }
  | { type: "HEARTBEAT" | "HEARTBEAT_REPLY"; n: number }
  | { type: "TERMINATE"; reason: TerminateReason; text: string };

/** The first word of a frame. */
export type FrameType = Frame["type"];

/** How far a connection has come: before or after `HELLO` and `WELCOME` have been exchanged. */
export type Stage = "opening" | "open";

/** What each side may hear at each stage. Anything else is a protocol error. */
export const ACCEPTED_FRAMES: Readonly<
  Record<Role, Readonly<Record<Stage, readonly FrameType[]>>>
> = {
  server: {
    opening: ["HELLO", "TERMINATE"],
    open: ["DATA", "HEARTBEAT", "HEARTBEAT_REPLY", "TERMINATE"],
  },
  client: {
    opening: ["WELCOME", "TERMINATE"],
    open: ["CONFIRM", "HEARTBEAT", "HEARTBEAT_REPLY", "TERMINATE"],
  },
};

/** The peer broke the protocol. The message says how, in words fit for `TERMINATE protocol`. */
export class ProtocolError extends Error {
  /** The name of this kind of error. */
  override readonly name = "ProtocolError";
}

/**
 * Checks that a side may hear a frame at this stage.
 *
 * @throws {ProtocolError} If it may not.
 */
export function expectFrame(frame: Frame, receiver: Role, stage: Stage): void {
  const allowed = ACCEPTED_FRAMES[receiver][stage];
  if (allowed.includes(frame.type)) return;
  const from = receiver === "server" ? "client" : "server";
  const when = stage === "opening" ? "as the first frame" : "in an open session";
  throw new ProtocolError(`${frame.type} from the ${from} ${when}; expected ${list(allowed)}`);
}

function list(words: readonly string[]): string {
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

/** The largest window: as many as a server takes before it has confirmed any. */
export const MAX_WINDOW = 16_384;
