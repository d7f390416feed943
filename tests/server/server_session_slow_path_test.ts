/**
 * A path full of small data messages while nothing can be confirmed: heartbeats wait behind them in
 * TCP, and still nobody is taken for dead.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Client } from "../../lib/client/client.ts";
import { QueueSource } from "../../lib/client/source.ts";
import { Server } from "../../lib/server/server.ts";
import { clientOptions } from "../support/client_options.ts";
import { HeldStore } from "../support/held_delivery.ts";
import { MemoryNetwork } from "../support/memory_network.ts";
import { serverOptions } from "../support/server_options.ts";
import { Recorder } from "../support/stage.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const MESSAGES = 3_000;

Deno.test("a store that stalls for 100 s while a slow path is full of messages ends nobody", async () => {
  const clock = new VirtualClock();
  const transport = new MemoryNetwork(clock, { bytesPerSecond: 14_000, capacity: 4_000_000 });
  const [ours, theirs] = [new Recorder(clock), new Recorder(clock)];
  const store = new HeldStore({ held: false });
  const server = Server.listen(serverOptions({ clock, transport, sink: theirs, store }));
  const status = server.run();
  const source = new QueueSource();
  const client = new Client(clientOptions({ clock, transport, sink: ours, source, window: 5_000 }));
  const ended = client.run();
  await clock.advance(1_000);
  store.held = true;
  for (let n = 0; n < MESSAGES; n++) void source.put(new Uint8Array(990));
  void source.end();
  await clock.advance(100_000);
  assertEquals([ours.all("heartbeat_missed"), theirs.all("heartbeat_missed")], [[], []]);
  store.held = false;
  await store.letThrough();
  await clock.advance(200_000);
  assertEquals(await ended, 0);
  const { connections, data_confirmed } = ours.one("summary");
  assertEquals([connections, data_confirmed], [1, MESSAGES]);
  server.stop("done");
  await clock.advance(2_000);
  assertEquals(await status, 0);
});
