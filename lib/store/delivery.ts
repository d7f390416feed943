/**
 * Delivers the server's data messages in batches: to the store, then to the output.
 *
 * @module
 */
import type { Entry, EntryOf, MessageOutput, Store } from "./store.ts";

/** Undelivered bytes of all sessions together; above this, the server stops reading data. */
const MAX_PENDING_BYTES = 268_435_456;

/** A session whose data messages are delivered. */
export interface Recipient {
  /** Everything up to and including this sequence number is delivered: `bytes` more than before. */
  delivered(seq: number, bytes: number): void;
}

/** Delivers the data messages of a server's sessions. */
export interface Delivery {
  /** Whether sessions survive a restart of the server. */
  readonly isDurable: boolean;
  /** Whether so many bytes are undelivered that no more data may be accepted. */
  readonly isFull: boolean;
  /** Whether delivery has failed for good. */
  readonly hasFailed: boolean;
  /** Delivers a data message, and calls its recipient after that. */
  message(recipient: Recipient, message: EntryOf<"message">): void;
  /** Stores an entry, in order with the data messages; does nothing without a store. */
  note(entry: Entry): void;
  /** Stores an entry; resolves when it is durable, or delivery has failed. */
  keep(entry: Entry): Promise<void>;
  /** Resolves when everything is delivered, or delivery has failed. */
  flushed(): Promise<void>;
}

/** Options for {@linkcode BatchDelivery}; a store, an output, or both. */
export interface BatchDeliveryOptions {
  /** Keeps messages, sessions and outages. */
  store?: Store;
  /** Takes the payloads of stored messages. */
  output?: MessageOutput;
  /** Called once, with a sentence for the user, when delivery has failed. */
  onFailure: (text: string) => void;
}

/**
 * Delivers in order, in batches: what arrives while one is under way joins the next, so that all of it
 * shares the cost of one sync to the disk.
 */
export class BatchDelivery implements Delivery {
  readonly isDurable: boolean;
  readonly #options: BatchDeliveryOptions;
  #entries: Entry[] = [];
  #progress = new Map<Recipient, { seq: number; bytes: number }>();
  #onStored: (() => void)[] = [];
  #pendingBytes = 0;
  #hasFailed = false;
  #running?: Promise<void>;

  /** Makes a delivery with nothing under way. */
  constructor(options: BatchDeliveryOptions) {
    this.#options = options;
    this.isDurable = options.store !== undefined;
  }

  get isFull(): boolean {
    return this.#pendingBytes > MAX_PENDING_BYTES;
  }

  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  message(recipient: Recipient, message: EntryOf<"message">): void {
    const { seq, payload } = message;
    this.#pendingBytes += payload.length;
    const progress = this.#progress.get(recipient);
    if (progress) {
      progress.seq = seq;
      progress.bytes += payload.length;
    } else this.#progress.set(recipient, { seq, bytes: payload.length });
    this.#add(message);
  }

  note(entry: Entry): void {
    if (this.isDurable) this.#add(entry);
  }

  async keep(entry: Entry): Promise<void> {
    const stored = new Promise<void>((resolve) => this.#onStored.push(resolve));
    this.note(entry);
    if (!this.#hasFailed) await stored;
  }

  async flushed(): Promise<void> {
    await this.#running;
  }

  #add(entry: Entry): void {
    if (this.#hasFailed) return;
    this.#entries.push(entry);
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    // What else was read in this turn joins the first batch.
    await Promise.resolve();
    try {
      while (this.#entries.length > 0) await this.#deliver();
    } catch (error) {
      this.#hasFailed = true;
      this.#entries = [];
      this.#progress.clear();
      for (const resolve of this.#onStored) resolve();
      this.#options.onFailure(error instanceof Error ? error.message : String(error));
    } finally {
      this.#running = undefined;
    }
  }

  async #deliver(): Promise<void> {
    const { output, store } = this.#options;
    const entries = this.#entries;
    const progress = this.#progress;
    const onStored = this.#onStored;
    this.#entries = [];
    this.#progress = new Map();
    this.#onStored = [];
    try {
      await store?.commit(entries);
    } catch (error) {
      this.#hasFailed = true;
      throw error;
    } finally {
      for (const resolve of onStored) resolve();
    }
    if (output && progress.size > 0) {
      await output.append(entries.flatMap((each) => each.kind === "message" ? [each.payload] : []));
    }
    for (const [recipient, { bytes, seq }] of progress) {
      this.#pendingBytes -= bytes;
      recipient.delivered(seq, bytes);
    }
  }
}
