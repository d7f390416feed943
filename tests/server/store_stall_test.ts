/**
 * A store that stalls ends nobody: neither a client whose heartbeats wait in TCP behind its data, nor one
 * whose session waits to be stored.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Client, type ClientOptions } from "../../lib/client/client.ts";
import { QueueSource } from "../../lib/client/source.ts";
import { Server } from "../../lib/server/server.ts";
import { clientOptions } from "../support/client_options.ts";
import { HeldStore } from "../support/held_delivery.ts";
import { MemoryNetwork, type PathOptions } from "../support/memory_network.ts";
import { serverOptions } from "../support/server_options.ts";
import { Recorder } from "../support/stage.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

/** A server on a store, and a client of it. */
function stage(store: HeldStore, path: PathOptions, options: Partial<ClientOptions>) {
  const clock = new VirtualClock();
  const transport = new MemoryNetwork(clock, path);
  const [ours, theirs] = [new Recorder(clock), new Recorder(clock)];
  const server = Server.listen(serverOptions({ clock, transport, sink: theirs, store }));
  const status = server.run();
  const client = new Client(clientOptions({ clock, transport, sink: ours, ...options }));
  const ended = client.run();
  const stop = async () => {
    server.stop("done");
    await clock.advance(2_000);
    assertEquals(await status, 0);
  };
  return { clock, ended, ours, theirs, stop };
}

Deno.test("a store that stalls for 100 s while a slow path is full of messages ends nobody", async () => {
  const store = new HeldStore({ held: false });
  const path = { bytesPerSecond: 14_000, capacity: 4_000_000 };
  const source = new QueueSource();
  const { clock, ended, ours, theirs, stop } = stage(store, path, { source, window: 5_000 });
  await clock.advance(1_000);
  store.held = true;
  for (let n = 0; n < 3_000; n++) void source.put(new Uint8Array(990));
  void source.end();
  await clock.advance(100_000);
  assertEquals([ours.all("heartbeat_missed"), theirs.all("heartbeat_missed")], [[], []]);
  store.held = false;
  await store.letThrough();
  await clock.advance(200_000);
  assertEquals(await ended, 0);
  const { connections, data_confirmed } = ours.one("summary");
  assertEquals([connections, data_confirmed], [1, 3_000]);
  await stop();
});

Deno.test("a client with --reconnect dials until a store that stalled has its session, stored once", async () => {
  const store = new HeldStore();
  const options = { count: 1, reconnect: { limit: 0 } };
  const { clock, ended, ours, theirs, stop } = stage(store, {}, options);
  await clock.advance(30_000);
  store.held = false;
  await store.letThrough();
  await clock.advance(10_000);
  assertEquals(await ended, 0);
  assertEquals(new Set(ours.all("reconnecting").map(({ cause }) => cause)), new Set(["silent"]));
  assertEquals(theirs.all("terminated").map(({ by, reason }) => [by, reason]), [["peer", "done"]]);
  assertEquals(store.told.flat().filter((kind) => kind === "opened").length, 1);
  await stop();
});

Deno.test("a client without --reconnect ends when a store stalls for longer than it waits, not refused", async () => {
  const store = new HeldStore();
  const { clock, ended, ours, stop } = stage(store, {}, {});
  await clock.advance(6_000);
  assertEquals(await ended, 3);
  const { reason, text } = ours.one("terminated");
  assertEquals([reason, text], ["silent", "no WELCOME within 5 s"]);
  store.held = false;
  await store.letThrough();
  assertEquals(store.told.flat(), ["opened", "claimed", "ended"]);
  await stop();
});
