/**
 * The output of a server with a store has each message once, in the order of the store.
 *
 * @module
 */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type Entry, type MessageOutput, OutputError } from "../../lib/store/store.ts";
import { openStoredOutput } from "../../lib/store/stored_output.ts";
import { testUnless } from "../support/skip.ts";
import {
  AT,
  ended,
  messages,
  opened,
  payloadsOf,
  StoreFolder,
  ThreadlessStore,
} from "../support/store_folder.ts";

/** A store and its output, as the server uses them. */
interface Opened {
  store: ThreadlessStore;
  output: MessageOutput;
}

async function open(folder: StoreFolder, path = folder.output): Promise<Opened> {
  const store = await ThreadlessStore.open(folder.store);
  try {
    return { store, output: await openStoredOutput(store, path) };
  } catch (error) {
    store.close();
    throw error;
  }
}

async function deliver({ store, output }: Opened, entries: readonly Entry[]): Promise<void> {
  await store.commit(entries);
  await output.append(payloadsOf(entries));
}

async function close({ store, output }: Opened): Promise<void> {
  await output.close();
  store.close();
}

/** Leaves what a kill leaves: the store has no later position of the output. */
async function kill({ store, output }: Opened): Promise<void> {
  store.close();
  await output.close();
}

/** Leaves a store that was killed with messages up to `last`, and the output's position after 2. */
async function killAfter(folder: StoreFolder, last: number): Promise<void> {
  const first = await open(folder);
  await deliver(first, [opened("a"), ...messages("a", 1, 2)]);
  await close(first);
  const second = await open(folder);
  await second.store.commit(messages("a", 3, last));
  await kill(second);
}

function lines(from: number, to: number): string {
  return Array.from({ length: to - from + 1 }, (_, i) => `a ${from + i}\n`).join("");
}

function position(folder: StoreFolder): unknown[] {
  return folder.query("SELECT number, bytes FROM outputs").map(Object.values);
}

Deno.test("an output has what is delivered, and continues after it was closed", async () => {
  using folder = new StoreFolder();
  const first = await open(folder);
  await deliver(first, [opened("a"), ...messages("a", 1, 3)]);
  await close(first);
  assertEquals(position(folder), [[3, 12]]);
  const second = await open(folder);
  await deliver(second, messages("a", 4, 5));
  await close(second);
  assertEquals(folder.written, lines(1, 5));
});

Deno.test("an output without a recorded position starts with the next message", async () => {
  using folder = new StoreFolder();
  const store = await ThreadlessStore.open(folder.store);
  await store.commit([opened("a"), ...messages("a", 1, 3)]);
  store.close();
  Deno.writeTextFileSync(folder.output, "what was there");
  const next = await open(folder);
  assertEquals(folder.written, "what was there\n");
  await deliver(next, messages("a", 4, 5));
  await kill(next);
  await close(await open(folder));
  assertEquals(folder.written, `what was there\n${lines(4, 5)}`);
});

Deno.test("an output that was not used for a while gets what it has missed", async () => {
  using folder = new StoreFolder();
  const first = await open(folder);
  await deliver(first, [opened("a"), ...messages("a", 1, 2)]);
  await close(first);
  const other = await open(folder, folder.file("other.txt"));
  await deliver(other, messages("a", 3, 4));
  await close(other);
  const second = await open(folder);
  await deliver(second, messages("a", 5, 5));
  await close(second);
  assertEquals(folder.written, lines(1, 5));
  assertEquals(Deno.readTextFileSync(folder.file("other.txt")), lines(3, 4));
});

/** Bytes of messages 3 to 6 in the output after a kill; the recorded position is after message 2. */
const WRITTEN = [0, 1, 3, 4, 5, 11, 16];

for (const written of WRITTEN) {
  Deno.test(`openStoredOutput() continues after ${written} bytes that were written before a kill`, async () => {
    using folder = new StoreFolder();
    await killAfter(folder, 6);
    Deno.writeTextFileSync(folder.output, lines(1, 2) + lines(3, 6).slice(0, written));
    const next = await open(folder);
    assertEquals(folder.written, lines(1, 6));
    await deliver(next, messages("a", 7, 7));
    await close(next);
    assertEquals(folder.written, lines(1, 7));
    assertEquals(position(folder), [[7, 28]]);
  });
}

Deno.test("openStoredOutput() continues after a kill with much to write", async () => {
  using folder = new StoreFolder();
  const first = await open(folder);
  const large = messages("a", 1, 60).map((entry) => ({
    ...entry,
    payload: new Uint8Array(100_000).fill(64 + entry.seq),
  }));
  await deliver(first, [opened("a"), ...large.slice(0, 30)]);
  await first.store.commit(large.slice(30));
  await kill(first);
  const whole = payloadsOf(large).map((each) => new TextDecoder().decode(each) + "\n").join("");
  await close(await open(folder));
  assertEquals(folder.written === whole, true);
});

const why = Deno.build.os === "windows" ? "it takes mkfifo" : undefined;

testUnless(why, "a pipe gets again what was written after the recorded position", async () => {
  using folder = new StoreFolder();
  const pipe = folder.file("pipe");
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  const read = () => new Deno.Command("cat", { args: [pipe], stdout: "piped" }).output();
  const written: string[] = [];
  const run = async (entries: Entry[], end: (opened: Opened) => Promise<void>) => {
    const reading = read();
    const both = await open(folder, pipe);
    await deliver(both, entries);
    await end(both);
    written.push(new TextDecoder().decode((await reading).stdout));
  };
  await run([opened("a"), ...messages("a", 1, 2)], close);
  await run(messages("a", 3, 4), kill);
  await run(messages("a", 5, 5, AT + 5_000), close);
  await run(messages("a", 6, 6, AT + 9_000), close);
  assertEquals(written, [lines(1, 2), lines(3, 4), lines(3, 5), lines(6, 6)]);
});

const FOREIGN = "it has data that this server did not write";

const MISMATCHES: readonly [what: string, content: string, text: string][] = [
  ["has other lines behind it", lines(1, 2) + "mine\n", `after byte 8 ${FOREIGN}`],
  ["has more behind it", lines(1, 4) + "mine\n", `after byte 16 ${FOREIGN}`],
  ["was cut off", lines(1, 2).slice(0, 5), "it has 5 bytes, and the store recorded 8"],
];

for (const [what, content, text] of MISMATCHES) {
  Deno.test(`openStoredOutput() leaves an output alone that ${what}`, async () => {
    using folder = new StoreFolder();
    await killAfter(folder, 4);
    Deno.writeTextFileSync(folder.output, content);
    const { message } = await assertRejects(() => open(folder), OutputError);
    assertStringIncludes(message, `cannot continue the output ${folder.output}: ${text}`);
    assertEquals(folder.written, content);
    Deno.removeSync(folder.output);
    await close(await open(folder));
    assertEquals(folder.written, lines(3, 4));
  });
}

Deno.test("the store records the position once a second, by the times of its entries", async () => {
  using folder = new StoreFolder();
  const both = await open(folder);
  await deliver(both, [opened("a"), ...messages("a", 1, 1)]);
  const seen: unknown[] = [];
  for (const [i, at] of [AT, AT + 500, AT + 999, AT + 1_000, AT + 1_500, AT - 9_000].entries()) {
    await deliver(both, messages("a", i + 2, i + 2, at));
    seen.push(...position(folder));
  }
  await close(both);
  assertEquals(seen, [[1, 4], [1, 4], [1, 4], [4, 16], [4, 16], [6, 24]]);
  assertEquals(position(folder), [[7, 28]]);
});

testUnless(why, "after an output fails, its position stays, and the store goes on", async () => {
  using folder = new StoreFolder();
  const pipe = folder.file("pipe");
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  const reading = new Deno.Command("head", { args: ["-n", "1", pipe], stdout: "null" }).output();
  const both = await open(folder, pipe);
  await deliver(both, [opened("a"), ...messages("a", 1, 1)]);
  await reading;
  await both.store.commit(messages("a", 2, 3));
  const append = () => both.output.append(payloadsOf(messages("a", 2, 3)));
  const error = await assertRejects(append, OutputError, "its reader is gone");
  assertEquals(await assertRejects(append), error);
  await both.store.commit(messages("a", 4, 5, AT + 5_000));
  await close(both);
  assertEquals(position(folder), [[1, null]]);
});

Deno.test("the store records the position before what is being written", async () => {
  using folder = new StoreFolder();
  const both = await open(folder);
  await deliver(both, [opened("a"), ...messages("a", 1, 2)]);
  const more = messages("a", 3, 4, AT + 5_000);
  await Promise.all([both.output.append(payloadsOf(more)), both.store.commit(more)]);
  assertEquals(position(folder), [[2, 8]]);
  await close(both);
  assertEquals(position(folder), [[4, 16]]);
});

Deno.test("an output continues after messages were deleted with their session", async () => {
  using folder = new StoreFolder();
  const first = await open(folder);
  await deliver(first, [opened("a"), ...messages("a", 1, 3), ended("a")]);
  await close(first);
  folder.change("DELETE FROM sessions");
  assertEquals(folder.query("SELECT count(*) AS n FROM messages"), [{ n: 0 }]);
  const other = await open(folder, folder.file("other.txt"));
  await deliver(other, [opened("a"), ...messages("a", 1, 1)]);
  await kill(other);
  await close(await open(folder));
  assertEquals(folder.written, lines(1, 3) + lines(1, 1));
  assertEquals(Deno.readTextFileSync(folder.file("other.txt")), lines(1, 1));
});
