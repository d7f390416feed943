/**
 * Which idle times the sessions of one direction have: the ladder that is climbed first, and the waves after a death,
 * which divide the bounds, confirm them, and find out why a longer idle time was survived than another one died of.
 *
 * @module
 */
import { KNOWN_IDLE_TIMEOUTS } from "../../evidence/cuts.ts";
import { alike_ms, fuzzy_ms, type Reading } from "./evidence.ts";
import type { FirstSpeaker } from "./probe.ts";

/** How many sessions at most are idle for the same time in one wave. */
const MOST_ALIKE = 8;

/** How many agree on each end of the range of several timeouts: by chance, so many do once in 4,096 times. */
export const SURE_OF_SEVERAL = 12;

/** What a ladder is for. */
export interface LadderOptions {
  /** The longest idle time of the search, in milliseconds, which is not in the ladder. */
  readonly up_to_ms: number;
  /** How near to each other two idle times have to be at the end, in milliseconds. */
  readonly precision_ms: number;
  /** How many sessions may be idle at a time, for this direction. */
  readonly slots: number;
  /** Whether its steps lie between those of the other direction: together they tell more of a timeout of both. */
  readonly isBetween: boolean;
}

/** What is left of the precision, so that two idle times as planned stay within it as measured. */
const WITHIN = 0.93;

/** How far below a known timeout the idle time is that survives it, as a part of the precision. */
const BELOW_KNOWN = 0.2;

/**
 * The idle times, in milliseconds, ascending. They grow geometrically, by the more the fewer slots there are: with
 * half of 32, each is at most 1.25 times the one before, and those that are under way together reach so far that each
 * is started before a fifth of its own length has passed. The timeouts that products have (docs/idle-timeouts.md)
 * have an idle time on each side, within the precision: one of them is found without a further round.
 */
export function ladderOf(
  { isBetween, precision_ms, slots, up_to_ms }: LadderOptions,
): number[] {
  const step_ms = WITHIN * precision_ms;
  const ratio = 1 + Math.min(1, 4 / slots);
  const known = Object.keys(KNOWN_IDLE_TIMEOUTS)
    .map((seconds) => Number(seconds) * 1000 - BELOW_KNOWN * precision_ms)
    .filter((ms) => ms * (ratio - 1) > 2 * precision_ms && ms + step_ms < up_to_ms);
  const values = [step_ms];
  let isShifted = !isBetween;
  for (;;) {
    const last = values.at(-1)!;
    const grown = last * (isShifted ? ratio : Math.sqrt(ratio));
    const next = Math.max(last + step_ms, grown);
    isShifted ||= next === grown;
    // One that is a little further away takes the place of the next: two that are close tell little.
    const below = known.find((ms) => ms > last && ms <= next * (1 + (ratio - 1) / 4));
    if (below === undefined) values.push(next);
    else {
      values.push(below, below + step_ms);
      isShifted = !isBetween;
    }
    if (values.at(-1)! >= up_to_ms) return values.filter((ms) => ms < up_to_ms);
  }
}

/** What one direction sees when it plans a wave. */
export interface Sight {
  /** Who speaks first. */
  readonly first: FirstSpeaker;
  /** What its own sessions show. */
  readonly own: Reading;
  /** What those of the other direction show. */
  readonly other: Reading;
  /** How many sessions have to agree on each side. */
  readonly confirmed: number;
  /** How near to each other the bounds have to be, in milliseconds. */
  readonly precision_ms: number;
  /** The longest idle time, in milliseconds. */
  readonly up_to_ms: number;
  /** The steps of the ladder, in milliseconds. */
  readonly ladder: readonly number[];
}

/** So many sessions that are idle for so long. */
function times(count: number, idle_ms: number): number[] {
  return Array.from({ length: idle_ms > 0 ? Math.max(0, count) : 0 }, () => idle_ms);
}

/**
 * Between which idle times the timeout lies, if the one of the other direction is the same; otherwise what comes of
 * it shows that, and the next wave divides what is left.
 */
function boundsOf({ other, own }: Sight): [lower_ms: number, upper_ms: number] {
  const { longestAlive_ms: lower_ms, shortestDead_ms: upper_ms } = own;
  const { isMixed, longestAlive_ms, shortestDead_ms } = other;
  const isInside = (ms: number) => !isMixed && ms > lower_ms && ms < upper_ms;
  return [
    isInside(longestAlive_ms) ? longestAlive_ms : lower_ms,
    isInside(shortestDead_ms) ? shortestDead_ms : upper_ms,
  ];
}

/** Divides what lies between the longest idle time that was survived and the shortest that was not. */
export function dividingWave(sight: Sight, slots: number): number[] {
  const { confirmed, first, own, precision_ms } = sight;
  const [lower_ms, upper_ms] = boundsOf(sight);
  const gap_ms = upper_ms - lower_ms;
  const step_ms = WITHIN * precision_ms;
  const within_ms = 2 * alike_ms(precision_ms);
  if (gap_ms > step_ms + within_ms && own.dead[0]!.endedIdle) {
    // It has ended by itself: that time is the timeout.
    const below_ms = Math.max(lower_ms, upper_ms - 0.5 * precision_ms);
    return confirmingWave(sight, [below_ms, upper_ms + 0.4 * precision_ms], slots);
  }
  // Nearer to each other, a timeout that is not exact would contradict itself.
  if (gap_ms <= fuzzy_ms(precision_ms)) {
    return confirmingWave(sight, around((lower_ms + upper_ms) / 2, precision_ms), slots);
  }
  const parts = Math.max(1, Math.ceil((gap_ms - within_ms) / step_ms));
  const at = (part: number, of: number) => lower_ms + gap_ms * part / of;
  const values = Array.from({ length: parts + 1 }, (_, i) => at(i, parts));
  if (parts > 1 && missing(sight, values, confirmed).length > slots) {
    // Between those of the other direction.
    const shift = first === "client" ? 1 : 2;
    return Array.from({ length: slots }, (_, i) => at(2 * i + shift, 2 * slots + 1));
  }
  return confirmingWave(sight, values, slots);
}

/** As many sessions with each of these idle times as there is room for, without those that were. */
function confirmingWave(sight: Sight, values: readonly number[], slots: number): number[] {
  const { confirmed } = sight;
  const room = Math.floor(slots / values.length);
  const wanted = missing(sight, values, Math.max(confirmed, Math.min(MOST_ALIKE, room)));
  // If there is none, what was measured is further apart than what was planned.
  return wanted.length > 0 ? wanted : values.flatMap((idle_ms) => times(confirmed, idle_ms));
}

/** What is to be started so that there are so many sessions with each of these idle times. */
function missing({ own, precision_ms }: Sight, values: readonly number[], each: number): number[] {
  const points = [...own.alive, ...own.dead];
  return values.flatMap((idle_ms) => {
    const isAlike = ({ at_ms }: { at_ms: number }) =>
      Math.abs(at_ms - idle_ms) <= alike_ms(precision_ms);
    return times(each - points.filter(isAlike).length, idle_ms);
  });
}

/** Finds out what it is that lets a longer idle time survive than another session died of. */
export function unmixingWave({ own, precision_ms }: Sight): number[] {
  const { longestAlive_ms, shortestDead_ms } = own;
  if (longestAlive_ms - shortestDead_ms > fuzzy_ms(precision_ms)) {
    return times(MOST_ALIKE, shortestDead_ms);
  }
  return around((longestAlive_ms + shortestDead_ms) / 2, precision_ms)
    .flatMap((idle_ms) => times(MOST_ALIKE, idle_ms));
}

/** The idle times next to a timeout, on both sides of it. */
function around(timeout_ms: number, precision_ms: number): number[] {
  const half_ms = WITHIN * precision_ms / 2;
  return [timeout_ms - half_ms, timeout_ms + half_ms];
}

/** Whether this direction shows several timeouts. */
export function seesSeveral({ own }: Sight): boolean {
  return own.isSeveral;
}

/** What both directions show, if both of them show several timeouts: those of the same paths. */
export function ofSeveral({ other, own }: Sight): Reading {
  return own.isSeveral && other.isSeveral ? own.with(other) : own;
}

/** How far the ends of the range of several timeouts are from what is known of each, in milliseconds. */
export function gapsOf(sight: Sight): { below_ms: number; above_ms: number } {
  const { precision_ms, up_to_ms } = sight;
  const reading = ofSeveral(sight);
  const { longestAlive_ms, shortestDead_ms } = reading;
  const isOpen = longestAlive_ms >= up_to_ms - alike_ms(precision_ms);
  return {
    below_ms: shortestDead_ms - reading.survived_ms(SURE_OF_SEVERAL),
    above_ms: isOpen ? 0 : reading.died_ms(SURE_OF_SEVERAL) - longestAlive_ms,
  };
}

/** Looks for the ends of the range of several timeouts. */
export function endsWave(sight: Sight, slots: number): number[] {
  const { ladder, precision_ms, up_to_ms } = sight;
  const reading = ofSeveral(sight);
  const { longestAlive_ms: longest_ms, shortestDead_ms: shortest_ms } = reading;
  const { above_ms, below_ms } = gapsOf(sight);
  const upper_ms = reading.died_ms(1);
  const half = Math.max(SURE_OF_SEVERAL / 2, Math.floor(slots / 2));
  // One step of the precision, or half of the way.
  const towards = (from_ms: number, to_ms: number) =>
    Math.abs(from_ms - to_ms) <= precision_ms ? to_ms : (from_ms + to_ms) / 2;
  const higher = ladder.find((each) => each > longest_ms + alike_ms(precision_ms)) ?? up_to_ms;
  const above = upper_ms < Infinity ? towards(longest_ms, upper_ms) : higher;
  return [
    ...below_ms > precision_ms ? times(half, towards(shortest_ms, reading.survived_ms(1))) : [],
    ...above_ms > precision_ms ? times(half, above) : [],
  ];
}
