/**
 * Wire format of the original Python program (2022): four ASCII messages without any framing.
 *
 * @module
 */
import { ProtocolError } from "../wire/protocol.ts";
import { quoted } from "../wire/quote.ts";

/** The text of each message. */
export const ORIGINAL_TEXT = {
  /** Data message of the client. */
  data: "CLIENT_DATA_MESSAGE",
  /** Confirmation of the server. */
  reply: "SERVER_DATA_REPLY",
  /** Heartbeat of the client, which the server echoes. */
  heartbeat: "MSG_HEARTBEAT",
  /** Ends the session; the server sends it in the place of a confirmation. */
  terminate: "TERMINATE",
} as const;

/** The name of a message. */
export type OriginalMessage = keyof typeof ORIGINAL_TEXT;

/** What a connection of an original client is for: the message that it begins with. */
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

/** Whether bytes begin with the whole of a message. A fragment does not prove who sent it. */
export function hasWhole(bytes: Uint8Array, message: OriginalMessage): boolean {
  return beginsOriginal(bytes) === message && bytes.length >= ORIGINAL_TEXT[message].length;
}

/** What a connection is for that begins with these bytes; `undefined` if it is of no original client. */
export function purposeOf(first: Uint8Array): OriginalPurpose | undefined {
  return (["data", "heartbeat"] as const).find((purpose) => hasWhole(first, purpose));
}

/** Decodes messages from bytes in chunks of any size; holds less than one message. */
export class OriginalDecoder {
  #text = "";

  /** Appends a chunk, the first `length` bytes of a buffer. */
  push(buffer: Uint8Array, length: number = buffer.length): void {
    this.#text += ascii.decode(buffer.subarray(0, length));
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
