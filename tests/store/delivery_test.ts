/**
 * Data messages are delivered in batches: to the store first, then to the output.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  BatchDelivery,
  type BatchDeliveryOptions,
  ENTRY_BYTES,
  MAX_PENDING_BYTES,
} from "../../lib/store/delivery.ts";
import { HeldOutput, HeldStore } from "../support/held_delivery.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

/** What messages with so many bytes together are charged with. */
function cost(bytes: number, messages = 1): number {
  return bytes + messages * ENTRY_BYTES;
}

/** Records what is delivered. */
class Recorder {
  readonly calls: [seq: number, bytes: number][] = [];

  delivered(seq: number, bytes: number): void {
    this.calls.push([seq, bytes]);
  }
}

function stage(options: Partial<BatchDeliveryOptions>) {
  const failures: string[] = [];
  const clock = new VirtualClock();
  const notices: string[] = [];
  const delivery: BatchDelivery = new BatchDelivery({
    onFailure: (text) => {
      assert(delivery.hasFailed);
      failures.push(text);
    },
    notice: (level, text) => notices.push(`${level}: ${text}`),
    clock,
    ...options,
  });
  const message = (recipient: Recorder, seq: number, session = "s") => {
    const payload = new TextEncoder().encode(`${session}${seq}`);
    delivery.message(recipient, { kind: "message", session, at: 0, seq, payload });
  };
  const ended = () =>
    delivery.note({ kind: "ended", session: "s", at: 0, by: "self", reason: "done", text: "" });
  return { clock, delivery, failures, notices, message, ended, recipient: new Recorder() };
}

Deno.test("Delivery delivers when the store has committed and then the output has taken it", async () => {
  const [store, output] = [new HeldStore(), new HeldOutput()];
  const { message, recipient } = stage({ store, output });
  message(recipient, 1);
  await settle();
  assertEquals([store.told, output.texts, recipient.calls], [[["message 1"]], [], []]);
  await store.letThrough();
  assertEquals([output.texts, recipient.calls], [[["s1"]], []]);
  await output.letThrough();
  assertEquals(recipient.calls, [[1, cost(2)]]);
});

Deno.test("Delivery works with a store alone, and with an output alone", async () => {
  for (const parts of [{ store: new HeldStore() }, { output: new HeldOutput() }]) {
    const { delivery, message, recipient } = stage(parts);
    assertEquals(delivery.isDurable, "store" in parts);
    message(recipient, 1);
    await settle();
    assertEquals(recipient.calls, []);
    await Object.values(parts)[0]!.letThrough();
    assertEquals(recipient.calls, [[1, cost(2)]]);
  }
});

Deno.test("Delivery commits together what came in one turn, and while a batch was under way", async () => {
  const store = new HeldStore();
  const { message, recipient } = stage({ store });
  message(recipient, 1);
  message(recipient, 2);
  await settle();
  message(recipient, 3);
  await settle();
  message(recipient, 4);
  message(recipient, 5);
  assertEquals(store.told, [["message 1", "message 2"]]);
  await store.letThrough();
  assertEquals(recipient.calls, [[2, cost(4, 2)]]);
  assertEquals(store.told[1], ["message 3", "message 4", "message 5"]);
  await store.letThrough();
  assertEquals([recipient.calls, store.calls.length], [[[2, cost(4, 2)], [5, cost(6, 3)]], 2]);
});

Deno.test("Delivery calls each recipient once a batch, for its own messages", async () => {
  const output = new HeldOutput();
  const { message, recipient } = stage({ output });
  const other = new Recorder();
  message(recipient, 7, "a");
  message(other, 1, "b");
  message(recipient, 8, "a");
  await settle();
  assertEquals(output.texts, [["a7", "b1", "a8"]]);
  await output.letThrough();
  assertEquals([recipient.calls, other.calls], [[[8, cost(4, 2)]], [[1, cost(2)]]]);
});

Deno.test("note() stores an entry in order with the data messages, if there is a store", async () => {
  const [store, output] = [new HeldStore({ held: false }), new HeldOutput({ held: false })];
  const stored = stage({ store, output });
  stored.message(stored.recipient, 1);
  stored.ended();
  stored.message(stored.recipient, 2);
  await settle();
  assertEquals(store.told, [["message 1", "ended", "message 2"]]);
  // Nothing to write, so nothing is written.
  stored.ended();
  await settle();
  assertEquals([store.told[1], output.texts], [["ended"], [["s1", "s2"]]]);
  const unstored = stage({ output: new HeldOutput() });
  unstored.ended();
  await unstored.delivery.flushed();
});

Deno.test("flushed() waits for everything that was added before", async () => {
  const store = new HeldStore();
  const { delivery, message, recipient } = stage({ store });
  await delivery.flushed();
  message(recipient, 1);
  await settle();
  message(recipient, 2);
  let flushed = false;
  delivery.flushed().then(() => flushed = true);
  await store.letThrough();
  assertEquals(flushed, false);
  await store.letThrough();
  assertEquals(flushed, true);
});

for (const which of ["store", "output"] as const) {
  Deno.test(`Delivery stops when the ${which} has failed, and reports that once`, async () => {
    const parts = { store: new HeldStore(), output: new HeldOutput() };
    const { delivery, failures, message, recipient } = stage(parts);
    message(recipient, 1);
    await settle();
    message(recipient, 2);
    if (which === "output") await parts.store.letThrough();
    await parts[which].fail("the disk is full");
    assertEquals([failures, recipient.calls], [["the disk is full"], []]);
    assertEquals(delivery.hasFailed, true);
    message(recipient, 3);
    await settle();
    await delivery.flushed();
    assertEquals([parts.store.calls.length, failures.length], [1, 1]);
  });
}

/** A message of the session whose payload is as large, without a copy. */
function large(session: string, seq: number, bytes: number) {
  return { kind: "message", session, at: 0, seq, payload: new Uint8Array(bytes) } as const;
}

Deno.test("Delivery gives each session a share while more than 256 MiB wait, until half is delivered", async () => {
  const output = new HeldOutput();
  const { delivery, notices, recipient } = stage({ output });
  const add = (session: string, seq: number) =>
    delivery.message(recipient, large(session, seq, 33_554_432));
  for (let seq = 1; seq <= 7; seq++) add("a", seq);
  assertEquals(delivery.share, Infinity);
  add("b", 1);
  assertEquals(delivery.share, MAX_PENDING_BYTES / 4);
  let isFree = false;
  delivery.room().then(() => isFree = true);
  await settle();
  for (let n = 1; n <= 4; n++) await output.letThrough();
  assert(Number.isFinite(delivery.share) && !isFree);
  await output.letThrough();
  assertEquals([delivery.share, isFree], [Infinity, true]);
  assertEquals(notices, [
    "warning: the store does not keep up: 256 MiB wait for it; the sessions that send most are not " +
    "read until half of it is delivered, and none is ended",
    "info: all sessions are read again",
  ]);
});

Deno.test("Delivery gives a session the less the more waits, and nothing while twice as much does", () => {
  const { delivery, recipient } = stage({ output: new HeldOutput() });
  const shares: number[] = [];
  for (let n = 1; n <= 16; n++) {
    delivery.message(recipient, large(`s${n}`, 1, 33_554_432));
    shares.push(delivery.share);
  }
  // Of what is left until twice as much waits, an equal part for each of the sessions, in steps.
  assertEquals(shares.slice(7), [
    2 ** 25,
    2 ** 24,
    2 ** 24,
    2 ** 23,
    2 ** 23,
    2 ** 22,
    2 ** 22,
    2 ** 21,
    0,
  ]);
});

Deno.test("Delivery logs a hold once a minute at most, and what it waits for", async () => {
  const output = new HeldOutput();
  const { clock, delivery, notices, recipient } = stage({ output });
  const holdAndRelease = async (from: number) => {
    for (let seq = from; seq < from + 2; seq++) {
      delivery.message(recipient, large("a", seq, 201_326_592));
      await settle();
    }
    for (let n = 0; n < 2; n++) await output.letThrough();
  };
  for (const from of [1, 3]) await holdAndRelease(from);
  assertEquals(notices.length, 2);
  assert(notices[0]!.startsWith("warning: the output does not keep up"), notices[0]);
  await clock.advance(60_000);
  await holdAndRelease(5);
  assertEquals(notices.length, 4);
});

Deno.test("Delivery bounds a batch, and has the sessions take turns in the next ones", async () => {
  const store = new HeldStore();
  const { delivery, message, recipient } = stage({ store });
  for (let seq = 1; seq <= 40_000; seq++) message(recipient, seq, "flood");
  const other = new Recorder();
  message(other, 1, "other");
  let isKept = false;
  delivery.keep({ kind: "opened", session: "new", at: 0, peer: "client", received: 0 })
    .then(() => isKept = true);
  await settle();
  await store.letThrough();
  assertEquals([other.calls, isKept], [[], false]);
  await store.letThrough();
  assertEquals([other.calls, isKept], [[[1, cost(6)]], true]);
  assertEquals(store.calls.map((entries) => entries.length).slice(0, 2), [8_192, 8_192]);
  while (recipient.calls.at(-1)![0] < 40_000) await store.letThrough();
  assertEquals(Math.max(...store.calls.map((entries) => entries.length)), 8_192);
  const flood = store.calls.flat().filter((each) => each.session === "flood");
  assert(flood.every((each, at) => each.kind === "message" && each.seq === at + 1));
});

Deno.test("Delivery gives the store a large batch while it commits the one before, and no third", async () => {
  const store = new HeldStore();
  const { delivery, message, recipient } = stage({ store });
  let seq = 0;
  const add = (count: number) => {
    for (let i = 0; i < count; i++) message(recipient, ++seq);
  };
  add(1);
  await settle();
  add(2_047);
  await settle();
  assertEquals(store.calls.map(({ length }) => length), [1]);
  add(1);
  assertEquals(store.calls.map(({ length }) => length), [1, 2_048]);
  add(5_000);
  await settle();
  assertEquals(store.calls.length, 2);
  assertEquals(recipient.calls, []);
  await store.letThrough();
  assertEquals(store.calls.map(({ length }) => length), [1, 2_048, 5_000]);
  for (let i = 0; i < 2; i++) await store.letThrough();
  await delivery.flushed();
  assertEquals(recipient.calls.map(([seq]) => seq), [1, 2_049, 7_049]);
});

Deno.test("Delivery gives a slow output at once what was stored meanwhile, up to a mebibyte", async () => {
  const [store, output] = [new HeldStore({ held: false }), new HeldOutput()];
  const { clock, delivery, message, recipient } = stage({ store, output });
  const pass = () => clock.advance(1_000);
  message(recipient, 1);
  await settle();
  for (const seq of [2, 3]) {
    await pass();
    message(recipient, seq);
    await settle();
  }
  for (const seq of [4, 5]) {
    await pass();
    const payload = new Uint8Array(600_000);
    delivery.message(recipient, { kind: "message", session: "s", at: 0, seq, payload });
    await settle();
  }
  await pass();
  assertEquals([store.calls.length, output.calls.length], [5, 1]);
  await output.letThrough();
  assertEquals(output.calls.map((each) => each.length), [1, 3]);
  assertEquals(recipient.calls, [[1, cost(2)]]);
  await output.letThrough();
  assertEquals(recipient.calls.map(([seq]) => seq), [1, 2, 3, 4]);
  await output.letThrough();
  assertEquals(output.calls.map((each) => each.length), [1, 3, 1]);
  assertEquals(recipient.calls.at(-1), [5, cost(600_000)]);
});

Deno.test("Delivery reports once that two batches have failed, and confirms neither", async () => {
  const store = new HeldStore();
  const { delivery, failures, message, recipient } = stage({ store });
  message(recipient, 1);
  await settle();
  for (let seq = 2; seq <= 3_000; seq++) message(recipient, seq);
  assertEquals(store.calls.length, 2);
  await store.fail("the disk is full");
  assertEquals(failures, ["the disk is full"]);
  await store.fail("nothing more is stored");
  await delivery.flushed();
  assertEquals([failures.length, recipient.calls, store.calls.length], [1, [], 2]);
});
