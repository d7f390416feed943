/**
 * What a monitor knows of sessions over time: their states, round trips and outages, and what all come to.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Client, type ClientOptions } from "../../lib/client/client.ts";
import { LoadRun } from "../../lib/client/load.ts";
import { QueueSource } from "../../lib/client/source.ts";
import { Server } from "../../lib/server/server.ts";
import { clientOptions } from "../support/client_options.ts";
import { MemoryNetwork } from "../support/memory_network.ts";
import { monitored } from "../support/monitored.ts";
import { serverOptions } from "../support/server_options.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

/** A client and a server, each with a monitor, 1 ms apart. */
function stage(options: Partial<ClientOptions> = {}) {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock, { latency_ms: 1 });
  const atServer = monitored(clock, "server");
  const server = Server.listen(serverOptions({ clock, transport: network, ...atServer.parts }));
  server.run();
  const atClient = monitored(clock, "client");
  const client = new Client(
    clientOptions({ clock, transport: network, ...atClient.parts, ...options }),
  );
  const status = client.run();
  return { clock, network, client, server, status, atClient, atServer };
}

type Monitored = ReturnType<typeof monitored>;

/** The states of the only session, as `ms state`, since the epoch of the virtual clock. */
async function states({ monitor }: Monitored): Promise<string[]> {
  const { rows: [row] } = await monitor.list();
  const { states } = (await monitor.history(row!.session))!;
  return states.map(({ from_ms, state }) => `${from_ms - Date.UTC(2026, 10, 22)} ${state}`);
}

Deno.test("the states of a session are its phases, to the millisecond", async () => {
  const { clock, network, client, atClient, atServer } = stage();
  await clock.advance(6_000);
  network.paths[0]!.silence("to_client", "to_server");
  await clock.advance(30_000);
  network.paths[0]!.heal();
  await clock.advance(20_000);
  client.stop("shutdown");
  await clock.advance(1_000);
  for (const side of [atClient, atServer]) {
    const phases = side.recorder.all("phase").map(({ at_ms, to }) =>
      `${at_ms} ${{ data: "ok", heartbeat: "silent", connecting: "away", terminated: "ended" }[to]}`
    );
    const first = side === atClient ? ["0 connecting"] : [];
    assertEquals(await states(side), [...first, ...phases]);
    assertEquals(phases.length, 4);
  }
  assertEquals((await states(atClient)).slice(0, 3), ["0 connecting", "2 ok", "30002 silent"]);
});

Deno.test("an outage has its times, its outcome, and the cause that an account gives it later", async () => {
  const { clock, network, atClient, atServer } = stage();
  await clock.advance(6_000);
  network.paths[0]!.silence("to_client", "to_server");
  await clock.advance(30_000);
  const [lasting] = atClient.monitor.outages();
  const began = Date.UTC(2026, 10, 22) + 30_002;
  assertEquals([lasting!.began_ms, lasting!.ended_ms, lasting!.outcome, lasting!.cause], [
    began,
    null,
    "lasts",
    "unknown",
  ]);
  assertEquals(lasting!.silent_ms, 25_998);
  network.paths[0]!.heal();
  await clock.advance(20_000);
  for (const { monitor, recorder } of [atClient, atServer]) {
    const [over, ...others] = monitor.outages();
    assertEquals(others, []);
    const account = recorder.one("account");
    assertEquals([over!.outcome, over!.cause, over!.at, over!.began, over!.first_noticed_by], [
      "recovered",
      account.cause,
      account.at ?? undefined,
      account.began,
      account.first_noticed_by ?? undefined,
    ]);
    const [, , back] = recorder.all("phase");
    assertEquals(over!.ended_ms, Date.parse(back!.time));
    assertEquals(over!.silent_ms, back!.silent_ms);
  }
});

Deno.test("a server has no outage of a client that had nothing to send and ended its session", async () => {
  const { clock, client, status, atServer } = stage({ source: new QueueSource() });
  await clock.advance(100_000);
  const [lasting] = atServer.monitor.outages();
  assertEquals([lasting!.outcome, lasting!.silent_ms], ["lasts", 99_999]);
  client.stop("done");
  await clock.advance(1_000);
  assertEquals(await status, 0);
  assertEquals(atServer.monitor.outages(), []);
  assertEquals((await states(atServer)).at(-1), "100001 ended");
});

Deno.test("an outage that ends with its session was as long as no data was heard", async () => {
  const { clock, network, atServer } = stage({ source: new QueueSource() });
  await clock.advance(100_000);
  // The last answer to a heartbeat came 4,967 ms before.
  network.paths[0]!.reset();
  await clock.advance(1_000);
  const [outage, ...others] = atServer.monitor.outages();
  assertEquals(others, []);
  assertEquals([outage!.outcome, outage!.cause], ["lost", "reset"]);
  assert(outage!.silent_ms! >= 99_999, `${outage!.silent_ms}`);
});

Deno.test("totals are those of the summaries once the sessions have ended, and of the ledgers before", async () => {
  const { clock, network, status, atClient, atServer } = stage();
  await clock.advance(6_000);
  network.paths[0]!.silence("to_client", "to_server");
  await clock.advance(20_000);
  const before = await atClient.monitor.totals();
  assertEquals([before.data_sent, before.data_confirmed, before.in_doubt], [3, 2, 1]);
  await clock.advance(80_000);
  assertEquals(await status, 1);
  for (const { monitor, recorder } of [atClient, atServer]) {
    const totals = await monitor.totals();
    const { data_bytes, data_confirmed, data_received, data_sent, heartbeats_missed } = recorder
      .one("summary");
    assertEquals(totals.data_bytes, data_bytes);
    assertEquals(totals.data_sent, data_sent);
    assertEquals(totals.data_received, data_received);
    assertEquals(totals.data_confirmed, data_confirmed);
    assertEquals(totals.heartbeats_missed, heartbeats_missed);
    assertEquals([totals.opened, totals.silences, totals.recoveries], [1, 1, 0]);
    assertEquals(totals.ended, [{ by: "self", reason: "silent", count: 1 }]);
    assertEquals(totals.phases, { connecting: 0, data: 0, heartbeat: 0, terminated: 0 });
    assertEquals([totals.silence_durations.count, totals.overshoots.count], [1, 1]);
    const { rows: [row] } = await monitor.list();
    assertEquals([row!.state, row!.sent, row!.received], ["lost", data_sent, data_received]);
  }
  const { round_trip, round_trips } = await atClient.monitor.totals();
  assertEquals([round_trip.p50_ms, round_trips.count, round_trips.counts[2]], [2, 2, 2]);
});

Deno.test("a load run's sessions are all read, and listed worst first", async () => {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock, { latency_ms: 1 });
  const quiet = { wantsMessages: false, emit: () => {} };
  let ids = 0;
  const random = (bytes: Uint8Array) => new DataView(bytes.buffer).setUint32(0, ++ids);
  const server = Server.listen(
    serverOptions({ clock, transport: network, random, original: false, sink: quiet }),
  );
  server.run();
  const { monitor, parts: { sink, watch } } = monitored(clock, "client");
  const load = new LoadRun({
    sessions: 5,
    ramp_ms: 500,
    newSession: (sink, roundTrips) =>
      new Client(
        clientOptions({ transport: network, clock, sink, random, roundTrips, watch }),
      ),
    clock,
    sink,
  });
  const status = load.run();
  await clock.advance(1_000);
  for (const at of [3, 1]) {
    network.paths[at]!.silence("to_client", "to_server");
    await clock.advance(6_000);
  }
  await clock.advance(18_000);
  const ids_ = ({ rows }: Awaited<ReturnType<typeof monitor.list>>) =>
    rows.map(({ session }) => Number.parseInt(session.slice(0, 8), 16));
  // The fourth one sent its unconfirmed message before the second.
  assertEquals(ids_(await monitor.list()), [4, 2, 1, 3, 5]);
  assertEquals(ids_(await monitor.list({ count: 2, from: 1 })), [2, 1]);
  assertEquals(ids_(await monitor.list({ states: ["ok"] })), [1, 3, 5]);
  assertEquals(ids_(await monitor.list({ search: "00000003" })), [3]);
  assertEquals(ids_(await monitor.list({ order: "age" })), [5, 4, 3, 2, 1]);
  const { data_confirmed, phases, round_trips, silent } = await monitor.totals();
  assertEquals([phases.data, phases.heartbeat, silent], [3, 2, 2]);
  assertEquals(round_trips.count, data_confirmed);
  load.stop("done");
  await clock.advance(3_000);
  await status;
  assertEquals((await monitor.totals()).ended, [{ by: "self", reason: "done", count: 5 }]);
  const { matched, rows } = await monitor.list();
  assertEquals([matched, rows.length], [5, 5]);
});

Deno.test("a change is reported once in a turn, until nobody wants to know", async () => {
  const { clock, network, atClient: { monitor } } = stage();
  const interest = new AbortController();
  let changes = 0;
  monitor.onChange(() => changes++, interest.signal);
  await clock.advance(2_000);
  const opened = changes;
  assert(opened > 0);
  await clock.advance(18_000);
  assertEquals(changes, opened);
  network.paths[0]!.silence("to_client", "to_server");
  await clock.advance(25_000);
  assertEquals(changes, opened + 1);
  interest.abort();
  network.paths[0]!.heal();
  await clock.advance(25_000);
  assertEquals(changes, opened + 1);
});
