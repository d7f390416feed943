/**
 * A path that forgets idle connections, and a search on it, in virtual time.
 *
 * @module
 */
import {
  ASK_INTERVAL_MS,
  type Fate,
  type FirstSpeaker,
  MAX_OPENED_PER_SECOND,
  type ProbePlan,
  type ProbeResult,
  type SearchResult,
} from "../../lib/client/idle_search/probe.ts";
import { IdleSearch, type IdleSearchOptions } from "../../lib/client/idle_search/search.ts";
import type { Random } from "./random.ts";

/** How a direction of one path ends what was idle for too long. */
export interface Ending {
  /** The timeout, in milliseconds; `Infinity` for none. */
  readonly timeout_ms: number;
  /** What becomes of a connection. */
  readonly fate: Exclude<Fate, "alive">;
  /** Whether it ends by itself at the timeout, not when it is spoken on. */
  readonly endsIdle: boolean;
}

/** A path, or several of which each connection takes one by chance. */
export interface World {
  /** The paths. */
  readonly paths: readonly Readonly<Record<FirstSpeaker, Ending>>[];
  /** By how much, in milliseconds, a timeout may be exceeded. */
  readonly jitter_ms: number;
  /** How late, in milliseconds, a session may be spoken on. */
  readonly late_ms: number;
  /** Of how many sessions in a thousand that live no answer comes in time. */
  readonly lost: number;
  /** How many in a thousand are not opened. */
  readonly notOpened: number;
  /** When this host stalls, in milliseconds: what is under way then is void. */
  readonly stalls_ms: readonly number[];
}

/** What came of a search. */
export interface Searched {
  readonly result: SearchResult;
  readonly took_ms: number;
  readonly results: readonly ProbeResult[];
  /** The most sessions that were idle at a time, and were opened in any second. */
  readonly most: { idle: number; opened: number };
}

/** How long it takes until it is known that a session is silent, or how it ended. */
const JUDGED_MS = { silent: 7_500, ended: 700 };

/** Options for {@linkcode searchWorld}. */
export interface SearchWorldOptions {
  /** How many times in a row the search is asked what to start. */
  asks?: number;
  /** What an earlier search has found. */
  earlier?: readonly ProbeResult[];
  /** When to stop. */
  until_ms?: number;
}

/** Runs a search to its end, or until this time. */
export function searchWorld(
  options: IdleSearchOptions,
  world: World,
  random: Random,
  { asks = 1, earlier = [], until_ms = Infinity }: SearchWorldOptions = {},
): Searched {
  const search = new IdleSearch(options);
  for (const each of earlier) search.add(each);
  const underWay = new Map<number, { ends_ms: number; result: ProbeResult }>();
  const results: ProbeResult[] = [];
  const opened_ms: number[] = [];
  const most = { idle: 0, opened: 0 };
  let now_ms = 0;
  while (!search.isDone && now_ms < until_ms) {
    for (const plan of Array.from({ length: asks }, () => search.next(now_ms)).flat()) {
      underWay.set(plan.id, probeWorld(plan, world, random, now_ms));
      opened_ms.push(now_ms);
    }
    for (const id of search.takeAbandoned()) underWay.delete(id);
    most.idle = Math.max(most.idle, underWay.size);
    while (opened_ms.length > 0 && opened_ms[0]! <= now_ms - 1000) opened_ms.shift();
    most.opened = Math.max(most.opened, opened_ms.length);
    // Asked again at once while more is to be opened than a second allows; otherwise only a result changes anything.
    const next = [...underWay].sort(([, a], [, b]) => a.ends_ms - b.ends_ms)[0];
    const isLimited = opened_ms.length >= MAX_OPENED_PER_SECOND;
    if (isLimited && (!next || next[1].ends_ms > now_ms + ASK_INTERVAL_MS)) {
      now_ms += ASK_INTERVAL_MS;
      continue;
    }
    if (!next) throw new Error(`Nothing is under way, and the search is not done at ${now_ms} ms`);
    const [id, { ends_ms, result }] = next;
    underWay.delete(id);
    now_ms = Math.max(now_ms, ends_ms);
    results.push(result);
    search.add(result);
  }
  return { result: search.result(), took_ms: now_ms, results, most };
}

function probeWorld(
  plan: ProbePlan,
  world: World,
  random: Random,
  now_ms: number,
): { ends_ms: number; result: ProbeResult } {
  const { paths, jitter_ms, late_ms, lost, notOpened, stalls_ms } = world;
  const chance = (perMille: number) => random.below(1000) < perMille;
  const began_ms = now_ms + random.between(1, 200);
  const path = paths[random.below(paths.length)]![plan.first];
  const timeout_ms = path.timeout_ms + random.between(0, jitter_ms);
  const idled_ms = plan.idle_ms + random.between(0, late_ms);
  const done = (after_ms: number, outcome: ProbeResult["outcome"], ended_after_ms?: number) => {
    const ends_ms = began_ms + after_ms;
    const isVoid = stalls_ms.some((each) => each > began_ms && each < ends_ms);
    const ended = ended_after_ms !== undefined && { ended_after_ms };
    const result = { plan, outcome: isVoid ? "void" as const : outcome, idled_ms, ...ended };
    return { ends_ms, result };
  };
  if (chance(notOpened)) return done(6_000, "not_opened");
  if (idled_ms >= timeout_ms) {
    if (path.endsIdle) return done(timeout_ms + JUDGED_MS.ended, path.fate, timeout_ms);
    const judged_ms = path.fate === "silent" ? JUDGED_MS.silent : JUDGED_MS.ended;
    return done(idled_ms + judged_ms, path.fate);
  }
  return chance(lost)
    ? done(idled_ms + JUDGED_MS.silent, "silent")
    : done(idled_ms + random.between(1, 200), "alive");
}
