/**
 * A monitor of a server with workers: what it reads in other threads, and what comes with their events.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { StoredSession } from "../../lib/store/store.ts";
import { BACK, callers, data } from "../support/callers.ts";
import { HeldStore } from "../support/held_delivery.ts";
import { MemoryNetwork } from "../support/memory_network.ts";
import { monitored, onlyReading, outlook } from "../support/monitored.ts";
import { startPool } from "../support/pool_stage.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

/** A server of so many workers, with a monitor, that may have found sessions in its store. */
async function stage(workers: number, sessions?: StoredSession[]) {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock);
  const { monitor, parts } = monitored(clock, "server");
  const { sink, watch } = parts;
  const store = sessions && new HeldStore({ held: false, sessions });
  const options = { sink, store, sessionLifetime_ms: 600_000 };
  const pool = await startPool({ clock, network, workers, options, watch });
  return { clock, monitor, ...pool, ...callers(network, clock) };
}

for (const workers of [1, 2, 3]) {
  Deno.test(`the monitor of a server with ${workers} workers reads all sessions, and totals them`, async () => {
    const { clock, connections, hello, monitor, server, status } = await stage(workers);
    for (const id of ["a", "b", "c", "d"]) {
      const { peer } = await hello(id, BACK);
      await peer.say(data(1, 3));
      await clock.advance(1_000);
    }
    const { matched, rows } = await monitor.list();
    assertEquals(matched, 4);
    assertEquals(
      rows.map(({ session, state, received, confirmed }) =>
        `${session} ${state} ${received} ${confirmed}`
      ),
      ["a ok 3 3", "b ok 3 3", "c ok 3 3", "d ok 3 3"],
    );
    assertEquals(rows.map(outlook), [
      "ok: silent in 16000",
      "ok: silent in 17000",
      "ok: silent in 18000",
      "ok: silent in 19000",
    ]);
    assertEquals(rows.map(({ age_ms, state_ms }) => [age_ms, state_ms]), [
      [4_000, 4_000],
      [3_000, 3_000],
      [2_000, 2_000],
      [1_000, 1_000],
    ]);
    const before = await monitor.totals();
    assertEquals(
      [before.opened, before.data_received, before.data_confirmed, before.data_bytes],
      [4, 12, 12, 12],
    );
    assertEquals(before.phases, { connecting: 0, data: 4, heartbeat: 0, terminated: 0 });
    // What nobody has read before the end is counted, too.
    await connections[0]!.peer.say(data(4));
    server.stop("shutdown");
    await clock.advance(3_000);
    assertEquals(await status, 0);
    const after = await monitor.totals();
    assertEquals([after.data_received, after.data_confirmed, after.in_doubt], [13, 13, 0]);
    assertEquals(after.ended, [{ by: "self", reason: "shutdown", count: 4 }]);
    assertEquals(monitor.health().problems, ["the server is being stopped"]);
  });

  Deno.test(`the monitor of a server with ${workers} workers knows who is away since an earlier process`, async () => {
    const lost_at = Date.UTC(2026, 10, 22) - 60_000;
    const stored = { id: "s", received: 2, seen_at: lost_at - 5_000, lost_at };
    const { clock, monitor, resume } = await stage(workers, [stored]);
    await clock.advance(1_000);
    assertEquals(outlook(await onlyReading(monitor)), "away: forget in 539000");
    const [outage] = monitor.outages();
    assertEquals([outage!.began_ms, outage!.outcome], [lost_at, "lasts"]);
    await resume("s", { confirmed: 2, sent: 2 });
    assertEquals(outlook(await onlyReading(monitor)), "ok: silent in 20000");
    assertEquals(monitor.outages()[0]!.outcome, "resumed");
    const { opened, resumed } = await monitor.totals();
    assertEquals([opened, resumed], [0, 1]);
  });
}

Deno.test("the monitor of a server with workers hears when a hold is over, and orders by what is in doubt", async () => {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock);
  const { monitor, parts: { sink, watch } } = monitored(clock, "server");
  const store = new HeldStore({ held: false, sessions: [] });
  const options = { sink, store };
  const { server } = await startPool({ clock, network, workers: 2, options, watch });
  const { hello } = callers(network, clock);
  const [a, b] = [await hello("a"), await hello("b")];
  store.held = true;
  await a.peer.say(data(1, 2));
  await b.peer.say(data(1, 5));
  await clock.advance(1_600);
  const { rows } = await monitor.list({ order: "in_doubt", descending: true });
  assertEquals(rows.map(({ session, state, in_doubt, held }) => [session, state, in_doubt, held]), [
    ["b", "held", 5, "store"],
    ["a", "held", 2, "store"],
  ]);
  assertEquals(monitor.health().problems, ["sessions whose confirmations wait for the store: 2"]);
  assertEquals((await monitor.totals()).held, 2);
  store.held = false;
  await store.letThrough();
  await clock.advance(400);
  assertEquals((await monitor.totals()).held, 0);
  assertEquals(monitor.health(), { ok: true, problems: [] });
  server.stop("shutdown");
  await clock.advance(3_000);
});
