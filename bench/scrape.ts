/**
 * What a scrape of `/metrics` each second costs: how late deaths are declared, with and without.
 *
 * @module
 */
import { freePort } from "../tests/support/ports.ts";
import { hold } from "./crowd.ts";
import { ALL_AT_ONCE, deaths, type Lateness, type Run, timing } from "./detection.ts";
import type { Peer } from "./peers.ts";
import type { Bench } from "./rounds.ts";
import { digits, median, quantile } from "./table.ts";

const SESSIONS = 10_000;
const EVERY_MS = 1_000;
/** How often each session that lives sends a message: none of them falls silent. */
const MESSAGE_MS = 3_000;
/** How long to wait until the server has opened all that live. */
const SETTLE_MS = 3_000;
/** How often each is measured: less than other figures, because it takes long. */
const TURNS = 3;

/** Sessions that die while many others go on: each scrape falls among deadlines. */
const AMONG_MANY: Run = { sessions: 100, runs: 3, ...timing(5, 2) };

const CASES = [
  {
    name: `${AMONG_MANY.sessions} of ${SESSIONS}`,
    run: AMONG_MANY,
    living: SESSIONS - AMONG_MANY.sessions,
  },
  { name: `${SESSIONS} at once`, run: ALL_AT_ONCE, living: 0 },
] as const;

/** Scrapes a port each second until disposed of; then it has how long each took. */
function scrapeEachSecond(port: number): AsyncDisposable & { readonly took_ms: number[] } {
  const took_ms: number[] = [];
  const scrape = async () => {
    const begin_ms = performance.now();
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
    if (!answer.ok) throw new Error(`/metrics answered ${answer.status}`);
    await answer.text();
    took_ms.push(performance.now() - begin_ms);
  };
  let last = Promise.resolve();
  const timer = setInterval(() => last = last.then(scrape), EVERY_MS);
  return {
    took_ms,
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await last;
    },
  };
}

/** The lateness of deaths, with a scrape each second or without `--web`. */
async function measure(
  bench: Bench,
  { living, run }: typeof CASES[number],
  isScraped: boolean,
): Promise<Lateness & { took_ms: readonly number[] }> {
  const port = freePort();
  const options = [...run.options, ...isScraped ? [`--web=${port}`] : []];
  let took_ms: readonly number[] = [];
  const lateness = await deaths(bench, { ...run, options }, async (peer: Peer) => {
    await using made = new AsyncDisposableStack();
    if (living > 0) {
      made.use(await hold(bench.tools, peer, living, MESSAGE_MS));
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    }
    if (isScraped) ({ took_ms } = made.use(scrapeEachSecond(port)));
    return made.move();
  });
  return { ...lateness, took_ms };
}

/** How late deaths are declared, with and without a scrape each second, in turn. */
export async function scrape(bench: Bench): Promise<void> {
  const name = bench.subjects[0]!.name;
  for (const each of CASES) {
    const rounds = new Map<boolean, Awaited<ReturnType<typeof measure>>[]>([[false, []], [
      true,
      [],
    ]]);
    for (let round = 0; round < TURNS; round++) {
      for (const [isScraped, measured] of rounds) {
        measured.push(await measure(bench, each, isScraped));
      }
    }
    for (const [isScraped, measured] of rounds) {
      const p99 = median(measured.map(({ reported }) => quantile(reported, 0.99)));
      bench.table.row({
        figure: `deaths, ${each.name}, ${isScraped ? "a scrape each second" : "without --web"}: ` +
          "declared late, p99",
        values: { [name]: `${digits(p99)} ms` },
        goal: "≤ 50 ms",
      });
    }
    const took_ms = rounds.get(true)!.flatMap((each) => each.took_ms);
    bench.table.row({
      figure: `a scrape, ${each.name}: p50`,
      values: { [name]: `${digits(quantile(took_ms, 0.5))} ms` },
    });
  }
}
