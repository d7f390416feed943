/**
 * Delivery and event sink of a worker: what they send to the main thread, and what its replies do.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { FromWorker } from "../../../lib/server/workers/messages.ts";
import {
  MAX_UNACKNOWLEDGED,
  RemoteDelivery,
  remoteRecording,
  RemoteSink,
} from "../../../lib/server/workers/remote.ts";
import type { Event, EventSink } from "../../../lib/session/events.ts";
import type { Recipient } from "../../../lib/store/delivery.ts";
import type { Entry } from "../../../lib/store/store.ts";
import { data, heardAfter } from "../../support/callers.ts";
import { stageRawServer } from "../../support/raw_server.ts";
import { lost, message as entryOf } from "../../support/store_folder.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";

const EVENT: Event = {
  time: "2026-11-22T00:00:00.000Z",
  event: "data_received",
  session: "s",
  seq: 1,
  bytes: 1,
};

/** The delivery of a worker; the test replies to its requests. */
function stage({ isDurable = true } = {}) {
  const sent: FromWorker[] = [];
  const replies: (() => void)[] = [];
  const delivery = new RemoteDelivery({
    isDurable,
    send: (message) => sent.push(message),
    request: (message) => {
      sent.push(message(replies.length));
      return new Promise((resolve) => replies.push(resolve));
    },
  });
  return { delivery, sent, replies };
}

/** Records what is delivered, as `seq bytes`. */
class FakeRecipient implements Recipient {
  readonly received: string[] = [];

  delivered(seq: number, bytes: number): void {
    this.received.push(`${seq} ${bytes}`);
  }
}

/** A data message of so many bytes. */
function message(session: string, seq: number, size: number): Entry & { kind: "message" } {
  return { ...entryOf(session, seq), payload: new Uint8Array(size) };
}

Deno.test("RemoteDelivery.message() sends a payload without the buffer that it shares", () => {
  const { delivery, sent } = stage();
  const payload = new Uint8Array(2_048).subarray(100, 103);
  delivery.message(new FakeRecipient(), { ...message("a", 1, 3), payload });
  const [deliver] = sent as Extract<FromWorker, { kind: "deliver" }>[];
  assertEquals(deliver!.message.payload.buffer.byteLength, 3);
});

Deno.test("RemoteDelivery.message() sends each data message, in order", () => {
  const { delivery, sent } = stage();
  const [a, b] = [new FakeRecipient(), new FakeRecipient()];
  const messages = [message("a", 1, 3), message("b", 1, 4), message("a", 2, 0)];
  const recipients = [1, 2, 1];
  for (const [at, each] of messages.entries()) delivery.message(recipients[at] === 1 ? a : b, each);
  const expected = messages.map((message, at) => ({
    kind: "deliver",
    recipient: recipients[at],
    message,
  }));
  assertEquals<unknown>(sent, expected);
});

Deno.test("RemoteDelivery distinguishes two recipients of the same session id", () => {
  const { delivery } = stage();
  const [ended, fresh] = [new FakeRecipient(), new FakeRecipient()];
  delivery.message(ended, message("a", 3, 3));
  delivery.message(fresh, message("a", 1, 1));
  delivery.onDelivered(1, 3, 3);
  assertEquals([ended.received, fresh.received], [["3 3"], []]);
});

Deno.test("RemoteDelivery.onDelivered() reports to each recipient, until all is delivered", () => {
  const { delivery } = stage();
  const [a, b] = [new FakeRecipient(), new FakeRecipient()];
  for (const seq of [1, 2, 3]) delivery.message(a, message("a", seq, seq));
  delivery.message(b, message("b", 9, 1));
  delivery.onDelivered(1, 2, 3);
  delivery.onDelivered(2, 9, 1);
  delivery.onDelivered(1, 3, 3);
  assertEquals([a.received, b.received], [["2 3", "3 3"], ["9 1"]]);
  delivery.message(a, message("a", 4, 4));
  delivery.onDelivered(1, 4, 4);
  assertEquals(a.received.at(-1), "4 4");
});

Deno.test("RemoteDelivery.note() sends an entry where sessions are stored, and nowhere else", () => {
  for (const isDurable of [true, false]) {
    const { delivery, sent } = stage({ isDurable });
    delivery.note(lost("a"));
    assertEquals<unknown>(sent, isDurable ? [{ kind: "store", entry: lost("a") }] : []);
    assertEquals(delivery.isDurable, isDurable);
  }
});

Deno.test("RemoteDelivery.keep() and flushed() resolve with the replies", async () => {
  const { delivery, replies, sent } = stage();
  const resolved: string[] = [];
  delivery.keep(lost("a")).then(() => resolved.push("kept"));
  delivery.flushed().then(() => resolved.push("flushed"));
  assertEquals<unknown>(sent, [
    { kind: "store_and_reply", call: 0, entry: lost("a") },
    { kind: "flush", call: 1 },
  ]);
  await settle();
  assertEquals(resolved, []);
  replies[1]!();
  await settle();
  assertEquals(resolved, ["flushed"]);
  replies[0]!();
  await settle();
  assertEquals(resolved, ["flushed", "kept"]);
});

Deno.test("RemoteDelivery.fail() makes it deliver nothing more, and report nothing", () => {
  const { delivery, sent } = stage();
  const a = new FakeRecipient();
  delivery.message(a, message("a", 1, 1));
  assertEquals(delivery.hasFailed, false);
  delivery.fail();
  delivery.message(a, message("a", 2, 1));
  delivery.onDelivered(1, 1, 1);
  assertEquals([delivery.hasFailed, sent.length, a.received], [true, 1, []]);
});

Deno.test("RemoteSink.emit() sends each event, and knows whether those of messages are wanted", () => {
  const sent: FromWorker[] = [];
  const sink = new RemoteSink(true, (message) => sent.push(message));
  sink.emit(EVENT);
  assertEquals([sink.wantsMessages, sent], [true, [{ kind: "event", event: EVENT }]]);
});

Deno.test("remoteRecording() records by the clock of the main thread, and by no step of the wall clock", async () => {
  const clock = Object.assign(new VirtualClock(), { origin_ms: 5_000.25 });
  await clock.advance(100);
  // The main thread started 600 ms earlier, and sent this 2 ms ago.
  const main = { lines_per_s: 8, threads: 2, origin_ms: 4_400.25, now_ms: 698 };
  const ahead_ms = (more: Partial<typeof main>) =>
    remoteRecording({ ...main, ...more }, clock, () => {}).ahead_ms;
  assertEquals(ahead_ms({}), 600);
  // The wall clock was set an hour forward or back in between: what was sent is still in time.
  assertEquals(ahead_ms({ origin_ms: 4_400.25 - 3_600_000 }), 598);
  assertEquals(ahead_ms({ origin_ms: 4_400.25 + 3_600_000 }), 598);
});

Deno.test("remoteRecording() sends whole lines, and thins as its share of the threads demands", async () => {
  const sent: FromWorker[] = [];
  const main = { lines_per_s: 8, threads: 2, origin_ms: 0, now_ms: 0 };
  const send = (message: FromWorker) => void sent.push(message);
  const recording = remoteRecording(main, new VirtualClock(), send);
  recording.add({ n: 1 });
  recording.add({ n: 2 });
  await settle();
  assertEquals(sent, [{ kind: "recorded", lines: '{"n":1}\n{"n":2}\n' }]);
  recording.thinning.sessions = 10;
  assertEquals(recording.thinning.interval_us, 10_000_000);
});

Deno.test("RemoteSink.room() is pending while too many events are unacknowledged", async () => {
  const sink = new RemoteSink(true, () => {});
  for (let n = 0; n < MAX_UNACKNOWLEDGED; n++) sink.emit(EVENT);
  assertEquals(sink.room(), undefined);
  sink.emit(EVENT);
  sink.emit(EVENT);
  let waiting = 2;
  for (let n = 0; n < 2; n++) sink.room()!.then(() => waiting--);
  sink.acknowledge(1);
  await settle();
  assertEquals(waiting, 2);
  sink.acknowledge(1);
  await settle();
  assertEquals([waiting, sink.room()], [0, undefined]);
});

Deno.test("a server does not read while its sink has no room", async () => {
  const room = Promise.withResolvers<void>();
  let isFull = false;
  const sink: EventSink = {
    wantsMessages: true,
    emit: () => {},
    room: () => isFull ? room.promise : undefined,
  };
  const { clock, hello } = stageRawServer({ sink });
  const caller = await hello("s");
  isFull = true;
  await caller.peer.say(data(1));
  await caller.peer.say(data(2));
  await clock.advance(1_000);
  assertEquals(heardAfter(caller), ["CONFIRM 1"]);
  isFull = false;
  room.resolve();
  await clock.advance(0);
  assertEquals(heardAfter(caller), ["CONFIRM 1", "CONFIRM 2"]);
});
