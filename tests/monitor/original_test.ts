/**
 * Readings of sessions with original peers, on either side.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Client } from "../../lib/client/client.ts";
import { OriginalProtocol } from "../../lib/original/protocol.ts";
import { ORIGINAL_TEXT as TEXT } from "../../lib/original/wire.ts";
import { Server } from "../../lib/server/server.ts";
import { clientOptions } from "../support/client_options.ts";
import { MemoryNetwork } from "../support/memory_network.ts";
import { monitored, onlyReading, outlook } from "../support/monitored.ts";
import { ScriptedEnd } from "../support/scripted_end.ts";
import { ADDRESS, serverOptions } from "../support/server_options.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

Deno.test("the session of an original client counts down to its silence, and to its death", async () => {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock);
  const { monitor, parts } = monitored(clock, "server");
  Server.listen(serverOptions({ clock, transport: network, ...parts })).run();
  const { signal } = new AbortController();
  const call = async (text: string) => {
    const end = new ScriptedEnd(await network.connect(ADDRESS, { signal }), clock);
    await settle();
    await end.say(text);
    return end;
  };
  const first = await call(TEXT.data);
  await clock.advance(5_000);
  assertEquals(outlook(await onlyReading(monitor)), "ok: silent in 15000");
  const { confirmed, received, session } = await onlyReading(monitor);
  assertEquals([confirmed, received, session.startsWith("original-")], [1, 1, true]);
  await clock.advance(26_000);
  assertEquals(outlook(await onlyReading(monitor)), "silent: dead in 29000 missed 1 left 3");
  await first.hangUp();
  await call(TEXT.heartbeat);
  assertEquals(outlook(await onlyReading(monitor)), "silent: dead in 40000 missed 0 left 4");
  await clock.advance(40_000);
  const { end, state } = await onlyReading(monitor);
  assertEquals([state, end!.reason], ["lost", "silent"]);
});

Deno.test("a client of an original server counts down to the next message, and to its death", async () => {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock);
  const listener = network.listen(ADDRESS);
  const { monitor, parts } = monitored(clock, "client");
  const options = { original: true, legacy: new OriginalProtocol(), transport: network };
  new Client(clientOptions({ clock, ...options, ...parts })).run();
  const end = new ScriptedEnd(await listener.accept(), clock);
  end.answer = () => clock.now() < 5_000 ? TEXT.reply : undefined;
  await clock.advance(2_000);
  assertEquals(outlook(await onlyReading(monitor)), "ok: send in 3000");
  assertEquals((await onlyReading(monitor)).rtt_ms, 0);
  await clock.advance(4_000);
  assertEquals(outlook(await onlyReading(monitor)), "ok: silent in 19000");
  await clock.advance(20_000);
  assertEquals(outlook(await onlyReading(monitor)), "silent: dead in 39000 missed 0 left 4");
});
