/**
 * The search's logic against random paths, in virtual time: what it finds contains the truth, in time, whatever the
 * path does. `deno task idle-searches` runs 10,000 of them.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { Bracket, FirstSpeaker } from "../../../lib/client/idle_search/probe.ts";
import { KNOWN_IDLE_TIMEOUTS } from "../../../lib/evidence/cuts.ts";
import { type Ending, type Searched, searchWorld, type World } from "../../support/idle_world.ts";
import { forEachSeed, Random } from "../../support/random.ts";

/** How many searches, of all kinds together. */
const SEARCHES = Number(Deno.env.get("PULSEWIRE_IDLE_SEARCHES") ?? 400);

const HONEST: World = {
  paths: [],
  jitter_ms: 0,
  late_ms: 20,
  lost: 0,
  notOpened: 0,
  stalls_ms: [],
};

const DIRECTIONS = ["client", "server"] as const;

const KNOWN_MS = Object.keys(KNOWN_IDLE_TIMEOUTS).map((seconds) => Number(seconds) * 1000)
  .filter((ms) => ms < 7_500_000);

function options(random: Random) {
  const precision_ms = random.pick([1, 2, 5, 5, 10]) * 1000;
  return { precision_ms, up_to_ms: random.pick([60, 120, 600, 3600, 7500]) * 1000, probes: 32 };
}

function ending(random: Random, timeout_ms: number): Ending {
  const fate = random.pick(["silent", "silent", "reset_client", "reset_both", "closed"] as const);
  return { timeout_ms, fate, endsIdle: random.oneIn(4) };
}

/** A timeout of any order of magnitude, or none. */
function timeout(random: Random, up_to_ms: number): number {
  if (random.oneIn(6)) return Infinity;
  return Math.round(1000 * Math.exp(random.below(1e6) / 1e6 * Math.log(up_to_ms / 1000 - 1)));
}

function bracketOf({ result }: Searched, first: FirstSpeaker): Bracket {
  return result[`${first}_first`];
}

/** Whether one of these timeouts lies in a bracket. */
function hasOne(
  { forgotten_by_s, survives_s }: Bracket,
  timeouts_ms: readonly number[],
  jitter_ms: number,
): boolean {
  return timeouts_ms.some((ms) =>
    ms + jitter_ms + 1 >= survives_s * 1000 &&
    (forgotten_by_s === null || ms <= forgotten_by_s * 1000 + 1)
  );
}

/** Checks what holds for each search over one path. */
function checkOnePath(searched: Searched, world: World, up_to_ms: number, precision_ms: number) {
  const { most, result } = searched;
  assert(most.idle <= 32 && most.opened <= 20, JSON.stringify(most));
  assert(result.isComplete);
  for (const first of DIRECTIONS) {
    const bracket = bracketOf(searched, first);
    const { timeout_ms } = world.paths[0]![first];
    const text = JSON.stringify({ first, timeout_ms, up_to_ms, precision_ms, result });
    assert(hasOne(bracket, [timeout_ms], world.jitter_ms), text);
    if (bracket.forgotten_by_s === null) {
      const isSaid = result.contradictions.length > 0;
      assert(timeout_ms + world.jitter_ms + 100 >= up_to_ms, text);
      assert(isSaid || bracket.survives_s * 1000 >= up_to_ms - 0.02 * precision_ms, text);
    } else if (result.contradictions.length === 0) {
      assert((bracket.forgotten_by_s - bracket.survives_s) * 1000 <= precision_ms + 2, text);
    }
  }
}

Deno.test("a search finds the timeout of each direction, though packets are lost, hosts stall and sessions do not open", () =>
  forEachSeed(Math.ceil(SEARCHES * 0.6), (random) => {
    const of = options(random);
    const client = ending(random, timeout(random, of.up_to_ms));
    const server = random.oneIn(3) ? ending(random, timeout(random, of.up_to_ms)) : client;
    const world: World = {
      paths: [{ client, server }],
      late_ms: 20,
      jitter_ms: random.pick([0, 0, 100, 500]),
      lost: random.pick([0, 0, 5, 20]),
      notOpened: random.pick([0, 0, 20, 50]),
      stalls_ms: random.oneIn(4) ? [random.below(of.up_to_ms)] : [],
    };
    checkOnePath(searchWorld(of, world, random), world, of.up_to_ms, of.precision_ms);
  }));

/** In how much time a timeout is found, in milliseconds: what is longer beside the precision takes a round more. */
function bound_ms(timeout_ms: number, precision_ms: number): number {
  const isNear = KNOWN_MS.includes(timeout_ms) || timeout_ms <= 18 * precision_ms;
  const rounds = isNear ? 1 : 3.25;
  return (1.5 + rounds) * Math.max(timeout_ms, precision_ms) + 30_000;
}

Deno.test("a timeout T is found in 2.5 T + 30 s, or in two rounds more; that there is none up to D in D + 30 s", () =>
  forEachSeed(Math.ceil(SEARCHES * 0.3), (random) => {
    const of = options(random);
    const timeout_ms = random.oneIn(2) ? random.pick(KNOWN_MS) : timeout(random, of.up_to_ms);
    if (timeout_ms > 0.98 * of.up_to_ms && timeout_ms < 1.02 * of.up_to_ms) return;
    const both = ending(random, timeout_ms);
    // Where sessions are spoken on just at the timeout, some live and some die: a round more.
    const world = { ...HONEST, late_ms: 0, paths: [{ client: both, server: both }] };
    const searched = searchWorld(of, world, random);
    checkOnePath(searched, world, of.up_to_ms, of.precision_ms);
    const most_ms = timeout_ms > of.up_to_ms
      ? of.up_to_ms + 30_000
      : bound_ms(timeout_ms, of.precision_ms);
    assert(searched.took_ms <= most_ms, `${timeout_ms} ${searched.took_ms} > ${most_ms}`);
    assertEquals(searched.result.contradictions, []);
  }));

Deno.test("several paths with timeouts of their own are never taken for one that is none of them", () =>
  forEachSeed(Math.ceil(SEARCHES * 0.1), (random) => {
    const of = options(random);
    const paths = [1, 2].map(() => {
      const both = ending(random, timeout(random, of.up_to_ms));
      return { client: both, server: both };
    });
    const world = { ...HONEST, paths };
    const searched = searchWorld(of, world, random);
    for (const first of DIRECTIONS) {
      const timeouts_ms = paths.map((path) => path[first].timeout_ms);
      const text = JSON.stringify({ ...of, timeouts_ms, result: searched.result });
      assert(hasOne(bracketOf(searched, first), timeouts_ms, 0), text);
    }
  }));

for (const endsIdle of [false, true]) {
  const how = endsIdle ? "closed" : "silent";
  Deno.test(`two paths are named with both of their timeouts: ${how}`, () =>
    forEachSeed(60, (random) => {
      const path = (timeout_ms: number) => {
        const both = { timeout_ms, fate: how, endsIdle } as const;
        return { client: both, server: both };
      };
      const world = { ...HONEST, paths: [path(8_000), path(18_000)] };
      const of = { precision_ms: 2_000, up_to_ms: 30_000, probes: 32 };
      const searched = searchWorld(of, world, random);
      for (const first of DIRECTIONS) {
        const bracket = bracketOf(searched, first);
        const text = JSON.stringify(bracket);
        assertEquals(bracket.how, how);
        assert(bracket.survives_s <= 8 && bracket.forgotten_by_s! >= 18, text);
        assert(bracket.survives_s >= 4 && bracket.forgotten_by_s! <= 22, text);
      }
      const [said] = searched.result.contradictions;
      assert(/^client first: of \d+ sessions idle for .* several paths/.test(said!), said);
    }));
}

Deno.test("lost sessions are said, and do not count as a timeout", () =>
  forEachSeed(20, (random) => {
    const none = { timeout_ms: Infinity, fate: "silent", endsIdle: false } as const;
    const world = { ...HONEST, paths: [{ client: none, server: none }], lost: 20 };
    const of = { precision_ms: 5_000, up_to_ms: 600_000, probes: 32 };
    const { result, results } = searchWorld(of, world, random);
    for (const first of DIRECTIONS) {
      assertEquals(result[`${first}_first`].forgotten_by_s, null);
      const lost = results.filter(({ outcome, plan }) =>
        plan.first === first && outcome === "silent"
      );
      const said = result.contradictions.filter((each) => each.startsWith(`${first} first: `));
      assertEquals(said.length, lost.length > 0 ? 1 : 0);
    }
  }));

Deno.test("sessions that all end at other times have no clear boundary, and are not probed without end", () => {
  const random = new Random(3);
  const paths = Array.from({ length: 400 }, () => {
    const both = {
      timeout_ms: random.between(1_000, 400_000),
      fate: "closed",
      endsIdle: true,
    } as const;
    return { client: both, server: both };
  });
  const of = { precision_ms: 1_000, up_to_ms: 300_000, probes: 8 };
  const { result, results } = searchWorld(of, { ...HONEST, paths }, random);
  assert(results.length <= 8 * 20 + 100, `${results.length}`);
  assert(result.isComplete && result.contradictions.length > 0);
});

Deno.test("a search goes on from what an earlier one has found", () => {
  const both = { timeout_ms: 299_500, fate: "silent", endsIdle: false } as const;
  const world = { ...HONEST, paths: [{ client: both, server: both }] };
  const of = { precision_ms: 5_000, up_to_ms: 7_500_000, probes: 32 };
  const early = searchWorld(of, world, new Random(1), { until_ms: 500_000 });
  assert(!early.result.isComplete);
  const whole = searchWorld(of, world, new Random(2), { earlier: early.results });
  checkOnePath(whole, world, of.up_to_ms, of.precision_ms);
  assert(whole.took_ms < 320_000, `${whole.took_ms}`);
  const again = searchWorld(of, world, new Random(3), {
    earlier: [...early.results, ...whole.results],
  });
  assertEquals([again.took_ms, again.result], [0, whole.result]);
});

for (const probes of [1, 2, 5]) {
  Deno.test(`a search comes to its end with ${probes} at a time`, () => {
    const both = { timeout_ms: 20_000, fate: "reset_both", endsIdle: false } as const;
    const world = { ...HONEST, paths: [{ client: both, server: both }] };
    const of = { precision_ms: 5_000, up_to_ms: 60_000, probes };
    const searched = searchWorld(of, world, new Random(1));
    assert(searched.most.idle <= probes);
    checkOnePath(searched, world, of.up_to_ms, of.precision_ms);
  });
}

Deno.test("a search that is full starts the same sessions, however often it is asked", () =>
  forEachSeed(30, (random) => {
    const path = () => ({
      client: ending(random, random.pick([8_000, 18_000, 40_000])),
      server: ending(random, random.pick([8_000, 18_000, 40_000])),
    });
    const world = { ...HONEST, paths: [path(), path()] };
    const of = { precision_ms: 5_000, up_to_ms: 120_000, probes: random.pick([3, 4, 5, 8]) };
    const seed = random.below(1e6);
    const [once, often] = [1, 20].map((asks) =>
      searchWorld(of, world, new Random(seed), { asks }).results
        .map(({ plan: { first, idle_ms } }) => `${first} ${idle_ms}`)
    );
    assertEquals(often, once);
  }));
