/**
 * All of it at once, for so many seconds as PULSEWIRE_ENDURANCE_S says: lines piped over a path that
 * fails at random, to a server that is killed every few seconds. What comes out is what went in, and
 * neither side grows. In a long run also what becomes of outputs, and floods beside honest sessions.
 *
 * @module
 */
import { assert, assertGreater, assertLess } from "@std/assert";
import { FloodedServer } from "../support/flooded_server.ts";
import type { OutputFate } from "../support/outputs.ts";
import { Pipeline, type Run } from "../support/pipeline.ts";
import { noProcessMemory } from "../support/process_memory.ts";
import { testUnless } from "../support/skip.ts";
import { whyNoDisk } from "../support/small_disk.ts";

/** How long paths fail; the whole of it is 120 s. */
const DURATION_S = Number(Deno.env.get("PULSEWIRE_ENDURANCE_S") ?? 12);
/** What decides on the faults. */
const SEED = Number(Deno.env.get("PULSEWIRE_ENDURANCE_SEED") ?? 1);
const LINES = Math.round(DURATION_S * 200_000 / 120);

const IS_LONG = DURATION_S >= 60;

/** What becomes of the outputs of further servers, unless the run is a short one. */
const FATES: readonly OutputFate[] = IS_LONG
  ? ["moved", "elsewhere", "a pipe", ...whyNoDisk ? [] : ["on a full disk"] as const]
  : [];

/** By what part memory may grow, once a process is warm. */
const MAX_GROWTH = 0.2;

if (IS_LONG && whyNoDisk) console.log(`not run: an output on a full disk: ${whyNoDisk}`);

testUnless(
  noProcessMemory,
  "nothing is lost, doubled or mixed up, and nothing grows, whatever happens to the path",
  async (t) => {
    const options = { lines: LINES, duration_s: DURATION_S };
    const few = { lines: LINES / 20, duration_s: DURATION_S, kills: true };
    const floods = IS_LONG ? [false, true] : [];
    const [runs, others, flooded] = await Promise.all([
      Promise.allSettled([
        new Pipeline({ ...options, seed: SEED, kills: true }).run(),
        new Pipeline({ ...options, seed: SEED + 1, kills: false }).run(),
      ]),
      Promise.allSettled(
        FATES.map((output, i) => new Pipeline({ ...few, seed: SEED + 2 + i, output }).run()),
      ),
      Promise.allSettled(
        floods.map((kills) =>
          new FloodedServer({ seed: SEED, duration_s: DURATION_S, kills }).run()
        ),
      ),
    ]);
    for (const [i, name] of ["a server that is killed", "a server that lives"].entries()) {
      await t.step(`${name}; seed ${SEED + i}, ${LINES} lines`, () => {
        judge(valueOf(runs[i]!), i === 0);
      });
    }
    for (const [i, output] of FATES.entries()) {
      await t.step(`a server that is killed, and whose output is ${output} then`, () => {
        const { fullEnds, kills, repeated_ms } = valueOf(others[i]!);
        console.log(`killed ${kills} times; a new output repeated messages of ${repeated_ms} ms`);
        assertGreater(kills, DURATION_S / 12);
        if (output !== "on a full disk") return;
        console.log(`ended on a full disk with ${fullEnds.join(", ")}`);
        assert(fullEnds.includes(1) && fullEnds.includes(2));
      });
    }
    for (const [i, kills] of floods.entries()) {
      await t.step(
        `floods beside honest sessions, at a server that is ${kills ? "" : "not "}killed`,
        () => {
          const run = valueOf(flooded[i]!);
          console.log(JSON.stringify(run));
          assertGreater(run.bursts, DURATION_S / 4);
          assertGreater(run.large, DURATION_S / 30);
          if (kills) assertGreater(run.kills, DURATION_S / 24);
          else assertLess(run.worst_ms, 3_000, "a confirmation took as long as silence does");
        },
      );
    }
  },
);

function valueOf<Value>(result: PromiseSettledResult<Value>): Value {
  if (result.status === "rejected") throw result.reason;
  return result.value;
}

function judge({ client, kills, path, server }: Run, isKilled: boolean): void {
  console.log(`${path}, killed ${kills} times; megabytes of memory:`);
  console.log(`client: ${megabytes(client)}\nserver: ${megabytes(server)}`);
  if (isKilled) assertGreater(kills, DURATION_S / 8);
  assertLess(growth(client), MAX_GROWTH, "the client grows");
  const serverGrowth = isKilled ? growthFromBirth(server) : growth(server);
  assertLess(serverGrowth, MAX_GROWTH, "the server grows");
}

function megabytes(memory: readonly number[]): string {
  return memory.map((bytes) => Math.round(bytes / 1_000_000)).join(" ");
}

/** By what part the last third has more than the first, in which a burst of lines got it warm. */
function growth(memory: readonly number[]): number {
  const third = Math.floor(memory.length / 3);
  return Math.max(...memory.slice(-third)) / Math.max(...memory.slice(0, third)) - 1;
}

/** By what part those born in the second half have more than those before; some were busy at once. */
function growthFromBirth(memory: readonly number[]): number {
  const half = Math.floor(memory.length / 2);
  return Math.min(...memory.slice(half)) / Math.min(...memory.slice(0, half)) - 1;
}
