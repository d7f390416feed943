/**
 * The store's thread executes requests in order, and waits for the file without holding up its parent.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
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
