/**
 * A folder for the files of one test of the store, a store without a thread, and entries for it.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { Batch } from "../../lib/store/batch.ts";
import { StoreFile } from "../../lib/store/sqlite/file.ts";
import { StoreWriter } from "../../lib/store/sqlite/writer.ts";
import type { Entry, EntryOf, Position, PositionSource } from "../../lib/store/store.ts";
import { Folder } from "./folder.ts";

const encoder = new TextEncoder();

/** The time of every entry, unless a test gives another one. */
export const AT = Date.parse("2026-11-22T05:43:42.686Z");

/** A session begins. */
export function opened(session: string, received = 0, at = AT): EntryOf<"opened"> {
  return { kind: "opened", session, at, peer: "192.0.2.1:4000", received };
}

/** The client of a session has shown that it has its token. */
export function claimed(session: string, at = AT): Entry {
  return { kind: "claimed", session, at, token_hash: `hash of ${session}` };
}

/** Messages of a session, each with the payload `<session> <seq>`. */
export function messages(session: string, from: number, to: number, at = AT): EntryOf<"message">[] {
  return Array.from({ length: to - from + 1 }, (_, i) => message(session, from + i, at));
}

/** A message of a session. */
export function message(session: string, seq: number, at = AT): EntryOf<"message"> {
  return { kind: "message", session, at, seq, payload: encoder.encode(`${session} ${seq}`) };
}

/** An outage begins. */
export function lost(session: string, at = AT, by = "network", reason = "reset"): Entry {
  return { kind: "lost", session, at, by, reason, text: "RST" };
}

/** An outage ends. */
export function resumed(session: string, at = AT, resent = 2): Entry {
  const counts = { gap_ms: 1_500, resent, already_there: 1 };
  return { kind: "resumed", session, at, peer: "192.0.2.1:4001", ...counts };
}

/** A session ends. */
export function ended(session: string, at = AT): Entry {
  return { kind: "ended", session, at, by: "peer", reason: "done", text: "bye" };
}

/** The payloads of entries, as an output takes them. */
export function payloadsOf(entries: readonly Entry[]): Uint8Array[] {
  return entries.flatMap((entry) => entry.kind === "message" ? [entry.payload] : []);
}

/** A folder for a store and an output. */
export class StoreFolder extends Folder {
  /** The file for the store. */
  readonly store = this.file("store.db");
  /** The file for the output. */
  readonly output = this.file("messages.txt");

  /** A file in it. */
  file(name: string): string {
    return `${this.path}/${name}`;
  }

  /** The names of the files in it. */
  get names(): string[] {
    return [...Deno.readDirSync(this.path)].map(({ name }) => name).toSorted();
  }

  /** The content of the output. */
  get written(): string {
    return Deno.readTextFileSync(this.output);
  }

  /** Keeps the store locked, as another program does, until that is closed. */
  lock(): DatabaseSync {
    const database = new DatabaseSync(this.store);
    // The server may be committing.
    database.exec("PRAGMA busy_timeout = 30000; BEGIN IMMEDIATE");
    return database;
  }

  /** Runs statements on the store, as another program. */
  change(sql: string): void {
    using database = new DatabaseSync(this.store);
    database.exec(sql);
  }

  /** The rows of a query, as another program reads them. */
  query(sql: string): Record<string, unknown>[] {
    using database = new DatabaseSync(this.store, { readOnly: true });
    return database.prepare(sql).all().map((row) => ({ ...row }));
  }
}

/**
 * A store in an SQLite file without the thread of the real one, whose start takes longer than most
 * tests. Unlike the real one it can be used after an error.
 */
export class ThreadlessStore {
  readonly #file: StoreFile;
  readonly #writer: StoreWriter;
  #source?: PositionSource;

  private constructor(file: StoreFile) {
    this.#file = file;
    this.#writer = new StoreWriter(file.database);
  }

  /** Opens the file. */
  static async open(path: string): Promise<ThreadlessStore> {
    const file = await StoreFile.open(path);
    try {
      return new ThreadlessStore(file);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  get sessions() {
    return this.#writer.sessions;
  }

  async commit(entries: Iterable<Entry>, position?: Position): Promise<void> {
    const batch = Batch.of(entries);
    position ??= await this.#source?.(batch.lastAt);
    try {
      this.#writer.commit(batch.encoded, position);
    } catch (error) {
      throw this.#file.explain(error, "write");
    }
  }

  close(): void {
    this.#file.close();
  }

  follow(source: PositionSource): void {
    this.#source = source;
  }

  record(position: Position): Promise<void> {
    return this.commit([], position);
  }

  position(path: string) {
    return Promise.resolve(this.#writer.position(path));
  }

  linesAfter(number: number) {
    return Promise.resolve(this.#writer.linesAfter(number));
  }
}
