/**
 * The events of a worker: no more of them are on their way than the main thread can tell soon.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { FromWorker } from "../../../lib/server/workers/messages.ts";
import { MAX_UNACKNOWLEDGED, RemoteSink } from "../../../lib/server/workers/remote.ts";
import type { Event, EventSink } from "../../../lib/session/events.ts";
import { data, heardAfter } from "../../support/callers.ts";
import { stageRawServer } from "../../support/raw_server.ts";
import { settle } from "../../support/virtual_clock.ts";

const EVENT: Event = {
  time: "2026-11-22T00:00:00.000Z",
  event: "data_received",
  session: "s",
  seq: 1,
  bytes: 1,
};

Deno.test("RemoteSink.emit() hands on each event, and knows whether those of messages are wanted", () => {
  const said: FromWorker[] = [];
  const sink = new RemoteSink(true, (message) => said.push(message));
  sink.emit(EVENT);
  assertEquals([sink.wantsMessages, said], [true, [{ kind: "event", event: EVENT }]]);
});

Deno.test("RemoteSink.room() is to be waited for when too many events are not told", async () => {
  const sink = new RemoteSink(true, () => {});
  for (let n = 0; n < MAX_UNACKNOWLEDGED; n++) sink.emit(EVENT);
  assertEquals(sink.room(), undefined);
  sink.emit(EVENT);
  sink.emit(EVENT);
  let waiting = 2;
  for (let n = 0; n < 2; n++) sink.room()!.then(() => waiting--);
  sink.told(1);
  await settle();
  assertEquals(waiting, 2);
  sink.told(1);
  await settle();
  assertEquals([waiting, sink.room()], [0, undefined]);
});

Deno.test("a server reads on when there is room for what it has to tell", async () => {
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
