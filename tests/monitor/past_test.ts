/**
 * What a monitor knows of earlier processes, by the store.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Server } from "../../lib/server/server.ts";
import { HeldStore } from "../support/held_delivery.ts";
import { MemoryNetwork } from "../support/memory_network.ts";
import { monitored } from "../support/monitored.ts";
import { serverOptions } from "../support/server_options.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const NOW = Date.UTC(2026, 10, 22);
const PEER = { peer: "192.0.2.1:4" };

Deno.test("a restarted server shows the outages of its store, and since when its sessions are known", async () => {
  const clock = new VirtualClock();
  const { monitor, parts } = monitored(clock, "server");
  monitor.remember({
    opened: [
      { session: "s", ...PEER, opened_at: NOW - 90_000 },
      { session: "t", ...PEER, opened_at: NOW - 50_000 },
    ],
    outages: [
      // Of an earlier session of this id.
      { session: "s", ...PEER, lost_at: NOW - 95_000, over_at: NOW - 94_000, isResumed: false },
      {
        ...{ session: "s", ...PEER, lost_at: NOW - 80_000, over_at: NOW - 70_000 },
        ...{ isResumed: true, gap_ms: 12_000, reason: "reset" },
      },
      { session: "gone", ...PEER, lost_at: NOW - 60_000, over_at: NOW - 60_000, isResumed: false },
      { session: "s", ...PEER, lost_at: NOW - 20_000, isResumed: false },
    ],
  });
  const sessions = [
    { id: "s", received: 1, seen_at: NOW - 21_000, lost_at: NOW - 20_000 },
    { id: "t", received: 1, seen_at: NOW - 5_000 },
  ];
  const store = new HeldStore({ held: false, sessions });
  Server.listen(
    serverOptions({ clock, transport: new MemoryNetwork(clock), store, ...parts }),
  );
  const { now, states } = (await monitor.history("s"))!;
  assertEquals(states.map(({ from_ms, state }) => `${from_ms - NOW} ${state}`), [
    "-90000 ok",
    "-80000 away",
    "-70000 ok",
    "-20000 away",
  ]);
  assertEquals([now.state, now.state_ms, now.age_ms], ["away", 20_000, 90_000]);
  assertEquals(now.peer, PEER.peer);
  const other = (await monitor.history("t"))!.states;
  assertEquals(other.map(({ from_ms, state }) => `${from_ms - NOW} ${state}`), [
    "-50000 ok",
    "0 away",
  ]);
  assertEquals(
    monitor.outages().map((
      { session, began_ms, outcome, cause, silent_ms },
    ) => [session, began_ms - NOW, outcome, cause, silent_ms]),
    [
      ["t", 0, "lasts", "unknown", null],
      ["s", -20_000, "lasts", "unknown", null],
      ["gone", -60_000, "lost", "unknown", null],
      ["s", -80_000, "resumed", "reset", 12_000],
      ["s", -95_000, "lost", "unknown", null],
    ],
  );
});
