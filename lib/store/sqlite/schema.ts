/**
 * The schema of the store, and the names of its files.
 *
 * @module
 */

/** Marks an SQLite file as a store of Pulsewire: "PWST". */
export const APPLICATION_ID = 0x50575354;

/** The version of the schema below. */
export const SCHEMA_VERSION = 2;

/** The statements that a store of version 1 lacks. */
export const UPGRADE: readonly string[] = [
  "CREATE TABLE server (is_open INTEGER NOT NULL)",
  "INSERT INTO server VALUES (0)",
  `PRAGMA user_version = ${SCHEMA_VERSION}`,
];

/** The statements that create a new store. `docs/store.md` explains the columns. */
export const SCHEMA: readonly string[] = [
  `CREATE TABLE sessions (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  peer TEXT NOT NULL,
  opened_at INTEGER NOT NULL,
  start INTEGER NOT NULL,
  received INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  ended_at INTEGER,
  ended_by TEXT,
  end_reason TEXT,
  end_text TEXT
)`,
  "CREATE UNIQUE INDEX open_sessions ON sessions (id) WHERE ended_at IS NULL",
  `CREATE TABLE messages (
  number INTEGER PRIMARY KEY,
  session INTEGER NOT NULL REFERENCES sessions (number),
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  payload BLOB NOT NULL,
  UNIQUE (session, seq)
)`,
  `CREATE TABLE outages (
  number INTEGER PRIMARY KEY,
  session INTEGER NOT NULL REFERENCES sessions (number),
  lost_at INTEGER NOT NULL,
  lost_by TEXT,
  reason TEXT,
  text TEXT,
  resumed_at INTEGER,
  peer TEXT,
  gap_ms INTEGER,
  resent INTEGER,
  already_there INTEGER
)`,
  "CREATE UNIQUE INDEX open_outages ON outages (session) WHERE resumed_at IS NULL",
  "CREATE INDEX outages_of_session ON outages (session)",
  `CREATE TABLE outputs (
  path TEXT PRIMARY KEY,
  number INTEGER NOT NULL,
  bytes INTEGER
)`,
  `CREATE TRIGGER keep_open_sessions BEFORE DELETE ON sessions WHEN OLD.ended_at IS NULL
BEGIN
  SELECT RAISE(ABORT, 'a session that has not ended cannot be deleted');
END`,
  `CREATE TRIGGER delete_with_session AFTER DELETE ON sessions
BEGIN
  DELETE FROM messages WHERE session = OLD.number;
  DELETE FROM outages WHERE session = OLD.number;
END`,
  `PRAGMA application_id = ${APPLICATION_ID}`,
  ...UPGRADE,
];

/** The suffixes of the store's file, of SQLite's own files beside it, and of the lock file. */
const SUFFIXES = ["", "-wal", "-shm", "-lock"];

/** Whether a path is a store or a file that belongs to it. Both paths must be absolute. */
export function ownsPath(store: string, path: string): boolean {
  return SUFFIXES.some((suffix) => store + suffix === path);
}
