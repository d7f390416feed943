/**
 * Soak test: thousands of sessions with the real server, which fall silent, die and break at random. Prints
 * a row a minute; fails if a living session was declared dead, or a dead one too early, too late or never,
 * or if memory has grown. Plots the memory in docs/soak.svg.
 *
 * Usage: deno task soak [--minutes=10] [--sessions=5000] [--seed=N]
 *
 * @module
 */
import { processorTime_ms, residentBytes } from "./machine.ts";
import { type Peer, pulsewire, startPeer } from "./peers.ts";
import { type MemorySample, plotMemory } from "./plot.ts";
import { pinThis, Process } from "./process.ts";
import { type Death, Deaths } from "./soak_deaths.ts";
import { digits } from "./table.ts";
import { buildTools, type Tools } from "./tools.ts";

const EVERY_MS = 2_000;
/** Predicted detection after the last message, or the first unanswered heartbeat. */
const PREDICTED_MS = { data: 10_000, heartbeat: 4_000 };
const OPTIONS = [
  "--json",
  "--data-threshold=6",
  "--heartbeat-interval=2",
  "--heartbeat-threshold=2",
  "--heartbeat-additional-tries=1",
];
/** Memory after so many minutes is the baseline, which it may exceed by this share. */
const WARM_UP_MINUTES = 2;
const GROWTH_LIMIT = 0.2;

const SAMPLE_MS = 2_000;
const PLOT = decodeURIComponent(new URL("../docs/soak.svg", import.meta.url).pathname);

const HEAD = ["minute", "messages/s", "silences", "breaks", "deaths", "worst told", "worst seen"];
const TAIL = ["wrong", "stalls", "memory", "processor"];

function option(name: string, fallback: number): number {
  const value = Deno.args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
  if (value === undefined) return fallback;
  if (Number(value) > 0) return Number(value);
  console.error(`--${name}=${value}: a number above 0 is needed`);
  Deno.exit(2);
}

function printCells(cells: readonly string[]): void {
  console.log(`| ${cells.map((cell) => cell.padStart(11)).join(" | ")} |`);
}

/** Counts events, minute by minute. */
class Counts {
  messages = 0;
  silences = 0;
  breaks = 0;
  stalls = 0;
  readonly deaths = new Deaths(PREDICTED_MS);

  /** Counts the events of the load generator until it ends. */
  async countLoad(load: Process): Promise<void> {
    for await (const event of load.events) {
      const session = String(event.session);
      if (event.event === "tick") this.messages = Number(event.answers);
      if (event.event === "silent") this.silences++;
      if (event.event === "breaks") this.breaks++;
      if (event.event === "dies") this.deaths.dies(session);
      if (event.event === "dead_closed") this.deaths.seen(session, event as unknown as Death);
      if (event.event === "live_closed") this.deaths.closedAlive(session);
    }
  }

  /** Counts the events of the server until it ends. */
  async countServer(peer: Peer): Promise<void> {
    for await (const event of peer.process.events) {
      if (event.event === "local_stall") {
        this.stalls++;
        this.deaths.excuse(String(event.session));
      }
      if (event.reason !== "silent") continue;
      const late_ms = Number(event.detected_after_ms) - Number(event.predicted_ms);
      this.deaths.declared(String(event.session), late_ms);
    }
  }
}

/** Prints a row for the last minute; returns the totals so far. */
async function printMinute(minute: number, counts: Counts, peer: Peer, before: Snapshot) {
  const now = await snapshot(counts, peer);
  const seconds = (now.at_ms - before.at_ms) / 1000;
  const { deaths } = counts;
  const { worstTold_ms, worstSeen_ms, count } = deaths.takeMinute();
  printCells([
    String(minute),
    digits((now.messages - before.messages) / seconds),
    String(counts.silences),
    String(counts.breaks),
    String(count),
    `${digits(worstTold_ms)} ms`,
    `${digits(worstSeen_ms)} ms`,
    String(deaths.wrong.length),
    String(counts.stalls),
    `${digits(now.bytes / 2 ** 20)} MB`,
    `${digits((now.processor_ms - before.processor_ms) / seconds / 10)} %`,
  ]);
  counts.silences = counts.breaks = counts.stalls = 0;
  return now;
}

interface Snapshot {
  at_ms: number;
  messages: number;
  bytes: number;
  processor_ms: number;
}

async function snapshot(counts: Counts, peer: Peer): Promise<Snapshot> {
  return {
    at_ms: performance.now(),
    messages: counts.messages,
    bytes: await residentBytes(peer.process.pid),
    processor_ms: await processorTime_ms(peer.process.pid),
  };
}

/** Samples the memory of a server until it is aborted. */
async function sampleMemory(peer: Peer, { signal }: AbortController): Promise<MemorySample[]> {
  const samples: MemorySample[] = [];
  const begin_ms = performance.now();
  while (!signal.aborted) {
    const at_s = (performance.now() - begin_ms) / 1000;
    samples.push({ at_s, bytes: await residentBytes(peer.process.pid) });
    await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
  }
  return samples;
}

/** Runs the soak; returns the failures. */
async function soak(
  tools: Tools,
  minutes: number,
  sessions: number,
  seed: number,
): Promise<string[]> {
  console.log(`${sessions} sessions, ${minutes} minutes, seed ${seed}\n`);
  await using peer = await startPeer(pulsewire, "0", OPTIONS, ["local_stall", "terminated"]);
  const words = [peer.port, "pulsewire", sessions, "soak", EVERY_MS, seed].map(String);
  await using load = new Process("the load generator", [...tools.load, ...words], { place: "1" });
  await load.next("open");
  const counts = new Counts();
  const counting = [counts.countLoad(load), counts.countServer(peer)];
  printCells([...HEAD, ...TAIL]);
  printCells([...HEAD, ...TAIL].map(() => "-".repeat(11)));
  const end = new AbortController();
  const sampling = sampleMemory(peer, end);
  let last = await snapshot(counts, peer);
  let warm_bytes = NaN;
  for (let minute = 1; minute <= minutes; minute++) {
    await new Promise((resolve) => setTimeout(resolve, 60_000));
    last = await printMinute(minute, counts, peer, last);
    if (minute === WARM_UP_MINUTES) warm_bytes = last.bytes;
    if (load.over || peer.process.over) return [`minute ${minute}: a process has ended by itself`];
  }
  const wrong = [...counts.deaths.wrong, ...counts.deaths.overdue()];
  const growth = last.bytes / warm_bytes - 1;
  console.log(`\nmemory since minute ${WARM_UP_MINUTES}: ${digits(growth * 100)} %`);
  if (growth > GROWTH_LIMIT) wrong.push(`memory has grown by ${digits(growth * 100)} %`);
  end.abort();
  const title =
    `Resident memory of the server, ${sessions} sessions that fall silent, die and break`;
  await Deno.writeTextFile(PLOT, plotMemory(title, await sampling));
  await load[Symbol.asyncDispose]();
  await peer[Symbol.asyncDispose]();
  await Promise.all(counting);
  return wrong;
}

const minutes = option("minutes", 10);
const sessions = option("sessions", 5_000);
const seed = option("seed", crypto.getRandomValues(new Uint32Array(1))[0]!);
await pinThis();
await using tools = await buildTools();
if (!tools.inC) {
  console.log("skipped: soak (needs Linux and a C compiler, cc)");
} else {
  const wrong = await soak(tools, minutes, sessions, seed);
  console.log(wrong.length === 0 ? "nothing wrong" : wrong.slice(0, 20).join("\n"));
  Deno.exitCode = wrong.length === 0 ? 0 : 1;
}
