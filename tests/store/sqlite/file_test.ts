/**
 * What is wrong with the store's file is told in one sentence, and nothing is confirmed after it.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { openSqliteStore, type SqliteStore } from "../../../lib/store/sqlite/sqlite_store.ts";
import { StoreError } from "../../../lib/store/store.ts";
import { AS_UNPRIVILEGED_USER, whyNoUnprivilegedUser } from "../../support/unprivileged_user.ts";
import { testUnless, whyNot } from "../../support/skip.ts";
import { startCommitter } from "../../support/store_committer.ts";
import { message, opened, StoreFolder } from "../../support/store_folder.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

async function errorOf(path: string): Promise<string> {
  const { message } = await assertRejects(() => openSqliteStore(path), StoreError);
  const start = `cannot open the store ${path}: `;
  assert(message.startsWith(start), message);
  return message.slice(start.length);
}

const UNUSABLE: readonly [
  what: string,
  make: (folder: StoreFolder) => string | void,
  text: string,
][] = [
  ["in a folder that is not there", () => "/no/such/folder/store.db", "there is no such folder"],
  ["that is a folder", (folder) => folder.path, "it is a folder; name a file in it"],
  ["named as a folder", (folder) => `${folder.path}/`, "it is a folder; name a file in it"],
  ["below a file", () => `${new URL(import.meta.url).pathname}/store.db`, "is not a folder"],
  ["that is a device", () => "/dev/null", "it is not a regular file; name one"],
  [
    "named as what is in memory",
    () => ":memory:",
    "it has to be a file, which outlives this server",
  ],
  ["named as stdout", () => "-", "it has to be a file, which outlives this server; name one"],
  ["that is text", ({ store }) => {
    Deno.writeTextFileSync(store, "no database\n".repeat(100));
  }, "it is not an SQLite database; name another file"],
  ["of another program", (folder) => {
    folder.change("CREATE TABLE t (a)");
  }, "it is a database of another program; name another file"],
  ["of another program, without tables", (folder) => {
    folder.change("PRAGMA application_id = 7");
  }, "it is a database of another program; name another file"],
];

for (const [what, make, text] of UNUSABLE) {
  Deno.test(`openSqliteStore() says what is wrong with a file ${what}, and leaves nothing beside it`, async () => {
    using folder = new StoreFolder();
    const path = make(folder) ?? folder.store;
    const names = folder.names;
    assertStringIncludes(await errorOf(path), text);
    assertEquals(folder.names, names);
  });
}

async function closedStore(folder: StoreFolder): Promise<void> {
  const store = await openSqliteStore(folder.store);
  await store.commit([
    opened("a"),
    ...Array.from({ length: 100 }, (_, i) => ({
      ...message("a", i + 1),
      payload: new Uint8Array(1_000),
    })),
  ]);
  await store.close();
}

Deno.test("openSqliteStore() refuses a store of a newer version", async () => {
  using folder = new StoreFolder();
  await closedStore(folder);
  folder.change("PRAGMA user_version = 2");
  const text = "it was written by a newer version of this program (schema 2, this one knows 1)";
  assertStringIncludes(await errorOf(folder.store), text);
});

Deno.test("openSqliteStore() refuses a file that was cut off", async () => {
  using folder = new StoreFolder();
  await closedStore(folder);
  Deno.truncateSync(folder.store, 20_000);
  assertStringIncludes(await errorOf(folder.store), "it is damaged; put a backup in its place");
});

Deno.test("openSqliteStore() refuses a store that lacks the last messages it tells of", async () => {
  using folder = new StoreFolder();
  await closedStore(folder);
  folder.change("DELETE FROM messages WHERE seq > 98");
  const text =
    "it is damaged: of session a messages up to 100 were stored, and there are those up to 98";
  assertStringIncludes(await errorOf(folder.store), text);
});

Deno.test("openSqliteStore() says so when another program keeps the file locked", async () => {
  using folder = new StoreFolder();
  await closedStore(folder);
  const hold = new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      `
      import { DatabaseSync } from "node:sqlite";
      const database = new DatabaseSync(${JSON.stringify(folder.store)});
      database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
      console.log("locked");
      for await (const _ of Deno.stdin.readable);
    `,
    ],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = hold.stdout.getReader();
  await reader.read();
  assertStringIncludes(await errorOf(folder.store), "another program keeps it locked");
  await hold.stdin.close();
  await reader.cancel();
  await hold.status;
});

const TAKEN = "another server uses it; give each server a file of its own";

Deno.test("openSqliteStore() refuses a second store on the same file in the same process", async () => {
  using folder = new StoreFolder();
  const store = await openSqliteStore(folder.store);
  await store.commit([opened("a")]);
  Deno.symlinkSync(folder.store, folder.file("link.db"));
  assertEquals(await errorOf(folder.store), TAKEN);
  assertEquals(await errorOf(folder.file("link.db")), TAKEN);
  await store.commit([message("a", 1)]);
  await store.close();
  const next = await openSqliteStore(folder.file("link.db"));
  assertEquals(next.sessions[0]!.received, 1);
  await next.close();
});

Deno.test("openSqliteStore() refuses the store of another process until that is killed", async () => {
  using folder = new StoreFolder();
  await using other = startCommitter([folder.store]);
  await other.event("confirmed");
  assertEquals(await errorOf(folder.store), TAKEN);
  const { seq } = other.events.findLast((each) => each.event === "confirmed")!;
  await other.event("confirmed", (each) => each.seq > seq);
  other.kill("SIGKILL");
  await other.ended();
  const store = await openSqliteStore(folder.store);
  await store.close();
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

Deno.test("commit() says once that it waits for long, and how long when that is over", async () => {
  using folder = new StoreFolder();
  const clock = new VirtualClock();
  const told: string[] = [];
  const store = await openSqliteStore(folder.store, { clock, tell: (text) => told.push(text) });
  using writer = new DatabaseSync(folder.store);
  writer.exec("BEGIN IMMEDIATE");
  const committed = store.commit([opened("a"), message("a", 1)]);
  await clock.advance(1_999);
  assertEquals(told, []);
  await clock.advance(10_501);
  const waits = `the store ${folder.store} has not answered for 2 s: another program keeps it ` +
    `locked, or its disk is slow; nothing is confirmed until it answers`;
  assertEquals(told, [waits]);
  writer.exec("ROLLBACK");
  await committed;
  await store.commit([message("a", 2)]);
  assertEquals(told, [waits, `the store ${folder.store} has answered after 12.5 s`]);
  await store.close();
  assertEquals(clock.pending, 0);
});

const MISSING: readonly [what: string, lose: (folder: StoreFolder) => void][] = [
  ["deleted", ({ store }) => Deno.removeSync(store)],
  ["moved", ({ store }) => Deno.renameSync(store, `${store}.old`)],
  ["replaced", ({ store }) => {
    Deno.copyFileSync(store, `${store}.copy`);
    Deno.renameSync(`${store}.copy`, store);
  }],
  ["robbed of its -wal", ({ store }) => Deno.removeSync(`${store}-wal`)],
  ["robbed of its lock", ({ store }) => Deno.removeSync(`${store}-lock`)],
];

for (const [what, lose] of MISSING) {
  Deno.test(`commit() confirms nothing to a file that was ${what}`, async () => {
    using folder = new StoreFolder();
    const store = await openSqliteStore(folder.store);
    await store.commit([opened("a"), message("a", 1)]);
    lose(folder);
    const text = "was deleted or replaced while this server used it";
    await assertFails(store, text);
    await store.close();
  });
}

/** Asserts that a commit fails, and so does the next, with the same error. */
async function assertFails(store: SqliteStore, text: string): Promise<void> {
  const error = await assertRejects(() => store.commit([message("a", 2)]), StoreError, text);
  assertEquals(await assertRejects(() => store.commit([message("a", 2)])), error);
}

testUnless(
  whyNoUnprivilegedUser(),
  "openSqliteStore() says so when this user may not write",
  async () => {
    using folder = new StoreFolder();
    await closedStore(folder);
    const failure = async () => {
      await using committer = startCommitter([folder.store], AS_UNPRIVILEGED_USER);
      await committer.ended();
      return (await committer.event("failed")).text;
    };
    Deno.chmodSync(folder.store, 0o444);
    assertStringIncludes(await failure(), "this user may not write it; give the right to");
    Deno.chmodSync(folder.store, 0o644);
    Deno.removeSync(`${folder.store}-lock`);
    Deno.chmodSync(folder.path, 0o555);
    assertStringIncludes(
      await failure(),
      "files cannot be made beside it; give this user the right",
    );
    Deno.chmodSync(folder.path, 0o755);
  },
);

/** Why no small disk can be mounted for a command alone; `undefined` if one can. */
const whyNoDisk = whyNot("unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt");

/** Words before a command that give it a disk of its own, and then copy what is on it. */
function withDisk(folder: StoreFolder, options: string): string[] {
  const script = `mount -t tmpfs -o ${options} tmpfs "$0" && cp -r "$0-start/." "$0/" && ` +
    `{ ${options.includes("ro") ? 'mount -o remount,ro "$0";' : ""} "$@"; cp "$0"/* "$0-end/"; }`;
  for (const name of ["disk", "disk-start", "disk-end"]) Deno.mkdirSync(folder.file(name));
  return ["unshare", "--mount", "sh", "-c", script, folder.file("disk")];
}

testUnless(whyNoDisk, "commit() confirms nothing that a full disk has no room for", async () => {
  using folder = new StoreFolder();
  const before = withDisk(folder, "size=1m");
  await using committer = startCommitter([folder.file("disk/store.db")], before);
  const { text } = await committer.event("failed");
  assertStringIncludes(text, `cannot write the store ${folder.file("disk/store.db")}: `);
  assertStringIncludes(text, "no space is left on its disk; make room, and start again");
  assertEquals(await committer.ended(), 0, committer.stderr);
  const confirmed = committer.events.findLast((each) => each.event === "confirmed")!;
  const store = await openSqliteStore(folder.file("disk-end/store.db"));
  assertEquals(store.sessions[0]!.received, confirmed.seq);
  await store.close();
});

testUnless(whyNoDisk, "openSqliteStore() says so when the disk is full, or read-only", async () => {
  using full = new StoreFolder();
  await using first = startCommitter([full.file("disk/store.db")], withDisk(full, "size=4k"));
  await first.ended();
  assertStringIncludes((await first.event("failed")).text, "no space is left on its disk");
  using readOnly = new StoreFolder();
  const before = withDisk(readOnly, "ro");
  await using second = startCommitter([readOnly.file("disk/store.db")], before);
  await second.ended();
  assertStringIncludes((await second.event("failed")).text, "on a file system that is read-only");
});
