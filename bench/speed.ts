/**
 * Throughput and round-trip times; the cost of a store and of a recording, and the gain of more workers.
 *
 * @module
 */
import { processorTime_ms } from "./machine.ts";
import { type Kind, mosquitto, type Peer, startPeer } from "./peers.ts";
import { type Place, Process } from "./process.ts";
import { type Bench, interleave, pick, printRow, ROUNDS, startAll } from "./rounds.ts";
import { digits, median } from "./table.ts";
import type { Tools } from "./tools.ts";

const HERE = decodeURIComponent(new URL(".", import.meta.url).pathname);
const PAYLOAD_BYTES = 32;
const SECONDS = 1.5;

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
  { sessions, window, place = "1" }: { sessions: number; window: number; place?: Place },
): Promise<Flood> {
  const numbers = [window, SECONDS, PAYLOAD_BYTES].map(String);
  const words = [String(peer.port), peer.kind.protocol, String(sessions), "flood", ...numbers];
  const before_ms = await processorTime_ms(peer.process.pid);
  await using load = new Process("the load generator", [...tools.load, ...words], {
    stderr: "inherit",
    place,
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

/** Pulsewire, and what shows the cost of the same messages without it. */
function speakers({ subjects, peers }: Bench): Kind[] {
  return [...subjects, ...peers.filter((kind) => kind !== mosquitto)];
}

/** Confirmed data messages per second. */
export async function throughput(bench: Bench): Promise<void> {
  for (
    const { goal, ...load } of [
      { sessions: 1, window: 64, goal: "≥ 0.8 ×" },
      { sessions: 100, window: 1, goal: "≥ 0.9 ×" },
    ]
  ) {
    await using all = await startAll(speakers(bench), "0");
    const floods = await interleave(all.peers, (peer) => flood(bench.tools, peer, load));
    const name = loadName(load);
    printRow(bench, `confirmed messages/s, ${name}`, pick(floods, (each) => each.per_second), {
      goal,
    });
    printRow(
      bench,
      `server's processor time a message, ${name}`,
      pick(floods, (each) => each.processor_us),
      { unit: " µs" },
    );
    const busy = [...floods].map(([name, each]) =>
      `${name} ${median(each.map(({ generator_percent }) => generator_percent)).toFixed(0)} %`
    );
    console.log(`(the load generator's share of its processor: ${busy.join(", ")})`);
  }
}

/** Round-trip times of one session with one message in flight, on the server's processor. */
export async function roundTrip(bench: Bench): Promise<void> {
  await using all = await startAll(speakers(bench), "0");
  const load = { sessions: 1, window: 1, place: "0" } as const;
  const floods = await interleave(all.peers, (peer) => flood(bench.tools, peer, load));
  for (const quantile of ["p50", "p99"] as const) {
    const rounds = pick(floods, (each) => each[`${quantile}_ms`] * 1000);
    const options = { unit: " µs", goal: "≤ 1.1 ×" };
    printRow(bench, `round trip, 1 session, ${quantile}`, rounds, options);
  }
}

/** The most that one store commits at once. */
const MAX_BATCH = 8_192;

/** SQLite alone, by how many rows one statement inserts: one, or as many as the store's statements. */
const RAW_STORES = [["node:sqlite", 1], ["node:sqlite, 16 rows a statement", 16]] as const;

/** Confirmed data messages per second with a store, compared with its limit. */
export async function durable(bench: Bench): Promise<void> {
  const { folder } = bench.tools;
  for (
    const { goal, ...load } of [
      { sessions: 100, window: 256, goal: "≥ 0.8 ×" },
      { sessions: 1, window: 256, goal: "≥ 0.4 ×" },
    ]
  ) {
    await using stack = new AsyncDisposableStack();
    const rates = new Map<string, number[]>();
    const peers: Peer[] = [];
    for (const [i, kind] of bench.subjects.entries()) {
      const store = `--store=${folder}/${load.sessions}-${i}.db`;
      peers.push(stack.use(await startPeer(kind, "0,1", [store])));
    }
    const add = (name: string, rate: number) => rates.set(name, [...rates.get(name) ?? [], rate]);
    for (let round = 0; round < ROUNDS; round++) {
      for (const peer of peers) {
        add(peer.kind.name, (await flood(bench.tools, peer, load)).per_second);
      }
      for (const [name, rowsAtOnce] of RAW_STORES) {
        const file = `${folder}/raw-${load.sessions}-${round}-${rowsAtOnce}.db`;
        add(name, await rawStore(file, load, rowsAtOnce));
      }
    }
    for (const [against] of RAW_STORES) {
      const rows = `${digits(median(rates.get(against)!))} rows/s`;
      const figure = `--store: confirmed messages/s, ${loadName(load)} (${against}: ${rows})`;
      printRow(bench, figure, rates, {
        against,
        goal: against === RAW_STORES[0][0] ? goal : undefined,
      });
    }
  }
}

/** Rows per second of SQLite alone, with batches of the size that the messages in flight allow. */
async function rawStore(
  file: string,
  { sessions, window }: { sessions: number; window: number },
  rowsAtOnce: number,
): Promise<number> {
  const batch = Math.min(sessions * window, MAX_BATCH);
  const words = [
    `${HERE}raw_store.ts`,
    file,
    ...[sessions, batch, rowsAtOnce, SECONDS].map(String),
  ];
  const deno = [Deno.execPath(), "run", "--quiet", "--allow-read", "--allow-write"];
  await using raw = new Process("node:sqlite", [...deno, ...words], { place: "0,1" });
  return Number((await raw.next("result")).per_second);
}

/** Confirmed data messages per second with two workers and with one. */
export async function workers(bench: Bench): Promise<void> {
  const [kind] = bench.subjects;
  const one = { ...kind!, name: "one" };
  const two = { ...kind!, words: (port: number) => kind!.words(port, ["--workers=2"]) };
  await using all = await startAll([two, one], "0,1");
  const load = { sessions: 100, window: 1, place: "0,1" } as const;
  const floods = await interleave(all.peers, (peer) => flood(bench.tools, peer, load));
  const rounds = pick(floods, (each) => each.per_second);
  printRow(bench, `confirmed messages/s, ${loadName(load)}, --workers 2`, rounds, {
    against: one.name,
  });
}

/** Confirmed data messages per second of a server that records, and of one that does not. */
export async function recorded(bench: Bench): Promise<void> {
  const [kind] = bench.subjects;
  const record = `--record=${bench.tools.folder}/record.jsonl`;
  const without = { ...kind!, name: "without" };
  const recording = { ...kind!, words: (port: number) => kind!.words(port, [record]) };
  await using all = await startAll([recording, without], "0");
  const load = { sessions: 100, window: 1 };
  const floods = await interleave(all.peers, (peer) => flood(bench.tools, peer, load));
  const name = `${loadName(load)}, --record`;
  const against = without.name;
  const rates = pick(floods, (each) => each.per_second);
  printRow(bench, `confirmed messages/s, ${name}`, rates, { against, goal: "≥ 0.9 ×" });
  const times = pick(floods, (each) => each.processor_us);
  printRow(bench, `server's processor time a message, ${name}`, times, { against, unit: " µs" });
}

function loadName({ sessions, window }: { sessions: number; window: number }): string {
  return `${sessions === 1 ? "1 session" : `${sessions} sessions`}, window ${window}`;
}
