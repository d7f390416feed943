/**
 * A server that holds a session, or receives a large message slowly, judges nobody for it, and is not
 * taken for dead.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type Delivery, ENTRY_BYTES, type Recipient } from "../../lib/store/delivery.ts";
import type { EntryOf } from "../../lib/store/store.ts";
import { SHORTEST_INTERVAL_MS } from "../../lib/server/assurance.ts";
import { coordinatorOf } from "../support/coordinator.ts";
import { data, heardAfter } from "../support/callers.ts";
import { stageRawServer } from "../support/raw_server.ts";

/** A delivery that delivers and gives room when the test says so. */
class ScriptedDelivery implements Delivery {
  readonly isDurable = false;
  hasFailed = false;
  share = Infinity;
  readonly #pending: [Recipient, seq: number][] = [];
  #room = Promise.withResolvers<void>();

  message(recipient: Recipient, { seq }: EntryOf<"message">): void {
    this.#pending.push([recipient, seq]);
  }
  note(): void {}
  keep(): Promise<void> {
    return Promise.resolve();
  }
  flushed(): Promise<void> {
    return Promise.resolve();
  }
  room(): Promise<void> {
    return this.#room.promise;
  }
  /** Delivers all: each message has one byte. */
  deliver(): void {
    for (const [recipient, seq] of this.#pending.splice(0)) {
      recipient.delivered(seq, ENTRY_BYTES + 1);
    }
  }
  /** Delivers all, and gives room. */
  release(): void {
    this.share = Infinity;
    this.deliver();
    this.#room.resolve();
  }
}

/** A server with the session `s`, whose client has thresholds of 20 s and 4 s unless told otherwise. */
async function stage(delivery = new ScriptedDelivery(), thresholds = {}) {
  const coordinator = coordinatorOf(delivery);
  const raw = stageRawServer({ coordinator, maxMessageBytes: 1_000_000 });
  const client = await raw.connect();
  const greeting = { data_threshold: 20, heart_beat_threshold: 4, ...thresholds };
  await client.peer.say(`HELLO 1 s ${JSON.stringify(greeting)}\n`);
  return { ...raw, client, delivery };
}

/** The times and numbers of the heartbeats that a client received. */
function heartbeats(heard: readonly string[]): string[] {
  return heard.filter((line) => line.includes(" HEARTBEAT "));
}

Deno.test("a session over its share is not read until there is room", async () => {
  const { client, clock, delivery, recorder } = await stage();
  delivery.share = 0;
  await client.peer.say(data(1));
  await client.peer.say(data(2));
  await clock.advance(60_000);
  assertEquals(recorder.all("data_received").map(({ seq }) => seq), [1]);
  delivery.release();
  await clock.advance(0);
  assertEquals(recorder.all("data_received").map(({ seq }) => seq), [1, 2]);
  assertEquals(heardAfter(client).at(-1), "CONFIRM 1");
});

Deno.test("what is over a share is not taken from a read either, until there is room", async () => {
  const { client, clock, delivery, recorder } = await stage();
  delivery.share = 0;
  await client.peer.say([1, 2, 3].map((seq) => data(seq)).join(""));
  await clock.advance(60_000);
  assertEquals(recorder.all("data_received").map(({ seq }) => seq), [1]);
  assertEquals(recorder.all("terminated"), []);
  delivery.deliver();
  await clock.advance(0);
  assertEquals(recorder.all("data_received").map(({ seq }) => seq), [1, 2]);
  delivery.release();
  await clock.advance(0);
  assertEquals(recorder.all("data_received").map(({ seq }) => seq), [1, 2, 3]);
});

Deno.test("a session over its share is read again when all of it is delivered, though others still wait", async () => {
  const { client, clock, delivery, recorder } = await stage();
  delivery.share = 0;
  await client.peer.say(data(1));
  await client.peer.say("TERMINATE done\n");
  await clock.advance(10_000);
  assertEquals(recorder.all("terminated"), []);
  delivery.deliver();
  await clock.advance(0);
  assertEquals([recorder.one("terminated").by, recorder.one("terminated").reason], [
    "peer",
    "done",
  ]);
});

Deno.test("a client that is held gets a heartbeat each quarter of the smallest threshold, and no more after", async () => {
  const { client, clock, delivery } = await stage();
  delivery.share = 0;
  await client.peer.say(data(1));
  await clock.advance(3_500);
  delivery.release();
  await clock.advance(3_500);
  assertEquals(heartbeats(client.peer.heard), [
    "1000 HEARTBEAT 1",
    "2000 HEARTBEAT 2",
    "3000 HEARTBEAT 3",
  ]);
});

Deno.test("a client that is held gets no more heartbeats than its server allows, whatever its thresholds are", async () => {
  const delivery = new ScriptedDelivery();
  const { client, clock } = await stage(delivery, { data_threshold: 0.001 });
  delivery.share = 0;
  await client.peer.say(data(1));
  await clock.advance(1_000);
  assertEquals(heartbeats(client.peer.heard).length, 1_000 / SHORTEST_INTERVAL_MS);
});

Deno.test("a client that is held for an hour is neither silent nor dead, and has its full time afterwards", async () => {
  const { client, clock, delivery, recorder } = await stage();
  delivery.share = 0;
  await client.peer.say(data(1));
  await clock.advance(3_600_000);
  assertEquals([recorder.all("phase").length, recorder.all("terminated").length], [1, 0]);
  delivery.release();
  await clock.advance(19_999);
  assertEquals(recorder.all("phase").length, 1);
  await clock.advance(1);
  assertEquals(recorder.all("phase").at(-1)!.to, "heartbeat");
});

Deno.test("a session that ends while it is held is over at once", async () => {
  const { client, clock, delivery, recorder, server } = await stage();
  delivery.share = 0;
  await client.peer.say(data(1));
  await clock.advance(5_000);
  server.stop("shutdown");
  // What is undelivered has a second to be settled, the client half a second to close.
  await clock.advance(1_600);
  assertEquals(server.counts.served, 1);
  assertEquals(recorder.one("terminated").reason, "shutdown");
  const before = client.peer.heard.length;
  await clock.advance(60_000);
  assertEquals(client.peer.heard.length, before);
});

/** Sends a piece of a large message each quarter of a second, for so many seconds. */
async function sendSlowly(
  { client, clock }: Awaited<ReturnType<typeof stage>>,
  seconds: number,
): Promise<void> {
  for (let quarter = 0; quarter < 4 * seconds; quarter++) {
    await client.peer.say("x".repeat(250));
    await clock.advance(250);
  }
}

Deno.test("the bytes of a large message are signs of life, and its client receives some meanwhile", async () => {
  const held = await stage();
  const { client, clock, delivery, recorder } = held;
  await client.peer.say("DATA 1 100000\n");
  await sendSlowly(held, 100);
  assertEquals(heartbeats(client.peer.heard).length, 100);
  await client.peer.say("\n");
  delivery.release();
  await clock.advance(0);
  assertEquals(heardAfter(client).at(-1), "CONFIRM 1");
  assertEquals(recorder.all("phase").length, 1);
  await clock.advance(10_000);
  assertEquals(heartbeats(client.peer.heard).length, 100);
});

Deno.test("a client gets a heartbeat each quarter while it sends what cannot be confirmed, and no more after", async () => {
  const { client, clock, delivery } = await stage();
  for (let seq = 1; seq <= 7; seq++) {
    await client.peer.say(data(seq));
    await clock.advance(500);
  }
  // No data has come since the fourth: the client's own heartbeats wait behind none.
  await clock.advance(10_000);
  assertEquals(heartbeats(client.peer.heard), [
    "1000 HEARTBEAT 1",
    "2000 HEARTBEAT 2",
    "3000 HEARTBEAT 3",
    "4000 HEARTBEAT 4",
  ]);
  await client.peer.say(data(8));
  delivery.release();
  await clock.advance(10_000);
  assertEquals(heartbeats(client.peer.heard).length, 4);
});

Deno.test("a client that stops in the middle of a message is dead as predicted, from its last byte on", async () => {
  const held = await stage();
  const { client, clock, recorder } = held;
  await client.peer.say("DATA 1 100000\n");
  await sendSlowly(held, 30);
  await clock.advance(59_749);
  assertEquals(recorder.all("terminated"), []);
  await clock.advance(1);
  const { detected_after_ms, detected_since, predicted_ms, reason } = recorder.one("terminated");
  assertEquals(
    [reason, detected_after_ms, detected_since, predicted_ms],
    ["silent", 60_000, "last_data_heard", 60_000],
  );
});

Deno.test("in the heartbeat phase, the bytes of a large message answer heartbeats, and its end resumes data", async () => {
  const held = await stage();
  const { client, clock, recorder } = held;
  await clock.advance(20_000);
  assertEquals(recorder.all("phase").at(-1)!.to, "heartbeat");
  await client.peer.say("DATA 1 200000\n");
  await sendSlowly(held, 200);
  assertEquals(recorder.all("heartbeat_missed"), []);
  assertEquals(recorder.all("phase").length, 2);
  await client.peer.say("\n");
  assertEquals(recorder.all("phase").at(-1)!.to, "data");
});
