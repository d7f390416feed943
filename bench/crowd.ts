/**
 * Memory and processor time of many sessions.
 *
 * @module
 */
import { processorTime_ms, residentBytes } from "./machine.ts";
import { mosquitto, type Peer } from "./peers.ts";
import { Process } from "./process.ts";
import { type Bench, printRow, ROUNDS, type Rounds, startAll } from "./rounds.ts";
import type { Tools } from "./tools.ts";

/** How many sessions there are. */
export const SESSIONS = 10_000;
/** How often each has a message, if it has any, in milliseconds. */
export const EVERY_MS = 5_000;
/** How long to wait before measuring, until the servers are idle. */
export const SETTLE_MS = 4_000;
/** No session falls silent, unless that is measured. */
export const NO_SILENCE = "--data-threshold=3600";
/** The server sends heartbeats from the start, one every five seconds. */
const HEARTBEATS = ["--data-threshold=0.5", `--heartbeat-interval=${EVERY_MS / 1000}`];

/** A peer with open sessions, and its resident set before they were opened. */
export interface Holder extends AsyncDisposable {
  readonly peer: Peer;
  readonly sessions: number;
  readonly before_bytes: number;
}

/** Opens sessions with a peer, which send a message at an interval, or never, until disposed of. */
export async function hold(
  tools: Tools,
  peer: Peer,
  sessions: number,
  every_ms: number,
): Promise<Holder> {
  const before_bytes = await residentBytes(peer.process.pid);
  const words = [peer.port, peer.kind.protocol, sessions, "hold", every_ms].map(String);
  const load = new Process("the load generator", [...tools.load, ...words], {
    stderr: "inherit",
    place: "1",
  });
  await load.next("open");
  return {
    peer,
    sessions,
    before_bytes,
    [Symbol.asyncDispose]: () => load[Symbol.asyncDispose](),
  };
}

/** Growth of the resident set, in KiB per session. */
async function memoryEach({ peer, sessions, before_bytes }: Holder): Promise<number> {
  return (await residentBytes(peer.process.pid) - before_bytes) / sessions / 1024;
}

/** The processor time of several peers over the same seconds, in µs per session and second. */
async function processorTimes(holders: readonly Holder[]): Promise<Rounds> {
  const times = new Map<string, number[]>(holders.map(({ peer }) => [peer.kind.name, []]));
  const readAll = () => Promise.all(holders.map(({ peer }) => processorTime_ms(peer.process.pid)));
  for (let round = 0; round < ROUNDS; round++) {
    const begin_ms = performance.now();
    const before = await readAll();
    await pause(EVERY_MS);
    const after = await readAll();
    const seconds = (performance.now() - begin_ms) / 1000;
    holders.forEach(({ peer, sessions }, i) =>
      times.get(peer.kind.name)!.push((after[i]! - before[i]!) * 1000 / sessions / seconds)
    );
  }
  return times;
}

/** Memory per idle session. All peers have their sessions open at the same time. */
export async function memory(bench: Bench): Promise<void> {
  const sizes = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round++) {
    await using stack = new AsyncDisposableStack();
    const all = stack.use(await startAll([...bench.subjects, ...bench.peers], "0", [NO_SILENCE]));
    const holders = await Promise.all(
      all.peers.map((peer) => hold(bench.tools, peer, SESSIONS, 0)),
    );
    holders.forEach((holder) => stack.use(holder));
    await pause(SETTLE_MS);
    for (const holder of holders) {
      const { name } = holder.peer.kind;
      sizes.set(name, [...sizes.get(name) ?? [], await memoryEach(holder)]);
    }
  }
  const figure = `memory of an idle session, ${SESSIONS} sessions`;
  printRow(bench, figure, sizes, { unit: " KB", goal: "≤ 8.5 KB" });
}

/** Processor time of many sessions with a message, or a heartbeat, each every five seconds. */
export async function processor(bench: Bench): Promise<void> {
  const peers = bench.peers.filter((kind) => kind !== mosquitto);
  const pings = bench.peers.filter((kind) => kind === mosquitto);
  for (const what of ["message", "heartbeat"]) {
    const beats = what === "heartbeat";
    await using stack = new AsyncDisposableStack();
    const kinds = [...bench.subjects, ...(beats ? [] : peers), ...pings];
    const all = stack.use(await startAll(kinds, "0", beats ? HEARTBEATS : [NO_SILENCE]));
    const holders = await Promise.all(all.peers.map((peer) => {
      const answersOnly = beats && peer.kind.protocol === "pulsewire";
      return hold(bench.tools, peer, SESSIONS, answersOnly ? 0 : EVERY_MS);
    }));
    holders.forEach((holder) => stack.use(holder));
    await pause(SETTLE_MS);
    const figure = `processor time a session and second, ${SESSIONS} sessions, a ${what} every ${
      EVERY_MS / 1000
    } s`;
    const options = beats
      ? { unit: " µs", against: mosquitto.name, goal: "≤ 2 ×" }
      : { unit: " µs", goal: "≤ 1.2 ×" };
    printRow(bench, figure, await processorTimes(holders), options);
  }
}

/** Waits for so many milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
