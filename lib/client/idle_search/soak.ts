/**
 * The soak after a search: sessions by what it found, for three timeouts, which do as they should if it is right.
 *
 * @module
 */
import { safeInterval_s } from "./advice.ts";
import type { FirstSpeaker, SearchResult } from "./probe.ts";
import type { Prober } from "./prober.ts";
import { durationText } from "./texts.ts";

/** For how many timeouts a soak lasts. */
const TIMEOUTS = 3;

/** How much longer than the upper bound a session is idle that has to die. */
const BEYOND = 1.1;

/** What a soak is to do. */
export interface SoakPlan {
  /** What is to be done, for people. */
  readonly text: string;
  /** The interval that keeps a session alive, in milliseconds. */
  readonly interval_ms: number;
  /** How often something is sent at it. */
  readonly times: number;
  /** The idle times after which sessions have to be dead, in milliseconds, by who speaks then. */
  readonly deadly: readonly { readonly first: FirstSpeaker; readonly idle_ms: number }[];
}

/** One verdict of a soak. */
export interface SoakVerdict {
  /** Whether the sessions did as the search said. */
  readonly isAsFound: boolean;
  /** What they did, for people. */
  readonly text: string;
}

/** What a soak after this result has to do; `undefined` if no timeout was found, or nothing survives. */
export function soakPlan(
  { client_first, server_first }: Pick<SearchResult, "client_first" | "server_first">,
): SoakPlan | undefined {
  const interval_s = safeInterval_s(Math.min(client_first.survives_s, server_first.survives_s));
  const directions = [["client", client_first], ["server", server_first]] as const;
  const deadly = directions.flatMap(([first, { forgotten_by_s }]) =>
    forgotten_by_s === null ? [] : [{ first, idle_ms: forgotten_by_s * BEYOND * 1000 }]
  );
  if (deadly.length === 0 || interval_s === 0) return undefined;
  const longest_s = Math.max(...deadly.map(({ idle_ms }) => idle_ms)) / 1000;
  const times = Math.ceil(TIMEOUTS * longest_s / interval_s);
  const lasts_s = Math.max(times * interval_s, TIMEOUTS * longest_s);
  const text =
    `soak, for about ${durationText(lasts_s)}: a session on which something is sent every ` +
    `${interval_s} s has to live, and sessions that are idle for 10 % more than the upper bound have to die`;
  return { text, interval_ms: interval_s * 1000, times, deadly };
}

/** Carries out a soak. */
export async function runSoak(plan: SoakPlan, prober: Prober): Promise<SoakVerdict[]> {
  const living = soakLiving(plan, prober);
  const dying = plan.deadly.map((deadly, at) => soakDying(deadly, 1 + 2 * at * TIMEOUTS, prober));
  return await Promise.all([living, ...dying]);
}

async function soakLiving(
  { interval_ms, times }: SoakPlan,
  prober: Prober,
): Promise<SoakVerdict> {
  const plan = { id: 0, idle_ms: interval_ms, first: "client" } as const;
  const kept = await prober.keep(plan, times);
  const what = `soak: the session with something sent every ${interval_ms / 1000} s`;
  if ("reason" in kept) {
    return { isAsFound: false, text: `${what} was not opened: ${kept.text || kept.reason}` };
  }
  const lived = durationText(kept.lived_ms / 1000);
  return kept.isAlive
    ? { isAsFound: true, text: `${what} has lived for ${lived}, as it had to` }
    : { isAsFound: false, text: `${what} has died after ${lived}, and had to live` };
}

async function soakDying(
  { first, idle_ms }: SoakPlan["deadly"][number],
  id: number,
  prober: Prober,
): Promise<SoakVerdict> {
  const outcomes: string[] = [];
  for (let n = 0; n < TIMEOUTS; n++) {
    const { outcome } = await prober.probe({ id: id + n, idle_ms, first });
    // As in a search, a session of which a stall shows nothing is repeated.
    const again = outcome === "void" &&
      await prober.probe({ id: id + TIMEOUTS + n, idle_ms, first });
    outcomes.push(again ? again.outcome : outcome);
  }
  const alive = outcomes.filter((each) => each === "alive").length;
  const untold = outcomes.filter((each) => each === "void" || each === "not_opened").length;
  const died = TIMEOUTS - alive - untold;
  const seconds = Math.round(idle_ms / 100) / 10;
  const what = `soak: of ${TIMEOUTS} sessions idle for ${seconds} s, ${first} first`;
  if (died === TIMEOUTS) return { isAsFound: true, text: `${what}, all died, as they had to` };
  const others = alive === 0 ? `, and of ${untold} that is not known` : ", and all had to";
  return { isAsFound: false, text: `${what}, ${died} died${others} (${outcomes.join(", ")})` };
}
