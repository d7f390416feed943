/**
 * The deterministic simulation of clients and servers: a fixed number of seeds.
 *
 * @module
 */
import { assertEquals, assertGreater } from "@std/assert";
import { Violation } from "./violation.ts";
import { simulate } from "./world.ts";

/** The seeds of this test, from 1 on; `.ci/run` runs 100, and `deno task simulate --runs N` as many as one likes. */
const SEEDS = 10;

/** Seeds beyond these that found something once. */
const FINDERS = [1011, 1416, 1453, 1457, 1826, 1963];

Deno.test(`simulate() finds nothing wrong with seeds 1 to ${SEEDS}, and some more`, async () => {
  const seeds = Array.from({ length: SEEDS }, (_, at) => at + 1);
  for (const seed of [...seeds, ...FINDERS]) {
    try {
      await simulate(seed);
    } catch (error) {
      const rule = error instanceof Violation ? error.message : String(error);
      const command = `deno task simulate --seed ${seed}`;
      throw new Error(`seed ${seed}: ${rule}; to see it: ${command}`, { cause: error });
    }
  }
});

Deno.test("simulate() does the very same again for the same seed", async () => {
  for (const seed of [1, 2, 3]) {
    const stories: string[][] = [[], []];
    for (const story of stories) await simulate(seed, (line) => story.push(line));
    assertGreater(stories[0]!.length, 100);
    assertEquals(stories[0], stories[1]);
  }
});
