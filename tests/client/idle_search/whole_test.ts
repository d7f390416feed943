/**
 * Whole searches, from the plan to the end, against a server in memory over a middlebox that forgets: the brackets
 * contain the true timeout, are narrow enough, and are found in time.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Prober } from "../../../lib/client/idle_search/prober.ts";
import { IdleTimeoutRun } from "../../../lib/client/idle_search/run.ts";
import { IdleSearch } from "../../../lib/client/idle_search/search.ts";
import { ForgetfulNetwork, type Memory } from "../../support/forgetful_network.ts";
import { startPool } from "../../support/pool_stage.ts";
import { ADDRESS } from "../../support/server_options.ts";
import { DEFAULT_TIMERS, Recorder } from "../../support/stage.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const UP_TO_MS = 600_000;
const PRECISION_MS = 5_000;

async function search(memory: ForgetfulNetwork["memory"]) {
  const clock = new VirtualClock();
  const network = new ForgetfulNetwork(clock);
  network.memory = memory;
  const { server } = await startPool({ workers: 1, clock, network });
  const recorder = new Recorder(clock);
  const world = { address: ADDRESS, clock, timers: DEFAULT_TIMERS };
  const run = new IdleTimeoutRun({
    ...{ ...world, earlier: [], upTo_ms: UP_TO_MS, soak: false, sink: recorder },
    search: new IdleSearch({ up_to_ms: UP_TO_MS, precision_ms: PRECISION_MS, probes: 32 }),
    newProber: () =>
      new Prober({
        ...{ ...world, transport: network, search: "q", maxMessageBytes: 1_000 },
        random: (bytes) => void bytes.fill(7),
      }),
  });
  let isOver = false;
  const status = run.run().finally(() => isOver = true);
  while (!isOver && clock.now() < 3 * UP_TO_MS) await clock.advance(1_000);
  assertEquals(await status, 0);
  const took_ms = clock.now();
  server.stop("done");
  await clock.advance(3_000);
  assertEquals(clock.pending, 0);
  return { found: recorder.one("idle_timeout"), took_ms };
}

const CASES: readonly [what: string, client?: Memory, server?: Memory][] = [
  ["no timeout"],
  ["one of 20 s", { timeout_ms: 20_000, how: "drop" }, { timeout_ms: 20_000, how: "drop" }],
  ["one of 350 s, with a reset", ...both({ timeout_ms: 350_000, how: "reset the speaker" })],
  ["two", { timeout_ms: 120_000, how: "drop" }, { timeout_ms: 60_000, how: "reset both" }],
  ["one for the server's word alone", undefined, { timeout_ms: 240_000, how: "drop" }],
];

function both(memory: Memory): [Memory, Memory] {
  return [memory, memory];
}

for (const [what, client, server] of CASES) {
  Deno.test(`a search finds what is on the path: ${what}`, async () => {
    const { found, took_ms } = await search((first) => first === "client" ? client : server);
    assert(found.complete);
    assertEquals(found.contradictions, []);
    for (
      const [{ forgotten_by_s, survives_s }, memory] of [
        [found.client_first, client],
        [found.server_first, server],
      ] as const
    ) {
      const seen = `${survives_s} to ${forgotten_by_s}`;
      if (!memory) {
        assertEquals(forgotten_by_s, null);
        assert(survives_s >= UP_TO_MS / 1000, seen);
        continue;
      }
      // The middlebox sees the idle time begin some milliseconds before the client does.
      const truth_s = memory.timeout_ms / 1000;
      assert(survives_s <= truth_s + 0.05 && truth_s - 0.05 <= forgotten_by_s!, seen);
      assert((forgotten_by_s! - survives_s) * 1000 <= PRECISION_MS + 50, seen);
    }
    // Where the directions differ, more sessions have to agree, which takes further rounds.
    const isOne = client?.timeout_ms === server?.timeout_ms;
    const most_ms = !isOne ? 2 * UP_TO_MS : client ? 2.5 * client.timeout_ms : UP_TO_MS;
    assert(took_ms <= most_ms + 30_000, `${took_ms} ms`);
  });
}
