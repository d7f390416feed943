/**
 * The soak test: thousands of sessions with the real server, which fall silent, die and break at
 * random, for as long as one likes. Prints a row a minute, and fails if a living session was declared
 * dead, a dead one too early, too late or never, or memory has grown.
 *
 * Usage: deno task soak [--minutes=10] [--sessions=5000] [--seed=N]
 *
 * @module
 */
import { processorTime_ms, residentBytes } from "./machine.ts";
import { type Peer, pulsewire, startPeer } from "./peers.ts";
import { Process } from "./process.ts";
import { type Death, Deaths } from "./soak_deaths.ts";
import { digits } from "./table.ts";
import { buildTools, type Tools } from "./tools.ts";

const EVERY_MS = 2_000;
/** A dead session is declared so long after its last message, or its first unanswered heartbeat. */
const PREDICTED_MS = { data: 10_000, heartbeat: 4_000 };
const OPTIONS = [
  "--json",
  "--data-threshold=6",
  "--heartbeat-interval=2",
  "--heartbeat-threshold=2",
  "--heartbeat-additional-tries=1",
];
/** From so many minutes on, memory is to stay within this part of what it was then. */
const WARM_UP_MINUTES = 2;
const GROWTH_LIMIT = 0.2;

const HEAD = ["minute", "messages/s", "silences", "breaks", "deaths", "worst told", "worst seen"];
const TAIL = ["wrong", "stalls", "memory", "processor"];

function option(name: string, fallback: number): number {
  const value = Deno.args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
  return value === undefined ? fallback : Number(value);
}

function printCells(cells: readonly string[]): void {
  console.log(`| ${cells.map((cell) => cell.padStart(11)).join(" | ")} |`);
}

/** Counts what happens, minute by minute. */
class Counts {
  messages = 0;
  silences = 0;
  breaks = 0;
  stalls = 0;
  readonly deaths = new Deaths(PREDICTED_MS);

  /** Hears the load generator until it ends. */
  async hearLoad(load: Process): Promise<void> {
    for await (const told of load.told) {
      const session = String(told.session);
      if (told.event === "tick") this.messages = Number(told.answers);
      if (told.event === "silent") this.silences++;
      if (told.event === "breaks") this.breaks++;
      if (told.event === "dies") this.deaths.dies(session);
      if (told.event === "buried") this.deaths.seen(session, told as unknown as Death);
      if (told.event === "wronged") this.deaths.wronged(session);
    }
  }

  /** Hears the server until it ends. */
  async hearServer(peer: Peer): Promise<void> {
    for await (const told of peer.process.told) {
      if (told.event === "local_stall") {
        this.stalls++;
        this.deaths.excuse(String(told.session));
      }
      if (told.event !== "terminated" || told.reason !== "silent") continue;
      const late_ms = Number(told.detected_after_ms) - Number(told.predicted_ms);
      this.deaths.told(String(told.session), late_ms);
    }
  }
}

/** Prints a row for the minute that is over; gives the server's memory. */
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

/** Runs the soak; gives what was wrong. */
async function soak(
  tools: Tools,
  minutes: number,
  sessions: number,
  seed: number,
): Promise<string[]> {
  console.log(`${sessions} sessions, ${minutes} minutes, seed ${seed}\n`);
  await using peer = await startPeer(pulsewire, ...OPTIONS);
  const words = [peer.port, "pulsewire", sessions, "soak", EVERY_MS, seed].map(String);
  await using load = new Process("the load generator", [...tools.load, ...words]);
  await load.next("open");
  const counts = new Counts();
  const hearing = [counts.hearLoad(load), counts.hearServer(peer)];
  printCells([...HEAD, ...TAIL]);
  printCells([...HEAD, ...TAIL].map(() => "-".repeat(11)));
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
  await load[Symbol.asyncDispose]();
  await peer[Symbol.asyncDispose]();
  await Promise.all(hearing);
  return wrong;
}

await using tools = await buildTools();
if (!tools.inC) {
  console.log("skipped: soak (needs Linux and a C compiler, cc)");
} else {
  const seed = option("seed", crypto.getRandomValues(new Uint32Array(1))[0]!);
  const wrong = await soak(tools, option("minutes", 10), option("sessions", 5_000), seed);
  console.log(wrong.length === 0 ? "nothing wrong" : wrong.slice(0, 20).join("\n"));
  Deno.exitCode = wrong.length === 0 ? 0 : 1;
}
