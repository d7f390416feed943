/**
 * Wire format of the original Python program (2022): four ASCII messages without any framing.
 *
 * @module
 */
import { ProtocolError } from "./protocol.ts";
import { quoted } from "./quote.ts";

/** The messages and their text. */
export const ORIGINAL_TEXT = {
  /** Data message of the client. */
  data: "CLIENT_DATA_MESSAGE",
  /** Confirmation of the server. */
  reply: "SERVER_DATA_REPLY",
  /** Heartbeat of the client, which the server echoes. */
  heartbeat: "MSG_HEARTBEAT",
  /** Termination by the server, in place of a confirmation. */
  terminate: "TERMINATE",
} as const;

/** Name of a message. */
export type OriginalMessage = keyof typeof ORIGINAL_TEXT;

/** What an original client's connection is for: the message that it begins with. */
export type OriginalPurpose = OriginalMessage & ("data" | "heartbeat");

const MESSAGES = Object.keys(ORIGINAL_TEXT) as OriginalMessage[];

const ascii = new TextDecoder("latin1");

const encoder = new TextEncoder();

/** Encodes a message. */
export function originalBytes(message: OriginalMessage): Uint8Array<ArrayBuffer> {
  return encoder.encode(ORIGINAL_TEXT[message]);
}

/**
 * The message that a connection's first bytes begin with, or are a prefix of; `undefined` if there is none.
 */
export function beginsOriginal(bytes: Uint8Array): OriginalMessage | undefined {
  const text = ascii.decode(bytes.subarray(0, 32));
  return MESSAGES.find((message) => {
    const whole = ORIGINAL_TEXT[message];
    return text !== "" && (text.startsWith(whole) || whole.startsWith(text));
  });
}

/** Decodes messages from chunks of any size; holds less than one message. */
export class OriginalDecoder {
  #text = "";

  /** Appends a chunk. */
  push(chunk: Uint8Array): void {
    this.#text += ascii.decode(chunk);
  }

  /**
   * The next complete message, or `undefined` when more bytes are needed.
   *
   * @throws {ProtocolError} If the bytes begin no message.
   */
  next(): OriginalMessage | undefined {
    const message = MESSAGES.find((each) => this.#text.startsWith(ORIGINAL_TEXT[each]));
    if (message) {
      this.#text = this.#text.slice(ORIGINAL_TEXT[message].length);
      return message;
    }
    if (!MESSAGES.some((each) => ORIGINAL_TEXT[each].startsWith(this.#text))) {
      throw new ProtocolError(
        `${quoted(encoder.encode(this.#text))} is no message of the original program`,
      );
    }
    return undefined;
  }

  /** Whether an unfinished message is held. */
  get midFrame(): boolean {
    return this.#text !== "";
  }
}
