/**
 * The output of a server with a store: after any crash, a regular file has each message once, in the
 * order of the store.
 *
 * The store records how far the output is written; what is missing after that is written at the start.
 *
 * @module
 */
import { OutputFile, type OutputOptions } from "./output_file.ts";
import {
  type MessageOutput,
  OutputError,
  type OutputJournal,
  type Position,
  StoreError,
} from "./store.ts";

/** The shortest time, in milliseconds, between two positions that are recorded with commits. */
const RECORD_INTERVAL_MS = 1_000;

/**
 * Opens an output for the messages of a store. Messages that the store has and the output lacks are
 * written before this resolves; an output without a recorded position starts with the next message.
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
  const file = await OutputFile.open(path, options);
  try {
    const key = file.isRegular ? await Deno.realPath(path) : path;
    const { position, last } = await store.position(key);
    if (position) await catchUp(store, file, { ...position, path });
    else await file.endLine();
    const output = new StoredOutput(store, file, key, last);
    await output.record();
    store.follow((at) => output.positionAt(at));
    return output;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Writes the messages that are missing after a position. The output may already have some of them,
 * from before the crash, and nothing else; it is never truncated.
 */
async function catchUp(store: OutputJournal, file: OutputFile, position: Position): Promise<void> {
  const { path, number, bytes } = position;
  const size = await file.size();
  // An empty file is new: the old one was moved away.
  let at = size === 0 ? 0 : bytes ?? size;
  if (at > size) throw mismatch(path, `it has ${size} bytes, and the store recorded ${at}`);
  for (let last = number;;) {
    const lines = await store.linesAfter(last);
    if (lines.last === last) break;
    last = lines.last;
    const written = await readUpTo(file, at, Math.min(size - at, lines.bytes.length));
    if (written.some((byte, i) => byte !== lines.bytes[i])) break;
    await file.write(lines.bytes.subarray(written.length));
    at += lines.bytes.length;
  }
  if (at < size) {
    throw mismatch(path, `after byte ${at} it has data that this server did not write`);
  }
}

async function readUpTo(file: OutputFile, from: number, length: number): Promise<Uint8Array> {
  return length > 0 ? await file.read(from, length) : new Uint8Array();
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
  readonly #path: string;
  #number: number;
  #recorded?: number;
  #recordedAt = NaN;
  #appending = false;

  constructor(store: OutputJournal, file: OutputFile, path: string, number: number) {
    this.#store = store;
    this.#file = file;
    this.#path = path;
    this.#number = number;
  }

  async append(payloads: readonly Uint8Array[]): Promise<void> {
    this.#appending = true;
    await this.#file.append(payloads);
    this.#number += payloads.length;
    this.#appending = false;
  }

  /** Its position, if one is due to be recorded at this wall-clock time. */
  async positionAt(at: number): Promise<Position | undefined> {
    // The wall clock may jump either way.
    const isEarly = Math.abs(at - this.#recordedAt) < RECORD_INTERVAL_MS;
    if (isEarly || this.#appending || this.#number === this.#recorded) return undefined;
    this.#recordedAt = at;
    return await this.#position();
  }

  /** Has the store commit its position. */
  async record(): Promise<void> {
    if (this.#number !== this.#recorded) await this.#store.record(await this.#position());
  }

  async close(): Promise<void> {
    try {
      await this.record();
    } catch (error) {
      // One of them has failed: the next start continues from the position recorded before.
      if (!(error instanceof StoreError || error instanceof OutputError)) throw error;
    } finally {
      await this.#file.close();
    }
  }

  async #position(): Promise<Position> {
    await this.#file.sync();
    const bytes = this.#file.isRegular ? await this.#file.size() : null;
    this.#recorded = this.#number;
    return { path: this.#path, number: this.#number, bytes };
  }
}
