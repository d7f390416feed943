/**
 * Formats and parses the line of a PW/1 frame.
 *
 * @module
 */
import { isSecret, SECRET_LENGTH } from "../platform/secrets.ts";
import {
  type Frame,
  HOLD_REASONS,
  type JsonObject,
  MAX_LINE_BYTES,
  MAX_SESSION_ID_LENGTH,
  ProtocolError,
  TERMINATE_REASONS,
  type TerminateReason,
} from "./protocol.ts";
import { quoted, quotedText } from "./quote.ts";

const encoder = new TextEncoder();

const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const CONTROL_CHARACTER = /\p{Cc}/u;

const NUMBER = /^(?:0|[1-9][0-9]{0,15})$/;

const SESSION_ID = new RegExp(`^[A-Za-z0-9_-]{1,${MAX_SESSION_ID_LENGTH}}$`);

/** Whether a text is a valid session id: 1 to 64 letters, digits, `-` and `_`. */
export function isSessionId(text: string): boolean {
  return SESSION_ID.test(text);
}

/** A frame with a text; the others have only numbers. */
export type TextFrame = Exclude<Frame, { seq: number } | { n: number }>;

/** Formats the line of a frame with a text, with its line end. */
export function frameLine(frame: TextFrame): string {
  switch (frame.type) {
    case "HELLO":
    case "WELCOME":
      return `${frame.type} ${frame.version} ${frame.session} ${JSON.stringify(frame.greeting)}\n`;
    case "HOLD":
      return `HOLD ${frame.reason}\n`;
    case "ACCOUNT":
      return `ACCOUNT ${JSON.stringify(frame.account)}\n`;
    case "IDLE_RESULTS":
      return `IDLE_RESULTS ${JSON.stringify(frame.results)}\n`;
    case "CHALLENGE":
      return `CHALLENGE ${frame.nonce}\n`;
    case "PROOF":
      return `PROOF ${frame.proof}\n`;
    case "TERMINATE":
      return terminateLine(frame.reason, frame.text);
  }
}

/** Replaces control characters in the text of `TERMINATE`, and truncates it to the length of a line. */
function terminateLine(reason: TerminateReason, text: string): string {
  if (text === "") return `TERMINATE ${reason}\n`;
  const head = `TERMINATE ${reason} `;
  const room = new Uint8Array(MAX_LINE_BYTES - head.length - 1);
  const clean = text.replace(/[\p{Cc}\p{Cs}]/gu, " ");
  return head + clean.slice(0, encoder.encodeInto(clean, room).read) + "\n";
}

/** The line of a `DATA` frame, which announces the payload. */
export type DataLine = { type: "DATA"; seq: number; length: number };

/**
 * Parses a line without its line end.
 *
 * @throws {ProtocolError} If the line is not PW/1.
 */
export function parseLine(line: Uint8Array): Exclude<Frame, { type: "DATA" }> | DataLine {
  const text = decodeLine(line);
  const [type, first = "", ...rest] = text.split(" ");
  switch (type) {
    case "HELLO":
    case "WELCOME":
      return parseGreeting(type, text);
    case "DATA":
      if (rest.length > 1) break;
      return { type, seq: number(first, text, 1), length: number(rest[0] ?? "", text) };
    case "CONFIRM":
      if (rest.length > 0) break;
      return { type, seq: number(first, text, 1) };
    case "HEARTBEAT":
    case "HEARTBEAT_REPLY":
      if (rest.length > 0) break;
      return { type, n: number(first, text, 1) };
    case "HOLD":
      if (rest.length > 0) break;
      return { type, reason: reason(first, HOLD_REASONS, type) };
    case "ACCOUNT":
      return { type, account: parseObject(text.slice("ACCOUNT ".length), type) };
    case "IDLE_RESULTS":
      return { type, results: parseObject(text.slice("IDLE_RESULTS ".length), type) };
    case "CHALLENGE":
      if (rest.length > 0) break;
      return { type, nonce: secret(first, type) };
    case "PROOF":
      if (rest.length > 0) break;
      return { type, proof: secret(first, type) };
    case "TERMINATE":
      return parseTerminate(first, text);
    default:
      throw new ProtocolError(`unknown frame ${quoted(line)}`);
  }
  throw new ProtocolError(`too many words in ${quoted(line)}`);
}

function decodeLine(line: Uint8Array): string {
  let text;
  try {
    text = strictDecoder.decode(line);
  } catch {
    throw new ProtocolError(`a line that is not UTF-8: ${quoted(line)}`);
  }
  if (CONTROL_CHARACTER.test(text)) {
    throw new ProtocolError(`a control character in ${quoted(line)}`);
  }
  return text;
}

function number(word: string, line: string, least = 0): number {
  const value = NUMBER.test(word) ? Number(word) : NaN;
  if (Number.isSafeInteger(value) && value >= least) return value;
  const range = `a whole number from ${least} to ${Number.MAX_SAFE_INTEGER} without leading zeros`;
  throw new ProtocolError(
    `bad number ${quotedText(word)} in ${quotedText(line)}; expected ${range}`,
  );
}

function parseGreeting(type: "HELLO" | "WELCOME", text: string): Frame & { type: typeof type } {
  const [, version = "", session = ""] = text.split(" ", 3);
  const json = text.slice(`${type} ${version} ${session} `.length);
  if (!isSessionId(session)) {
    throw new ProtocolError(
      `bad session id ${quotedText(session)} in ${type}; expected 1 to ${MAX_SESSION_ID_LENGTH} ` +
        `letters, digits, "-" or "_"`,
    );
  }
  return { type, version: number(version, text, 1), session, greeting: parseObject(json, type) };
}

function parseObject(json: string, type: string): JsonObject {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as JsonObject;
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new ProtocolError(`${quotedText(json)} in ${type} is not a JSON object`);
}

function secret(word: string, type: string): string {
  if (isSecret(word)) return word;
  const expected = `${SECRET_LENGTH} letters, digits, "-" or "_"`;
  throw new ProtocolError(`bad word ${quotedText(word)} in ${type}; expected ${expected}`);
}

function parseTerminate(word: string, text: string): Frame & { type: "TERMINATE" } {
  const known = reason(word, TERMINATE_REASONS, "TERMINATE");
  return { type: "TERMINATE", reason: known, text: text.slice(11 + word.length) };
}

function reason<Reason extends string>(
  word: string,
  reasons: readonly Reason[],
  type: string,
): Reason {
  const known = reasons.find((each) => each === word);
  if (known) return known;
  throw new ProtocolError(`unknown reason ${quotedText(word)} in ${type}`);
}
