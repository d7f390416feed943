/**
 * Detection: how long after the predicted time a peer is declared dead, and told so.
 *
 * @module
 */
import { mosquitto, type Peer, startPeer } from "./peers.ts";
import { Process } from "./process.ts";
import { type Bench, ROUNDS } from "./rounds.ts";
import { digits, median, quantile } from "./table.ts";
import type { Tools } from "./tools.ts";

/** Options of a server, and the detection time that they predict. */
export interface Timing {
  readonly predicted_ms: number;
  readonly options: readonly string[];
}

/** How many sessions die at once, and how often, one death after the other. */
export interface Run extends Timing {
  readonly sessions: number;
  readonly runs: number;
}

/** Thresholds for a detection after `data_s` and two heartbeats. */
export function timing(data_s: number, heartbeat_s: number): Timing {
  return {
    predicted_ms: (data_s + 2 * heartbeat_s) * 1000,
    options: [
      `--data-threshold=${data_s}`,
      `--heartbeat-threshold=${heartbeat_s}`,
      "--heartbeat-additional-tries=1",
    ],
  };
}

const ONE_BY_ONE = { sessions: 1, runs: 50, ...timing(0.2, 0.1) };
/** Long enough for all sessions to open before the first falls silent. */
export const ALL_AT_ONCE = { sessions: 10_000, runs: 1, ...timing(4, 1) };
/** MQTT: a server closes a connection after one and a half times the keep-alive. */
const KEEP_ALIVE_S = 2;

/** Overshoot in milliseconds: as reported by the server, and as seen by its dead peer. */
export interface Lateness {
  readonly reported: number[];
  readonly seen: number[];
  /** How many local stalls the server reported. */
  stalls: number;
}

/** Opens sessions that die at once, and waits until the server has closed them all. */
async function dieAt(
  tools: Tools,
  peer: Peer,
  options: { sessions: number; predicted_ms: number },
): Promise<number[]> {
  const { sessions, predicted_ms } = options;
  const words = [peer.port, peer.kind.protocol, sessions, "die", KEEP_ALIVE_S].map(String);
  await using load = new Process("the load generator", [...tools.load, ...words], {
    stderr: "inherit",
    place: "1",
  });
  const { after_ms } = await load.next("all_closed");
  return (after_ms as number[]).map((each) => each - predicted_ms);
}

/** Has the sessions of a Pulsewire server die, and collects its events; something else may go on beside that. */
export async function deaths(
  bench: Bench,
  run: Run,
  beside?: (peer: Peer) => Promise<AsyncDisposable>,
): Promise<Lateness> {
  const options = ["--json", ...run.options];
  await using peer = await startPeer(bench.subjects[0]!, "0", options, [
    "local_stall",
    "terminated",
  ]);
  await using _beside = await beside?.(peer);
  const lateness: Lateness = { reported: [], seen: [], stalls: 0 };
  const collecting = (async () => {
    while (lateness.reported.length < run.sessions * run.runs) {
      const { value, done } = await peer.process.events.next();
      if (done) throw new Error(`${peer.kind.name} ended early`);
      if (value.event === "local_stall") lateness.stalls++;
      if (value.reason !== "silent") continue;
      lateness.reported.push(Number(value.detected_after_ms) - Number(value.predicted_ms));
    }
  })();
  for (let i = 0; i < run.runs; i++) {
    lateness.seen.push(...await dieAt(bench.tools, peer, run));
  }
  await collecting;
  return lateness;
}

/** How late mosquitto closes sessions that have died. */
async function mosquittoDeaths(bench: Bench, sessions: number): Promise<number[]> {
  if (!bench.peers.includes(mosquitto)) return [];
  await using peer = await startPeer(mosquitto, "0");
  return await dieAt(bench.tools, peer, { sessions, predicted_ms: KEEP_ALIVE_S * 1500 });
}

const CASES: readonly (Run & { name: string; lateGoal: string; seenGoal?: string })[] = [
  { name: "1 session", ...ONE_BY_ONE, lateGoal: "≤ 5 ms" },
  { name: "10,000 at once", ...ALL_AT_ONCE, lateGoal: "≤ 50 ms", seenGoal: "≤ 700 ms" },
];

/** How late deaths are declared, and told to the dead: of single sessions, and of thousands at once. */
export async function detection(bench: Bench): Promise<void> {
  const name = bench.subjects[0]!.name;
  for (const run of CASES) {
    const rounds: Lateness[] = [];
    const others: number[][] = [];
    for (let round = 0; round < ROUNDS; round++) {
      rounds.push(await deaths(bench, run));
      others.push(await mosquittoDeaths(bench, run.sessions));
    }
    const shown = (late_ms: readonly (readonly number[])[], part: number) => {
      const value = median(late_ms.map((each) => quantile(each, part)));
      return Number.isNaN(value) ? "" : `${digits(value)} ms`;
    };
    const row = (what: string, part: number, pick: "reported" | "seen", goal?: string) =>
      bench.table.row({
        figure: `deaths, ${run.name}: ${what}, p${part * 100}`,
        values: {
          [name]: shown(rounds.map((each) => each[pick]), part),
          [mosquitto.name]: pick === "seen" ? shown(others, part) : "",
        },
        goal,
      });
    for (const part of [0.5, 0.99] as const) {
      row("declared late", part, "reported", part === 0.99 ? run.lateGoal : undefined);
    }
    row("told to the dead late", 0.99, "seen", run.seenGoal);
    const stalls = rounds.reduce((sum, each) => sum + each.stalls, 0);
    if (stalls > 0) console.log(`(local stalls reported meanwhile: ${stalls})`);
  }
}
