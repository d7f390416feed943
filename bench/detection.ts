/**
 * Detection overshoot: how long after the predicted time a peer is declared dead.
 *
 * @module
 */
import { mosquitto, type Peer, startPeer } from "./peers.ts";
import { Process } from "./process.ts";
import type { Bench } from "./rounds.ts";
import { digits, quantile } from "./table.ts";
import type { Tools } from "./tools.ts";

/** Options of a server, and the detection time that they predict. */
interface Timing {
  readonly predicted_ms: number;
  readonly options: readonly string[];
}

/** Thresholds for a detection after `data_s` and two heartbeats. */
function timing(data_s: number, heartbeat_s: number): Timing {
  return {
    predicted_ms: (data_s + 2 * heartbeat_s) * 1000,
    options: [
      `--data-threshold=${data_s}`,
      `--heartbeat-threshold=${heartbeat_s}`,
      "--heartbeat-additional-tries=1",
    ],
  };
}

const ONE_BY_ONE = { runs: 50, ...timing(0.2, 0.1) };
/** Long enough for all sessions to open before the first falls silent. */
const ALL_AT_ONCE = { sessions: 10_000, runs: 3, ...timing(4, 1) };
/** MQTT: a server closes a connection after one and a half times the keep-alive. */
const KEEP_ALIVE_S = 2;

/** Overshoot in milliseconds: as reported by the server, and as seen by its dead peer. */
interface Lateness {
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
  });
  const late_ms = [];
  while (late_ms.length < sessions) {
    late_ms.push(Number((await load.next("dead_closed")).after_ms) - predicted_ms);
  }
  return late_ms;
}

/** Has the sessions of a Pulsewire server die, and collects its events. */
async function deaths(
  bench: Bench,
  run: { sessions: number; runs: number } & Timing,
): Promise<Lateness> {
  await using peer = await startPeer(bench.subjects[0]!, "--json", ...run.options);
  const lateness: Lateness = { reported: [], seen: [], stalls: 0 };
  const collecting = (async () => {
    while (lateness.reported.length < run.sessions * run.runs) {
      const { value, done } = await peer.process.events.next();
      if (done) throw new Error(`${peer.kind.name} ended early`);
      if (value.event === "local_stall") lateness.stalls++;
      if (value.event !== "terminated" || value.reason !== "silent") continue;
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
  await using peer = await startPeer(mosquitto);
  return await dieAt(bench.tools, peer, { sessions, predicted_ms: KEEP_ALIVE_S * 1500 });
}

/** Detection overshoot: of single sessions, and of thousands that die in the same moment. */
export async function detection(bench: Bench): Promise<void> {
  const [subject] = bench.subjects;
  for (
    const { run, sessions, figure, goal } of [
      { run: { sessions: 1, ...ONE_BY_ONE }, sessions: 1, figure: "1 session", goal: "≤ 5 ms" },
      {
        run: ALL_AT_ONCE,
        sessions: ALL_AT_ONCE.sessions,
        figure: `${ALL_AT_ONCE.sessions} dying at once`,
        goal: "≤ 50 ms",
      },
    ]
  ) {
    const { reported, seen, stalls } = await deaths(bench, run);
    const mosquittoLate = await mosquittoDeaths(bench, sessions);
    for (const part of [0.5, 0.99, 1]) {
      const name = part === 1 ? "worst" : `p${part * 100}`;
      const value = (late_ms: number[]) =>
        late_ms.length === 0 ? "" : `${digits(quantile(late_ms, part))} ms`;
      bench.table.row({
        figure: `detection overshoot, ${figure}, ${run.runs} runs, ${name}`,
        values: { [subject!.name]: value(reported), [mosquitto.name]: value(mosquittoLate) },
        ratio: `seen by peer: ${value(seen)}`,
        goal: part === 0.99 ? goal : "",
      });
    }
    if (stalls > 0) {
      bench.table.row({ figure: `  local stalls reported meanwhile: ${stalls}`, values: {} });
    }
  }
}
