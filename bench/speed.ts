/**
 * Throughput and round-trip times; the cost of a store, and the gain of more workers.
 *
 * @module
 */
import { processorTime_ms } from "./machine.ts";
import { denoEcho, type Kind, type Peer } from "./peers.ts";
import { outputOf, Process } from "./process.ts";
import { type Bench, interleave, pick, printRow, startAll } from "./rounds.ts";
import type { Tools } from "./tools.ts";

const PAYLOAD_BYTES = 32;
const SECONDS = 1.5;
const ROUNDS = 5;

/** Result of a flood of messages. */
interface Flood {
  /** Answered messages per second. */
  per_second: number;
  /** The peer's processor time per message, in microseconds. */
  processor_us: number;
  /** The load generator's share of one core, in percent: near 100, it was the bottleneck. */
  generator_percent: number;
  /** The median of the round-trip times, when only one message was in flight. */
  p50_ms: number;
  /** The 99th percentile of the same. */
  p99_ms: number;
}

/** Floods a peer with messages. */
async function flood(
  tools: Tools,
  peer: Peer,
  options: { sessions: number; window: number },
): Promise<Flood> {
  const { sessions, window } = options;
  const numbers = [window, SECONDS, PAYLOAD_BYTES].map(String);
  const words = [String(peer.port), peer.kind.protocol, String(sessions), "flood", ...numbers];
  const before_ms = await processorTime_ms(peer.process.pid);
  await using load = new Process("the load generator", [...tools.load, ...words], {
    stderr: "inherit",
  });
  const result = await load.next("result");
  await load.ended();
  const processor_ms = await processorTime_ms(peer.process.pid) - before_ms;
  return {
    per_second: Number(result.per_second),
    processor_us: processor_ms * 1000 / Number(result.messages),
    generator_percent: Number(result.busy) * 100,
    p50_ms: Number(result.p50_ms ?? NaN),
    p99_ms: Number(result.p99_ms ?? NaN),
  };
}

/** Pulsewire and the echo servers, which show the cost of the same bytes without it. */
function speakers({ subjects, peers }: Bench): Kind[] {
  return [...subjects, ...peers.filter((kind) => kind.protocol === "echo")];
}

/** Confirmed data messages per second. */
export async function throughput(bench: Bench): Promise<void> {
  const against = denoEcho.name;
  for (const options of [{ sessions: 1, window: 64 }, { sessions: 100, window: 1 }]) {
    await using all = await startAll(speakers(bench));
    const floods = await interleave(
      all.peers,
      ROUNDS,
      (peer) => flood(bench.tools, peer, options),
    );
    printRow(
      bench,
      `confirmed messages/s, ${loadName(options)}`,
      pick(floods, (each) => each.per_second),
      { against, goal: "≥ 0.8" },
    );
    printRow(
      bench,
      `  of these, server's processor time per message`,
      pick(floods, (each) => each.processor_us),
      { against, unit: " µs" },
    );
    printRow(
      bench,
      `  of these, load generator's share of a core`,
      pick(floods, (each) => each.generator_percent),
      { unit: " %" },
    );
  }
}

/** Round-trip times of one session with one message in flight. */
export async function roundTrip(bench: Bench): Promise<void> {
  await using all = await startAll(speakers(bench));
  const floods = await interleave(
    all.peers,
    ROUNDS,
    (peer) => flood(bench.tools, peer, { sessions: 1, window: 1 }),
  );
  for (const quantile of ["p50", "p99"] as const) {
    const rounds = pick(floods, (each) => each[`${quantile}_ms`] * 1000);
    const options = { unit: " µs", against: denoEcho.name, goal: "≤ 1.1" };
    printRow(bench, `round-trip time, 1 session, window 1, ${quantile}`, rounds, options);
  }
}

/** Confirmed data messages per second with a store and without one. */
export async function durable(bench: Bench): Promise<void> {
  const options = [`--store=${bench.tools.folder}/bench.db`];
  await withAndWithout(bench, options, { sessions: 1, window: 256, goal: "≥ 0.5" });
}

/** Confirmed data messages per second with two workers and with one. */
export async function workers(bench: Bench): Promise<void> {
  await withAndWithout(bench, ["--workers=2"], { sessions: 100, window: 1 });
}

/** Confirmed data messages per second with some options of the server and without them. */
async function withAndWithout(
  bench: Bench,
  options: readonly string[],
  { goal, ...load }: { sessions: number; window: number; goal?: string },
): Promise<void> {
  const [flag] = options[0]!.split("=");
  const shown = flag === "--store" ? flag : options[0]!.replace("=", " ");
  const figure = `confirmed messages/s, ${loadName(load)}, with ${shown}`;
  const [kind] = bench.subjects;
  const help = await outputOf(...kind!.words(1, ["--help"]));
  if (!help?.includes(flag!)) return bench.table.skip(figure, `the server has no ${flag}`);
  const without = { ...kind!, name: "without" };
  const changed = { ...kind!, words: (port: number) => kind!.words(port, options) };
  await using all = await startAll([changed, without]);
  const floods = await interleave(all.peers, ROUNDS, (peer) => flood(bench.tools, peer, load));
  const rounds = pick(floods, (each) => each.per_second);
  printRow(bench, figure, rounds, { against: without.name, goal });
}

function loadName({ sessions, window }: { sessions: number; window: number }): string {
  return `${sessions === 1 ? "1 session" : `${sessions} sessions`}, window ${window}`;
}
