/**
 * The store's thread executes requests in order, and waits for the file without holding up its parent.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { openSqliteStore } from "../../../lib/store/sqlite/sqlite_store.ts";
import { message, messages, opened, StoreFolder } from "../../support/store_folder.ts";

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

Deno.test("commit() waits for another program that writes, and holds up nothing else", async () => {
  using folder = new StoreFolder();
  const store = await openSqliteStore(folder.store);
  using writer = new DatabaseSync(folder.store);
  writer.exec("BEGIN IMMEDIATE");
  const committed = store.commit([opened("a"), message("a", 1)]);
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 5));
  const count = folder.query("SELECT count(*) AS n FROM messages");
  writer.exec("ROLLBACK");
  await committed;
  assertEquals(count, [{ n: 0 }]);
  assertEquals(folder.query("SELECT count(*) AS n FROM messages"), [{ n: 1 }]);
  await store.close();
});

Deno.test("after a commit has failed, those that were called for meanwhile fail, too", async () => {
  using folder = new StoreFolder();
  const store = await openSqliteStore(folder.store);
  await store.commit([opened("a"), message("a", 1)]);
  const results = await Promise.allSettled([
    store.commit([message("a", 2), message("a", 2)]),
    // What follows the rejected message, as far as the thread has read.
    store.commit([message("a", 3)]),
    store.commit([opened("b")]),
  ]);
  assertEquals(results.map(({ status }) => status), ["rejected", "rejected", "rejected"]);
  for (const result of results as PromiseRejectedResult[]) {
    assertStringIncludes(result.reason.message, "message 2 of session a came after 2");
  }
  assertEquals(folder.query("SELECT id, received FROM sessions"), [{ id: "a", received: 1 }]);
  await store.close();
});

Deno.test("a commit that waits for the output's position is not overtaken by the next", async () => {
  using folder = new StoreFolder();
  const store = await openSqliteStore(folder.store);
  await store.commit([opened("a")]);
  const positions = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
  let asked = 0;
  store.follow(() => positions[asked++]!.promise);
  const committed = Promise.all(messages("a", 1, 2).map((each) => store.commit([each])));
  positions[1]!.resolve(undefined);
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
  positions[0]!.resolve(undefined);
  await committed;
  assertEquals(folder.query("SELECT seq FROM messages ORDER BY number"), [{ seq: 1 }, { seq: 2 }]);
  await store.close();
});
