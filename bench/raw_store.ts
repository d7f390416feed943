/**
 * The limit of the store: SQLite with one writer, which inserts the rows of as many messages in batches of
 * the same size, and does nothing else. Its arguments are a new file, the sessions, the messages of a batch,
 * the rows that one statement inserts, and the seconds.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";

const [file, sessions, batch, rowsAtOnce, seconds] = Deno.args;
const BATCH = Number(batch);
const WARM_UP_MS = 500;
const ROWS_AT_ONCE = Number(rowsAtOnce);
const payload = new Uint8Array(32).fill(120);

const database = new DatabaseSync(file!);
for (const pragma of ["journal_mode = WAL", "synchronous = FULL"]) {
  database.prepare(`PRAGMA ${pragma}`).get();
}
database.exec(`CREATE TABLE messages (
  number INTEGER PRIMARY KEY,
  session INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  payload BLOB NOT NULL
)`);
const rows = Array(ROWS_AT_ONCE).fill("(?, ?, ?, ?, ?)").join(", ");
const insert = database.prepare(`INSERT INTO messages VALUES ${rows}`);
const begin = database.prepare("BEGIN IMMEDIATE");
const commit = database.prepare("COMMIT");
let number = 0;

/** Inserts a batch; the sessions' messages are mixed. */
function insertBatch(): void {
  begin.run();
  const at = Date.now();
  for (let row = 0; row < BATCH; row += ROWS_AT_ONCE) {
    const values = [];
    for (let i = 0; i < ROWS_AT_ONCE; i++) {
      values.push(++number, number % Number(sessions), number, at, payload);
    }
    insert.run(...values);
  }
  commit.run();
}

function insertFor(ms: number): number {
  const before = number;
  const begin_ms = performance.now();
  while (performance.now() < begin_ms + ms) insertBatch();
  return (number - before) * 1000 / (performance.now() - begin_ms);
}

insertFor(WARM_UP_MS);
console.log(JSON.stringify({ event: "result", per_second: insertFor(Number(seconds) * 1000) }));
