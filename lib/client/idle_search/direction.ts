/**
 * One direction of a search: what is idle, what waits to be started, and what to probe next.
 *
 * First the ladder is climbed, by as many sessions at a time as there are slots. Once a session has died, a wave of
 * sessions divides what lies between it and the longest idle time that was survived, until both bounds are within
 * the precision and confirmed. Where a longer idle time was survived than another session died of, each end of the
 * range in which both happen is looked for.
 *
 * @module
 */
import { alike_ms, CONFIRMED, type Point, pointOf, Reading } from "./evidence.ts";
import type { FirstSpeaker, ProbePlan, ProbeResult } from "./probe.ts";
import {
  dividingWave,
  endsWave,
  gapsOf,
  ladderOf,
  ofSeveral,
  seesSeveral,
  type Sight,
  SURE_OF_SEVERAL,
  unmixingWave,
} from "./waves.ts";

/** How many agree where the directions differ: where half of the paths forget, so many do by chance once in 64 times. */
const SURE = 6;

/** How many waves look for the ends of that range. */
const MAX_WAVES_OF_SEVERAL = 8;

/** How many of the longest idle time go on while a death may be a loss. */
const KEPT = 2;

/** Why an idle time is probed: as a step of the ladder, as the longest one of all, or in a wave. */
export type Reason = "ladder" | "longest" | "wave";

/** One session that was handed out. */
export interface UnderWay {
  /** The session. */
  readonly plan: ProbePlan;
  /** Why. */
  readonly reason: Reason;
  /** When it was handed out, in monotonic milliseconds. */
  readonly started_ms: number;
}

/** Options for {@linkcode Direction}. */
export interface DirectionOptions {
  /** Who speaks first. */
  readonly first: FirstSpeaker;
  /** The longest idle time, in milliseconds. */
  readonly up_to_ms: number;
  /** How near to each other the bounds have to be, in milliseconds. */
  readonly precision_ms: number;
  /** How many sessions may be idle at a time, as long as the other direction needs its own. */
  readonly slots: number;
}

/** One direction of a search. */
export class Direction {
  /** How many sessions have to agree on each side. */
  confirmed: number = CONFIRMED;
  readonly #options: DirectionOptions;
  readonly #ladder: readonly number[];
  readonly #points: Point[] = [];
  readonly #underWay = new Map<number, UnderWay>();
  readonly #wave: number[] = [];
  #reading: Reading;
  #other: Reading;
  /** Whether both directions have a death, or this one enough: then it was no loss. */
  #isTimeout = false;
  #wavesOfSeveral = 0;

  /** Makes one that knows nothing. */
  constructor(options: DirectionOptions) {
    this.#options = options;
    this.#ladder = ladderOf({ ...options, isBetween: options.first === "server" });
    this.#reading = this.#other = new Reading([], [], options.precision_ms);
  }

  /** What is seen by now. */
  get reading(): Reading {
    return this.#reading;
  }

  /** What came of its sessions. */
  get points(): readonly Point[] {
    return this.#points;
  }

  /** What is idle at present. */
  get underWay(): readonly UnderWay[] {
    return [...this.#underWay.values()];
  }

  /** Whether the longest idle time was survived by enough, and none died. */
  get isUnlimited(): boolean {
    const { alive, dead } = this.#reading;
    return dead.length === 0 && this.#isLongest(alive[this.confirmed - 1]?.at_ms ?? 0);
  }

  /** Whether both bounds are within the precision, and confirmed. */
  get isBracketed(): boolean {
    const reading = this.#reading;
    const width_ms = reading.died_ms(this.confirmed) - reading.survived_ms(this.confirmed);
    return width_ms <= this.#options.precision_ms;
  }

  /** Whether several timeouts are seen, and what can be known of them. */
  get isSeveral(): boolean {
    if (!this.#seesSeveral) return false;
    const { below_ms, above_ms } = gapsOf(this.#sight);
    const { precision_ms } = this.#options;
    return this.#wavesOfSeveral >= MAX_WAVES_OF_SEVERAL && this.#underWay.size === 0 ||
      below_ms <= precision_ms && above_ms <= precision_ms;
  }

  /** What all survive, and what none does. */
  get bounds(): { survived_ms: number; died_ms: number } {
    const isSettled = this.isBracketed || this.isUnlimited;
    const reading = isSettled ? this.#reading : ofSeveral(this.#sight);
    const unsettled = this.#seesSeveral ? [SURE_OF_SEVERAL, CONFIRMED, 1] : [1];
    const agree = isSettled ? [this.confirmed] : unsettled;
    const survived_ms = reading.survived_ms(agree[0]!);
    const died_ms = agree.map((each) => reading.died_ms(each)).find((ms) => ms < Infinity);
    // That some have died is said in any case, if none has survived so long.
    const longest_ms = Math.max(0, ...reading.dead.map(({ planned_ms }) => planned_ms));
    const isBeyond = reading.isMixed && longest_ms > reading.longestAlive_ms;
    return { survived_ms, died_ms: died_ms ?? (isBeyond ? longest_ms : Infinity) };
  }

  /** Whether nothing is left to be probed, and what was started to confirm the bounds has ended. */
  get isDone(): boolean {
    if (this.isUnlimited || this.isSeveral) return true;
    if (!this.isBracketed || this.#wave.length > 0) return false;
    const { died_ms, survived_ms } = this.bounds;
    return !this.#isWaiting(survived_ms, died_ms);
  }

  /** Whether each bound has as many sessions as tell one timeout from several. */
  #isSure(sessions: number): boolean {
    const reading = this.#reading;
    return reading.died_ms(sessions) - reading.survived_ms(sessions) <= this.#options.precision_ms;
  }

  /**
   * Where the directions differ, or the other one has several timeouts, chance may have had a part in what confirms
   * this one: then more sessions have to agree.
   */
  #doubt(): void {
    const { precision_ms } = this.#options;
    if (!this.isBracketed || this.confirmed === SURE_OF_SEVERAL) return;
    const [own, other] = [this.#reading, this.#other];
    const isLonger = other.longestAlive_ms > own.died_ms(1) + precision_ms;
    const isShorter = other.shortestDead_ms < own.survived_ms(1) - precision_ms;
    const isSeveral = other.isSeveral;
    if (!isLonger && !isShorter && !isSeveral) return;
    const sessions = isSeveral ? SURE_OF_SEVERAL : SURE;
    if (!this.#isSure(sessions)) this.confirmed = sessions;
  }

  /** Takes what came of a session of this direction. */
  add(result: ProbeResult): void {
    const under = this.#underWay.get(result.plan.id);
    this.#underWay.delete(result.plan.id);
    const point = pointOf(result);
    if (point) this.#points.push(point);
    else if (under?.reason === "wave") this.#wave.push(result.plan.idle_ms);
  }

  /** Looks at all points again, beside those of the other direction. */
  read(other: Direction): void {
    const reading = new Reading(this.#points, other.points, this.#options.precision_ms);
    this.#reading = reading;
    this.#other = other.reading;
    const both = reading.dead.length + other.points.filter(({ fate }) => fate !== "alive").length;
    this.#isTimeout = reading.dead.length > 0 && both > 1;
    this.#doubt();
  }

  /** Notes that a session was handed out. */
  started(plan: ProbePlan, reason: Reason, now_ms: number): void {
    this.#underWay.set(plan.id, { plan, reason, started_ms: now_ms });
  }

  /** Ends all that is under way: returns the ids. */
  endAll(): number[] {
    const ids = [...this.#underWay.keys()];
    this.#underWay.clear();
    this.#wave.length = 0;
    return ids;
  }

  /**
   * The idle time to start now, if there is one and a slot is free. If the search is full, none is: a direction that
   * has to start again finds its slots taken by the other one.
   */
  next(slots: number, isFull: boolean): { idle_ms: number; reason: Reason } | undefined {
    if (this.isDone) return undefined;
    const isClimbing = this.#reading.dead.length === 0;
    if (isClimbing) this.#wave.length = 0;
    else if (this.#wave.length === 0) this.#planWave(slots);
    if (isFull || this.#underWay.size >= slots) return undefined;
    if (isClimbing) return this.#step(slots);
    const idle_ms = this.#wave.shift();
    return idle_ms === undefined ? undefined : { idle_ms, reason: "wave" };
  }

  /** The session that gives way to what waits for a slot, if one may. */
  displaced(slots: number): number | undefined {
    const { longestAlive_ms } = this.#reading;
    if (this.#wave.length === 0 || this.#underWay.size < slots) return undefined;
    const longest = this.underWay.filter(({ reason }) => reason === "longest").length;
    const useless_ms = Math.max(this.#reading.shortestDead_ms, longestAlive_ms);
    const [furthest] = [...this.#underWay.values()]
      .filter(({ plan, reason }) =>
        plan.idle_ms > useless_ms + this.#alike_ms &&
        (reason === "ladder" || longest > this.#kept)
      )
      .sort((a, b) => b.plan.idle_ms - a.plan.idle_ms);
    if (furthest) this.#underWay.delete(furthest.plan.id);
    return furthest?.plan.id;
  }

  /** How many of the longest idle time do not give way to a wave. */
  get #kept(): number {
    const longest = this.underWay.filter(({ reason }) => reason === "longest").length;
    return this.#isTimeout ? 0 : Math.min(KEPT, longest);
  }

  get #seesSeveral(): boolean {
    return seesSeveral(this.#sight);
  }

  /** What is seen of both directions. */
  get #sight(): Sight {
    const { first, precision_ms, up_to_ms } = this.#options;
    const seen = { own: this.#reading, other: this.#other, confirmed: this.confirmed };
    return { ...seen, first, precision_ms, up_to_ms, ladder: this.#ladder };
  }

  get #alike_ms(): number {
    return alike_ms(this.#options.precision_ms);
  }

  #isLongest(idle_ms: number): boolean {
    return idle_ms >= this.#options.up_to_ms - this.#alike_ms;
  }

  /** The next step of the ladder, or the longest idle time, which is started at once if there are slots for both. */
  #step(slots: number): { idle_ms: number; reason: Reason } | undefined {
    const { up_to_ms } = this.#options;
    const under = this.underWay;
    const longest = under.filter(({ reason }) => reason === "longest").length +
      this.#reading.alive.filter(({ at_ms }) => this.#isLongest(at_ms)).length;
    // One more than has to survive: it may be lost.
    const wanted = Math.max(this.confirmed, CONFIRMED + 1);
    const steps = under.filter(({ reason }) => reason === "ladder");
    const idle_ms = this.#ladder.find((each) =>
      each > this.#reading.longestAlive_ms + this.#alike_ms &&
      !steps.some(({ plan }) => Math.abs(plan.idle_ms - each) <= this.#alike_ms)
    );
    // The first session is started alone: the server may refuse what is longest.
    const isEarly = slots >= 3 * wanted && (longest === 0 || steps.length >= wanted);
    if (longest < wanted && (idle_ms === undefined || isEarly)) {
      return { idle_ms: up_to_ms, reason: "longest" };
    }
    return idle_ms === undefined ? undefined : { idle_ms, reason: "ladder" };
  }

  /** Whether sessions under way, or about to be, will narrow the bounds, or confirm them. */
  #isWaiting(lower_ms: number, upper_ms: number): boolean {
    const near_ms = this.#options.precision_ms;
    return this.underWay.some(({ plan: { idle_ms }, reason }) =>
      reason === "wave"
        ? idle_ms >= lower_ms - near_ms && idle_ms <= upper_ms + near_ms
        : idle_ms > lower_ms && idle_ms < upper_ms && upper_ms < Infinity
    );
  }

  #planWave(slots: number): void {
    const [lower_ms, upper_ms] = [this.#reading.survived_ms(1), this.#reading.died_ms(1)];
    if (this.isBracketed || this.#isWaiting(lower_ms, upper_ms)) return;
    const free = Math.max(1, slots - this.#kept);
    this.#wave.push(...this.#waveOf(free));
  }

  #waveOf(slots: number): number[] {
    if (!this.#reading.isMixed) return dividingWave(this.#sight, slots);
    if (!this.#seesSeveral) return unmixingWave(this.#sight);
    if (++this.#wavesOfSeveral > MAX_WAVES_OF_SEVERAL) return [];
    return endsWave(this.#sight, slots);
  }
}
