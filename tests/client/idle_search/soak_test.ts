/**
 * What a soak says of sessions that have to die.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { ProbePlan, ProbeResult } from "../../../lib/client/idle_search/probe.ts";
import type { Prober } from "../../../lib/client/idle_search/prober.ts";
import { runSoak } from "../../../lib/client/idle_search/soak.ts";

const PLAN = {
  ...{ text: "", interval_ms: 1_000, times: 3 },
  deadly: [{ first: "client", idle_ms: 2_000 }] as const,
};

/** What is said of the sessions that have to die, and the numbers of the probes. */
async function soakOf(outcomes: ProbeResult["outcome"][]) {
  const ids: number[] = [];
  const prober = {
    keep: () => Promise.resolve({ lived_ms: 3_000, isAlive: true }),
    probe: ({ id }: ProbePlan) => {
      ids.push(id);
      return Promise.resolve({ outcome: outcomes.shift() });
    },
  } as unknown as Prober;
  const [, verdict] = await runSoak(PLAN, prober);
  return { ...verdict, ids };
}

const WHAT = "soak: of 3 sessions idle for 2 s, client first";

Deno.test("a soak repeats a session of which a stall shows nothing", async () => {
  assertEquals(await soakOf(["silent", "void", "silent", "closed"]), {
    ...{ isAsFound: true, text: `${WHAT}, all died, as they had to`, ids: [1, 2, 5, 3] },
  });
});

Deno.test("a soak tells sessions that lived from those of which nothing is known", async () => {
  const lived = await soakOf(["silent", "alive", "silent"]);
  assertEquals([lived.isAsFound, lived.text], [
    false,
    `${WHAT}, 2 died, and all had to (silent, alive, silent)`,
  ]);
  const gone = await soakOf(["silent", "void", "void", "not_opened"]);
  assertEquals([gone.isAsFound, gone.text], [
    false,
    `${WHAT}, 1 died, and of 2 that is not known (silent, void, not_opened)`,
  ]);
});
