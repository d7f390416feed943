/**
 * The store's file: opens it for one server at a time, makes sure that it is a store, and says what is
 * wrong with it.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { writeErrorText } from "../../platform/errors.ts";
import { StoreError } from "../store.ts";
import { APPLICATION_ID, SCHEMA, SCHEMA_VERSION } from "./schema.ts";

/** What other programs mean by these is no file: stdout, and a database in memory. */
const NO_FILES = ["-", ":memory:"];

/** How long, in milliseconds, another program may keep the file locked: when it is opened, later. */
const OPENING_PATIENCE_MS = 1_500;

const WRITING_PATIENCE_MS = 60_000;

/** What is behind this in the -wal file, after a large commit, is given back when it can be. */
const MAX_IDLE_WAL_BYTES = 67_108_864;

/** SQLite's numbers for what went wrong. */
const SQLITE = { BUSY: 5, READONLY: 8, CORRUPT: 11, FULL: 13, CANTOPEN: 14, NOTADB: 26 } as const;

const TEXTS: Readonly<Record<number, string>> = {
  [SQLITE.BUSY]: "another program keeps it locked; let that end, and start again",
  [SQLITE.READONLY]: "it is read-only; give this user the right to write it, or name another file",
  [SQLITE.CORRUPT]: "it is damaged; put a backup in its place, or name another file",
  [SQLITE.FULL]: "no space is left on its disk; make room, and start again",
  [SQLITE.CANTOPEN]: "files cannot be made beside it; give this user the right to, in its folder",
  [SQLITE.NOTADB]: "it is not an SQLite database; name another file",
};

/** A store's file, open and locked. */
export class StoreFile {
  /** The connection to it. */
  readonly database: DatabaseSync;
  readonly #name: string;
  readonly #path: string;
  readonly #lock: DatabaseSync;
  readonly #identity: string;

  private constructor(name: string, path: string, lock: DatabaseSync, database: DatabaseSync) {
    this.#name = name;
    this.#path = path;
    this.#lock = lock;
    this.database = database;
    this.#identity = identityOf(path);
  }

  /**
   * Opens the file, and makes it if it is not there.
   *
   * @throws {StoreError}
   */
  static open(name: string): StoreFile {
    let lock: DatabaseSync | undefined;
    let database: DatabaseSync | undefined;
    let newLock: string | undefined;
    try {
      const path = pathOf(name);
      if (!isThere(`${path}-lock`)) newLock = `${path}-lock`;
      lock = takeLock(path);
      Deno.openSync(path, { read: true, write: true, create: true }).close();
      database = new DatabaseSync(path);
      prepare(database);
      return new StoreFile(name, path, lock, database);
    } catch (error) {
      database?.close();
      lock?.close();
      // What is no store is to have no lock beside it.
      if (lock && newLock) Deno.removeSync(newLock);
      throw new StoreError(`cannot open the store ${name}: ${textOf(error)}`);
    }
  }

  /** What an error in the use of the file is to a person. */
  explain(error: unknown, use: "open" | "read" | "write" | "close"): StoreError {
    return new StoreError(`cannot ${use} the store ${this.#name}: ${textOf(error)}`);
  }

  /**
   * Makes sure that what is written can be found again: SQLite would go on writing to files that
   * somebody has deleted. To be called after each commit.
   *
   * @throws {StoreError}
   */
  checkThere(): void {
    if (identityOf(this.#path) === this.#identity) return;
    throw new StoreError(
      "it, or a file beside it that belongs to it (-wal, -lock), was deleted or replaced while this " +
        "server used it; leave them alone while a server runs",
    );
  }

  /** Closes and unlocks it. */
  close(): void {
    this.database.close();
    this.#lock.close();
  }
}

/** The absolute path of a file, links followed: one file has one lock, whatever leads to it. */
function pathOf(name: string): string {
  if (NO_FILES.includes(name)) {
    throw new StoreError("it has to be a file, which outlives this server; name one");
  }
  try {
    const path = Deno.realPathSync(name);
    const { isFile, isDirectory } = Deno.statSync(path);
    if (isFile) return path;
    throw new StoreError(
      isDirectory ? "it is a folder; name a file in it" : "it is not a regular file; name one",
    );
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const [, folder, file] = /^(.*[/\\])?(.*)$/s.exec(name)!;
  const real = Deno.realPathSync(folder || ".");
  return `${real}${real.endsWith("/") ? "" : "/"}${file}`;
}

/**
 * Takes the lock that keeps a second server out, and ends with this process, however that ends. It is
 * on a file of its own, which stays empty: other programs may read the store.
 */
function takeLock(path: string): DatabaseSync {
  const lock = openLock(`${path}-lock`);
  try {
    lock.prepare("PRAGMA busy_timeout = 0").get();
    lock.prepare("PRAGMA journal_mode = MEMORY").get();
    lock.prepare("BEGIN EXCLUSIVE").run();
    return lock;
  } catch (error) {
    lock.close();
    if (codeOf(error) !== SQLITE.BUSY) throw error;
    throw new StoreError("another server uses it; give each server a file of its own");
  }
}

function openLock(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path);
  } catch {
    // SQLite does not say why; the system may.
    try {
      Deno.openSync(path, { write: true, create: true }).close();
    } catch (error) {
      if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    }
    throw new StoreError(TEXTS[SQLITE.CANTOPEN]!);
  }
}

/** Makes sure that it is a store, makes it one if it is empty, and has every commit synced. */
function prepare(database: DatabaseSync): void {
  const pragma = (text: string) => Object.values(database.prepare(`PRAGMA ${text}`).get() ?? {})[0];
  pragma(`busy_timeout = ${OPENING_PATIENCE_MS}`);
  const { tables } = database.prepare("SELECT count(*) AS tables FROM sqlite_schema").get()!;
  const application = pragma("application_id");
  const version = Number(pragma("user_version"));
  const isNew = application === 0 && version === 0 && tables === 0;
  if (!isNew && application !== APPLICATION_ID) {
    throw new StoreError("it is a database of another program; name another file");
  }
  if (version > SCHEMA_VERSION) {
    throw new StoreError(
      `it was written by a newer version of this program (schema ${version}, this one knows ` +
        `${SCHEMA_VERSION}); use that one, or name another file`,
    );
  }
  if (pragma("journal_mode = WAL") !== "wal") {
    throw new StoreError("its file system cannot share memory; name a file on a local disk");
  }
  pragma("synchronous = FULL");
  pragma(`journal_size_limit = ${MAX_IDLE_WAL_BYTES}`);
  pragma("fullfsync = ON");
  pragma("checkpoint_fullfsync = ON");
  if (isNew) makeSchema(database);
  pragma(`busy_timeout = ${WRITING_PATIENCE_MS}`);
}

function makeSchema(database: DatabaseSync): void {
  for (const statement of ["BEGIN IMMEDIATE", ...SCHEMA, "COMMIT"]) {
    database.prepare(statement).run();
  }
}

function codeOf(error: unknown): number {
  return error instanceof Error && "errcode" in error ? Number(error.errcode) & 0xff : 0;
}

function textOf(error: unknown): string {
  return TEXTS[codeOf(error)] ?? writeErrorText(error);
}

/** Tells apart the files that belong to a store from others of the same names. */
function identityOf(path: string): string {
  return ["", "-wal", "-lock"].map((end) => {
    if (!isThere(path + end)) return "gone";
    const { dev, ino } = Deno.statSync(path + end);
    return `${dev}:${ino}`;
  }).join();
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
