/**
 * A store's file is looked at without making or changing anything.
 *
 * @module
 */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { inspectStore, type StoreState } from "../../../lib/store/sqlite/inspect.ts";
import { SCHEMA_VERSION } from "../../../lib/store/sqlite/schema.ts";
import { StoreError } from "../../../lib/store/store.ts";
import { StoreFolder, ThreadlessStore } from "../../support/store_folder.ts";

/** Everything that is known of the files of a folder. */
function photograph({ path, names }: StoreFolder) {
  return names.map((name) => {
    const { mtime, size } = Deno.statSync(`${path}/${name}`);
    return { name, mtime, size };
  });
}

async function make(folder: StoreFolder, change?: string): Promise<void> {
  (await ThreadlessStore.open(folder.store)).close();
  if (change) folder.change(change);
}

const STATES: readonly [
  what: string,
  make: (folder: StoreFolder) => void | Promise<void>,
  state: StoreState,
][] = [
  ["a file that is not there", () => {}, "new"],
  ["an empty file", ({ store }) => Deno.writeTextFileSync(store, ""), "new"],
  ["an empty database", (folder) => folder.change("CREATE TABLE t (a); DROP TABLE t"), "new"],
  ["a store", (folder) => make(folder), "store"],
  [
    "a store of an older version",
    (folder) => make(folder, `PRAGMA user_version = ${SCHEMA_VERSION - 1}`),
    "older",
  ],
];

for (const [what, make, state] of STATES) {
  Deno.test(`inspectStore() of ${what}: ${state}; nothing is made or changed`, async () => {
    using folder = new StoreFolder();
    await make(folder);
    const before = photograph(folder);
    assertEquals(await inspectStore(folder.store), state);
    assertEquals(photograph(folder), before);
  });
}

Deno.test({
  name: "inspectStore() finds a store in use, which goes on",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using folder = new StoreFolder();
    await make(folder);
    using holder = Deno.openSync(folder.store, { read: true });
    holder.lockSync(true);
    assertEquals(await inspectStore(folder.store), "in use");
  },
});

const UNUSABLE: readonly [
  what: string,
  make: (folder: StoreFolder) => string | void | Promise<void>,
  text: string,
][] = [
  ["in a folder that is not there", () => "/no/such/folder/store.db", "there is no such folder"],
  ["that is a folder", (folder) => folder.path, "it is a folder; name a file in it"],
  [
    "that is text",
    ({ store }) => Deno.writeTextFileSync(store, "no database\n"),
    "SQLite database",
  ],
  ["of another program", (folder) => folder.change("CREATE TABLE t (a)"), "of another program"],
  ["of a newer version", (folder) => make(folder, "PRAGMA user_version = 99"), "newer version"],
];

for (const [what, make, text] of UNUSABLE) {
  Deno.test(`inspectStore() fails for a store ${what}`, async () => {
    using folder = new StoreFolder();
    const name = await make(folder) ?? folder.store;
    const { message } = await assertRejects(() => inspectStore(name), StoreError);
    assertStringIncludes(message, `cannot open the store ${name}: `);
    assertStringIncludes(message, text);
  });
}
