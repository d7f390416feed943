/**
 * A store of an older version is upgraded when it is opened, as a whole or not at all, and loses nothing.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { type StoredSession, StoreError } from "../../../lib/store/store.ts";
import {
  AT,
  claimed,
  ended,
  message,
  messages,
  opened,
  StoreFolder,
  ThreadlessStore,
} from "../../support/store_folder.ts";

/** What turns an empty store of today into one of version 3, as it was created then. */
const VERSION_3 = `
ALTER TABLE sessions DROP COLUMN token_hash;
ALTER TABLE sessions DROP COLUMN who;
PRAGMA user_version = 3;`;

/** The same for version 2. */
const VERSION_2 = `${VERSION_3}
DROP TRIGGER delete_with_session;
DROP TABLE messages;
ALTER TABLE sessions DROP COLUMN last;
CREATE TABLE messages (
  number INTEGER PRIMARY KEY,
  session INTEGER NOT NULL REFERENCES sessions (number),
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  payload BLOB NOT NULL,
  UNIQUE (session, seq)
);
CREATE TRIGGER delete_with_session AFTER DELETE ON sessions
BEGIN
  DELETE FROM messages WHERE session = OLD.number;
  DELETE FROM outages WHERE session = OLD.number;
END;
PRAGMA user_version = 2;`;

const VERSION_1 = `${VERSION_2} DROP TABLE server; PRAGMA user_version = 1;`;

/** Three sessions: one has ended, one has no messages. */
const CONTENT = `
INSERT INTO sessions (number, id, peer, opened_at, start, received, seen_at, ended_at)
  VALUES (1, 'a', 'p', ${AT}, 0, 3, ${AT}, ${AT}), (2, 'b', 'p', ${AT}, 7, 9, ${AT}, NULL),
    (3, 'c', 'p', ${AT}, 5, 5, ${AT}, NULL);
INSERT INTO messages VALUES (11, 1, 1, ${AT}, 'a 1'), (12, 2, 8, ${AT}, 'b 8'),
  (13, 1, 2, ${AT}, 'a 2'), (14, 2, 9, ${AT}, 'b 9'), (15, 1, 3, ${AT}, 'a 3');
CREATE VIEW seen AS SELECT seq FROM messages;`;

async function makeOld(folder: StoreFolder, version: string): Promise<void> {
  (await ThreadlessStore.open(folder.store)).close();
  folder.change(version + CONTENT);
}

/** All of the schema, as SQLite shows it. */
function schemaOf(folder: StoreFolder) {
  return folder.query(
    "SELECT name, sql FROM sqlite_schema WHERE name NOT IN ('seen', 'sessions') ORDER BY name",
  );
}

for (const [version, statements] of [[1, VERSION_1], [2, VERSION_2]] as const) {
  Deno.test(`open() upgrades a store of version ${version}`, async () => {
    using folder = new StoreFolder();
    using today = new StoreFolder();
    (await ThreadlessStore.open(today.store)).close();
    await makeOld(folder, statements);
    const store = await ThreadlessStore.open(folder.store);
    assertEquals(store.sessions.map(({ id, received }) => [id, received]), [["b", 9], ["c", 5]]);
    await assertRejects(() => store.commit([message("b", 9)]), StoreError, "came after 9");
    store.close();
    assertEquals(schemaOf(folder), schemaOf(today));
    assertEquals(folder.query("PRAGMA user_version"), [{ user_version: 4 }]);
    assertEquals(folder.query("SELECT is_open FROM server"), [{ is_open: 0 }]);
    assertEquals(folder.query("SELECT count(*) AS n FROM seen"), [{ n: 5 }]);
    const rows = folder.query("SELECT number, session, seq, previous, payload FROM messages");
    assertEquals(rows.map((row) => Object.values(row)), [
      [11, 1, 1, 0, "a 1"],
      [12, 2, 8, 0, "b 8"],
      [13, 1, 2, 11, "a 2"],
      [14, 2, 9, 12, "b 9"],
      [15, 1, 3, 13, "a 3"],
    ]);
    const again = await ThreadlessStore.open(folder.store);
    await again.commit([...messages("b", 10, 11), message("c", 6), ended("b")]);
    again.close();
    folder.change("DELETE FROM sessions WHERE id IN ('a', 'b')");
    assertEquals(folder.query("SELECT number, seq, previous FROM messages"), [
      { number: 18, seq: 6, previous: 0 },
    ]);
  });
}

Deno.test("open() leaves a store of version 2 as it was when its upgrade fails", async () => {
  using folder = new StoreFolder();
  await makeOld(folder, VERSION_2);
  // The last but one of the statements meets this.
  folder.change("CREATE TABLE old_messages (number)");
  const before = folder.query("SELECT name, sql FROM sqlite_schema");
  await assertRejects(
    () => ThreadlessStore.open(folder.store),
    StoreError,
    "cannot open the store",
  );
  assertEquals(folder.query("SELECT name, sql FROM sqlite_schema"), before);
  assertEquals(folder.query("SELECT count(*) AS n FROM messages"), [{ n: 5 }]);
});

Deno.test("open() upgrades a store of version 3: its sessions have no owners", async () => {
  using folder = new StoreFolder();
  using today = new StoreFolder();
  (await ThreadlessStore.open(today.store)).close();
  const first = await ThreadlessStore.open(folder.store);
  await first.commit([opened("a"), ...messages("a", 1, 3)]);
  first.close();
  folder.change(VERSION_3);
  const store = await ThreadlessStore.open(folder.store);
  const [{ id, received, token_hash, who } = {}] = store.sessions as Partial<StoredSession>[];
  assertEquals([id, received, token_hash, who], ["a", 3, undefined, undefined]);
  await store.commit([claimed("a")]);
  store.close();
  assertEquals(schemaOf(folder), schemaOf(today));
  assertEquals(folder.query("PRAGMA user_version"), [{ user_version: 4 }]);
  assertEquals(folder.query("SELECT token_hash, who FROM sessions"), [
    { token_hash: "hash of a", who: null },
  ]);
});

Deno.test("open() leaves a store of version 3 as it was when its upgrade fails", async () => {
  using folder = new StoreFolder();
  (await ThreadlessStore.open(folder.store)).close();
  // The second of the two columns is there already.
  folder.change(`${VERSION_3} ALTER TABLE sessions ADD COLUMN who TEXT;`);
  const before = folder.query("SELECT name, sql FROM sqlite_schema");
  await assertRejects(() => ThreadlessStore.open(folder.store), StoreError, "cannot open");
  assertEquals(folder.query("SELECT name, sql FROM sqlite_schema"), before);
  assertEquals(folder.query("PRAGMA user_version"), [{ user_version: 3 }]);
});
