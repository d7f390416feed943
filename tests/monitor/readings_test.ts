/**
 * What a monitor reads of sessions, in each phase, on either side: to the millisecond.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Client, type ClientOptions } from "../../lib/client/client.ts";
import { QueueSource } from "../../lib/client/source.ts";
import { TransportError } from "../../lib/platform/net/transport.ts";
import type { Totals } from "../../lib/monitor/monitor.ts";
import { Server } from "../../lib/server/server.ts";
import type { ServerOptions } from "../../lib/server/options.ts";
import { BACK, callers, data } from "../support/callers.ts";
import { clientOptions } from "../support/client_options.ts";
import { HeldOutput } from "../support/held_delivery.ts";
import { MemoryNetwork } from "../support/memory_network.ts";
import { monitored, onlyReading, outlook } from "../support/monitored.ts";
import { serverOptions } from "../support/server_options.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

/** A client and a server, each with a monitor, 1 ms apart. */
function stage(
  { client = {}, server = {} }: {
    client?: Partial<ClientOptions>;
    server?: Partial<ServerOptions>;
  } = {},
) {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock, { latency_ms: 1 });
  const atServer = monitored(clock, "server");
  const made = Server.listen(
    serverOptions({ clock, transport: network, ...atServer.parts, ...server }),
  );
  made.run();
  const atClient = monitored(clock, "client");
  const calling = new Client(
    clientOptions({ clock, transport: network, ...atClient.parts, ...client }),
  );
  calling.run();
  const outlooks = async () => {
    const both = [atClient.monitor, atServer.monitor];
    return (await Promise.all(both.map(onlyReading))).map(outlook);
  };
  return { clock, network, client: calling, server: made, atClient, atServer, outlooks };
}

Deno.test("readings of a healthy session count down to the next message, and to the silence", async () => {
  const { clock, outlooks, atClient, atServer } = stage();
  await clock.advance(1);
  const before = await onlyReading(atClient.monitor);
  assertEquals([before.state, before.quiet_ms, before.due], ["connecting", null, undefined]);
  await clock.advance(999);
  // Opened at 2 ms, with the first data message, which was received at 3 ms, confirmed at 4.
  assertEquals(await outlooks(), ["ok: send in 4002", "ok: silent in 19003"]);
  const client = await onlyReading(atClient.monitor);
  assertEquals([client.rtt_ms, client.sent, client.confirmed, client.in_doubt], [2, 1, 1, 0]);
  assertEquals([client.quiet_ms, client.state_ms, client.peer], [996, 998, "server:4000"]);
  const server = await onlyReading(atServer.monitor);
  assertEquals([server.received, server.confirmed, server.connections], [1, 1, 1]);
  assertEquals(server.session, client.session);
});

Deno.test("readings of a silent session count down to the death, which comes then", async () => {
  const { clock, network, outlooks, atClient } = stage();
  await clock.advance(1_000);
  network.paths[0]!.silence("to_client", "to_server");
  await clock.advance(5_000);
  // The second data message went out at 5,002 ms.
  assertEquals(await outlooks(), ["ok: silent in 19002", "ok: silent in 14003"]);
  await clock.advance(20_000);
  const silent = "silent: dead in 39002 missed 0 left 4";
  assertEquals(await outlooks(), [silent, "silent: dead in 34003 missed 0 left 4"]);
  await clock.advance(15_000);
  assertEquals(await outlooks(), [
    "silent: dead in 24002 missed 1 left 3",
    "silent: dead in 19003 missed 2 left 2",
  ]);
  await clock.advance(24_001);
  assertEquals((await onlyReading(atClient.monitor)).due, { what: "dead", in_ms: 1 });
  await clock.advance(1);
  const { due, end, state } = await onlyReading(atClient.monitor);
  assertEquals([state, end, due], ["lost", { by: "self", reason: "silent" }, undefined]);
});

/** A server with a monitor, and a client that says what the test says. */
function stageRaw(options: Partial<ServerOptions> = {}) {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock);
  const { monitor, parts, recorder } = monitored(clock, "server");
  const server = Server.listen(
    serverOptions({ clock, transport: network, ...parts, ...options }),
  );
  server.run();
  const calls = callers(network, clock);
  return { clock, monitor, recorder, server, ...calls };
}

Deno.test("readings of a session whose heartbeats are answered have all of them left", async () => {
  const { clock, hello, monitor } = stageRaw();
  const { peer } = await hello("s");
  await peer.say(data(1));
  await clock.advance(31_000);
  assertEquals(outlook(await onlyReading(monitor)), "silent: dead in 29000 missed 1 left 3");
  await peer.say("HEARTBEAT_REPLY 2\n");
  // The next heartbeat goes out at 36 s, and three others after it.
  assertEquals(outlook(await onlyReading(monitor)), "silent: dead in 45000 missed 0 left 4");
  assertEquals((await onlyReading(monitor)).rtt_ms, 1_000);
  await clock.advance(6_000);
  assertEquals(outlook(await onlyReading(monitor)), "silent: dead in 39000 missed 0 left 4");
  await peer.say(data(2));
  assertEquals(outlook(await onlyReading(monitor)), "ok: silent in 20000");
  await clock.advance(80_000);
  assertEquals((await onlyReading(monitor)).state, "lost");
});

Deno.test("readings of a session whose client stays away count down to when it is forgotten", async () => {
  const { clock, hello, monitor, resume } = stageRaw({ sessionLifetime_ms: 60_000 });
  const { peer } = await hello("s", BACK);
  await peer.say(data(1));
  await clock.advance(1_000);
  await peer.hangUp();
  await clock.advance(10_000);
  assertEquals(outlook(await onlyReading(monitor)), "away: forget in 50000");
  const { outages: [first] } = (await monitor.history("s"))!;
  assertEquals([first!.outcome, first!.cause, first!.silent_ms], ["lasts", "closed", 11_000]);
  await resume("s", { confirmed: 1, sent: 1 });
  assertEquals(outlook(await onlyReading(monitor)), "ok: silent in 20000");
  assertEquals((await onlyReading(monitor)).connections, 2);
  const { outages: [over] } = (await monitor.history("s"))!;
  assertEquals([over!.outcome, over!.silent_ms], ["resumed", 11_000]);
});

Deno.test("a client with nothing to send is idle, and that is no silence", async () => {
  const { clock, outlooks, atClient, atServer } = stage({ client: { source: new QueueSource() } });
  await clock.advance(21_500);
  assertEquals((await outlooks())[0], "idle: dead in 43504 missed 0 left 4");
  const { phases, silences, silence_durations, silent } = await atClient.monitor.totals();
  assertEquals([phases.heartbeat, silent, silences, silence_durations.count], [1, 0, 0, 0]);
  assertEquals(atClient.monitor.outages(), []);
  // The server does not know why.
  assertEquals((await atServer.monitor.totals()).silent, 1);
});

Deno.test("nothing is due of a session that the server does not read", async () => {
  const output = new HeldOutput();
  const { clock, hello, monitor } = stageRaw({ output, maxPendingBytes: 2_000 });
  const { peer } = await hello("s");
  await peer.say(data(1, 8));
  await clock.advance(2_000);
  assertEquals(outlook(await onlyReading(monitor)), "held:");
  output.held = false;
  await output.letThrough();
  await clock.advance(1_000);
  assertEquals(outlook(await onlyReading(monitor)), "ok: silent in 19000");
});

Deno.test("a stall that many sessions notice is one", async () => {
  const { clock, hello, monitor } = stageRaw();
  for (const id of ["a", "b", "c"]) await hello(id);
  await clock.advance(19_000);
  clock.stall(3_000);
  await clock.advance(1_000);
  const { local_stalls, silent } = await monitor.totals();
  assertEquals([local_stalls, silent], [1, 0]);
});

Deno.test("totals do not fall when a client returns whose last connection is still open", async () => {
  const { clock, hello, monitor, recorder, resume } = stageRaw();
  const { path, peer } = await hello("s", BACK);
  await peer.say(data(1, 3));
  await clock.advance(1_000);
  path.silence("to_client", "to_server");
  const seen: Promise<Totals>[] = [];
  recorder.emit = () => void seen.push(monitor.totals());
  await resume("s", { confirmed: 3, sent: 3 });
  await clock.advance(1_000);
  const confirmed = (await Promise.all(seen)).map(({ data_confirmed }) => data_confirmed);
  assertEquals([...new Set(confirmed)], [3]);
});

Deno.test("readings of a client between connections count down to the next dial", async () => {
  const { clock, network, outlooks } = stage({ client: { reconnect: { limit: 0 } } });
  await clock.advance(1_000);
  network.paths[0]!.reset();
  network.refuseWith = new TransportError("refused", "refused");
  await clock.advance(10);
  const [away] = await outlooks();
  const [, in_ms] = /^away: dial in (\d+(?:\.\d+)?)$/.exec(away!)!;
  network.refuseWith = undefined;
  await clock.advance(Number(in_ms) + 3);
  assertEquals(network.paths.length, 2);
  assertEquals((await outlooks())[0]!.slice(0, 3), "ok:");
});
