/**
 * The way of data messages before they are confirmed: store first, then output, in batches.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { BatchDelivery, type BatchDeliveryOptions } from "../../lib/store/delivery.ts";
import { HeldOutput, HeldStore } from "../support/held_delivery.ts";
import { settle } from "../support/virtual_clock.ts";

/** Remembers what is delivered. */
class Told {
  readonly heard: [seq: number, bytes: number][] = [];

  delivered(seq: number, bytes: number): void {
    this.heard.push([seq, bytes]);
  }
}

function stage(options: Partial<BatchDeliveryOptions>) {
  const failures: string[] = [];
  const delivery = new BatchDelivery({ onFailure: (text) => failures.push(text), ...options });
  const message = (recipient: Told, seq: number, session = "s") => {
    const payload = new TextEncoder().encode(`${session}${seq}`);
    delivery.message(recipient, { kind: "message", session, at: 0, seq, payload });
  };
  const ended = () =>
    delivery.note({ kind: "ended", session: "s", at: 0, by: "self", reason: "done", text: "" });
  return { delivery, failures, message, ended, recipient: new Told() };
}

Deno.test("Delivery delivers when the store has committed and then the output has taken it", async () => {
  const [store, output] = [new HeldStore(), new HeldOutput()];
  const { message, recipient } = stage({ store, output });
  message(recipient, 1);
  await settle();
  assertEquals([store.told, output.texts, recipient.heard], [[["message 1"]], [], []]);
  await store.letThrough();
  assertEquals([output.texts, recipient.heard], [[["s1"]], []]);
  await output.letThrough();
  assertEquals(recipient.heard, [[1, 2]]);
});

Deno.test("Delivery works with a store alone, and with an output alone", async () => {
  for (const parts of [{ store: new HeldStore() }, { output: new HeldOutput() }]) {
    const { delivery, message, recipient } = stage(parts);
    assertEquals(delivery.isDurable, "store" in parts);
    message(recipient, 1);
    await settle();
    assertEquals(recipient.heard, []);
    await Object.values(parts)[0]!.letThrough();
    assertEquals(recipient.heard, [[1, 2]]);
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
  assertEquals(recipient.heard, [[2, 4]]);
  assertEquals(store.told[1], ["message 3", "message 4", "message 5"]);
  await store.letThrough();
  assertEquals([recipient.heard, store.calls.length], [[[2, 4], [5, 6]], 2]);
});

Deno.test("Delivery tells each recipient of its own, once a batch", async () => {
  const output = new HeldOutput();
  const { message, recipient } = stage({ output });
  const other = new Told();
  message(recipient, 7, "a");
  message(other, 1, "b");
  message(recipient, 8, "a");
  await settle();
  assertEquals(output.texts, [["a7", "b1", "a8"]]);
  await output.letThrough();
  assertEquals([recipient.heard, other.heard], [[[8, 4]], [[1, 2]]]);
});

Deno.test("Delivery keeps what happened in order with the data messages, in a store only", async () => {
  const [store, output] = [new HeldStore({ held: false }), new HeldOutput({ held: false })];
  const record = stage({ store, output });
  record.message(record.recipient, 1);
  record.ended();
  record.message(record.recipient, 2);
  await settle();
  assertEquals(store.told, [["message 1", "ended", "message 2"]]);
  // Nothing to write, so nothing is written.
  record.ended();
  await settle();
  assertEquals([store.told[1], output.texts], [["ended"], [["s1", "s2"]]]);
  const unkept = stage({ output: new HeldOutput() });
  unkept.ended();
  await unkept.delivery.flushed();
});

Deno.test("Delivery.flushed() waits for all that was put in", async () => {
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
  Deno.test(`Delivery delivers nothing any more when the ${which} has failed, and says so once`, async () => {
    const parts = { store: new HeldStore(), output: new HeldOutput() };
    const { delivery, failures, message, recipient } = stage(parts);
    message(recipient, 1);
    await settle();
    message(recipient, 2);
    if (which === "output") await parts.store.letThrough();
    await parts[which].fail("the disk is full");
    assertEquals([failures, recipient.heard], [["the disk is full"], []]);
    assertEquals(delivery.hasFailed, true);
    message(recipient, 3);
    await settle();
    await delivery.flushed();
    assertEquals([parts.store.calls.length, failures.length], [1, 1]);
  });
}

Deno.test("Delivery has failed already when it says so", async () => {
  const store = new HeldStore();
  let hadFailed = false;
  const delivery: BatchDelivery = new BatchDelivery({
    store,
    onFailure: () => hadFailed = delivery.hasFailed,
  });
  delivery.message(new Told(), {
    kind: "message",
    session: "s",
    at: 0,
    seq: 1,
    payload: new Uint8Array(),
  });
  await settle();
  await store.fail("why");
  assertEquals(hadFailed, true);
});

Deno.test("Delivery is full with more than 256 MiB on its way for all together, until that is delivered", async () => {
  const output = new HeldOutput();
  const { delivery } = stage({ output });
  const payload = new Uint8Array(67_108_864);
  const first = new Told();
  for (let seq = 1; seq <= 4; seq++) {
    const recipient = seq === 1 ? first : new Told();
    delivery.message(recipient, { kind: "message", session: `${seq}`, at: 0, seq: 1, payload });
  }
  assertEquals(delivery.isFull, false);
  delivery.message(first, { kind: "message", session: "1", at: 0, seq: 2, payload });
  assertEquals(delivery.isFull, true);
  await settle();
  await output.letThrough();
  assertEquals([delivery.isFull, first.heard], [false, [[2, 2 * payload.length]]]);
});
