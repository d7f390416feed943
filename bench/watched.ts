/**
 * What it costs a server of many sessions that somebody looks on.
 *
 * @module
 */
import { freePort } from "../tests/support/ports.ts";
import { EVERY_MS, hold, NO_SILENCE, pause, SESSIONS, SETTLE_MS } from "./crowd.ts";
import { ALL_AT_ONCE, deaths } from "./detection.ts";
import { processorTime_ms } from "./machine.ts";
import { startPeer } from "./peers.ts";
import { Process } from "./process.ts";
import { type Bench, ROUNDS } from "./rounds.ts";
import { digits, median, quantile } from "./table.ts";

/** How many pages are open. */
const PAGES = 50;

/** Opens pages until disposed of. */
async function lookOn(webPort: number): Promise<Process> {
  const script = decodeURIComponent(new URL("look_on.ts", import.meta.url).pathname);
  const words = [Deno.execPath(), "run", "--quiet", "--no-config", "--allow-net=127.0.0.1", script];
  const args = [`http://127.0.0.1:${webPort}/`, String(PAGES)];
  const process = new Process("the pages", [...words, ...args], { stderr: "inherit", place: "1" });
  await process.next("looking");
  return process;
}

/** Many sessions with open pages, and without: the server's processor time, and how late deaths are declared. */
export async function watched(bench: Bench): Promise<void> {
  await processorShare(bench);
  const { name } = bench.subjects[0]!;
  const late_ms: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const webPort = freePort();
    const options = [...ALL_AT_ONCE.options, `--web=${webPort}`];
    const { reported } = await deaths(bench, { ...ALL_AT_ONCE, options }, () => lookOn(webPort));
    late_ms.push(quantile(reported, 0.99));
  }
  bench.table.row({
    figure: `deaths, 10,000 at once, ${PAGES} open pages: declared late, p99`,
    values: { [name]: `${digits(median(late_ms))} ms` },
    goal: "≤ 50 ms",
  });
}

async function processorShare(bench: Bench): Promise<void> {
  const kind = bench.subjects[0]!;
  const webPort = freePort();
  await using peer = await startPeer(kind, "0", [NO_SILENCE, `--web=${webPort}`]);
  await using _sessions = await hold(bench.tools, peer, SESSIONS, EVERY_MS);
  await pause(SETTLE_MS);
  const share = async () => {
    const [before_ms, begun_ms] = [await processorTime_ms(peer.process.pid), performance.now()];
    await pause(EVERY_MS);
    const used_ms = await processorTime_ms(peer.process.pid) - before_ms;
    return 100 * used_ms / (performance.now() - begun_ms);
  };
  const alone: number[] = [];
  const more: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    alone.push(await share());
    await using _pages = await lookOn(webPort);
    more.push(await share() - alone.at(-1)!);
  }
  const every = `${SESSIONS} sessions, a message every ${EVERY_MS / 1000} s, --web`;
  for (
    const [figure, shares, goal] of [
      [`share of a core, ${every}`, alone],
      [`the same: how much more with ${PAGES} open pages`, more, "≤ 5 %"],
    ] as const
  ) {
    bench.table.row({ figure, values: { [kind.name]: `${digits(median(shares))} %` }, goal });
  }
}
