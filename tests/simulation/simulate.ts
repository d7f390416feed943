/**
 * The command `simulate [--seed N] [--runs N]`: runs the simulation of one seed and tells its story, or
 * runs that of many, one after the other.
 *
 * @module
 */
import { Violation } from "./violation.ts";
import { type Outcome, simulate } from "./world.ts";

const USAGE = "usage: simulate [--seed N] [--runs N]";

/** How often, in milliseconds, it is told how far the runs have come. */
const PROGRESS_MS = 5_000;

/** The seed of the run under way. */
let current = 0;

/** Runs the command: its exit status. */
async function main(args: readonly string[]): Promise<number> {
  const numbers = parse(args);
  if (!numbers) {
    console.error(USAGE);
    return 2;
  }
  const { runs, seed } = numbers;
  const isStory = runs === 1;
  // Errors that are told by nobody are made by the thousand; the story of one seed shows the rest.
  if (!isStory) Error.stackTraceLimit = 0;
  const total = { sessions_ms: 0, confirmed: 0 };
  const started_ms = performance.now();
  let told_ms = started_ms;
  for (let run = 0; run < runs; run++) {
    current = seed + run;
    try {
      add(total, await simulate(seed + run, isStory ? (line) => console.log(line) : undefined));
    } catch (error) {
      tellFailure(seed + run, error, isStory);
      return 1;
    }
    if (performance.now() - told_ms < PROGRESS_MS && run < runs - 1) continue;
    told_ms = performance.now();
    console.log(progress(run + 1, total, told_ms - started_ms));
  }
  return 0;
}

function parse(args: readonly string[]): { seed: number; runs: number } | undefined {
  const numbers = { seed: 1, runs: 1 };
  for (let at = 0; at < args.length; at += 2) {
    const name = args[at]!.replace("--", "");
    const value = Number(args[at + 1]);
    if (!(name === "seed" || name === "runs") || !Number.isSafeInteger(value)) return undefined;
    numbers[name] = value;
  }
  return numbers;
}

function add(total: { sessions_ms: number; confirmed: number }, outcome: Outcome): void {
  total.sessions_ms += outcome.sessions_ms;
  total.confirmed += outcome.confirmed;
}

function progress(runs: number, total: Outcome, real_ms: number): string {
  const hours = total.sessions_ms / 3_600_000;
  const perMinute = hours / (real_ms / 60_000);
  return `${runs} runs: ${hours.toFixed(1)} session-hours, ${total.confirmed} data messages ` +
    `confirmed, in ${(real_ms / 1000).toFixed(1)} s: ${
      perMinute.toFixed(0)
    } session-hours a minute`;
}

function tellFailure(seed: number, error: unknown, isStory: boolean): void {
  const rule = error instanceof Violation ? error.message : error;
  console.error(`seed ${seed} fails:`, rule);
  if (!isStory) console.error(`to see it event by event: deno task simulate --seed ${seed}`);
}

if (import.meta.main) {
  globalThis.addEventListener("unhandledrejection", ({ reason }) => {
    tellFailure(current, reason, false);
    Deno.exit(1);
  });
  Deno.exit(await main(Deno.args));
}
