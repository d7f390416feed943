/**
 * The way of the server's data messages before they are confirmed: into the store, then to the output.
 *
 * @module
 */
import type { Entry, MessageOutput, Store } from "./store.ts";

/** How many bytes may be on their way for all sessions together: beyond that no more are taken. */
const MAX_WAITING_BYTES = 268_435_456;

/** Whose data messages are delivered. */
export interface Recipient {
  /** Everything up to and including this sequence number is delivered: so many bytes more. */
  delivered(seq: number, bytes: number): void;
}

/** Where a server's sessions have their data messages delivered. */
export interface Delivery {
  /** Whether sessions outlive this process. */
  readonly isDurable: boolean;
  /** Whether so much is on its way that nothing more is to be taken. */
  readonly isFull: boolean;
  /** Whether nothing more can be delivered. */
  readonly hasFailed: boolean;
  /** Delivers a data message; the recipient hears of it later. */
  message(recipient: Recipient, message: Entry & { kind: "message" }): void;
  /** Keeps what happened to a session, in order with its data messages. */
  note(entry: Entry): void;
  /** The same; resolves when it is kept, or nothing more can be. */
  keep(entry: Entry): Promise<void>;
  /** Resolves when all is delivered that was put in, or nothing more can be. */
  flushed(): Promise<void>;
}

/** What a {@linkcode BatchDelivery} is made of. */
export interface BatchDeliveryOptions {
  /** Where messages, sessions and outages are kept. */
  store?: Store;
  /** Where messages are written. */
  output?: MessageOutput;
  /** Told once, in words, when nothing more can be delivered. */
  onFailure: (text: string) => void;
}

/**
 * Delivers in order, in batches: while one is under way, all that comes joins the next, so that the
 * cost of making it durable is shared.
 */
export class BatchDelivery implements Delivery {
  /** Whether sessions outlive this process. */
  readonly isDurable: boolean;
  readonly #options: BatchDeliveryOptions;
  #entries: Entry[] = [];
  #ends = new Map<Recipient, { seq: number; bytes: number }>();
  #stored: (() => void)[] = [];
  #waitingBytes = 0;
  #hasFailed = false;
  #running?: Promise<void>;

  /** Makes a delivery with nothing under way. */
  constructor(options: BatchDeliveryOptions) {
    this.#options = options;
    this.isDurable = options.store !== undefined;
  }

  /** Whether so much is on its way that nothing more is to be taken. */
  get isFull(): boolean {
    return this.#waitingBytes > MAX_WAITING_BYTES;
  }

  /** Whether nothing more can be delivered. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Delivers a data message; the recipient hears of it later. */
  message(recipient: Recipient, message: Entry & { kind: "message" }): void {
    const { seq, payload } = message;
    this.#waitingBytes += payload.length;
    const end = this.#ends.get(recipient);
    if (end) {
      end.seq = seq;
      end.bytes += payload.length;
    } else this.#ends.set(recipient, { seq, bytes: payload.length });
    this.#add(message);
  }

  /** Keeps what happened to a session, in order with its data messages. */
  note(entry: Entry): void {
    if (this.isDurable) this.#add(entry);
  }

  /** The same; resolves when it is kept, or nothing more can be. */
  async keep(entry: Entry): Promise<void> {
    const stored = new Promise<void>((resolve) => this.#stored.push(resolve));
    this.note(entry);
    if (!this.#hasFailed) await stored;
  }

  /** Resolves when all is delivered that was put in, or nothing more can be. */
  async flushed(): Promise<void> {
    await this.#running;
  }

  #add(entry: Entry): void {
    if (this.#hasFailed) return;
    this.#entries.push(entry);
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    // Lets what else was read in this turn join the first batch.
    await Promise.resolve();
    try {
      while (this.#entries.length > 0) await this.#deliver();
    } catch (error) {
      this.#hasFailed = true;
      this.#entries = [];
      this.#ends.clear();
      for (const each of this.#stored) each();
      this.#options.onFailure(error instanceof Error ? error.message : String(error));
    } finally {
      this.#running = undefined;
    }
  }

  async #deliver(): Promise<void> {
    const { output, store } = this.#options;
    const entries = this.#entries;
    const ends = this.#ends;
    const stored = this.#stored;
    this.#stored = [];
    this.#entries = [];
    this.#ends = new Map();
    try {
      await store?.commit(entries);
    } catch (error) {
      this.#hasFailed = true;
      throw error;
    } finally {
      for (const each of stored) each();
    }
    if (output && ends.size > 0) {
      await output.append(entries.flatMap((each) => each.kind === "message" ? [each.payload] : []));
    }
    for (const [recipient, { bytes, seq }] of ends) {
      this.#waitingBytes -= bytes;
      recipient.delivered(seq, bytes);
    }
  }
}
