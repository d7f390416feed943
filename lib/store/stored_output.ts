/**
 * The output of a server with a store: after any crash, a regular file has each message once, in the
 * order of the store.
 *
 * The store records how far the output is written; what is missing after that is written at the start.
 *
 * @module
 */
import { type Clock, systemClock, type Timer } from "../platform/clock.ts";
import { systemFiles } from "./files.ts";
import { cutOffText, OutputFile, type OutputOptions } from "./output_file.ts";
import {
  type MessageOutput,
  OutputError,
  type OutputJournal,
  type OutputRecord,
  type Position,
  StoreError,
} from "./store.ts";

/** The shortest time, in milliseconds, between two positions, and the longest after the last message. */
const RECORD_INTERVAL_MS = 1_000;

/**
 * Opens an output for the messages of a store. Messages that the store has and the output lacks are
 * written before this resolves. An output that is new to the store lacks those after the furthest of
 * its other outputs; the first output of a store starts with the next message.
 *
 * Append everything that the store has committed, in that order. Close the output before the store.
 *
 * @throws {OutputError}
 * @throws {StoreError}
 */
export async function openStoredOutput(
  store: OutputJournal,
  path: string,
  options: OutputOptions = {},
): Promise<MessageOutput> {
  const { files = systemFiles } = options;
  const file = await OutputFile.open(path, options);
  try {
    const key = file.isRegular ? await files.realPath(path) : path;
    const known = await store.position(key);
    if (!known.position && await file.endLine()) options.tell?.(cutOffText(path));
    const output = new StoredOutput(store, file, key, known, options.clock);
    await output.catchUp(path, known.last);
    store.follow((at) => output.positionAt(at));
    return output;
  } catch (error) {
    await file.close();
    throw error;
  }
}

function mismatch(path: string, what: string): OutputError {
  return new OutputError(
    `cannot continue the output ${path}: ${what}; move it away, to start a new one`,
  );
}

/** An output that counts the messages written to it. */
class StoredOutput implements MessageOutput {
  readonly #store: OutputJournal;
  readonly #file: OutputFile;
  readonly #clock: Clock;
  readonly #pause: Timer;
  #position: Position;
  #recorded?: Position;
  #recordedAt = NaN;
  /** The number in the last position that was synced to be recorded. */
  #syncedUpTo = 0;

  constructor(
    store: OutputJournal,
    file: OutputFile,
    path: string,
    { position, start }: OutputRecord,
    clock: Clock = systemClock,
  ) {
    this.#store = store;
    this.#file = file;
    this.#clock = clock;
    this.#pause = clock.timer(() => void this.#tryRecord());
    this.#position = position ?? { path, number: start, bytes: null };
    this.#recorded = position;
  }

  /**
   * Writes the messages up to `last` that are missing. The output may already have some of them, from
   * before a crash, and nothing else; it is never truncated.
   */
  async catchUp(path: string, last: number): Promise<void> {
    const size = await this.#file.size();
    const { bytes, number } = this.#position;
    // An empty file is new: the old one was moved away.
    const start = size === 0 ? 0 : bytes ?? size;
    if (start > size) {
      throw mismatch(path, `it has ${size} bytes, and the store recorded ${start}`);
    }
    this.#moveTo(number, start);
    await this.#record();
    const end = await this.#writeMissing(start, size);
    if (end < size) {
      throw mismatch(path, `after byte ${end} it has data that this server did not write`);
    }
    this.#moveTo(last, end);
    await this.#record();
  }

  async append(payloads: readonly Uint8Array[]): Promise<void> {
    await this.#file.append(payloads);
    this.#moveTo(this.#position.number + payloads.length, this.#file.length);
    this.#pause.set(this.#clock.now() + RECORD_INTERVAL_MS);
  }

  /** Its position, if one is due to be recorded at this wall-clock time. */
  async positionAt(at: number): Promise<Position | undefined> {
    // The wall clock may jump either way.
    const isEarly = Math.abs(at - this.#recordedAt) < RECORD_INTERVAL_MS;
    if (isEarly || this.#position === this.#recorded) return undefined;
    this.#recordedAt = at;
    return await this.#syncedPosition();
  }

  async close(): Promise<void> {
    this.#pause.clear();
    try {
      await this.#tryRecord();
    } finally {
      await this.#file.close();
    }
  }

  /** Writes what is missing from a byte on, of a file of this size; gives where it ends. */
  async #writeMissing(from: number, size: number): Promise<number> {
    let at = from;
    let recorded_ms = this.#clock.now();
    for (let { number } = this.#position;;) {
      const lines = await this.#store.linesAfter(number);
      const there = await readUpTo(this.#file, at, Math.min(size - at, lines.bytes.length));
      const isOther = there.some((byte, i) => byte !== lines.bytes[i]);
      if (lines.last === number || isOther) return at;
      // Nothing else is in it: a new file may begin here, if this one is moved away now.
      if (at + there.length >= size) this.#moveTo(number, at);
      if (this.#clock.now() - recorded_ms >= RECORD_INTERVAL_MS) {
        await this.#record();
        recorded_ms = this.#clock.now();
      }
      try {
        await this.#file.write(lines.bytes.subarray(there.length));
      } catch (error) {
        await this.#tryRecord();
        throw error;
      }
      number = lines.last;
      at += lines.bytes.length;
    }
  }

  #moveTo(number: number, bytes: number): void {
    const { path } = this.#position;
    const next = { path, number, bytes: this.#file.isRegular ? bytes : null };
    if (number !== this.#position.number || next.bytes !== this.#position.bytes) {
      this.#position = next;
    }
  }

  /** Has the store commit its position. */
  async #record(): Promise<void> {
    if (this.#position === this.#recorded) return;
    const position = await this.#syncedPosition();
    if (position) await this.#store.record(position);
  }

  /** The same; if the store or the output has failed, the position recorded before stays. */
  async #tryRecord(): Promise<void> {
    try {
      await this.#record();
    } catch (error) {
      if (!(error instanceof StoreError || error instanceof OutputError)) throw error;
    }
  }

  /** Its position once that is synced; none if a later one, whose sync took less time, is recorded. */
  async #syncedPosition(): Promise<Position | undefined> {
    const position = this.#position;
    this.#recorded = position;
    await this.#file.sync();
    if (position.number < this.#syncedUpTo) return undefined;
    this.#syncedUpTo = position.number;
    return position;
  }
}

async function readUpTo(file: OutputFile, from: number, length: number): Promise<Uint8Array> {
  return length > 0 ? await file.read(from, length) : new Uint8Array();
}
