/**
 * How a worker has its data messages delivered: by the main thread, which has the store and the output.
 *
 * @module
 */
import type { Delivery, Recipient } from "./delivery.ts";
import type { Entry } from "./store_types.ts";
import type { FromWorker } from "./worker_messages.ts";

/** What a {@linkcode WorkerDelivery} is made of. */
export interface WorkerDeliveryOptions {
  /** Whether sessions outlive this process. */
  isDurable: boolean;
  /** Says something to the main thread. */
  say: (message: FromWorker) => void;
  /** Asks the main thread something; resolves when that has answered. */
  ask: (question: (call: number) => FromWorker) => Promise<void>;
}

/** Hands on what is to be delivered, and hears what is. */
export class WorkerDelivery implements Delivery {
  /** Whether sessions outlive this process. */
  readonly isDurable: boolean;
  /** Whether so much is on its way that nothing more is to be taken: of all workers together. */
  isFull = false;
  readonly #options: WorkerDeliveryOptions;
  /** Who has data messages on their way, by the number that the main thread knows them by. */
  readonly #waiting = new Map<number, { recipient: Recipient; last: number }>();
  readonly #numbers = new WeakMap<Recipient, number>();
  #lastNumber = 0;
  #hasFailed = false;

  /** Makes a delivery with nothing under way. */
  constructor(options: WorkerDeliveryOptions) {
    this.#options = options;
    this.isDurable = options.isDurable;
  }

  /** Whether nothing more can be delivered. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Delivers a data message; the recipient hears of it later. */
  message(recipient: Recipient, message: Entry & { kind: "message" }): void {
    if (this.#hasFailed) return;
    let number = this.#numbers.get(recipient);
    if (number === undefined) this.#numbers.set(recipient, number = ++this.#lastNumber);
    this.#waiting.set(number, { recipient, last: message.seq });
    this.#options.say({ kind: "deliver", recipient: number, message });
  }

  /** Keeps what happened to a session, in order with its data messages. */
  note(entry: Entry): void {
    if (this.isDurable) this.#options.say({ kind: "note", entry });
  }

  /** The same; resolves when it is kept, or nothing more can be. */
  async keep(entry: Entry): Promise<void> {
    await this.#options.ask((call) => ({ kind: "keep", call, entry }));
  }

  /** Resolves when all is delivered that was put in, or nothing more can be. */
  async flushed(): Promise<void> {
    await this.#options.ask((call) => ({ kind: "flush", call }));
  }

  /** Hears that everything of a recipient up to a sequence number is delivered: so many bytes more. */
  delivered(number: number, seq: number, bytes: number): void {
    const waiting = this.#waiting.get(number);
    if (waiting?.last === seq) this.#waiting.delete(number);
    waiting?.recipient.delivered(seq, bytes);
  }

  /** Hears that nothing more can be delivered. */
  fail(): void {
    this.#hasFailed = true;
    this.#waiting.clear();
  }
}
