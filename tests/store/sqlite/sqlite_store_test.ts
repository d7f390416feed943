/**
 * A store in an SQLite file keeps what is committed, and after an error commits nothing more.
 *
 * @module
 */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { openSqliteStore } from "../../../lib/store/sqlite/sqlite_store.ts";
import { StoreError } from "../../../lib/store/store.ts";
import { openStoredOutput } from "../../../lib/store/stored_output.ts";
import {
  AT,
  claimed,
  ended,
  lost,
  message,
  messages,
  opened,
  payloadsOf,
  StoreFolder,
} from "../../support/store_folder.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const UNOWNED = { lost_at: undefined, token_hash: undefined, who: undefined };

Deno.test("openSqliteStore() gives the sessions that have not ended, with all that was committed", async () => {
  using folder = new StoreFolder();
  const first = await openSqliteStore(folder.store);
  assertEquals(first.sessions, []);
  await first.commit([opened("a"), opened("b", 7), ...messages("a", 1, 40, AT + 1)]);
  await first.commit([...messages("b", 8, 9, AT + 2), ended("a", AT + 3), opened("c", 0, AT + 3)]);
  await first.commit([lost("c", AT + 4)]);
  await first.commit([{ ...opened("d", 0, AT + 5), who: "mill" }, claimed("b", AT + 2)]);
  await first.commit([]);
  await first.close();
  const second = await openSqliteStore(folder.store);
  assertEquals(second.sessions, [
    { ...UNOWNED, id: "b", received: 9, seen_at: AT + 2, token_hash: "hash of b" },
    { ...UNOWNED, id: "c", received: 0, seen_at: AT + 4, lost_at: AT + 4 },
    { ...UNOWNED, id: "d", received: 0, seen_at: AT + 5, who: "mill" },
  ]);
  await second.commit([...messages("b", 10, 10, AT + 5)]);
  await second.close();
  const rows = folder.query(
    "SELECT id, seq, at, CAST(payload AS TEXT) AS text FROM messages " +
      "JOIN sessions ON sessions.number = session ORDER BY messages.number",
  );
  const expected = [
    ...Array.from({ length: 40 }, (_, i) => ({ id: "a", seq: i + 1, at: AT + 1 })),
    ...[8, 9].map((seq) => ({ id: "b", seq, at: AT + 2 })),
    { id: "b", seq: 10, at: AT + 5 },
  ];
  assertEquals(rows, expected.map((row) => ({ ...row, text: `${row.id} ${row.seq}` })));
});

Deno.test("commit() refuses to go on when another program has changed its session", async () => {
  using folder = new StoreFolder();
  const store = await openSqliteStore(folder.store);
  await store.commit([opened("a"), ...messages("a", 1, 2)]);
  folder.change("UPDATE sessions SET received = 5");
  await assertRejects(() => store.commit([message("a", 3)]), StoreError, "another program");
  await store.close();
  await assertRejects(
    () => openSqliteStore(folder.store),
    StoreError,
    "it is damaged: session a",
  );
});

Deno.test("close() leaves one file with everything in it, beside its lock", async () => {
  using folder = new StoreFolder();
  const store = await openSqliteStore(folder.store);
  await store.commit([opened("a"), message("a", 1)]);
  assertEquals(folder.names, ["store.db", "store.db-lock", "store.db-shm", "store.db-wal"]);
  assertEquals(folder.query("SELECT received FROM sessions"), [{ received: 1 }]);
  await store.close();
  assertEquals(folder.names, ["store.db", "store.db-lock"]);
  await assertRejects(() => store.commit([message("a", 2)]), StoreError, "the store is closed");
});

Deno.test("commit() fails with the same error from the first one on", async () => {
  using folder = new StoreFolder();
  const store = await openSqliteStore(folder.store);
  await store.commit([opened("a"), message("a", 1)]);
  Deno.removeSync(folder.store);
  const commit = () => store.commit([message("a", 2)]);
  const error = await assertRejects(
    commit,
    StoreError,
    "was deleted or replaced while this server",
  );
  assertStringIncludes(error.message, `cannot write the store ${folder.store}: `);
  assertEquals(await assertRejects(commit), error);
  await store.close();
});

Deno.test("commit() warns once when it waits for long, and reports how long when it is done", async () => {
  using folder = new StoreFolder();
  const clock = new VirtualClock();
  const texts: string[] = [];
  const store = await openSqliteStore(folder.store, { clock, tell: (text) => texts.push(text) });
  using writer = new DatabaseSync(folder.store);
  writer.exec("BEGIN IMMEDIATE");
  const committed = store.commit([opened("a"), message("a", 1)]);
  await clock.advance(1_999);
  assertEquals(texts, []);
  const next = store.commit([message("a", 2)]);
  await clock.advance(10_501);
  const warning = `the store ${folder.store} has not answered for 2 s: another program has it ` +
    `locked, or its disk is slow; nothing is confirmed until it answers`;
  assertEquals(texts, [warning]);
  writer.exec("ROLLBACK");
  await committed;
  await next;
  await store.commit([message("a", 3)]);
  assertEquals(texts, [warning, `the store ${folder.store} has answered after 12.5 s`]);
  await store.close();
  assertEquals(clock.pending, 0);
});

Deno.test("close() waits for the commit under way, and commits the output's position with it", async () => {
  using folder = new StoreFolder();
  const store = await openSqliteStore(folder.store);
  const output = await openStoredOutput(store, folder.output);
  const first = [opened("a"), ...messages("a", 1, 2)];
  await store.commit(first);
  await output.append(payloadsOf(first));
  await Promise.all([store.commit(messages("a", 3, 3, AT + 5_000)), store.close()]);
  await output.close();
  assertEquals(folder.query("SELECT number, bytes FROM outputs"), [{ number: 2, bytes: 8 }]);
  const next = await openSqliteStore(folder.store);
  await (await openStoredOutput(next, folder.output)).close();
  await next.close();
  assertEquals(folder.written, "a 1\na 2\na 3\n");
});
