/**
 * What is committed is in the tables once, in order, and whole batches only.
 *
 * @module
 */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
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
  ThreadlessStore,
} from "../../support/store_folder.ts";

Deno.test("commit() stores payloads of any bytes and lengths", async () => {
  using folder = new StoreFolder();
  const store = await ThreadlessStore.open(folder.store);
  const payloads = [0, 1, 2, 255, 100_000].map((length) =>
    Uint8Array.from({ length }, (_, i) => i % 256)
  );
  await store.commit([
    opened("a"),
    ...payloads.map((payload, i) => ({ ...message("a", i + 1), payload })),
  ]);
  store.close();
  const rows = folder.query("SELECT payload FROM messages ORDER BY seq");
  assertEquals(rows.map(({ payload }) => payload), payloads);
});

Deno.test("commit() stores outages and the ends of sessions", async () => {
  using folder = new StoreFolder();
  const store = await ThreadlessStore.open(folder.store);
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
  store.close();
  const lostBy = { session: 1, lost_by: "network", reason: "reset", text: "RST" };
  const resumedAt = { resumed_at: AT + 3, peer: "192.0.2.1:4001" };
  const counts = { gap_ms: 1_500, resent: 2, already_there: 1 };
  const open = { resumed_at: null, peer: null, gap_ms: null, resent: null, already_there: null };
  assertEquals(folder.query("SELECT * FROM outages"), [
    { number: 1, ...lostBy, lost_at: AT + 1, ...resumedAt, ...counts },
    { number: 2, ...lostBy, lost_at: AT + 4, ...open },
  ]);
  const ends = folder.query("SELECT id, ended_at, ended_by, end_reason, end_text FROM sessions");
  const end = { id: "a", ended_by: "peer", end_reason: "done", end_text: "bye" };
  assertEquals(ends, [{ ...end, ended_at: AT + 5 }, { ...end, ended_at: AT + 7 }]);
});

Deno.test("commit() stores an outage whose start no server recorded", async () => {
  using folder = new StoreFolder();
  const first = await ThreadlessStore.open(folder.store);
  await first.commit([opened("a"), ...messages("a", 1, 1, AT + 5)]);
  first.close();
  const second = await ThreadlessStore.open(folder.store);
  await second.commit([resumed("a", AT + 9)]);
  second.close();
  assertEquals(folder.query("SELECT lost_at, lost_by, reason, resumed_at FROM outages"), [
    { lost_at: AT + 5, lost_by: null, reason: null, resumed_at: AT + 9 },
  ]);
});

const DEFECTS: readonly [what: string, entries: Entry[], text: string][] = [
  ["a message twice", [message("a", 2)], "message 2 of session a came after 2"],
  ["a gap", [message("a", 4)], "message 4 of session a came after 2"],
  ["a gap in a batch", [...messages("a", 3, 5), message("a", 7)], "message 7 of session a"],
  ["a message of an unknown session", [message("x", 1)], "session x, which is not open"],
  ["a message behind the end", [ended("a"), message("a", 3)], "session a, which is not open"],
  ["a session opened twice", [opened("a")], "session a was opened twice"],
  ["an end of an unknown session", [ended("x")], "session x, which is not open"],
];

for (const [what, entries, text] of DEFECTS) {
  Deno.test(`commit() stores nothing of a batch with ${what}`, async () => {
    using folder = new StoreFolder();
    const store = await ThreadlessStore.open(folder.store);
    await store.commit([opened("a"), opened("b"), ...messages("a", 1, 2)]);
    const bad = [...messages("b", 1, 20), ...entries];
    const { message } = await assertRejects(() => store.commit(bad), StoreError, text);
    assertStringIncludes(message, `cannot write the store ${folder.store}: `);
    store.close();
    const reopened = await ThreadlessStore.open(folder.store);
    assertEquals(reopened.sessions.map(({ id, received }) => [id, received]), [["a", 2], ["b", 0]]);
    reopened.close();
  });
}

const OTHER_WRITERS: readonly [what: string, change: string, text: string][] = [
  [
    "the same message and its session",
    "INSERT INTO messages SELECT 9, session, 3, at, payload, number FROM messages WHERE seq = 2; " +
    "UPDATE sessions SET received = 3, last = 9",
    "another program has changed session number 1",
  ],
  [
    "a session's position",
    "UPDATE sessions SET received = 4",
    "another program has changed session number 1",
  ],
  [
    "the end of a session",
    "UPDATE sessions SET ended_at = 1",
    "another program has changed session number 1",
  ],
  [
    "a message with the next number",
    "INSERT INTO messages SELECT 3, session, 3, at, payload, number FROM messages WHERE seq = 2",
    "UNIQUE",
  ],
];

for (const [what, change, text] of OTHER_WRITERS) {
  Deno.test(`commit() stores nothing when another program has written ${what}`, async () => {
    using folder = new StoreFolder();
    const store = await ThreadlessStore.open(folder.store);
    await store.commit([opened("a"), ...messages("a", 1, 2)]);
    folder.change(change);
    const before = folder.query("SELECT * FROM messages");
    await assertRejects(() => store.commit([message("a", 3)]), StoreError, text);
    assertEquals(folder.query("SELECT * FROM messages"), before);
    store.close();
  });
}

Deno.test("after a crash, a message that is in the store cannot get in again, nor one that skips another", async () => {
  using folder = new StoreFolder();
  const first = await ThreadlessStore.open(folder.store);
  await first.commit([opened("a"), opened("b", 7), ...messages("a", 1, 3), message("b", 8)]);
  // What a crash leaves: nothing that is written only at the end.
  using crashed = new StoreFolder();
  for (const end of ["", "-wal"]) Deno.copyFileSync(folder.store + end, crashed.store + end);
  first.close();
  for (const bad of [message("a", 3), message("a", 5), message("b", 8), message("b", 10)]) {
    const store = await ThreadlessStore.open(crashed.store);
    const text = `message ${bad.seq} of session ${bad.session} came after`;
    await assertRejects(() => store.commit([bad]), StoreError, text);
    store.close();
  }
  const store = await ThreadlessStore.open(crashed.store);
  await store.commit([message("b", 9), message("a", 4)]);
  store.close();
  assertEquals(crashed.query("SELECT session, seq, previous FROM messages ORDER BY number"), [
    { session: 1, seq: 1, previous: 0 },
    { session: 1, seq: 2, previous: 1 },
    { session: 1, seq: 3, previous: 2 },
    { session: 2, seq: 8, previous: 0 },
    { session: 2, seq: 9, previous: 4 },
    { session: 1, seq: 4, previous: 3 },
  ]);
});

Deno.test("a store that lacks the last messages of a session is damaged", async () => {
  using folder = new StoreFolder();
  const store = await ThreadlessStore.open(folder.store);
  await store.commit([opened("a"), ...messages("a", 1, 100)]);
  store.close();
  folder.change("DELETE FROM messages WHERE seq > 98");
  const text = "it is damaged: session a has messages up to 98, and should have those up to 100";
  await assertRejects(() => ThreadlessStore.open(folder.store), StoreError, text);
});
