/**
 * Whether a process says that it does its work.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { TransportError } from "../../lib/platform/net/transport.ts";
import { Server } from "../../lib/server/server.ts";
import { callers, data } from "../support/callers.ts";
import { HeldOutput } from "../support/held_delivery.ts";
import { MemoryNetwork } from "../support/memory_network.ts";
import { monitored } from "../support/monitored.ts";
import { serverOptions } from "../support/server_options.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

Deno.test("a client is healthy, and one that did not run is not, for ten seconds", async () => {
  const clock = new VirtualClock();
  const { monitor } = monitored(clock, "client");
  assertEquals(monitor.health(), { ok: true, problems: [] });
  await clock.advance(60_000);
  assertEquals(monitor.health().ok, true);
  clock.stall(1_050);
  assertEquals(monitor.health().ok, true);
  await clock.advance(200);
  clock.stall(1_800);
  // Before the tick that is late.
  assertEquals(monitor.health().problems, ["this process did not run for 1.7 s, 0.0 s ago"]);
  await clock.advance(9_900);
  assertEquals(monitor.health().problems, ["this process did not run for 1.7 s, 9.9 s ago"]);
  await clock.advance(100);
  assertEquals(monitor.health(), { ok: true, problems: [] });
});

Deno.test("a server is healthy while it listens", async () => {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock);
  const { monitor, parts } = monitored(clock, "server");
  assertEquals(monitor.health().problems, ["the port is not open yet"]);
  const server = Server.listen(serverOptions({ clock, transport: network, ...parts }));
  server.run();
  await clock.advance(1);
  assertEquals(monitor.health().problems, []);
  server.stop("shutdown");
  assertEquals(monitor.health().problems, ["the server is being stopped"]);
  await clock.advance(3_000);
  monitor[Symbol.dispose]();
  assertEquals(clock.pending, 0);
});

Deno.test("a server that can accept nobody, or deliver nothing, says so", async () => {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock);
  const { monitor, parts } = monitored(clock, "server");
  const output = new HeldOutput();
  const server = Server.listen(serverOptions({ clock, transport: network, output, ...parts }));
  const status = server.run();
  const { connect, hello } = callers(network, clock);
  await connect();
  network.failAccept(new TransportError("other", "no socket"));
  await clock.advance(50);
  const [failing, ...others] = monitor.health().problems;
  assertStringIncludes(failing!, "cannot accept connections: no socket");
  assertEquals(others, []);
  const { peer } = await hello("s");
  await clock.advance(100);
  assertEquals(monitor.health(), { ok: true, problems: [] });
  await peer.say(data(1));
  await output.fail("the disk is full");
  assertEquals(monitor.health().problems, ["the disk is full", "the server is being stopped"]);
  await clock.advance(3_000);
  assertEquals(await status, 1);
});
