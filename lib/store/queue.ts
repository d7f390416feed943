/**
 * Entries that wait for delivery, and what they are charged with.
 *
 * @module
 */
import type { HoldReason } from "../wire/protocol.ts";
import type { Entry } from "./store.ts";

/** The memory that an entry takes besides its payload, in bytes, measured and rounded up. */
export const ENTRY_BYTES = 576;

/**
 * How many entries a batch has at most: a commit of as many takes some 20 ms, and encoding them leaves
 * the event loop free.
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

/** What an entry is charged with while it waits. */
export function costOf(entry: Entry): number {
  return ENTRY_BYTES + (entry.kind === "message" ? entry.payload.length : 0);
}

/** Entries in order, and whom to notify of each that is a message. */
export class Queue {
  /** The entries, in order. */
  entries: Entry[] = [];
  /** The recipient of each. */
  recipients: (Recipient | undefined)[] = [];
  /** What the entries are charged with. */
  bytes = 0;
  /** Since when entries have waited in it, or since some of them last went on, in monotonic milliseconds. */
  since_ms: number;

  /** Makes a queue without entries. */
  constructor(now_ms: number) {
    this.since_ms = now_ms;
  }

  /** Adds an entry at the end. */
  add(entry: Entry, recipient: Recipient | undefined): void {
    this.entries.push(entry);
    this.recipients.push(recipient);
    this.bytes += costOf(entry);
  }

  /** Whether it is as large as a batch may be. */
  get isFull(): boolean {
    return this.entries.length >= BATCH_ENTRIES || this.bytes >= BATCH_BYTES;
  }

  /** Whether it is to be committed while the batch before it is: so the store never waits for the next. */
  get isLarge(): boolean {
    return this.entries.length >= AHEAD_ENTRIES || this.isFull;
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
