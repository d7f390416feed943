/**
 * One connection that speaks the original program's wire, at either end, and how it is dialled again.
 *
 * @module
 */
import { sleep } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";
import type { Connection } from "../platform/net/transport.ts";
import { type CloseReason, closeReasonOf } from "../session/close_reason.ts";
import { dial, type DialOptions } from "../session/dial.ts";
import { originalBytes, OriginalDecoder, type OriginalMessage } from "../wire/original.ts";
import { ProtocolError } from "../wire/protocol.ts";
import { type MessageListener, readMessages } from "../wire/reader.ts";

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
  #wrong?: CloseReason;
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
  async run(): Promise<CloseReason> {
    let closeReason: CloseReason = { by: "peer", reason: "closed", text: "" };
    try {
      await readMessages(this.#connection, new OriginalDecoder(), this);
    } catch (error) {
      closeReason = closeReasonOf(error);
    }
    this.close();
    await this.#writing;
    return this.#wrong ?? closeReason;
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
  onMessage(message: OriginalMessage): void {
    const answer = this.#listener.heard(message);
    if (answer) this.#answers.push(answer);
  }

  /** Answers, and lets no more be read before that is done: a peer that reads nothing is not read. */
  async onBatchEnd(): Promise<void> {
    const answers = this.#answers;
    this.#answers = [];
    for (const answer of answers) {
      if (await this.say(answer)) this.#listener.answered?.(answer);
    }
  }

  /** Ends the connection over a wrong message, or a defect of this program. */
  onError(error: unknown): void {
    this.#wrong = error instanceof ProtocolError
      ? { by: "self", reason: "protocol", text: error.message }
      : closeReasonOf(error);
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

/** How long, in milliseconds, to wait before dialling again while nobody listens. */
export const REDIAL_MS = 250;

/** What {@linkcode dialUntilOpen} goes by. */
export interface UntilOpenOptions {
  /** Aborts when it is to be given up. */
  stopping: AbortSignal;
  /** How long to wait before the first attempt, in milliseconds. */
  wait_ms: number;
  /** Whether a connection is still wanted. */
  isWanted: () => boolean;
  /** Whether to try but once. */
  isOnce: boolean;
}

/** Dials again and again until a connection opens; `undefined` if none is wanted any more. */
export async function dialUntilOpen(
  options: DialOptions,
  { isOnce, isWanted, stopping, wait_ms }: UntilOpenOptions,
): Promise<Connection | undefined> {
  const { clock } = options;
  using pause = new Deadline(clock, { signal: stopping });
  for (let pause_ms = wait_ms;; pause_ms = REDIAL_MS) {
    pause.moveTo(clock.now() + pause_ms);
    if (pause_ms > 0) await sleep(pause).catch(() => {});
    if (!isWanted()) return undefined;
    const connection = await dial(options, stopping);
    if (!("reason" in connection)) return connection;
    if (isOnce) return undefined;
  }
}
