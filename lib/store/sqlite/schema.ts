/**
 * The schema of the store, and the names of its files.
 *
 * @module
 */

/** Marks an SQLite file as a store of Pulsewire: "PWST". */
export const APPLICATION_ID = 0x50575354;

/** The version of the schema below. */
export const SCHEMA_VERSION = 4;

const MARK_VERSION = `PRAGMA user_version = ${SCHEMA_VERSION}`;

const CREATE_SERVER = [
  "CREATE TABLE server (is_open INTEGER NOT NULL)",
  "INSERT INTO server VALUES (0)",
];

/**
 * An index by session would cost a page for each session and commit. Messages of a session are found
 * from its last one backwards, instead.
 */
const CREATE_MESSAGES = `CREATE TABLE messages (
  number INTEGER PRIMARY KEY,
  session INTEGER NOT NULL REFERENCES sessions (number),
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  payload BLOB NOT NULL,
  previous INTEGER NOT NULL
)`;

const DELETE_WITH_SESSION = `CREATE TRIGGER delete_with_session AFTER DELETE ON sessions
BEGIN
  DELETE FROM messages WHERE number IN (
    WITH RECURSIVE chain (number) AS (
      SELECT OLD.last
      UNION ALL
      SELECT previous FROM messages JOIN chain USING (number) WHERE previous < number
    )
    SELECT number FROM chain
  );
  DELETE FROM outages WHERE session = OLD.number;
END`;

/** The statements that a store of an older version lacks. */
export function upgradeFrom(version: number): readonly string[] {
  return [
    ...(version < 2 ? CREATE_SERVER : []),
    ...(version < 3 ? UPGRADE_MESSAGES : []),
    ...ADD_OWNERS,
    MARK_VERSION,
  ];
}

/** Before version 4 a session belonged to whoever knew its id. */
const ADD_OWNERS = [
  "ALTER TABLE sessions ADD COLUMN token_hash TEXT",
  "ALTER TABLE sessions ADD COLUMN who TEXT",
];

/** Before version 3 `messages` had an index by session and `seq`. */
const UPGRADE_MESSAGES = [
  // A view of the table is to show the new one.
  "PRAGMA legacy_alter_table = ON",
  "DROP TRIGGER delete_with_session",
  "ALTER TABLE messages RENAME TO old_messages",
  CREATE_MESSAGES,
  `INSERT INTO messages SELECT number, session, seq, at, payload, coalesce((
    SELECT number FROM old_messages AS earlier
    WHERE earlier.session = later.session AND earlier.seq < later.seq ORDER BY seq DESC LIMIT 1
  ), 0) FROM old_messages AS later ORDER BY number`,
  "ALTER TABLE sessions ADD COLUMN last INTEGER NOT NULL DEFAULT 0",
  `UPDATE sessions SET last = coalesce((
    SELECT number FROM old_messages WHERE session = sessions.number ORDER BY seq DESC LIMIT 1
  ), 0)`,
  "DROP TABLE old_messages",
  DELETE_WITH_SESSION,
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
  end_text TEXT,
  last INTEGER NOT NULL DEFAULT 0,
  token_hash TEXT,
  who TEXT
)`,
  "CREATE UNIQUE INDEX open_sessions ON sessions (id) WHERE ended_at IS NULL",
  CREATE_MESSAGES,
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
  DELETE_WITH_SESSION,
  `PRAGMA application_id = ${APPLICATION_ID}`,
  ...CREATE_SERVER,
  MARK_VERSION,
];

/** The suffixes of the store's file, of SQLite's own files beside it, and of the lock file. */
const SUFFIXES = ["", "-wal", "-shm", "-lock"];

/** Whether a path is a store or a file that belongs to it. Both paths must be absolute. */
export function ownsPath(store: string, path: string): boolean {
  return SUFFIXES.some((suffix) => store + suffix === path);
}

/** What is said of a database that is no store. */
export const OTHER_PROGRAM = "it is a database of another program; name another file";

/** What is said of a store with a schema of a later version. */
export function newerText(version: number): string {
  return `it was written by a newer version of this program (schema ${version}, this one knows ` +
    `${SCHEMA_VERSION}); use that version, or name another file`;
}
