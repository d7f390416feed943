/**
 * The store's file: opens it for one server at a time, checks that it is a store, and explains errors.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { lockFile } from "../file_lock.ts";
import { StoreError } from "../store.ts";
import { codeOf, SQLITE, textOf, TEXTS } from "./error_text.ts";
import {
  APPLICATION_ID,
  newerText,
  OTHER_PROGRAM,
  SCHEMA,
  SCHEMA_VERSION,
  upgradeFrom,
} from "./schema.ts";

/** Names that conventionally mean stdout and a database in memory. */
const NO_FILES = ["-", ":memory:"];

/** How long, in milliseconds, to wait for another program's lock on the file while opening it. */
const OPEN_LOCK_WAIT_MS = 1_500;

/** The same for a commit. */
const COMMIT_LOCK_WAIT_MS = 60_000;

/** The -wal file is truncated to this size after a large commit. */
const MAX_IDLE_WAL_BYTES = 67_108_864;

const TAKEN = "another server uses it; give each server a file of its own";

/** A store's file, open, and locked against other servers. */
export class StoreFile {
  /** The connection to it. */
  readonly database: DatabaseSync;
  /** A sentence for the user, if something may be missing in it. */
  warning?: string;
  readonly #name: string;
  readonly #path: string;
  readonly #locks: Locks;
  readonly #identity: string;

  private constructor(name: string, path: string, locks: Locks, database: DatabaseSync) {
    this.#name = name;
    this.#path = path;
    this.#locks = locks;
    this.database = database;
    this.#identity = identityOf(path);
  }

  /**
   * Opens the file, and creates it if it does not exist.
   *
   * @throws {StoreError}
   */
  static async open(name: string): Promise<StoreFile> {
    let locks: Locks | undefined;
    let database: DatabaseSync | undefined;
    try {
      const path = pathOf(name);
      locks = await Locks.take(path);
      const hasWal = exists(`${path}-wal`);
      // What is inserted refers to sessions that are open, and those cannot be deleted.
      database = new DatabaseSync(path, { enableForeignKeyConstraints: false });
      prepare(database);
      const wasOpen = markOpen(database);
      const file = new StoreFile(name, path, locks, database);
      if (wasOpen && !hasWal) file.warning = missingWalText(name);
      return file;
    } catch (error) {
      database?.close();
      locks?.undo();
      throw new StoreError(`cannot open the store ${name}: ${textOf(error)}`);
    }
  }

  /** Explains an error in the use of the file, in one sentence. */
  explain(error: unknown, use: "open" | "read" | "write" | "close"): StoreError {
    return new StoreError(`cannot ${use} the store ${this.#name}: ${textOf(error)}`);
  }

  /**
   * Checks that the file is still in its place: SQLite would go on writing to a deleted file. To be
   * called after each commit.
   *
   * @throws {StoreError}
   */
  checkInPlace(): void {
    if (identityOf(this.#path) === this.#identity) return;
    throw new StoreError(
      "it or a file that belongs to it (-wal, -lock) was deleted or replaced while this server used " +
        "it; leave them alone while a server runs",
    );
  }

  /** Closes and unlocks it. */
  close(): void {
    markClosed(this.database);
    this.database.close();
    this.#locks.release();
  }
}

/**
 * The locks that exclude a second server until this process ends. Other programs may read the store.
 *
 * On Linux one is on the store itself, which another server may know by another name (a hard link, a
 * mount). There it is apart from SQLite's locks; elsewhere it would collide with them. To close any
 * descriptor of a file ends SQLite's locks on it: this one is opened before SQLite opens the file, and
 * closed after SQLite has closed it.
 *
 * The other is on a file beside it, which stays empty.
 */
class Locks {
  readonly #path: string;
  readonly #isNew: boolean;
  readonly #beside: DatabaseSync;
  #store?: Deno.FsFile;

  private constructor(path: string) {
    this.#path = `${path}-lock`;
    this.#isNew = !exists(this.#path);
    this.#beside = takeLock(this.#path);
  }

  /** Takes the locks, and creates the store's file if it does not exist. */
  static async take(path: string): Promise<Locks> {
    const locks = new Locks(path);
    try {
      const file = Deno.openSync(path, { read: true, write: true, create: true });
      if (Deno.build.os !== "linux") file.close();
      else {
        locks.#store = file;
        if (!await lockFile(file)) throw new StoreError(TAKEN);
      }
      return locks;
    } catch (error) {
      locks.undo();
      throw error;
    }
  }

  /** Releases them, and removes a lock file just created: the file beside it may be no store. */
  undo(): void {
    this.release();
    if (this.#isNew) Deno.removeSync(this.#path);
  }

  release(): void {
    this.#store?.close();
    this.#beside.close();
  }
}

/**
 * The absolute path of a store, with links resolved, so that one file has one lock.
 *
 * @throws {StoreError} If it can be no store. Other errors are those of the operating system.
 */
export function pathOf(name: string): string {
  if (NO_FILES.includes(name)) {
    throw new StoreError("it must be a file, to survive a restart of the server; name one");
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

function takeLock(path: string): DatabaseSync {
  const lock = openLock(path);
  try {
    lock.prepare("PRAGMA busy_timeout = 0").get();
    lock.prepare("PRAGMA journal_mode = MEMORY").get();
    lock.prepare("BEGIN EXCLUSIVE").run();
    return lock;
  } catch (error) {
    lock.close();
    if (codeOf(error) !== SQLITE.BUSY) throw error;
    throw new StoreError(TAKEN);
  }
}

function openLock(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path);
  } catch {
    // SQLite does not report the cause; the system may.
    try {
      Deno.openSync(path, { write: true, create: true }).close();
    } catch (error) {
      if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    }
    throw new StoreError(TEXTS[SQLITE.CANTOPEN]!);
  }
}

/** Checks that it is a store, creates the schema if it is empty, and has every commit synced. */
function prepare(database: DatabaseSync): void {
  const pragma = (text: string) => Object.values(database.prepare(`PRAGMA ${text}`).get() ?? {})[0];
  pragma(`busy_timeout = ${OPEN_LOCK_WAIT_MS}`);
  const { tables } = database.prepare("SELECT count(*) AS tables FROM sqlite_schema").get()!;
  const application = pragma("application_id");
  const version = Number(pragma("user_version"));
  const isNew = application === 0 && version === 0 && tables === 0;
  if (!isNew && application !== APPLICATION_ID) {
    throw new StoreError(OTHER_PROGRAM);
  }
  if (version > SCHEMA_VERSION) {
    throw new StoreError(newerText(version));
  }
  if (pragma("journal_mode = WAL") !== "wal") {
    throw new StoreError("its file system has no shared memory; name a file on a local disk");
  }
  pragma("synchronous = FULL");
  pragma(`journal_size_limit = ${MAX_IDLE_WAL_BYTES}`);
  pragma("fullfsync = ON");
  pragma("checkpoint_fullfsync = ON");
  if (isNew) runAll(database, SCHEMA);
  else if (version < SCHEMA_VERSION) runAll(database, upgradeFrom(version));
  pragma(`busy_timeout = ${COMMIT_LOCK_WAIT_MS}`);
}

function runAll(database: DatabaseSync, statements: readonly string[]): void {
  for (const statement of ["BEGIN IMMEDIATE", ...statements, "COMMIT"]) {
    database.prepare(statement).run();
  }
}

/** Marks the file as in use, in the file itself and not only in its -wal; whether it was so before. */
function markOpen(database: DatabaseSync): boolean {
  const wasOpen = database.prepare("SELECT is_open FROM server").get()?.["is_open"] === 1;
  database.prepare("UPDATE server SET is_open = 1").run();
  database.prepare("PRAGMA wal_checkpoint(PASSIVE)").get();
  return wasOpen;
}

function markClosed(database: DatabaseSync): void {
  try {
    database.prepare("PRAGMA busy_timeout = 0").get();
    database.prepare("UPDATE server SET is_open = 0").run();
  } catch {
    // Of a file that has failed, or is locked, the next start judges by its -wal.
  }
}

function missingWalText(name: string): string {
  return `the store ${name} was not closed by its last server, and its -wal is missing: unless another ` +
    "program has opened the store since, which completes it, the messages confirmed last are lost; " +
    "keep and mount the folder of a store, not the file alone";
}

/** Differs for other files of the same names. */
function identityOf(path: string): string {
  return ["", "-wal", "-lock"].map((end) => {
    try {
      const { dev, ino } = Deno.statSync(path + end);
      return `${dev}:${ino}`;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "gone";
      throw error;
    }
  }).join();
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
