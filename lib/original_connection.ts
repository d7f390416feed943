/**
 * One connection that speaks the original program's wire, at either end.
 *
 * @module
 */
import { type Ending, endingOfError } from "./ending.ts";
import { originalBytes, OriginalDecoder, type OriginalMessage } from "./original_wire.ts";
import { ProtocolError } from "./protocol.ts";
import { type Listener, readMessages } from "./reader.ts";
import type { Connection } from "./transport.ts";

/** What a connection tells of. */
export interface OriginalListener {
  /** A message has come; its answer, if it has one, is written before more is read. */
  heard(message: OriginalMessage): OriginalMessage | undefined;
  /** The answers to all that was heard have been handed to the network. */
  answered?(): void;
}

/** Reads messages, writes their answers, and says what it is told to. */
export class OriginalConnection implements Listener<OriginalMessage> {
  readonly #connection: Connection;
  readonly #listener: OriginalListener;
  #answers: OriginalMessage[] = [];
  #writing: Promise<void> = Promise.resolve();
  #wrong?: Ending;

  /** Takes over a connection; nothing is read until `run`. */
  constructor(connection: Connection, listener: OriginalListener) {
    this.#connection = connection;
    this.#listener = listener;
  }

  /** The peer's address and port. */
  get peer(): string {
    return this.#connection.peer;
  }

  /** Reads until the connection ends, closes it, and says how it ended. */
  async run(): Promise<Ending> {
    let ending: Ending = { by: "peer", reason: "closed", text: "" };
    try {
      await readMessages(this.#connection, new OriginalDecoder(), this);
    } catch (error) {
      ending = endingOfError(error);
    }
    this.close();
    await this.#writing;
    return this.#wrong ?? ending;
  }

  /** Writes a message behind what is being written; what cannot be written, the reader will hear of. */
  say(message: OriginalMessage): Promise<void> {
    return this.#writing = this.#writing.then(() => this.#write(originalBytes(message)));
  }

  /** Closes the connection; `run` resolves. */
  close(): void {
    this.#connection.close();
  }

  /** Hears one message. */
  hear(message: OriginalMessage): void {
    const answer = this.#listener.heard(message);
    if (answer) this.#answers.push(answer);
  }

  /** Answers, and lets no more be read before that is done: a peer that reads nothing is not read. */
  async heardAll(): Promise<void> {
    if (this.#answers.length === 0) return;
    const answers = this.#answers;
    this.#answers = [];
    for (const answer of answers) await this.say(answer);
    this.#listener.answered?.();
  }

  /** Ends the connection over a wrong message, or a defect of this program. */
  heardWrong(error: unknown): void {
    this.#wrong = error instanceof ProtocolError
      ? { by: "self", reason: "protocol", text: error.message }
      : endingOfError(error);
    this.close();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      for (let rest = bytes; rest.length > 0;) {
        rest = rest.subarray(await this.#connection.write(rest));
      }
    } catch {
      // The connection has failed or been closed: the read that is always under way says so.
    }
  }
}
