/**
 * Draws from a seed what a run is made of: hosts, paths, timers, and what goes wrong how often.
 *
 * @module
 */
import type { Timers } from "../../lib/session/timers.ts";
import type { Key } from "../../lib/wire/proof.ts";
import type { Random } from "../support/random.ts";
import { DEFAULT_TIMERS } from "../support/stage.ts";
import type { LinkQuality } from "./link.ts";
import type { OutputsPlan } from "./output_faults.ts";

/** The lines that a client is fed with. */
export interface LinesPlan {
  readonly burst: readonly [least: number, greatest: number];
  readonly pause_ms: readonly [least: number, greatest: number];
  /** How many lines there are; without end if not given. */
  readonly total?: number;
  /** How much longer than others a line may be. */
  readonly padding: number;
}

/** What a client is like. */
export interface ClientPlan {
  readonly server: number;
  readonly timers: Timers;
  readonly window: number;
  readonly count?: number;
  readonly reconnect?: { readonly limit: number };
  /** Where its data messages come from, if not at an interval. */
  readonly lines?: LinesPlan;
  readonly quality: LinkQuality;
}

/** What a server is like. */
export interface ServerPlan {
  /** How many threads share its port. */
  readonly workers: number;
  readonly timers: Timers;
  readonly original: boolean;
  /** Whether clients have to prove a key. */
  readonly hasKeys?: boolean;
  readonly maxSessions: number;
  readonly sessionLifetime_ms: number;
  /** How long a commit to its store takes, if it has one. */
  readonly commit_ms?: readonly [least: number, greatest: number];
  /** What may wait for delivery, in bytes, before sessions are held, if not as much as usual. */
  readonly maxPendingBytes?: number;
  /** How long an append to its output takes, if it has one. */
  readonly append_ms?: readonly [least: number, greatest: number];
  /** What becomes of its outputs, if it has a store and anything does. */
  readonly outputs?: OutputsPlan;
}

/** What can go wrong. */
export const FAULTS = [
  "cut",
  "half cut",
  "lose",
  "reset",
  "finish",
  "stall client",
  "stall server",
  "kill server",
  "power off server",
  "stop server",
  "fill disk",
  "stall output",
  "kill client",
  "power off client",
  "stop client",
  "jump",
  "fail dials",
] as const;

/** One of {@linkcode FAULTS}, or what only happens to an overloaded server. */
export type Fault = typeof FAULTS[number] | "stall store";

/** What a run is made of. */
export interface Plan {
  readonly servers: readonly ServerPlan[];
  readonly clients: readonly ClientPlan[];
  /** How long things go wrong. */
  readonly storm_ms: number;
  /** What goes wrong. */
  readonly faults: readonly Fault[];
  /** How long it takes, at the least and at most, from one fault to the next. */
  readonly faultGap_ms: readonly [least: number, greatest: number];
  /** How long a fault lasts, at the least and at most. */
  readonly faultLength_ms: readonly [least: number, greatest: number];
  /** Whether strangers come. */
  readonly hasStrangers?: boolean;
  /** Whether all goes well at the end, so that everything must come to a good end. */
  readonly calmsDown: boolean;
}

/** The key of all clients; and another one of every server, which strangers have. */
export const [CLIENTS_KEY, OTHERS_KEY] = ["clients", "others"].map((name) => ({
  name,
  secret: name.padEnd(43, "x"),
})) as [Key, Key];

/** How many data messages and heartbeats a run may take, or so, for a run to take its fair time. */
const STEPS = 4_000;

/** How many faults there may be in a run, or so. */
const MOST_FAULTS = 100;

/** Draws the plan of a run. */
export function drawPlan(random: Random): Plan {
  const servers = times(random.oneIn(4) ? 2 : 1, () => drawServer(random));
  const clients = times(random.pick([1, 1, 1, 2, 3, 5]), () => drawClient(random, servers.length));
  const busy = clients.reduce((sum, each) => sum + frequency(each, servers[each.server]!), 0);
  const storm_ms = Math.min(spread(random, 600_000, 24 * 3_600_000), Math.round(STEPS / busy));
  const gap_ms = Math.max(spread(random, 10_000, 1_200_000), storm_ms / MOST_FAULTS);
  const length_ms = spread(random, 2_000, 200_000);
  const faults = FAULTS.filter(() => random.oneIn(2));
  const calmsDown = !random.oneIn(4);
  return {
    servers: servers.map((each) => ({ ...each, workers: random.pick([1, 1, 2, 3]) })),
    clients,
    storm_ms,
    faults,
    faultGap_ms: [Math.round(gap_ms / 10), Math.round(2 * gap_ms)],
    faultLength_ms: [Math.round(length_ms / 50), length_ms],
    calmsDown,
  };
}

/** The same plan, or, for one seed in three, one with strangers, and perhaps with keys. */
export function addStrangers(plan: Plan, random: Random): Plan {
  if (!random.oneIn(3)) return plan;
  const hasKeys = random.oneIn(2);
  const servers = plan.servers.map((each) =>
    hasKeys ? { ...each, hasKeys, original: false } : each
  );
  return { ...plan, servers, hasStrangers: true };
}

function drawServer(random: Random): Omit<ServerPlan, "workers"> {
  const slowest_ms = random.pick([2, 200, 2_000, 2_000]);
  const hasStore = random.oneIn(2);
  const hasOutput = random.oneIn(2);
  return {
    timers: drawTimers(random),
    original: random.oneIn(2),
    maxSessions: random.oneIn(10) ? 2 : 10_000,
    sessionLifetime_ms: random.pick([0, 20_000, 300_000, 3_600_000, 3_600_000]),
    ...random.oneIn(3) && { maxPendingBytes: random.pick([4_000, 50_000]) },
    ...hasStore && { commit_ms: [1, slowest_ms] as const },
    ...hasOutput && { append_ms: [1, random.pick([1, 100, 1_000])] as const },
  };
}

function drawClient(random: Random, servers: number): ClientPlan {
  if (random.oneIn(6)) return drawSlowClient(random, servers);
  const isLines = random.oneIn(2);
  const most = random.oneIn(2) ? 256 : random.between(1, 20);
  const slowest_ms = random.pick([1, 5, 50, 400]);
  return {
    server: random.below(servers),
    timers: drawTimers(random),
    window: isLines ? random.pick([1, 2, most, 256]) : random.pick([1, 1, 1, most]),
    ...random.oneIn(3) && { count: random.between(1, isLines ? 5_000 : 500) },
    ...!random.oneIn(4) && { reconnect: { limit: random.pick([0, 0, 0, 1, 5, 20]) } },
    ...isLines && { lines: drawLines(random) },
    quality: {
      latency_ms: [random.between(0, slowest_ms), slowest_ms],
      capacity: random.pick([300, 3_000, 65_536, 65_536]),
      fragment: random.pick([1, 20, 1_000, 1_000, 65_536, 65_536, 65_536]),
    },
  };
}

/** A client with large messages on a path so slow that one takes several thresholds. */
function drawSlowClient(random: Random, servers: number): ClientPlan {
  const bytesPerSecond = random.between(1_000, 10_000);
  const timers = { ...drawTimers(random), data_threshold_ms: random.between(1_000, 20_000) };
  const most_s = random.between(1, 4) * timers.data_threshold_ms / 1_000;
  const pause_ms = random.between(10_000, 120_000);
  return {
    server: random.below(servers),
    timers,
    window: random.pick([1, 2, 5]),
    reconnect: { limit: 0 },
    lines: {
      burst: [1, 2],
      pause_ms: [Math.round(pause_ms / 10), pause_ms],
      padding: Math.round(bytesPerSecond * most_s),
    },
    quality: {
      bytesPerSecond,
      latency_ms: [0, random.pick([1, 20])],
      capacity: Math.round(bytesPerSecond / 10),
      fragment: 65_536,
    },
  };
}

function drawLines(random: Random): LinesPlan {
  const pause_ms = spread(random, 3_000, 1_200_000);
  return {
    burst: [1, random.pick([1, 10, 100])],
    pause_ms: [Math.round(pause_ms / 10), pause_ms],
    ...random.oneIn(3) && { total: random.between(0, 5_000) },
    padding: random.pick([1, 10, 200]),
  };
}

function drawTimers(random: Random): Timers {
  if (random.oneIn(3)) return DEFAULT_TIMERS;
  return {
    data_interval_ms: spread(random, 1_000, 600_000),
    data_threshold_ms: spread(random, 1_000, 300_000),
    heart_beat_interval_ms: spread(random, 2_000, 120_000),
    heart_beat_threshold_ms: spread(random, 2_000, 30_000),
    heart_beat_additional_tries: random.below(5),
  };
}

/** How many steps a client takes in a millisecond, or so. */
function frequency(
  { lines, quality, timers }: ClientPlan,
  server: Pick<ServerPlan, "timers">,
): number {
  const data = lines ? lines.burst[1] / lines.pause_ms[1] : 1 / timers.data_interval_ms;
  const heartbeat_ms = Math.min(
    timers.heart_beat_interval_ms,
    server.timers.heart_beat_interval_ms,
  );
  const bytes = 60 + (lines?.padding ?? 0);
  const chunk = Math.min(quality.fragment, quality.capacity);
  return data * (1 + bytes / 4 / chunk) + 0.3 / heartbeat_ms * (1 + 4 / chunk);
}

/** A number of that order of magnitude: small ones are as likely as large ones. */
export function spread(random: Random, least: number, greatest: number): number {
  return Math.round(least * (greatest / least) ** (random.below(1_000) / 1_000));
}

function times<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}
