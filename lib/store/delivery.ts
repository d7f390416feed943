/**
 * Delivers the server's data messages in batches: to the store, then to the output.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import { sleep } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";
import { HoldWatch } from "./hold_watch.ts";
import { BATCH_ENTRIES, costOf, NextBatch, Queue } from "./queue.ts";
import type { Recipient, Waiter, Waiting } from "./queue.ts";
import type { Entry, EntryOf, MessageOutput, Store } from "./store.ts";

export { costOf, ENTRY_BYTES, type Recipient } from "./queue.ts";

/**
 * What may wait for delivery of all sessions together, in bytes, each entry charged with
 * {@linkcode ENTRY_BYTES} besides its payload. Above this, the sessions that have most waiting are held.
 */
export const MAX_PENDING_BYTES = 268_435_456;

/** How long, in milliseconds, a hold is not logged after the last one that was. */
const NOTICE_INTERVAL_MS = 60_000;

/** How long, in milliseconds, the store waits for the output: what is to be stored overtakes a stalled one. */
const OUTPUT_LEAD_MS = 1_000;

/** How much the output is given at once, in bytes, of what waits for it, or a batch if that is more. */
const WRITE_BYTES = 1_048_576;

/** Delivers the data messages of a server's sessions. */
export interface Delivery {
  /** Whether sessions survive a restart of the server. */
  readonly isDurable: boolean;
  /**
   * While more waits than may: the bytes that may wait of one session, the fewer the more waits. One with
   * more is to be held, and read again when `room` resolves. `Infinity` at all other times.
   */
  readonly share: number;
  /** Whether delivery has failed for good. */
  readonly hasFailed: boolean;
  /** Delivers a data message, whose payload it copies, and calls its recipient after that. */
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
  /** What may wait for delivery; {@linkcode MAX_PENDING_BYTES} if not given. */
  maxPendingBytes?: number;
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
  #next = new NextBatch();
  /** What does not fit into the next batch, by session; the one whose turn is next comes first. */
  readonly #queues = new Map<string, Queue>();
  #pendingBytes = 0;
  #isHolding = false;
  /** What is being delivered, the oldest first, and what it waits for. */
  readonly #underWay = new Map<Waiting, "store" | "output">();
  readonly #watch: HoldWatch;
  #noticed_ms = -Infinity;
  #isNoticed = false;
  #room = Promise.withResolvers<void>();
  readonly #maxBytes: number;
  #hasFailed = false;
  #running?: Promise<void>;
  /** How many batches are being delivered: one, or two while there is much to store. */
  #delivering = 0;
  /** The second of them. */
  #ahead?: Promise<void>;
  /** What the output is yet to be given. */
  #unwritten: NextBatch[] = [];
  #writing?: Promise<void>;

  /** Makes a delivery with nothing under way. */
  constructor(options: BatchDeliveryOptions) {
    this.#options = options;
    this.isDurable = options.store !== undefined;
    this.#maxBytes = options.maxPendingBytes ?? MAX_PENDING_BYTES;
    const reasonOf = (each: Waiting) => this.#underWay.get(each) ?? this.#waitingFor;
    this.#watch = new HoldWatch(options.clock, () => this.#waiting(), reasonOf);
  }

  get share(): number {
    if (!this.#isHolding) return Infinity;
    // Sessions that begin to send later share what is left. In steps: each is sent to the workers.
    const share = (2 * this.#maxBytes - this.#pendingBytes) / Math.max(1, this.#queues.size);
    return share < 1 ? 0 : 2 ** Math.floor(Math.log2(share));
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
    if (!this.#hasFailed) await new Promise<void>((resolve) => this.#add(entry, resolve));
  }

  async room(): Promise<void> {
    if (this.#isHolding) await this.#room.promise;
  }

  async flushed(): Promise<void> {
    await this.#running;
    await this.#writing;
  }

  #add(entry: Entry, waiter?: Waiter): void {
    if (this.#hasFailed) return;
    let queue: NextBatch | Queue | undefined = this.#queues.get(entry.session);
    if (!queue && !this.#next.isFull) queue = this.#next;
    else if (!queue) this.#queues.set(entry.session, queue = new Queue());
    if (queue.isEmpty) queue.since_ms = this.#options.clock.now();
    queue.add(entry, waiter);
    if (entry.kind === "message") this.#watch.start();
    this.#pendingBytes += costOf(entry);
    if (this.#pendingBytes > this.#maxBytes && !this.#isHolding) this.#beginHold();
    this.#running ??= this.#run();
    this.#deliverAhead();
  }

  async #run(): Promise<void> {
    // What else was read in this turn joins the first batch.
    await Promise.resolve();
    while (this.#ahead || !this.#next.isEmpty) {
      const delivered = this.#ahead ?? this.#deliver();
      this.#ahead = undefined;
      this.#deliverAhead();
      await delivered;
    }
    this.#running = undefined;
  }

  /** Gives the store a large batch while it commits the one before, so that it need not wait for it. */
  #deliverAhead(): void {
    if (this.isDurable && this.#delivering === 1 && this.#next.isLarge) {
      this.#ahead = this.#deliver();
    }
  }

  #fail(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    for (const each of this.#waiting()) {
      for (const resolve of each.onStored) resolve();
      each.over?.resolve();
    }
    this.#next = new NextBatch();
    this.#queues.clear();
    this.#underWay.clear();
    this.#watch.stop();
    this.#releaseHeld();
    this.#options.onFailure(error instanceof Error ? error.message : String(error));
  }

  async #deliver(): Promise<void> {
    const { store } = this.#options;
    const batch = this.#next;
    this.#delivering++;
    this.#fillNext(batch.entries.size);
    this.#underWay.set(batch, store ? "store" : "output");
    try {
      await store?.commit(batch.entries);
      await this.#stored(batch);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#delivering--;
    }
  }

  async #stored(batch: NextBatch): Promise<void> {
    const { output, store } = this.#options;
    for (const resolve of batch.onStored) resolve();
    if (!output || batch.progress.size === 0) return this.#delivered(batch);
    this.#underWay.set(batch, "output");
    this.#unwritten.push(batch);
    this.#writing ??= this.#write(output);
    await (store ? this.#inTime(batch.over.promise) : batch.over.promise);
  }

  /** Gives the output what it is yet to be given, in order. */
  async #write(output: MessageOutput): Promise<void> {
    try {
      while (this.#unwritten.length > 0 && !this.#hasFailed) {
        let size = 0;
        const later = this.#unwritten.findIndex((each) =>
          (size += each.entries.size) > WRITE_BYTES
        );
        const batches = this.#unwritten.splice(0, later < 0 ? Infinity : Math.max(1, later));
        await output.append(batches.flatMap(({ entries }) => entries.payloads()));
        for (const batch of batches) this.#delivered(batch);
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#writing = undefined;
  }

  /** Waits for the output, though not for one that is stalled. */
  async #inTime(writing: Promise<void>): Promise<void> {
    const { clock } = this.#options;
    using late = new Deadline(clock);
    late.moveTo(clock.now() + OUTPUT_LEAD_MS);
    await Promise.race([writing, sleep(late)]);
  }

  #delivered(batch: NextBatch): void {
    this.#pendingBytes -= batch.bytes;
    this.#underWay.delete(batch);
    batch.over.resolve();
    for (const [recipient, { bytes, seq }] of batch.progress) {
      this.#watch.delivered(recipient);
      recipient.delivered(seq, bytes);
    }
    if (this.#pendingBytes === 0) this.#watch.stop();
    if (this.#pendingBytes <= this.#maxBytes / 2) this.#releaseHeld();
  }

  /** All that waits. */
  #waiting(): Waiting[] {
    return [...this.#underWay.keys(), this.#next, ...this.#queues.values()];
  }

  get #waitingFor(): "store" | "output" {
    return this.#underWay.values().next().value ?? "store";
  }

  /** Begins the next batch, which may get as large as the one before. */
  #fillNext(size: number): void {
    const now_ms = this.#options.clock.now();
    this.#next = new NextBatch(size);
    this.#next.since_ms = now_ms;
    for (const [session, queue] of this.#queues) {
      if (this.#next.isFull) break;
      queue.moveTo(this.#next, Math.ceil(BATCH_ENTRIES / this.#queues.size));
      queue.since_ms = now_ms;
      // To the end of the line, if it has more.
      this.#queues.delete(session);
      if (!queue.isEmpty) this.#queues.set(session, queue);
    }
  }

  #beginHold(): void {
    this.#isHolding = true;
    const { clock, notice } = this.#options;
    const now_ms = clock.now();
    this.#isNoticed = now_ms - this.#noticed_ms >= NOTICE_INTERVAL_MS;
    if (!this.#isNoticed) return;
    this.#noticed_ms = now_ms;
    notice(
      "warning",
      `the ${this.#waitingFor} does not keep up: ${this.#maxBytes / 1_048_576} MiB wait for it; ` +
        `the sessions that send most are not read until half of it is delivered, and none is ended`,
    );
  }

  #releaseHeld(): void {
    if (!this.#isHolding) return;
    this.#isHolding = false;
    this.#room.resolve();
    this.#room = Promise.withResolvers();
    if (this.#isNoticed) this.#options.notice("info", "all sessions are read again");
    this.#isNoticed = false;
  }
}
