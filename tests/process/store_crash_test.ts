/**
 * A kill at any instant loses nothing that was confirmed, and leaves no part of a batch; the output is
 * what it would be without.
 *
 * @module
 */
import { assert, assertEquals, assertGreaterOrEqual, assertRejects } from "@std/assert";
import { openSqliteStore } from "../../lib/store/sqlite/sqlite_store.ts";
import { StoreError } from "../../lib/store/store.ts";
import { openStoredOutput } from "../../lib/store/stored_output.ts";
import { testUnless } from "../support/skip.ts";
import { payloadOf, sizeOf, startCommitter } from "../support/store_committer.ts";
import { StoreFolder } from "../support/store_folder.ts";

const KILLS = 12;

/** Each process lives for so many milliseconds longer than the one before. */
const KILL_STEP_MS = 17;

const why = Deno.build.os === "windows" ? "it takes SIGKILL" : undefined;

for (const withOutput of [false, true]) {
  const what = withOutput ? "a store with an output" : "a store";
  testUnless(why, `${what} survives SIGKILL at any instant`, async () => {
    using folder = new StoreFolder();
    let confirmed = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      await using committer = startCommitter([folder.store, withOutput ? folder.output : ""]);
      // Every third one is killed while it opens the store, the others while they commit.
      if (kill % 3 !== 0) await committer.event("confirmed");
      await new Promise((resolve) => setTimeout(resolve, kill * KILL_STEP_MS));
      committer.kill("SIGKILL");
      await committer.ended();
      assertEquals(committer.events.filter(({ event }) => event === "failed"), []);
      for (const each of committer.events) {
        if (each.event === "opened") assertGreaterOrEqual(each.received, confirmed);
        if (each.event === "confirmed") confirmed = each.seq;
      }
      assertGreaterOrEqual(received(folder), confirmed);
    }
    assert(confirmed > 0, "nothing was confirmed");
    await assertWhole(folder, withOutput);
  });
}

testUnless(why, "a store belongs to one process until that is killed", async () => {
  using folder = new StoreFolder();
  await using other = startCommitter([folder.store]);
  await other.event("confirmed");
  const text =
    `cannot open the store ${folder.store}: another server uses it; give each server a ` +
    "file of its own";
  await assertRejects(() => openSqliteStore(folder.store), StoreError, text);
  const { seq } = other.events.findLast((each) => each.event === "confirmed")!;
  await other.event("confirmed", (each) => each.seq > seq);
  other.kill("SIGKILL");
  await other.ended();
  const store = await openSqliteStore(folder.store);
  await store.close();
});

/** The last message in the store, as another program reads it. */
function received(folder: StoreFolder): number {
  if (!folder.names.includes("store.db")) return 0;
  const [table] = folder.query("SELECT name FROM sqlite_schema WHERE name = 'sessions'");
  if (!table) return 0;
  return Number(folder.query("SELECT coalesce(max(received), 0) AS seq FROM sessions")[0]!["seq"]);
}

async function assertWhole(folder: StoreFolder, withOutput: boolean): Promise<void> {
  const store = await openSqliteStore(folder.store);
  if (withOutput) await (await openStoredOutput(store, folder.output)).close();
  const last = store.sessions[0]!.received;
  await store.close();
  const expected = new Map<number, string>();
  let first = 1;
  for (; first <= last; first += sizeOf(first)) {
    for (let seq = first; seq < first + sizeOf(first); seq++) {
      expected.set(seq, new TextDecoder().decode(payloadOf(first, sizeOf(first), seq)));
    }
  }
  assertEquals(last, first - 1, "the last batch is whole");
  const rows = folder.query(
    "SELECT seq, CAST(payload AS TEXT) AS text FROM messages ORDER BY number",
  );
  assertEquals(rows.length, last);
  rows.forEach(({ seq, text }, i) => assertEquals([seq, text], [i + 1, expected.get(i + 1)]));
  if (!withOutput) return;
  const whole = [...expected.values()].map((line) => line + "\n").join("");
  assert(folder.written === whole, "the output is not what was delivered");
}
