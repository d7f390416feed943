/**
 * The deterministic simulation of clients and servers: a fixed number of seeds; and that it finds the
 * defects that it is there for.
 *
 * @module
 */
import { assertEquals, assertGreater, assertMatch } from "@std/assert";
import { type Defect, simulateMutant } from "./mutant.ts";
import { Violation } from "./violation.ts";
import { simulate } from "./world.ts";

/** The seeds of this test, from 1 on; `deno task simulate --runs N` runs as many as one likes. */
const SEEDS = 200;

/** Seeds beyond these that found something once. */
const FINDERS = [1011, 1826, 1963];

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

const DEFECTS: Readonly<Record<string, Defect>> = {
  "the server takes a repeated data message for a new one": {
    file: "server/server_session.ts",
    right: "if (seq > record.receivedUpTo) this.#receive(",
    wrong: "this.#receive(",
  },
  "the client does not send again what was lost": {
    file: "client/outbox.ts",
    right: "this.#sentHere = 0;\n    return",
    wrong: "this.#sentHere = this.#unconfirmed.length;\n    return",
  },
  "a deadline passes a millisecond late": {
    file: "platform/deadline.ts",
    right: "this.#timer.set(due_ms);",
    wrong: "this.#timer.set(due_ms + 1);",
  },
  "a session that comes back is served by whichever worker accepts it": {
    file: "server/workers/routing.ts",
    right: "return route.worker;",
    wrong: "return byDefault;",
  },
};

for (const [what, defect] of Object.entries(DEFECTS)) {
  Deno.test(`the simulation finds within its seeds that ${what}`, async () => {
    const { code, stderr } = await simulateMutant(defect, ["--runs", String(SEEDS)]);
    assertEquals(code, 1, stderr);
    assertMatch(stderr, /^seed \d+ fails: .+\nto see it event by event: .* --seed \d+\n$/);
  });
}
