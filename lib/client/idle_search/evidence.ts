/**
 * What the sessions of one direction show: how long is survived by all, after how long none is left, and what of it
 * contradicts one timeout.
 *
 * @module
 */
import type { Fate, ProbeResult } from "./probe.ts";

/** One session that lived, or died, after an idle time. */
export interface Point {
  /** The idle time, in milliseconds, as measured. */
  readonly at_ms: number;
  /** What became of it. */
  readonly fate: Fate;
  /** Whether it ended by itself, at that time, without being spoken on. */
  readonly endedIdle: boolean;
  /** Until when it was to be idle, in milliseconds: it was dead then, too. */
  readonly planned_ms: number;
  /** This side's port. */
  readonly port?: number;
}

/** The point that a result is; `undefined` if nothing follows from it. */
export function pointOf(result: ProbeResult): Point | undefined {
  const { ended_after_ms, idled_ms, local_port, outcome } = result;
  if (outcome === "not_opened" || outcome === "void") return undefined;
  const endedIdle = outcome !== "alive" && ended_after_ms !== undefined;
  const at_ms = endedIdle ? ended_after_ms : idled_ms;
  const planned_ms = result.plan.idle_ms;
  return {
    at_ms,
    fate: outcome,
    endedIdle,
    planned_ms,
    ...local_port !== undefined && { port: local_port },
  };
}

/** Two idle times count as the same that differ by no more than this, with this precision, in milliseconds. */
export function alike_ms(precision_ms: number): number {
  return 0.015 * precision_ms;
}

/** Up to this length a range in which some die and some survive is one timeout that is not exact, in milliseconds. */
export function fuzzy_ms(precision_ms: number): number {
  return 0.5 * precision_ms;
}

/** How many sessions have to agree on each side of a boundary. */
export const CONFIRMED = 3;

/** From how many survivors, of this direction and of both, on one death is taken for a loss. */
const LOSS = { own: 3, both: 6 };

/** From how many survivors on several deaths are taken for losses, and how many of all they may be. */
const LOSSES = { survivors: 8, share: 0.15 };

/** How many survivors between the first death and the next show the first one to be a loss. */
const ALONE = 12;

/** How many deaths and survivors among each other show that there are several timeouts. */
const SEVERAL = { each: 2, all: 8 };

/** What the points of one direction show. */
export class Reading {
  /** The survivors, the longest idle time first. */
  readonly alive: readonly Point[];
  /** The deaths without those that are taken for losses, the shortest idle time first. */
  readonly dead: readonly Point[];
  /** The deaths that are taken for losses. */
  readonly losses: readonly Point[];

  readonly #precision_ms: number;

  /** Reads points; `other` are those of the other direction. */
  constructor(points: readonly Point[], other: readonly Point[], precision_ms: number) {
    this.#precision_ms = precision_ms;
    const alive = points.filter(({ fate }) => fate === "alive");
    this.alive = alive.sort((a, b) => b.at_ms - a.at_ms);
    const dead = points.filter(({ fate }) => fate !== "alive").sort((a, b) => a.at_ms - b.at_ms);
    const losses: Point[] = [];
    while (isLoss(dead, this.alive, other)) losses.push(dead.shift()!);
    [this.dead, this.losses] = [dead, losses];
  }

  /** The longest idle time that one session has survived. */
  get longestAlive_ms(): number {
    return this.alive[0]?.at_ms ?? 0;
  }

  /** The shortest idle time after which one was dead. */
  get shortestDead_ms(): number {
    return this.dead[0]?.at_ms ?? Infinity;
  }

  /** Whether a longer idle time was survived by one session than another one died of. */
  get isMixed(): boolean {
    return this.shortestDead_ms <= this.longestAlive_ms;
  }

  /** The survivors and the deaths among each other, if it is mixed. */
  get among(): { alive: readonly Point[]; dead: readonly Point[] } {
    const [from_ms, to_ms] = [this.shortestDead_ms, this.longestAlive_ms];
    return {
      alive: this.alive.filter(({ at_ms }) => at_ms >= from_ms),
      dead: this.dead.filter(({ at_ms }) => at_ms <= to_ms),
    };
  }

  /** What the points of this and another direction show together. */
  with(other: Reading): Reading {
    return new Reading(
      [...this.alive, ...this.dead, ...other.alive, ...other.dead],
      [],
      this.#precision_ms,
    );
  }

  /** Whether several timeouts are seen. */
  get isSeveral(): boolean {
    const apart_ms = this.longestAlive_ms - this.shortestDead_ms;
    if (apart_ms <= fuzzy_ms(this.#precision_ms)) return false;
    const { alive, dead } = this.among;
    return Math.min(alive.length, dead.length) >= SEVERAL.each &&
      alive.length + dead.length >= SEVERAL.all;
  }

  /**
   * What so many sessions, or more, have survived, with no death at or below it; what the exchange before the idle
   * time shows is that 0 is survived.
   */
  survived_ms(sessions: number): number {
    // Of idle times that count as the same, the shorter ones may have survived by chance.
    const below_ms = this.shortestDead_ms - alike_ms(this.#precision_ms);
    return this.alive.filter(({ at_ms }) => at_ms < below_ms)[sessions - 1]?.at_ms ?? 0;
  }

  /** What so many sessions, or more, have died of at the latest, with no survivor at or above it. */
  died_ms(sessions: number): number {
    const longest_ms = this.alive.length > 0
      ? this.longestAlive_ms + alike_ms(this.#precision_ms)
      : 0;
    // Of one timeout that is not exact, what has ended by itself was dead when it was to be spoken on. Of several that
    // shows nothing, nor does what was to be idle for so long alone: what does not end by itself is known only later.
    const precision_ms = this.#precision_ms;
    const isOne = this.longestAlive_ms - this.shortestDead_ms <= fuzzy_ms(precision_ms);
    const near_ms = isOne ? longest_ms + precision_ms : 0;
    const isOfMany = (planned_ms: number) =>
      this.dead.filter((each) => Math.abs(each.planned_ms - planned_ms) <= alike_ms(precision_ms))
        .length >= CONFIRMED;
    const above_ms = this.dead.flatMap(({ at_ms, endedIdle, planned_ms }) => {
      if (at_ms > longest_ms) return [at_ms];
      const isNear = endedIdle && planned_ms > longest_ms && planned_ms <= near_ms;
      return isNear && isOfMany(planned_ms) ? [planned_ms] : [];
    });
    return above_ms.sort((a, b) => a - b)[sessions - 1] ?? Infinity;
  }
}

/** Whether the first of these deaths is one packet, or a few, that got lost, among so many survivors. */
function isLoss(
  dead: readonly Point[],
  alive: readonly Point[],
  other: readonly Point[],
): boolean {
  const first = dead[0];
  const longest_ms = alive[0]?.at_ms ?? 0;
  if (!first || first.endedIdle || first.at_ms > longest_ms) return false;
  const survivors = alive.filter(({ at_ms }) => at_ms >= first.at_ms).length;
  const deaths = dead.filter(({ at_ms }) => at_ms <= longest_ms).length;
  const next_ms = dead[1]?.at_ms ?? Infinity;
  if (alive.filter(({ at_ms }) => at_ms >= first.at_ms && at_ms < next_ms).length >= ALONE) {
    return true;
  }
  const others = other.filter(({ at_ms }) => at_ms >= first.at_ms && at_ms <= longest_ms);
  const both = survivors + (others.every(({ fate }) => fate === "alive") ? others.length : 0);
  if (deaths === 1 && survivors >= LOSS.own && both >= LOSS.both) return true;
  return survivors >= LOSSES.survivors && deaths <= LOSSES.share * (survivors + deaths);
}
