/**
 * The store's file is opened for one server at a time, and every error is one clear sentence.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { StoreFile } from "../../../lib/store/sqlite/file.ts";
import { StoreError } from "../../../lib/store/store.ts";
import { AS_UNPRIVILEGED_USER, whyNoUnprivilegedUser } from "../../support/unprivileged_user.ts";
import { testUnless, whyNot } from "../../support/skip.ts";
import { startCommitter } from "../../support/store_committer.ts";
import { messages, opened, StoreFolder, ThreadlessStore } from "../../support/store_folder.ts";

async function errorOf(path: string): Promise<string> {
  const { message } = await assertRejects(() => ThreadlessStore.open(path), StoreError);
  const start = `cannot open the store ${path}: `;
  assert(message.startsWith(start), message);
  return message.slice(start.length);
}

async function makeStore(folder: StoreFolder): Promise<void> {
  (await ThreadlessStore.open(folder.store)).close();
}

const UNUSABLE: readonly [
  what: string,
  make: (folder: StoreFolder) => string | void | Promise<void>,
  text: string,
][] = [
  ["in a folder that is not there", () => "/no/such/folder/store.db", "there is no such folder"],
  ["that is a folder", (folder) => folder.path, "it is a folder; name a file in it"],
  ["named as a folder", (folder) => `${folder.path}/`, "it is a folder; name a file in it"],
  ["below a file", () => `${new URL(import.meta.url).pathname}/store.db`, "is not a folder"],
  ["that is a device", () => "/dev/null", "it is not a regular file; name one"],
  ["named like a database in memory", () => ":memory:", "it must be a file, to survive a restart"],
  ["named as stdout", () => "-", "it must be a file, to survive a restart of the server; name one"],
  ["that is text", ({ store }) => {
    Deno.writeTextFileSync(store, "no database\n".repeat(100));
  }, "it is not an SQLite database; name another file"],
  ["of another program", (folder) => {
    folder.change("CREATE TABLE t (a)");
  }, "it is a database of another program; name another file"],
  ["of another program, without tables", (folder) => {
    folder.change("PRAGMA application_id = 7");
  }, "it is a database of another program; name another file"],
  ["of a newer version", async (folder) => {
    await makeStore(folder);
    folder.change("PRAGMA user_version = 5");
  }, "it was written by a newer version of this program (schema 5, this one knows 4)"],
  ["that was cut off", async (folder) => {
    await makeStore(folder);
    Deno.truncateSync(folder.store, 20_000);
  }, "it is damaged; restore a backup"],
];

for (const [what, make, text] of UNUSABLE) {
  Deno.test(`open() explains what is wrong with a file ${what}, and leaves nothing beside it`, async () => {
    using folder = new StoreFolder();
    const path = await make(folder) ?? folder.store;
    const names = folder.names;
    assertStringIncludes(await errorOf(path), text);
    assertEquals(folder.names, names);
  });
}

Deno.test("open() gives up when another program keeps the file locked", async () => {
  using folder = new StoreFolder();
  await makeStore(folder);
  using other = new DatabaseSync(folder.store);
  other.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  assertStringIncludes(await errorOf(folder.store), "another program has it locked");
});

const TAKEN = "another server uses it; give each server a file of its own";

Deno.test("open() refuses a second store on the same file in the same process", async () => {
  using folder = new StoreFolder();
  const store = await ThreadlessStore.open(folder.store);
  await store.commit([opened("a")]);
  Deno.symlinkSync(folder.store, folder.file("link.db"));
  assertEquals(await errorOf(folder.store), TAKEN);
  assertEquals(await errorOf(folder.file("link.db")), TAKEN);
  await store.commit(messages("a", 1, 1));
  store.close();
  const next = await ThreadlessStore.open(folder.file("link.db"));
  assertEquals(next.sessions[0]!.received, 1);
  next.close();
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
  Deno.test(`checkInPlace() throws when the file was ${what}`, async () => {
    using folder = new StoreFolder();
    const file = await StoreFile.open(folder.store);
    file.checkInPlace();
    lose(folder);
    const text = "was deleted or replaced while this server used it";
    assertThrows(() => file.checkInPlace(), StoreError, text);
    file.close();
  });
}

/** The error of a process that can neither open a store nor go on. */
async function failureOf(path: string, before: readonly string[]): Promise<string> {
  await using committer = startCommitter([path], before);
  await committer.ended();
  return (await committer.event("failed")).text;
}

testUnless(whyNoUnprivilegedUser(), "open() explains that this user may not write", async () => {
  using readOnly = new StoreFolder();
  await makeStore(readOnly);
  Deno.chmodSync(readOnly.store, 0o444);
  using noNewFiles = new StoreFolder();
  await makeStore(noNewFiles);
  Deno.removeSync(`${noNewFiles.store}-lock`);
  Deno.chmodSync(noNewFiles.path, 0o555);
  const folders = [readOnly, noNewFiles];
  const texts = await Promise.all(
    folders.map(({ store }) => failureOf(store, AS_UNPRIVILEGED_USER)),
  );
  Deno.chmodSync(noNewFiles.path, 0o755);
  assertStringIncludes(texts[0]!, "this user may not write it; give the right to");
  assertStringIncludes(texts[1]!, "no files can be created beside it; give this user write");
});

/** Why no small disk can be mounted for a command alone; `undefined` if one can. */
const whyNoDisk = whyNot("unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt");

/** Words before a command that give it a disk of its own, and copy its files afterwards. */
function withDisk(folder: StoreFolder, options: string): string[] {
  const script = `mount -t tmpfs -o ${options} tmpfs "$0" && cp -r "$0-start/." "$0/" && ` +
    `{ ${options.includes("ro") ? 'mount -o remount,ro "$0";' : ""} "$@"; cp "$0"/* "$0-end/"; }`;
  for (const name of ["disk", "disk-start", "disk-end"]) Deno.mkdirSync(folder.file(name));
  return ["unshare", "--mount", "sh", "-c", script, folder.file("disk")];
}

testUnless(whyNoDisk, "commit() confirms nothing that does not fit on the disk", async () => {
  using folder = new StoreFolder();
  const before = withDisk(folder, "size=1m");
  await using committer = startCommitter([folder.file("disk/store.db")], before);
  const { text } = await committer.event("failed");
  assertStringIncludes(text, `cannot write the store ${folder.file("disk/store.db")}: `);
  assertStringIncludes(text, "no space is left on its disk; make room, and start again");
  assertEquals(await committer.ended(), 0, committer.stderr);
  const confirmed = committer.events.findLast((each) => each.event === "confirmed")!;
  const store = await ThreadlessStore.open(folder.file("disk-end/store.db"));
  assertEquals(store.sessions[0]!.received, confirmed.seq);
  store.close();
});

testUnless(whyNoDisk, "open() explains that the disk is full, or read-only", async () => {
  using full = new StoreFolder();
  using readOnly = new StoreFolder();
  const texts = await Promise.all([
    failureOf(full.file("disk/store.db"), withDisk(full, "size=4k")),
    failureOf(readOnly.file("disk/store.db"), withDisk(readOnly, "ro")),
  ]);
  assertStringIncludes(texts[0]!, "no space is left on its disk");
  assertStringIncludes(texts[1]!, "on a file system that is read-only");
});
