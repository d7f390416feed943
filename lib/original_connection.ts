/**
 * One connection that speaks the original program's wire, at either end.
 *
 * @module
 */
import { type Ending, endingOfError } from "./ending.ts";
import { originalBytes, OriginalDecoder, type OriginalMessage } from "./original_wire.ts";
import { ProtocolError } from "./protocol.ts";
import { type MessageListener, readMessages } from "./reader.ts";
import type { Connection } from "./transport.ts";

/** What a connection tells of. */
export interface OriginalListener {
  /** A message has come; its answer, if it has one, is written before more is read. */
  heard(message: OriginalMessage): OriginalMessage | undefined;
  /** An answer has been handed to the network. */
  answered?(answer: OriginalMessage): void;
}

/** Reads messages, writes their answers, and says what it is told to. */
export class OriginalConnection implements MessageListener<OriginalMessage> {
  readonly #connection: Connection;
  readonly #listener: OriginalListener;
  #answers: OriginalMessage[] = [];
  #writing: Promise<unknown> = Promise.resolve();
  #wrong?: Ending;
  /** Gives up the write that is under way. */
  #giveUp = () => {};

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

  /**
   * Writes a message behind what is being written: whether it has been handed to the network. Why it
   * has not, the reader will hear.
   */
  say(message: OriginalMessage): Promise<boolean> {
    const written = this.#writing.then(() => this.#write(originalBytes(message)));
    this.#writing = written;
    return written;
  }

  /** Closes the connection; `run` resolves. */
  close(): void {
    this.#connection.close();
    this.#giveUp();
  }

  /** Hears one message. */
  hear(message: OriginalMessage): void {
    const answer = this.#listener.heard(message);
    if (answer) this.#answers.push(answer);
  }

  /** Answers, and lets no more be read before that is done: a peer that reads nothing is not read. */
  async heardAll(): Promise<void> {
    const answers = this.#answers;
    this.#answers = [];
    for (const answer of answers) {
      if (await this.say(answer)) this.#listener.answered?.(answer);
    }
  }

  /** Ends the connection over a wrong message, or a defect of this program. */
  heardWrong(error: unknown): void {
    this.#wrong = error instanceof ProtocolError
      ? { by: "self", reason: "protocol", text: error.message }
      : endingOfError(error);
    this.close();
  }

  async #write(bytes: Uint8Array): Promise<boolean> {
    for (let rest = bytes; rest.length > 0;) {
      const count = await this.#writeSome(rest);
      if (count === undefined) return false;
      rest = rest.subarray(count);
    }
    return true;
  }

  /** How many bytes were written; none if that failed, which the read under way hears of. */
  #writeSome(bytes: Uint8Array): Promise<number | undefined> {
    return new Promise((resolve) => {
      // Deno 2.6 leaves a blocked write pending for ever, though its connection is closed.
      this.#giveUp = () => resolve(undefined);
      this.#connection.write(bytes).then(resolve, this.#giveUp);
    });
  }
}
