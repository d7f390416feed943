/**
 * Entries that are committed together, encoded in one buffer as they come. Objects for all that is in
 * flight would cost more, in garbage collection, than all else that a server does with a message.
 *
 * @module
 */
import type { Entry } from "./store.ts";

/** What a store's thread gets of a batch: plain data. */
export interface EncodedEntries {
  /** The ids of the sessions whose messages are in the buffer, which refers to them by index. */
  readonly sessions: readonly string[];
  /** Each entry: a header of fixed length, then its body. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The header: u32 index of the session, u32 length of the body, f64 `seq`, f64 `at`. */
const HEADER_BYTES = 24;

/** In the place of a session's index: the body is an entry of another kind, as JSON. */
const NOT_A_MESSAGE = 0xffff_ffff;

const SMALLEST_BUFFER_BYTES = 1_024;

const encoder = new TextEncoder();

const decoder = new TextDecoder();

/** Entries in order. */
export class Batch implements Iterable<Entry> {
  /** How many there are. */
  length = 0;
  /** The wall-clock time of the last one. */
  lastAt: number = NaN;
  readonly #sessions: string[] = [];
  readonly #indexes = new Map<string, number>();
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #used = 0;

  /** Makes a batch without entries, and with room for so many bytes; it grows. */
  constructor(size = 0) {
    this.#bytes = new Uint8Array(Math.max(size, SMALLEST_BUFFER_BYTES));
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** These entries, as a batch. */
  static of(entries: Iterable<Entry>): Batch {
    if (entries instanceof Batch) return entries;
    const batch = new Batch();
    for (const entry of entries) batch.add(entry);
    return batch;
  }

  /** How many bytes it takes, encoded. */
  get size(): number {
    return this.#used;
  }

  /** A copy of it for another thread; its buffer can be transferred. */
  get encoded(): EncodedEntries {
    return { sessions: this.#sessions, bytes: this.#bytes.slice(0, this.#used) };
  }

  /** Adds an entry at the end, and copies its payload. */
  add(entry: Entry): void {
    const isMessage = entry.kind === "message";
    const body = isMessage ? entry.payload : encoder.encode(JSON.stringify(entry));
    const start = this.#used;
    this.#used += HEADER_BYTES + body.length;
    if (this.#used > this.#bytes.length) this.#grow();
    const view = this.#view;
    view.setUint32(start, isMessage ? this.#indexOf(entry.session) : NOT_A_MESSAGE);
    view.setUint32(start + 4, body.length);
    if (isMessage) {
      view.setFloat64(start + 8, entry.seq);
      view.setFloat64(start + 16, entry.at);
    }
    this.#bytes.set(body, start + HEADER_BYTES);
    this.length++;
    this.lastAt = entry.at;
  }

  /** The payloads of its messages: views of its buffer. */
  payloads(): Uint8Array[] {
    return [...this].flatMap((each) => each.kind === "message" ? [each.payload] : []);
  }

  /** The entries, in order; their payloads are views of its buffer. */
  [Symbol.iterator](): Iterator<Entry> {
    return decodeEntries({
      sessions: this.#sessions,
      bytes: this.#bytes.subarray(0, this.#used),
    });
  }

  #grow(): void {
    const bytes = new Uint8Array(Math.max(this.#used, 2 * this.#bytes.length));
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }

  #indexOf(session: string): number {
    // Messages come in runs.
    if (session === this.#sessions.at(-1)) return this.#sessions.length - 1;
    const known = this.#indexes.get(session);
    if (known !== undefined) return known;
    this.#indexes.set(session, this.#sessions.length);
    return this.#sessions.push(session) - 1;
  }
}

/** The entries of a batch, in order. Their payloads are views of its buffer. */
export function* decodeEntries({ sessions, bytes }: EncodedEntries): Generator<Entry> {
  const view = new DataView(bytes.buffer);
  let at = 0;
  while (at < bytes.length) {
    const index = view.getUint32(at);
    const end = at + HEADER_BYTES + view.getUint32(at + 4);
    const body = bytes.subarray(at + HEADER_BYTES, end);
    yield index === NOT_A_MESSAGE ? JSON.parse(decoder.decode(body)) : {
      kind: "message",
      session: sessions[index]!,
      seq: view.getFloat64(at + 8),
      at: view.getFloat64(at + 16),
      payload: body,
    };
    at = end;
  }
}
