/**
 * Delivers the server's data messages in batches: to the store, then to the output.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import type { Entry, EntryOf, MessageOutput, Store } from "./store.ts";

/**
 * What may wait for delivery of all sessions together, in bytes, each entry charged with
 * {@linkcode ENTRY_BYTES} besides its payload. Above this, the sessions that have most waiting are held.
 */
export const MAX_PENDING_BYTES = 268_435_456;

/** The memory that an entry takes besides its payload, in bytes, measured and rounded up. */
export const ENTRY_BYTES = 256;

/** How long, in milliseconds, a hold is not logged after the last one that was. */
const NOTICE_INTERVAL_MS = 60_000;

/** Bounds of a batch: a commit of as much takes some 20 ms, and encoding it leaves the event loop free. */
const BATCH_ENTRIES = 8_192;
const BATCH_BYTES = 8_388_608;

/** A session whose data messages are delivered. */
export interface Recipient {
  /** Everything up to and including this sequence number is delivered: `bytes` more than before. */
  delivered(seq: number, bytes: number): void;
}

/** Delivers the data messages of a server's sessions. */
export interface Delivery {
  /** Whether sessions survive a restart of the server. */
  readonly isDurable: boolean;
  /**
   * While more waits than may: the bytes that may wait of one session. A session with more is to be
   * held, and read again when `room` resolves. `Infinity` at all other times.
   */
  readonly share: number;
  /** Whether delivery has failed for good. */
  readonly hasFailed: boolean;
  /** Delivers a data message, and calls its recipient after that. */
  message(recipient: Recipient, message: EntryOf<"message">): void;
  /** Stores an entry, in order with the data messages; does nothing without a store. */
  note(entry: Entry): void;
  /** Stores an entry; resolves when it is durable, or delivery has failed. */
  keep(entry: Entry): Promise<void>;
  /** Resolves when no session need be held any more, or delivery has failed. */
  room(): Promise<void>;
  /** Resolves when everything is delivered, or delivery has failed. */
  flushed(): Promise<void>;
}

/** What an entry is charged with while it waits. */
export function costOf(entry: Entry): number {
  return ENTRY_BYTES + (entry.kind === "message" ? entry.payload.length : 0);
}

/** Options for {@linkcode BatchDelivery}; a store, an output, or both. */
export interface BatchDeliveryOptions {
  /** Keeps messages, sessions and outages. */
  store?: Store;
  /** Takes the payloads of stored messages. */
  output?: MessageOutput;
  /** Called once, with a sentence for the user, when delivery has failed. */
  onFailure: (text: string) => void;
  /** Logs that sessions are held, and that they no longer are. */
  notice: (level: "info" | "warning", text: string) => void;
  /** The clock. */
  clock: Clock;
}

/** Entries in order, and whom to notify of each that is a message. */
class Queue {
  entries: Entry[] = [];
  recipients: (Recipient | undefined)[] = [];
  /** What the entries are charged with. */
  bytes = 0;

  add(entry: Entry, recipient: Recipient | undefined): void {
    this.entries.push(entry);
    this.recipients.push(recipient);
    this.bytes += costOf(entry);
  }

  /** Whether it is as large as a batch may be. */
  get isFull(): boolean {
    return this.entries.length >= BATCH_ENTRIES || this.bytes >= BATCH_BYTES;
  }

  /** Moves entries to the end of another queue, at most so many, until that is full. */
  moveTo(other: Queue, count: number): void {
    let moved = 0;
    while (moved < count && moved < this.entries.length && !other.isFull) {
      other.add(this.entries[moved]!, this.recipients[moved++]);
    }
    this.entries.splice(0, moved);
    this.recipients.splice(0, moved);
  }

  /** Up to which message each recipient's data messages are in it, and what they are charged with. */
  progress(): Map<Recipient, { seq: number; bytes: number }> {
    const progress = new Map<Recipient, { seq: number; bytes: number }>();
    for (const [at, entry] of this.entries.entries()) {
      const recipient = this.recipients[at];
      if (!recipient || entry.kind !== "message") continue;
      const before = progress.get(recipient);
      if (before) {
        before.seq = entry.seq;
        before.bytes += costOf(entry);
      } else progress.set(recipient, { seq: entry.seq, bytes: costOf(entry) });
    }
    return progress;
  }
}

/**
 * Delivers in batches, each session's entries in order: what arrives while one is under way joins the
 * next, so that all of it shares the cost of one sync to the disk. What does not fit into the next one
 * waits by session, and the sessions take turns, so that one that sends much delays no other, nor the
 * opening of new ones.
 */
export class BatchDelivery implements Delivery {
  readonly isDurable: boolean;
  readonly #options: BatchDeliveryOptions;
  #next = new Queue();
  /** What does not fit into the next batch, by session; the one whose turn is next comes first. */
  readonly #queues = new Map<string, Queue>();
  readonly #onStored = new Map<Entry, () => void>();
  #pendingBytes = 0;
  #share = Infinity;
  #waitingFor: "store" | "output" = "store";
  #noticed_ms = -Infinity;
  #isNoticed = false;
  #room = Promise.withResolvers<void>();
  #hasFailed = false;
  #running?: Promise<void>;

  /** Makes a delivery with nothing under way. */
  constructor(options: BatchDeliveryOptions) {
    this.#options = options;
    this.isDurable = options.store !== undefined;
  }

  get share(): number {
    return this.#share;
  }

  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  message(recipient: Recipient, message: EntryOf<"message">): void {
    this.#add(message, recipient);
  }

  note(entry: Entry): void {
    if (this.isDurable) this.#add(entry);
  }

  async keep(entry: Entry): Promise<void> {
    const stored = new Promise<void>((resolve) => this.#onStored.set(entry, resolve));
    this.note(entry);
    if (!this.#hasFailed) await stored;
  }

  room(): Promise<void> {
    return this.#share === Infinity ? Promise.resolve() : this.#room.promise;
  }

  async flushed(): Promise<void> {
    await this.#running;
  }

  #add(entry: Entry, recipient?: Recipient): void {
    if (this.#hasFailed) return;
    let queue = this.#queues.get(entry.session);
    if (!queue && !this.#next.isFull) queue = this.#next;
    else if (!queue) this.#queues.set(entry.session, queue = new Queue());
    queue.add(entry, recipient);
    this.#pendingBytes += costOf(entry);
    if (this.#pendingBytes > MAX_PENDING_BYTES && this.#share === Infinity) this.#beginHold();
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    // What else was read in this turn joins the first batch.
    await Promise.resolve();
    try {
      while (this.#next.entries.length > 0) await this.#deliver();
    } catch (error) {
      this.#hasFailed = true;
      this.#next = new Queue();
      this.#queues.clear();
      for (const resolve of this.#onStored.values()) resolve();
      this.#releaseHeld();
      this.#options.onFailure(error instanceof Error ? error.message : String(error));
    } finally {
      this.#running = undefined;
    }
  }

  async #deliver(): Promise<void> {
    const { output, store } = this.#options;
    const batch = this.#next;
    const { entries } = batch;
    const progress = batch.progress();
    this.#fillNext();
    this.#waitingFor = "store";
    try {
      await store?.commit(entries);
    } catch (error) {
      this.#hasFailed = true;
      throw error;
    } finally {
      for (const entry of this.#onStored.size > 0 ? entries : []) this.#resolveStored(entry);
    }
    if (output && progress.size > 0) {
      this.#waitingFor = "output";
      await output.append(entries.flatMap((each) => each.kind === "message" ? [each.payload] : []));
    }
    this.#pendingBytes -= batch.bytes;
    for (const [recipient, { bytes, seq }] of progress) recipient.delivered(seq, bytes);
    if (this.#pendingBytes <= MAX_PENDING_BYTES / 2) this.#releaseHeld();
  }

  #fillNext(): void {
    this.#next = new Queue();
    for (const [session, queue] of this.#queues) {
      if (this.#next.isFull) break;
      queue.moveTo(this.#next, Math.ceil(BATCH_ENTRIES / this.#queues.size));
      // To the end of the line, if it has more.
      this.#queues.delete(session);
      if (queue.entries.length > 0) this.#queues.set(session, queue);
    }
  }

  #resolveStored(entry: Entry): void {
    this.#onStored.get(entry)?.();
    this.#onStored.delete(entry);
  }

  #beginHold(): void {
    this.#share = MAX_PENDING_BYTES / Math.max(1, this.#queues.size);
    const { clock, notice } = this.#options;
    const now_ms = clock.now();
    this.#isNoticed = now_ms - this.#noticed_ms >= NOTICE_INTERVAL_MS;
    if (!this.#isNoticed) return;
    this.#noticed_ms = now_ms;
    notice(
      "warning",
      `the ${this.#waitingFor} does not keep up: ${
        MAX_PENDING_BYTES / 1_048_576
      } MiB wait for it; ` +
        `the sessions that send most are not read until half of it is delivered, and none is ended`,
    );
  }

  #releaseHeld(): void {
    if (this.#share === Infinity) return;
    this.#share = Infinity;
    this.#room.resolve();
    this.#room = Promise.withResolvers();
    if (this.#isNoticed) this.#options.notice("info", "all sessions are read again");
    this.#isNoticed = false;
  }
}
