/**
 * Entries that wait for delivery, and what they are charged with.
 *
 * @module
 */
import { copyOf } from "../platform/bytes.ts";
import type { HoldReason } from "../wire/protocol.ts";
import { Batch } from "./batch.ts";
import type { Entry } from "./store.ts";

/** The memory that an entry takes at most besides its payload, in bytes, measured and rounded up. */
export const ENTRY_BYTES = 576;

/**
 * How many entries a batch has at most: a commit of as many takes some 10 ms, and what waits behind it
 * waits no longer.
 */
export const BATCH_ENTRIES = 8_192;

/** What the entries of a batch are charged with at most, or little more. */
const BATCH_BYTES = 8_388_608;

/** So many entries are worth a commit of their own while another one is under way. */
const AHEAD_ENTRIES = 2_048;

/** A session whose data messages are delivered. */
export interface Recipient {
  /** Everything up to and including this sequence number is delivered: `bytes` more than before. */
  delivered(seq: number, bytes: number): void;
  /** Its data messages have been waiting for some time, for this. */
  held?(reason: HoldReason): void;
}

/** Who waits for an entry: a session for its delivery, a function for its commit. */
export type Waiter = Recipient | (() => void);

/** What is delivered to a recipient. */
export interface Progress {
  /** Up to which sequence number. */
  seq: number;
  /** What it is charged with, in bytes. */
  bytes: number;
}

/** Entries that wait together, and who waits for them. */
export interface Waiting {
  /** Since when entries have waited in it, or since some of them last went on, in monotonic milliseconds. */
  since_ms: number;
  /** The sessions that wait for them. */
  readonly recipients: Iterable<Recipient>;
  /** The functions that wait for their commit. */
  readonly onStored: Iterable<() => void>;
  /** Resolves when they are delivered, or delivery has failed. */
  readonly over?: PromiseWithResolvers<void>;
}

/** What an entry is charged with while it waits. */
export function costOf(entry: Entry): number {
  return ENTRY_BYTES + (entry.kind === "message" ? entry.payload.length : 0);
}

/** Entries that are delivered together. */
export class NextBatch implements Waiting {
  /** The entries, in order. */
  readonly entries: Batch;
  /** What each recipient has in it. */
  readonly progress: Map<Recipient, Progress> = new Map();
  readonly onStored: (() => void)[] = [];
  readonly over: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  /** What the entries are charged with. */
  bytes = 0;
  since_ms = 0;
  /** Messages come in runs. */
  #last?: { recipient: Recipient; progress: Progress };

  /** Makes a batch without entries, with room for so many bytes of them. */
  constructor(size = 0) {
    this.entries = new Batch(size);
  }

  /** Whether it has no entries. */
  get isEmpty(): boolean {
    return this.entries.length === 0;
  }

  get recipients(): Iterable<Recipient> {
    return this.progress.keys();
  }

  /** Whether it is as large as a batch may be. */
  get isFull(): boolean {
    return this.entries.length >= BATCH_ENTRIES || this.bytes >= BATCH_BYTES;
  }

  /** Whether it is to be committed while the batch before it is: so the store never waits for the next. */
  get isLarge(): boolean {
    return this.entries.length >= AHEAD_ENTRIES || this.isFull;
  }

  /** Adds an entry at the end. */
  add(entry: Entry, waiter: Waiter | undefined): void {
    const cost = costOf(entry);
    this.entries.add(entry);
    this.bytes += cost;
    if (typeof waiter === "function") this.onStored.push(waiter);
    else if (waiter && entry.kind === "message") this.#advance(waiter, entry.seq, cost);
  }

  #advance(recipient: Recipient, seq: number, bytes: number): void {
    if (this.#last?.recipient !== recipient) {
      let progress = this.progress.get(recipient);
      if (!progress) this.progress.set(recipient, progress = { seq, bytes: 0 });
      this.#last = { recipient, progress };
    }
    const { progress } = this.#last;
    progress.seq = seq;
    progress.bytes += bytes;
  }
}

/** Entries of a session that do not fit into the next batch. */
export class Queue implements Waiting {
  since_ms = 0;
  #entries: Entry[] = [];
  /** The waiter of each. */
  #waiters: (Waiter | undefined)[] = [];

  /** Whether it has no entries. */
  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  get recipients(): Iterable<Recipient> {
    return this.#waiters.filter((each) => each !== undefined && typeof each !== "function");
  }

  get onStored(): Iterable<() => void> {
    return this.#waiters.filter((each) => typeof each === "function");
  }

  /** Adds an entry at the end, with a copy of its payload. */
  add(entry: Entry, waiter: Waiter | undefined): void {
    const isMessage = entry.kind === "message";
    this.#entries.push(isMessage ? { ...entry, payload: copyOf(entry.payload) } : entry);
    this.#waiters.push(waiter);
  }

  /** Moves entries to the end of a batch, at most so many, until that is full. */
  moveTo(batch: NextBatch, count: number): void {
    let moved = 0;
    while (moved < count && moved < this.#entries.length && !batch.isFull) {
      batch.add(this.#entries[moved]!, this.#waiters[moved++]);
    }
    this.#entries.splice(0, moved);
    this.#waiters.splice(0, moved);
  }
}
