/**
 * A store that was not closed and lost its -wal is reported.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { openSqliteStore } from "../../lib/store/sqlite/sqlite_store.ts";
import { testUnless } from "../support/skip.ts";
import { startCommitter } from "../support/store_committer.ts";
import { StoreFolder } from "../support/store_folder.ts";

/** Opens a store; gives what it reports of a missing -wal, and not that a disk is slow. */
async function textsOf(path: string): Promise<string[]> {
  const texts: string[] = [];
  const store = await openSqliteStore(path, { tell: (text) => texts.push(text) });
  await store.close();
  return texts.filter((text) => text.includes("-wal"));
}

const why = Deno.build.os === "windows" ? "it takes SIGKILL" : undefined;

for (const isLost of [false, true]) {
  testUnless(why, `a store ${isLost ? "without" : "with"} its -wal after SIGKILL`, async () => {
    using folder = new StoreFolder();
    await using committer = startCommitter([folder.store]);
    await committer.event("confirmed");
    committer.kill("SIGKILL");
    await committer.ended();
    if (isLost) { for (const end of ["wal", "shm"]) Deno.removeSync(`${folder.store}-${end}`); }
    const texts = await textsOf(folder.store);
    assertEquals(texts.length, isLost ? 1 : 0, texts.join());
    if (isLost) assertStringIncludes(texts[0]!, "was not closed by its last server, and its -wal");
    // It was closed now.
    assertEquals(await textsOf(folder.store), []);
  });
}
