/**
 * What a worker leaves to the main thread: delivering data messages, and events.
 *
 * @module
 */
import type { Event, EventSink } from "../../session/events.ts";
import type { Delivery, Recipient } from "../../store/delivery.ts";
import type { Entry } from "../../store/store.ts";
import type { FromWorker } from "./messages.ts";

/** What a {@linkcode RemoteDelivery} is made of. */
export interface RemoteDeliveryOptions {
  /** Whether sessions outlive this process. */
  isDurable: boolean;
  /** Says something to the main thread. */
  say: (message: FromWorker) => void;
  /** Asks the main thread something; resolves when that has answered. */
  ask: (question: (call: number) => FromWorker) => Promise<void>;
}

/** Hands on what is to be delivered, and hears what is. */
export class RemoteDelivery implements Delivery {
  /** Whether sessions outlive this process. */
  readonly isDurable: boolean;
  /** Whether so much is on its way that nothing more is to be taken: of all workers together. */
  isFull = false;
  readonly #options: RemoteDeliveryOptions;
  /** Who has data messages on their way, by the number that the main thread knows them by. */
  readonly #waiting = new Map<number, { recipient: Recipient; last: number }>();
  readonly #numbers = new WeakMap<Recipient, number>();
  #lastNumber = 0;
  #hasFailed = false;

  /** Makes a delivery with nothing under way. */
  constructor(options: RemoteDeliveryOptions) {
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

/** How many events of a worker may be on their way: a tenth of a second's worth. */
export const MAX_UNACKNOWLEDGED = 8_192;

/** Hands on events. */
export class RemoteSink implements EventSink {
  /** Whether the events of every data message are wanted. */
  readonly wantsMessages: boolean;
  readonly #say: (message: FromWorker) => void;
  #untold = 0;
  #waiting: (() => void)[] = [];

  /** Makes it of the way to the main thread. */
  constructor(wantsMessages: boolean, say: (message: FromWorker) => void) {
    this.wantsMessages = wantsMessages;
    this.#say = say;
  }

  /** Takes one event. */
  emit(event: Event): void {
    this.#untold++;
    this.#say({ kind: "event", event });
  }

  /** Resolves when there is room for more events; nothing if there is. */
  room(): Promise<void> | undefined {
    if (this.#untold <= MAX_UNACKNOWLEDGED) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Hears that so many events have been told. */
  told(count: number): void {
    this.#untold -= count;
    if (this.#untold > MAX_UNACKNOWLEDGED) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
