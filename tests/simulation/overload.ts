/**
 * Draws what overloads a server, for one seed in five: floods of small messages beside the other sessions,
 * on fast and slow paths; slow and stalled stores and outputs; small bounds of what may wait.
 *
 * The numbers come from a stream of their own, so that all other seeds tell the story that they always told.
 *
 * @module
 */
import type { Random } from "../support/random.ts";
import { DEFAULT_TIMERS } from "../support/stage.ts";
import type { LinkQuality } from "./link.ts";
import { type ClientPlan, type Plan, type ServerPlan, spread } from "./plan.ts";

/** How many small messages the floods of a run have, all together, or so. */
const FLOODED = 3_000;

/** The same plan, or one with an overloaded server. */
export function overload(plan: Plan, random: Random): Plan {
  if (!random.oneIn(5)) return plan;
  const index = random.below(plan.servers.length);
  const servers = plan.servers.map((each, at) => at === index ? overloaded(each, random) : each);
  const storm_ms = Math.min(plan.storm_ms, spread(random, 600_000, 3_600_000));
  const floods = drawFloods(index, storm_ms, random);
  const gap_ms = spread(random, 30_000, 600_000);
  const length_ms = spread(random, 10_000, 600_000);
  const faults = plan.faults.filter(() => random.oneIn(3));
  return {
    ...plan,
    servers,
    clients: [...plan.clients.map((each) => ({ ...each, server: index })), ...floods],
    storm_ms,
    faults: [...faults, "stall store", "stall store", "stall output"],
    faultGap_ms: [Math.round(gap_ms / 10), 2 * gap_ms],
    faultLength_ms: [Math.round(length_ms / 50), length_ms],
  };
}

function overloaded(plan: ServerPlan, random: Random): ServerPlan {
  const slow = [[1, 20], [1, 20], [100, 5_000], [1_000, 60_000]] as const;
  const hasStore = plan.commit_ms !== undefined || !random.oneIn(4);
  const hasOutput = plan.append_ms !== undefined || !hasStore || random.oneIn(2);
  return {
    ...plan,
    maxSessions: 10_000,
    maxPendingBytes: random.pick([20_000, 100_000, 500_000, undefined]),
    commit_ms: hasStore ? random.pick(slow) : undefined,
    append_ms: hasOutput ? random.pick(slow) : undefined,
  };
}

function drawFloods(server: number, storm_ms: number, random: Random): ClientPlan[] {
  // A batch of the server has 8,192 entries: only several of the largest floods fill some.
  const window = random.oneIn(12) ? 16_384 : random.pick([100, 100, 500, 2_000]);
  const count = window === 16_384 ? 2 : window === 100 ? 8 : random.between(1, 3);
  const pause_ms = Math.round(storm_ms * count * window / FLOODED);
  return Array.from({ length: count }, () => ({
    server,
    timers: DEFAULT_TIMERS,
    window,
    ...!random.oneIn(4) && { reconnect: { limit: 0 } },
    lines: {
      burst: [window / 2, window] as const,
      pause_ms: [Math.round(pause_ms / 2), 2 * pause_ms] as const,
      padding: 1,
    },
    quality: drawPath(window, random),
  }));
}

/** A path that holds all that is in flight, so that what follows it waits for long if the path is slow. */
function drawPath(window: number, random: Random): LinkQuality {
  return {
    latency_ms: [0, random.pick([1, 20])],
    ...random.oneIn(2) && { bytesPerSecond: random.between(500, 10_000) },
    capacity: 60 * window,
    fragment: random.pick([1_000, 4_000, 65_536]),
  };
}
