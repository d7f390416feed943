/**
 * One connection that speaks the original program's wire, at either end.
 *
 * @module
 */
import type { Connection } from "../platform/net/transport.ts";
import { type CloseReason, closeReasonOf } from "../session/close_reason.ts";
import { ProtocolError } from "../wire/protocol.ts";
import { type MessageListener, MessageReader } from "../wire/reader.ts";
import { originalBytes, OriginalDecoder, type OriginalMessage } from "./wire.ts";

/** Receives the messages of a connection. */
export interface OriginalListener {
  /** Takes a message; returns its answer, if it has one, which is written before more is read. */
  onMessage(message: OriginalMessage): OriginalMessage | undefined;
  /** Called when an answer has been handed to the network. */
  onAnswered?(answer: OriginalMessage): void;
  /** Called when the network has taken some bytes. */
  onWritten(): void;
}

/** Reads messages and writes their answers. */
export class OriginalConnection implements MessageListener<OriginalMessage> {
  readonly #connection: Connection;
  readonly #listener: OriginalListener;
  #answers: OriginalMessage[] = [];
  #writing: Promise<unknown> = Promise.resolve();
  /** How the connection ended; or first, why this side closed it over what it read. */
  #closeReason?: CloseReason;
  /** Ends the wait for the write that is under way. */
  #abandonWrite = () => {};

  /** Wraps a connection; nothing is read until `run`. */
  constructor(connection: Connection, listener: OriginalListener) {
    this.#connection = connection;
    this.#listener = listener;
  }

  /** Reads until the connection ends, closes it, and returns how it ended. */
  async run(): Promise<CloseReason> {
    await new MessageReader(this.#connection, new OriginalDecoder(), this).ended();
    this.close();
    await this.#writing;
    return this.#closeReason!;
  }

  /**
   * Writes a message after what is being written. Resolves to whether it was handed to the network; the
   * reader gets the error if it was not.
   */
  send(message: OriginalMessage): Promise<boolean> {
    const written = this.#writing.then(() => this.#write(originalBytes(message)));
    this.#writing = written;
    return written;
  }

  /** Closes the connection; `run` resolves. */
  close(): void {
    this.#connection.close();
    this.#abandonWrite();
  }

  /** Receives one message. */
  onMessage(message: OriginalMessage): void {
    const answer = this.#listener.onMessage(message);
    if (answer) this.#answers.push(answer);
  }

  /** Writes the answers before more is read: a peer that reads nothing is not read. */
  async onBatchEnd(): Promise<void> {
    const answers = this.#answers;
    this.#answers = [];
    for (const answer of answers) {
      if (await this.send(answer)) this.#listener.onAnswered?.(answer);
    }
  }

  /** Closes the connection over a protocol error, or a defect of this program. */
  onError(error: unknown): void {
    this.#closeReason = error instanceof ProtocolError
      ? { by: "self", reason: "protocol", text: error.message }
      : closeReasonOf(error);
    this.close();
  }

  /** Notes how the connection ended. */
  onEnd(failure?: unknown): void {
    this.#closeReason ??= failure
      ? closeReasonOf(failure)
      : { by: "peer", reason: "closed", text: "" };
  }

  async #write(bytes: Uint8Array): Promise<boolean> {
    for (let rest = bytes; rest.length > 0;) {
      const count = await this.#writeSome(rest);
      if (count === undefined) return false;
      rest = rest.subarray(count);
    }
    return true;
  }

  /** How many bytes were written; `undefined` if that failed, since the read under way fails too. */
  #writeSome(bytes: Uint8Array): Promise<number | undefined> {
    return new Promise((resolve) => {
      // Deno 2.6 leaves a blocked write pending for ever, though its connection is closed.
      this.#abandonWrite = () => resolve(undefined);
      const written = (count: number) => {
        this.#listener.onWritten();
        resolve(count);
      };
      this.#connection.write(bytes).then(written, this.#abandonWrite);
    });
  }
}
