/**
 * What a store gives of the outages of earlier processes.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { openSqliteStore } from "../../../lib/store/sqlite/sqlite_store.ts";
import type { Entry } from "../../../lib/store/store.ts";
import { AT, ended, lost, opened, StoreFolder } from "../../support/store_folder.ts";

const RESUMED: Entry = {
  ...{ kind: "resumed", session: "a", at: AT + 20, peer: "192.0.2.7:1", gap_ms: 15 },
  ...{ resent: 0, already_there: 0 },
};

Deno.test("past() gives lost connections, how they ended, and sessions that were lost at once", async () => {
  using folder = new StoreFolder();
  const store = await openSqliteStore(folder.store);
  const entries = [opened("a"), opened("b"), opened("c"), opened("d")];
  await store.commit([...entries, lost("a", AT + 10), RESUMED, lost("a", AT + 30)]);
  await store.commit([lost("b", AT + 15), ended("b", AT + 25)]);
  const reset = { by: "network", reason: "reset", text: "" };
  await store.commit([{ ...ended("c", AT + 12), ...reset }, ended("d", AT + 40)]);
  const { opened: sessions, outages } = await store.past(10);
  assertEquals(sessions, [{ session: "a", peer: entries[0]!.peer, opened_at: AT }]);
  assertEquals(
    outages.map((
      { session, lost_at, over_at, isResumed, gap_ms },
    ) => [session, lost_at - AT, over_at && over_at - AT, isResumed, gap_ms]),
    [
      ["a", 10, 20, true, 15],
      ["c", 12, 12, false, undefined],
      ["b", 15, 25, false, undefined],
      ["a", 30, undefined, false, undefined],
    ],
  );
  assertEquals(outages[1]!.reason, "reset");
  assertEquals((await store.past(2)).outages.map(({ lost_at }) => lost_at - AT), [15, 30]);
  await store.close();
});
