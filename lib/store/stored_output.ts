/**
 * An output that goes with a store: whatever becomes of the process, a regular file has each message
 * once, in the order of the store.
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

/** How often, in milliseconds, the store is told at most how far the output is written. */
const RECORD_INTERVAL_MS = 1_000;

/**
 * Opens an output for the messages of a store: what the store has and the output has not is written
 * before this resolves. An output that the store does not know starts with the next message.
 *
 * Append to it what the store has committed, all of it and in that order. Close it before the store.
 *
 * @throws {OutputError} What is wrong with the output, in one sentence.
 * @throws {StoreError} What is wrong with the store.
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
 * Writes what is missing behind a position. What was written before the process was killed is there
 * already; nothing else may be, and nothing is ever taken away from a file.
 */
async function catchUp(store: OutputJournal, file: OutputFile, position: Position): Promise<void> {
  const { path, number, bytes } = position;
  const size = await file.size();
  // An empty file is a new one: the old one was moved away.
  let at = size === 0 ? 0 : bytes ?? size;
  if (at > size) throw strange(path, `it has ${size} bytes; this server left it with ${at}`);
  for (let last = number;;) {
    const lines = await store.linesAfter(last);
    if (lines.last === last) break;
    last = lines.last;
    const there = await readUpTo(file, at, Math.min(size - at, lines.bytes.length));
    if (there.some((byte, i) => byte !== lines.bytes[i])) break;
    await file.write(lines.bytes.subarray(there.length));
    at += lines.bytes.length;
  }
  if (at < size) throw strange(path, `behind byte ${at} is what this server has not written`);
}

async function readUpTo(file: OutputFile, from: number, length: number): Promise<Uint8Array> {
  return length > 0 ? await file.read(from, length) : new Uint8Array();
}

function strange(path: string, what: string): OutputError {
  return new OutputError(
    `cannot go on with the output ${path}: ${what}; move it away, and a new one is begun`,
  );
}

/** An output, and how far the messages of the store are in it. */
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

  /** How far it is written, if that is to be noted at this time. */
  async positionAt(at: number): Promise<Position | undefined> {
    // The wall clock may jump, either way.
    const isEarly = Math.abs(at - this.#recordedAt) < RECORD_INTERVAL_MS;
    if (isEarly || this.#appending || this.#number === this.#recorded) return undefined;
    this.#recordedAt = at;
    return await this.#position();
  }

  /** Has the store note how far it is written. */
  async record(): Promise<void> {
    if (this.#number !== this.#recorded) await this.#store.record(await this.#position());
  }

  async close(): Promise<void> {
    try {
      await this.record();
    } catch (error) {
      // One of them has failed: the store knows an earlier position, and goes on from there.
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
