/**
 * Whatever becomes of an output, no message is reported as written that is in no output; what is written
 * twice is little. `docs/store.md` has the table.
 *
 * @module
 */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type Files, systemFiles } from "../../lib/store/files.ts";
import { openOutput } from "../../lib/store/output_file.ts";
import { type MessageOutput, OutputError } from "../../lib/store/store.ts";
import { openStoredOutput } from "../../lib/store/stored_output.ts";
import {
  AT,
  messages,
  opened,
  payloadsOf,
  StoreFolder,
  ThreadlessStore,
} from "../support/store_folder.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

/** A store with messages 1 and 2 of a session, and its output. */
async function openBoth(folder: StoreFolder, clock?: VirtualClock) {
  const store = await ThreadlessStore.open(folder.store);
  const output = await openStoredOutput(store, folder.output, { clock });
  await store.commit([opened("a"), ...messages("a", 1, 2)]);
  await output.append(payloadsOf(messages("a", 1, 2)));
  return { store, output };
}

/** Starts again, with the same output or another one, and ends. */
async function restart(folder: StoreFolder, path = folder.output): Promise<void> {
  const store = await ThreadlessStore.open(folder.store);
  await (await openStoredOutput(store, path)).close();
  store.close();
}

function lines(from: number, to: number): string {
  return Array.from({ length: to - from + 1 }, (_, i) => `a ${from + i}\n`).join("");
}

function position(folder: StoreFolder): unknown[] {
  return folder.query("SELECT number, bytes FROM outputs").map(Object.values);
}

Deno.test("the position is recorded a second after the last message", async () => {
  using folder = new StoreFolder();
  const clock = new VirtualClock();
  const { store, output } = await openBoth(folder, clock);
  await clock.advance(999);
  assertEquals(position(folder), [[0, 0]]);
  await clock.advance(1);
  // The disk takes its own time, which is not the virtual clock's.
  const limit_ms = performance.now() + 10_000;
  while (String(position(folder)) === "0,0" && performance.now() < limit_ms) await settle();
  assertEquals(position(folder), [[2, 8]]);
  await output.close();
  assertEquals(clock.pending, 0);
  store.close();
});

/** The files of this machine, whose second sync waits; `synced` resolves when that is done. */
function syncingAfter(wait: Promise<void>) {
  const synced = Promise.withResolvers<void>();
  let syncs = 0;
  const files: Files = {
    ...systemFiles,
    async openRegular(path, clock) {
      const file = await systemFiles.openRegular(path, clock);
      const sync = async () => {
        const isSecond = ++syncs === 2;
        if (isSecond) await wait;
        await file.sync();
        if (isSecond) synced.resolve();
      };
      return {
        state: () => file.state(),
        read: (from, length) => file.read(from, length),
        write: (bytes) => file.write(bytes),
        close: () => file.close(),
        sync,
      };
    },
  };
  return { files, synced: synced.promise };
}

Deno.test("a position whose sync takes long does not replace a later one", async () => {
  using folder = new StoreFolder();
  const clock = new VirtualClock();
  const slow = Promise.withResolvers<void>();
  // The first sync is that of the opening.
  const { files, synced } = syncingAfter(slow.promise);
  const store = await ThreadlessStore.open(folder.store);
  const output = await openStoredOutput(store, folder.output, { clock, files });
  await store.commit([opened("a"), ...messages("a", 1, 4)]);
  await output.append(payloadsOf(messages("a", 1, 2)));
  await clock.advance(1_000);
  await output.append(payloadsOf(messages("a", 3, 4)));
  await store.commit(messages("a", 5, 5, AT + 5_000));
  assertEquals(position(folder), [[4, 16]]);
  slow.resolve();
  await synced;
  await settle();
  assertEquals(position(folder), [[4, 16]]);
  await output.close();
  store.close();
});

Deno.test("no timer is left when an output is closed within a second", async () => {
  using folder = new StoreFolder();
  const clock = new VirtualClock();
  const { store, output } = await openBoth(folder, clock);
  await output.close();
  assertEquals(clock.pending, 0);
  store.close();
});

Deno.test("an output elsewhere begins where the furthest one ended", async () => {
  using folder = new StoreFolder();
  const { store, output } = await openBoth(folder);
  await output.close();
  await store.commit(messages("a", 3, 6));
  store.close();
  const [other, third] = [folder.file("other.txt"), folder.file("third.txt")];
  await restart(folder, other);
  assertEquals(Deno.readTextFileSync(other), lines(3, 6));
  await restart(folder, third);
  assertEquals(Deno.readTextFileSync(third), "");
  await restart(folder);
  assertEquals(folder.written, lines(1, 6));
});

Deno.test("an output that is moved away while no server runs is followed by a new one", async () => {
  using folder = new StoreFolder();
  const { store, output } = await openBoth(folder);
  await output.close();
  store.close();
  Deno.renameSync(folder.output, folder.file("old.txt"));
  await restart(folder);
  // The length of the old one is forgotten at once.
  assertEquals(position(folder), [[2, 0]]);
  assertEquals([folder.written, Deno.readTextFileSync(folder.file("old.txt"))], ["", lines(1, 2)]);
});

const CHANGES: readonly [what: string, change: (folder: StoreFolder) => void, next: string][] = [
  ["deleted", ({ output }) => Deno.removeSync(output), lines(3, 4)],
  ["moved", (folder) => Deno.renameSync(folder.output, folder.file("old.txt")), lines(3, 4)],
  ["replaced", ({ output }) => {
    Deno.copyFileSync(output, `${output}.copy`);
    Deno.renameSync(`${output}.copy`, output);
  }, lines(1, 4)],
  ["truncated", ({ output }) => Deno.truncateSync(output), lines(3, 4)],
];

const NOT_THERE =
  "it was deleted, moved, replaced or cut while this server used it; leave it alone " +
  "while a server runs, and start again";

async function assertFails(folder: StoreFolder, output: MessageOutput): Promise<void> {
  const append = () => output.append(payloadsOf(messages("a", 3, 4)));
  const error = await assertRejects(append, OutputError);
  assertStringIncludes(error.message, `cannot write the output ${folder.output}: ${NOT_THERE}`);
  assertEquals(await assertRejects(append), error);
}

for (const [what, change, next] of CHANGES) {
  Deno.test(`append() fails when the output was ${what}; the next start continues`, async () => {
    using folder = new StoreFolder();
    const { store, output } = await openBoth(folder);
    change(folder);
    await store.commit(messages("a", 3, 4));
    await assertFails(folder, output);
    await output.close();
    store.close();
    if (what === "truncated") Deno.removeSync(folder.output);
    await restart(folder);
    assertEquals(folder.written, next);
  });

  Deno.test(`append() fails when the output of no store was ${what}`, async () => {
    using folder = new StoreFolder();
    const output = await openOutput(folder.output);
    await output.append(payloadsOf(messages("a", 1, 2)));
    change(folder);
    await assertFails(folder, output);
    await output.close();
  });
}

for (const content of ["", "one\n", "one\ncut o"]) {
  const isCut = !content.endsWith("\n") && content !== "";
  Deno.test(`opening reports ${isCut ? "a" : "no"} cut-off line after ${JSON.stringify(content)}`, async () => {
    using folder = new StoreFolder();
    const texts: string[] = [];
    const options = { tell: (text: string) => texts.push(text) };
    Deno.writeTextFileSync(folder.output, content);
    await (await openOutput(folder.output, options)).close();
    Deno.writeTextFileSync(folder.output, content);
    const store = await ThreadlessStore.open(folder.store);
    await (await openStoredOutput(store, folder.output, options)).close();
    store.close();
    const text =
      `the last line of the output ${folder.output} was incomplete, as a kill or a full ` +
      "disk leaves it; it was ended, and new messages follow";
    assertEquals(texts, isCut ? [text, text] : []);
  });
}
