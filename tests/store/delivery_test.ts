/**
 * Data messages are delivered in batches: to the store first, then to the output.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { BatchDelivery, type BatchDeliveryOptions } from "../../lib/store/delivery.ts";
import { HeldOutput, HeldStore } from "../support/held_delivery.ts";
import { settle } from "../support/virtual_clock.ts";

/** Records what is delivered. */
class Recorder {
  readonly calls: [seq: number, bytes: number][] = [];

  delivered(seq: number, bytes: number): void {
    this.calls.push([seq, bytes]);
  }
}

function stage(options: Partial<BatchDeliveryOptions>) {
  const failures: string[] = [];
  const delivery: BatchDelivery = new BatchDelivery({
    onFailure: (text) => {
      assert(delivery.hasFailed);
      failures.push(text);
    },
    ...options,
  });
  const message = (recipient: Recorder, seq: number, session = "s") => {
    const payload = new TextEncoder().encode(`${session}${seq}`);
    delivery.message(recipient, { kind: "message", session, at: 0, seq, payload });
  };
  const ended = () =>
    delivery.note({ kind: "ended", session: "s", at: 0, by: "self", reason: "done", text: "" });
  return { delivery, failures, message, ended, recipient: new Recorder() };
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
  assertEquals(recipient.calls, [[1, 2]]);
});

Deno.test("Delivery works with a store alone, and with an output alone", async () => {
  for (const parts of [{ store: new HeldStore() }, { output: new HeldOutput() }]) {
    const { delivery, message, recipient } = stage(parts);
    assertEquals(delivery.isDurable, "store" in parts);
    message(recipient, 1);
    await settle();
    assertEquals(recipient.calls, []);
    await Object.values(parts)[0]!.letThrough();
    assertEquals(recipient.calls, [[1, 2]]);
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
  assertEquals(recipient.calls, [[2, 4]]);
  assertEquals(store.told[1], ["message 3", "message 4", "message 5"]);
  await store.letThrough();
  assertEquals([recipient.calls, store.calls.length], [[[2, 4], [5, 6]], 2]);
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
  assertEquals([recipient.calls, other.calls], [[[8, 4]], [[1, 2]]]);
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

Deno.test("Delivery is full while more than 256 MiB of all sessions together are undelivered", async () => {
  const output = new HeldOutput();
  const { delivery } = stage({ output });
  const payload = new Uint8Array(67_108_864);
  const first = new Recorder();
  for (let seq = 1; seq <= 4; seq++) {
    const recipient = seq === 1 ? first : new Recorder();
    delivery.message(recipient, { kind: "message", session: `${seq}`, at: 0, seq: 1, payload });
  }
  assertEquals(delivery.isFull, false);
  delivery.message(first, { kind: "message", session: "1", at: 0, seq: 2, payload });
  assertEquals(delivery.isFull, true);
  await settle();
  await output.letThrough();
  assertEquals([delivery.isFull, first.calls], [false, [[2, 2 * payload.length]]]);
});
