/**
 * The durable store of the server: sessions, messages and outages in one SQLite file.
 *
 * @module
 */
import { type Clock, systemClock } from "../../platform/clock.ts";
import { warnIfSlow } from "../../platform/deadline.ts";
import { startThread } from "../../platform/thread_link.ts";
import {
  type Entry,
  type Lines,
  type OutputJournal,
  type Position,
  type PositionSource,
  type Store,
  type StoredSession,
  StoreError,
} from "../store.ts";
import { encodeBatch } from "./batch.ts";
import type { Answer, Request } from "./thread.ts";

/** How long, in milliseconds, the store may take to answer before that is told. */
const WARN_AFTER_MS = 2_000;

/** Options for {@linkcode openSqliteStore}. */
export interface StoreOptions {
  /** Told, in words, that the store does not answer for long, and when it has. */
  tell?: (text: string) => void;
  /** Time. */
  clock?: Clock;
}

/**
 * Opens the store in this file, and makes it if it is not there.
 *
 * @throws {StoreError} What is wrong, in one sentence.
 */
export async function openSqliteStore(
  path: string,
  options: StoreOptions = {},
): Promise<SqliteStore> {
  return await SqliteStore.open(path, options);
}

/** A store in an SQLite file. Its worker waits for the disk. */
export class SqliteStore implements Store, OutputJournal {
  readonly #name: string;
  readonly #tell: (text: string) => void;
  readonly #clock: Clock;
  readonly #worker = new StoreClient();
  #sessions: readonly StoredSession[] = [];
  #failure?: StoreError;
  #source?: PositionSource;
  #committing = Promise.resolve();

  private constructor(name: string, { clock = systemClock, tell = () => {} }: StoreOptions) {
    this.#name = name;
    this.#clock = clock;
    this.#tell = tell;
  }

  /** Opens a store. */
  static async open(name: string, options: StoreOptions): Promise<SqliteStore> {
    const store = new SqliteStore(name, options);
    try {
      const { sessions } = await store.#ask({ ask: "open", name });
      store.#sessions = sessions!;
      return store;
    } catch (error) {
      store.#worker.end();
      throw error;
    }
  }

  get sessions(): readonly StoredSession[] {
    return this.#sessions;
  }

  commit(entries: readonly Entry[]): Promise<void> {
    return this.#committing = this.#commit(entries);
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#committing]);
    try {
      await this.#ask({ ask: "close" });
    } finally {
      this.#worker.end();
    }
  }

  follow(source: PositionSource): void {
    this.#source = source;
  }

  async record(position: Position): Promise<void> {
    await this.#send([], position);
  }

  async position(path: string): Promise<{ position: Position | undefined; last: number }> {
    const { position, last } = await this.#ask({ ask: "position", path });
    return { position, last: last! };
  }

  async linesAfter(number: number): Promise<Lines> {
    const { lines } = await this.#ask({ ask: "lines", after: number });
    return lines!;
  }

  /** Asks the worker, and tells if that takes long. */
  async #ask(request: Request, transfer?: Transferable[]): Promise<Answer> {
    const clock = this.#clock;
    const asked_ms = clock.now();
    let isLong = false;
    const tell = () => {
      isLong = true;
      this.#tell(
        `the store ${this.#name} has not answered for ${WARN_AFTER_MS / 1000} s: another program ` +
          `keeps it locked, or its disk is slow; nothing is confirmed until it answers`,
      );
    };
    const asked = this.#worker.ask(request, transfer);
    const answer = await warnIfSlow(asked, { clock, warnAfter_ms: WARN_AFTER_MS, warn: tell });
    const took_s = (clock.now() - asked_ms) / 1000;
    if (isLong) this.#tell(`the store ${this.#name} has answered after ${took_s.toFixed(1)} s`);
    return answer;
  }

  async #commit(entries: readonly Entry[]): Promise<void> {
    const last = entries.at(-1);
    if (last === undefined) return;
    await this.#send(entries, this.#source && await this.#source(last.at));
  }

  async #send(entries: readonly Entry[], position?: Position): Promise<void> {
    if (this.#failure) throw this.#failure;
    const batch = encodeBatch(entries);
    try {
      await this.#ask({ ask: "commit", batch, position }, [batch.bytes.buffer]);
    } catch (error) {
      if (error instanceof StoreError) this.#failure ??= error;
      throw error;
    }
  }
}

/** The way to the worker: each request has its answer, in order. */
class StoreClient {
  readonly #worker = startThread(new URL("./thread.ts", import.meta.url));
  readonly #waiting: PromiseWithResolvers<Answer>[] = [];
  #failure?: StoreError;

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<Answer>) => this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(new StoreError(`the store's thread failed, by a defect: ${event.message}`));
    };
  }

  /** Asks the worker. */
  ask(request: Request, transfer: Transferable[] = []): Promise<Answer> {
    if (this.#failure) return Promise.reject(this.#failure);
    const answer = Promise.withResolvers<Answer>();
    this.#waiting.push(answer);
    this.#worker.postMessage(request, transfer);
    return answer.promise;
  }

  /** Ends the worker. */
  end(): void {
    this.#worker.terminate();
    this.#fail(new StoreError("the store is closed"));
  }

  #hear(answer: Answer): void {
    const waiting = this.#waiting.shift()!;
    if (answer.error === undefined) waiting.resolve(answer);
    else waiting.reject(new StoreError(answer.error));
  }

  #fail(failure: StoreError): void {
    this.#failure ??= failure;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(failure);
  }
}
