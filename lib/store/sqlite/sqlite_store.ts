/**
 * The store in one SQLite file. This file is the caller's side: it sends encoded entries to a
 * thread (`thread.ts`), which opens and locks the file (`file.ts`, `schema.ts`) and
 * executes the statements (`writer.ts`).
 *
 * `server.ts` opens it; the rest of the program knows only the interfaces of `../store.ts`, and the
 * names of its files from `schema.ts`. It must never wait for the disk in the caller's thread, resolve
 * a commit that is not synced, commit part of a batch, or go on after an error.
 *
 * @module
 */
import type { Past } from "../../monitor/watch.ts";
import { type Clock, systemClock } from "../../platform/clock.ts";
import { warnIfSlow } from "../../platform/deadline.ts";
import { startThread } from "../../platform/thread_link.ts";
import { Batch } from "../batch.ts";
import {
  type Entry,
  type Lines,
  type OutputJournal,
  type OutputRecord,
  type Position,
  type PositionSource,
  type Store,
  type StoredSession,
  StoreError,
  type StoreHistory,
} from "../store.ts";

import type { Answer, Request } from "./thread.ts";

/** Warns when the thread has not answered for so long, in milliseconds. */
const WARN_AFTER_MS = 2_000;

/** Options for {@linkcode openSqliteStore}. */
export interface StoreOptions {
  /** Called with a sentence for the user when an answer is late, and when it has come. */
  tell?: (text: string) => void;
  /** Time. */
  clock?: Clock;
}

/**
 * Opens the store in this file, and creates the file if it does not exist.
 *
 * @throws {StoreError}
 */
export async function openSqliteStore(
  path: string,
  options: StoreOptions = {},
): Promise<Store & OutputJournal & StoreHistory> {
  const store = new SqliteStore(path, options);
  await store.open();
  return store;
}

class SqliteStore implements Store, OutputJournal, StoreHistory {
  sessions: readonly StoredSession[] = [];
  readonly #name: string;
  readonly #tell: (text: string) => void;
  readonly #clock: Clock;
  readonly #thread = new StoreThread();
  #failure?: StoreError;
  #source?: PositionSource;
  /** The position of the output for the batch that is sent next. */
  #position: Promise<Position | undefined> = Promise.resolve(undefined);
  /** How many requests are late, and when the first of them was sent. */
  #late = 0;
  #lateSince_ms = 0;
  #committing = Promise.resolve();

  constructor(name: string, { clock = systemClock, tell = () => {} }: StoreOptions) {
    this.#name = name;
    this.#clock = clock;
    this.#tell = tell;
  }

  async open(): Promise<void> {
    try {
      const { sessions, warning } = await this.#ask({ ask: "open", name: this.#name });
      if (warning) this.#tell(warning);
      this.sessions = sessions!;
    } catch (error) {
      this.#thread.end();
      throw error;
    }
  }

  commit(entries: Iterable<Entry>): Promise<void> {
    return this.#committing = this.#commit(Batch.of(entries));
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#committing]);
    try {
      await this.#ask({ ask: "close" });
    } finally {
      this.#thread.end();
    }
  }

  follow(source: PositionSource): void {
    this.#source = source;
  }

  async record(position: Position): Promise<void> {
    await this.#send(new Batch(), position);
  }

  async position(path: string): Promise<OutputRecord> {
    const { output } = await this.#ask({ ask: "position", path });
    return output!;
  }

  async linesAfter(number: number): Promise<Lines> {
    const { lines } = await this.#ask({ ask: "lines", after: number });
    return lines!;
  }

  async past(count: number): Promise<Past> {
    const { past } = await this.#ask({ ask: "past", count });
    return past!;
  }

  /** Sends a request, and warns if its answer is late. */
  async #ask(request: Request, transfer?: Transferable[]): Promise<Answer> {
    const clock = this.#clock;
    const asked_ms = clock.now();
    let isLate = false;
    const warn = () => {
      isLate = true;
      if (++this.#late > 1) return;
      this.#lateSince_ms = asked_ms;
      this.#tell(
        `the store ${this.#name} has not answered for ${WARN_AFTER_MS / 1000} s: another program ` +
          `has it locked, or its disk is slow; nothing is confirmed until it answers`,
      );
    };
    const asked = this.#thread.ask(request, transfer);
    const answer = await warnIfSlow(asked, { clock, warnAfter_ms: WARN_AFTER_MS, warn });
    if (isLate && --this.#late === 0) {
      const took_s = (clock.now() - this.#lateSince_ms) / 1000;
      this.#tell(`the store ${this.#name} has answered after ${took_s.toFixed(1)} s`);
    }
    return answer;
  }

  async #commit(batch: Batch): Promise<void> {
    if (batch.length === 0) return;
    // A position may take a while to come, and none may overtake the one before.
    this.#position = this.#position.then(() => this.#source?.(batch.lastAt));
    await this.#send(batch, await this.#position);
  }

  async #send(batch: Batch, position?: Position): Promise<void> {
    if (this.#failure) throw this.#failure;
    const entries = batch.encoded;
    try {
      await this.#ask({ ask: "commit", entries, position }, [entries.bytes.buffer]);
    } catch (error) {
      if (error instanceof StoreError) this.#failure ??= error;
      throw this.#failure ?? error;
    }
  }
}

/** The link to the thread: one answer to each request, in order. */
class StoreThread {
  readonly #thread = startThread(new URL("./thread.ts", import.meta.url));
  readonly #requests: PromiseWithResolvers<Answer>[] = [];
  #failure?: StoreError;

  constructor() {
    this.#thread.onmessage = ({ data }: MessageEvent<Answer>) => this.#onAnswer(data);
    this.#thread.onerror = (event) => {
      event.preventDefault();
      const text = "the store's thread has failed; this is a defect of this program";
      this.#fail(new StoreError(`${text}: ${event.message}`));
    };
  }

  ask(request: Request, transfer: Transferable[] = []): Promise<Answer> {
    if (this.#failure) return Promise.reject(this.#failure);
    const answer = Promise.withResolvers<Answer>();
    this.#requests.push(answer);
    this.#thread.postMessage(request, transfer);
    return answer.promise;
  }

  end(): void {
    this.#thread.terminate();
    this.#fail(new StoreError("the store is closed"));
  }

  #onAnswer(answer: Answer): void {
    const request = this.#requests.shift()!;
    if (answer.error === undefined) request.resolve(answer);
    else request.reject(new StoreError(answer.error));
  }

  #fail(failure: StoreError): void {
    this.#failure ??= failure;
    for (const request of this.#requests.splice(0)) request.reject(failure);
  }
}
