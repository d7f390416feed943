/**
 * What is committed to the store is in it, once, also after it was closed and opened again.
 *
 * @module
 */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { decodeBatch, encodeBatch } from "../../../lib/store/sqlite/batch.ts";
import { openSqliteStore } from "../../../lib/store/sqlite/sqlite_store.ts";
import { type Entry, StoreError } from "../../../lib/store/store.ts";
import {
  AT,
  ended,
  lost,
  message,
  messages,
  opened,
  resumed,
  StoreFolder,
} from "../../support/store_folder.ts";

Deno.test("decodeBatch() gives the entries that encodeBatch() was given", () => {
  const buffer = Uint8Array.from({ length: 300 }, (_, i) => i);
  const odd = { ...message("a", 3), payload: buffer.subarray(7, 290) };
  const entries = [
    opened("a"),
    message("a", 1),
    opened("b – ü", 2 ** 52),
    { ...message("b – ü", 2 ** 52 + 1, AT + 0.5), payload: new Uint8Array() },
    odd,
    lost("a"),
    resumed("a"),
    ended("a"),
  ];
  const batch = encodeBatch(entries);
  buffer.fill(0);
  odd.payload = Uint8Array.from({ length: 283 }, (_, i) => i + 7);
  assertEquals([...decodeBatch(batch)], entries);
  assertEquals([...decodeBatch(encodeBatch([]))], []);
});

Deno.test("openSqliteStore() gives the sessions that have not ended, with all that was committed", async () => {
  using folder = new StoreFolder();
  const first = await openSqliteStore(folder.store);
  assertEquals(first.sessions, []);
  await first.commit([opened("a"), opened("b", 7), ...messages("a", 1, 40, AT + 1)]);
  await first.commit([...messages("b", 8, 9, AT + 2), ended("a", AT + 3), opened("c", 0, AT + 3)]);
  await first.commit([lost("c", AT + 4)]);
  await first.commit([]);
  await first.close();
  const second = await openSqliteStore(folder.store);
  assertEquals(second.sessions, [
    { id: "b", start: 7, received: 9, seen_at: AT + 2, lost_at: undefined },
    { id: "c", start: 0, received: 0, seen_at: AT + 4, lost_at: AT + 4 },
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

Deno.test("commit() stores payloads of any bytes and lengths", async () => {
  using folder = new StoreFolder();
  const store = await openSqliteStore(folder.store);
  const payloads = [0, 1, 2, 255, 100_000].map((length) =>
    Uint8Array.from({ length }, (_, i) => i % 256)
  );
  await store.commit([
    opened("a"),
    ...payloads.map((payload, i) => ({ ...message("a", i + 1), payload })),
  ]);
  await store.close();
  const rows = folder.query("SELECT payload FROM messages ORDER BY seq");
  assertEquals(rows.map(({ payload }) => payload), payloads);
});

Deno.test("commit() stores outages and the ends of sessions", async () => {
  using folder = new StoreFolder();
  const store = await openSqliteStore(folder.store);
  await store.commit([
    opened("a"),
    lost("a", AT + 1),
    lost("a", AT + 2),
    resumed("a", AT + 3),
    lost("a", AT + 4),
    ended("a", AT + 5),
    opened("a", 0, AT + 6),
    ended("a", AT + 7),
  ]);
  await store.close();
  assertEquals(folder.query("SELECT * FROM outages"), [
    {
      number: 1,
      session: 1,
      lost_at: AT + 1,
      lost_by: "network",
      reason: "reset",
      text: "RST",
      resumed_at: AT + 3,
      peer: "192.0.2.1:4001",
      gap_ms: 1_500,
      resent: 2,
      already_there: 1,
    },
    {
      number: 2,
      session: 1,
      lost_at: AT + 4,
      lost_by: "network",
      reason: "reset",
      text: "RST",
      resumed_at: null,
      peer: null,
      gap_ms: null,
      resent: null,
      already_there: null,
    },
  ]);
  const ends = folder.query("SELECT id, ended_at, ended_by, end_reason, end_text FROM sessions");
  const end = { id: "a", ended_by: "peer", end_reason: "done", end_text: "bye" };
  assertEquals(ends, [{ ...end, ended_at: AT + 5 }, { ...end, ended_at: AT + 7 }]);
});

Deno.test("commit() stores an outage whose beginning no server lived to see", async () => {
  using folder = new StoreFolder();
  const first = await openSqliteStore(folder.store);
  await first.commit([opened("a"), ...messages("a", 1, 1, AT + 5)]);
  await first.close();
  const second = await openSqliteStore(folder.store);
  await second.commit([resumed("a", AT + 9)]);
  await second.close();
  assertEquals(folder.query("SELECT lost_at, lost_by, reason, resumed_at FROM outages"), [
    { lost_at: AT + 5, lost_by: null, reason: null, resumed_at: AT + 9 },
  ]);
});

const DEFECTS: readonly [what: string, entries: Entry[], text: string][] = [
  ["a message twice", [message("a", 2)], "message 2 of session a came after 2"],
  ["a gap", [message("a", 4)], "message 4 of session a came after 2"],
  ["a gap in a batch", [...messages("a", 3, 5), message("a", 7)], "message 7 of session a"],
  ["a message of nobody", [message("x", 1)], "session x, which is not open"],
  ["a message behind the end", [ended("a"), message("a", 3)], "session a, which is not open"],
  ["a session opened twice", [opened("a")], "session a was opened twice"],
  ["an end of nobody", [ended("x")], "session x, which is not open"],
];

for (const [what, entries, text] of DEFECTS) {
  Deno.test(`commit() stores nothing of a batch with ${what}, and nothing any more`, async () => {
    using folder = new StoreFolder();
    const store = await openSqliteStore(folder.store);
    await store.commit([opened("a"), opened("b"), ...messages("a", 1, 2)]);
    const bad = [...messages("b", 1, 20), ...entries];
    const error = await assertRejects(() => store.commit(bad), StoreError, text);
    assertStringIncludes(error.message, `cannot write the store ${folder.store}: `);
    const again = await assertRejects(() => store.commit([message("a", 3)]), StoreError);
    assertEquals(again, error);
    await store.close();
    const reopened = await openSqliteStore(folder.store);
    assertEquals(reopened.sessions.map(({ id, received }) => [id, received]), [["a", 2], ["b", 0]]);
    await reopened.close();
  });
}

Deno.test("a message cannot be in the store twice, whatever wrote it", async () => {
  using folder = new StoreFolder();
  const store = await openSqliteStore(folder.store);
  await store.commit([opened("a"), ...messages("a", 1, 2)]);
  const again = "INSERT INTO messages SELECT 9, session, seq, at, payload FROM messages LIMIT 1";
  try {
    await assertRejects(() => Promise.resolve().then(() => folder.change(again)), Error, "UNIQUE");
    folder.change("INSERT INTO messages VALUES (9, 1, 3, 0, x'')");
    await assertRejects(() => store.commit([message("a", 3)]), StoreError, "UNIQUE");
  } finally {
    await store.close();
  }
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
    "it is damaged: of session a",
  );
});

Deno.test("commits that are called for together come one after the other", async () => {
  using folder = new StoreFolder();
  const store = await openSqliteStore(folder.store);
  await Promise.all([
    store.commit([opened("a")]),
    ...messages("a", 1, 20).map((each) => store.commit([each])),
    store.close(),
  ]);
  assertEquals(folder.query("SELECT received FROM sessions"), [{ received: 20 }]);
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
