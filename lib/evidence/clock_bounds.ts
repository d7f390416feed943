/**
 * Bounds the offset of two hosts' clocks, with proof: a frame cannot be received before it was sent.
 *
 * Each frame that one side sent and the other received bounds the offset from one side: frames to the server
 * from above, frames to the client from below. Between the frames the offset is a straight line, as far as
 * the clocks' rates are constant. All lines that fit between the bounds are kept; their lowest and highest
 * values are the interval. Nothing is averaged: bounds that no line fits are a contradiction.
 *
 * @module
 */

/** An interval: what it speaks of is certainly not below the first number and not above the second. */
export type Interval = readonly [low: number, high: number];

/** By how many parts per million two monotonic clocks may differ: each is adjusted by at most 500. */
export const MAX_DRIFT_PPM = 1_000;

/** By how many parts per million the rate may have wandered off within the time that is looked at. */
const WANDER_PPM = 10;

/** How far before and after a moment frames are used, in milliseconds: rates wander over longer times. */
const WINDOW_MS = 900_000;

/** Times are whole microseconds, rounded either way: half of that for each of the two. */
const ROUNDING_MS = 0.001;

/** In each slice of time, in milliseconds, only the bounds that some line could touch are kept. */
const SLICE_MS = 10_000;

/** How many bounds of a direction may wait until those of no use are dropped. */
const MAX_WAITING = 16_384;

/** The offset of the server's clock from the client's at one moment. */
export interface ClockOffset {
  /** Server minus client, in milliseconds; infinite where nothing bounds it. */
  readonly offset_ms: Interval;
  /** By how many parts per million the server's clock runs faster. */
  readonly drift_ppm: Interval;
}

/** Bounds the offset of the monotonic clocks of two processes, a server's minus a client's. */
export class ClockBounds {
  readonly #upper = new Bounds(1);
  readonly #lower = new Bounds(-1);

  /** Adds a frame from the client to the server: times on the clocks of either, in milliseconds. */
  addToServer(sent_client_ms: number, received_server_ms: number): void {
    this.#upper.add(sent_client_ms, received_server_ms - sent_client_ms + ROUNDING_MS);
  }

  /** Adds a frame from the server to the client. */
  addToClient(sent_server_ms: number, received_client_ms: number): void {
    this.#lower.add(received_client_ms, sent_server_ms - received_client_ms - ROUNDING_MS);
  }

  /**
   * The interval that contains the offset at a moment of the client's clock, in milliseconds, if neither
   * clock was stepped or slewed faster than {@linkcode MAX_DRIFT_PPM} within a quarter of an hour of it;
   * `undefined` if the frames about that moment contradict each other.
   */
  at(client_ms: number): ClockOffset | undefined {
    return solve(this.#upper.near(client_ms), this.#lower.near(client_ms));
  }
}

/** The distance of the moments between which {@linkcode ServerTime} interpolates, in milliseconds. */
const GRID_MS = 2_000;

/** Moments of the server's clock on the client's, as intervals. */
export class ServerTime {
  readonly #bounds: ClockBounds;
  readonly #known = new Map<number, Interval>();
  #guess_ms: number;

  /** Takes the bounds of both clocks, and any guess at the server's clock minus the client's. */
  constructor(bounds: ClockBounds, guess_ms: number) {
    this.#bounds = bounds;
    this.#guess_ms = guess_ms;
  }

  /** When it was on the client's clock, in milliseconds; infinite where nothing, or a contradiction, says it. */
  onClient(server_ms: number): Interval {
    // The guess need only be good enough to find the frames about that moment.
    for (let round = 0; round < 2; round++) {
      const [low_ms, high_ms] = this.#offset(server_ms - this.#guess_ms);
      if (!Number.isFinite(low_ms) || !Number.isFinite(high_ms)) break;
      this.#guess_ms = (low_ms + high_ms) / 2;
    }
    const [low_ms, high_ms] = this.#offset(server_ms - this.#guess_ms);
    return [server_ms - high_ms, server_ms - low_ms];
  }

  /** The offset at a moment of the client: each line that fits is a line between the moments of the grid. */
  #offset(client_ms: number): Interval {
    const before_ms = Math.floor(client_ms / GRID_MS) * GRID_MS;
    const [a, b] = [this.#at(before_ms), this.#at(before_ms + GRID_MS)];
    const part = (client_ms - before_ms) / GRID_MS;
    const wander_ms = GRID_MS * WANDER_PPM * 1e-6;
    const between = (from: number, to: number) =>
      Number.isFinite(from) && Number.isFinite(to) ? from + part * (to - from) : from;
    return [between(a[0], b[0]) - wander_ms, between(a[1], b[1]) + wander_ms];
  }

  #at(client_ms: number): Interval {
    let known = this.#known.get(client_ms);
    known ??= this.#bounds.at(client_ms)?.offset_ms ?? [-Infinity, Infinity];
    this.#known.set(client_ms, known);
    return known;
  }
}

/** A bound: of the offset, so many milliseconds after (before, if negative) the moment that is asked for. */
type Point = readonly [after_ms: number, offset_ms: number];

/** The bounds from one direction: upper ones (sign 1) or lower ones (-1). */
class Bounds {
  readonly #sign: 1 | -1;
  #points: Point[] = [];
  #isSorted = true;
  #limit = MAX_WAITING;

  constructor(sign: 1 | -1) {
    this.#sign = sign;
  }

  add(at_ms: number, offset_ms: number): void {
    if (!Number.isFinite(at_ms) || !Number.isFinite(offset_ms)) return;
    this.#points.push([at_ms, offset_ms]);
    this.#isSorted = false;
    if (this.#points.length < this.#limit) return;
    this.#sort();
    this.#limit = Math.max(MAX_WAITING, 2 * this.#points.length);
  }

  /** The bounds about a moment, each loosened by what the rate may have wandered off since. */
  near(at_ms: number): Point[] {
    if (!this.#isSorted) this.#sort();
    const points = this.#points;
    const next = firstAfter(points, at_ms);
    const from_ms = Math.min(points[next - 1]?.[0] ?? at_ms, at_ms) - WINDOW_MS;
    const to_ms = (points[next]?.[0] ?? at_ms) + WINDOW_MS;
    const near = points.slice(firstAfter(points, from_ms), firstAfter(points, to_ms));
    return near.map(([point_ms, offset_ms]) => {
      const after_ms = point_ms - at_ms;
      return [after_ms, offset_ms + this.#sign * Math.abs(after_ms) * WANDER_PPM * 1e-6];
    });
  }

  /** Sorts the points, and drops those that no line can touch. */
  #sort(): void {
    const kept: Point[] = [];
    let hull: Point[] = [];
    for (const point of this.#points.sort((a, b) => a[0] - b[0])) {
      const isNewSlice = hull.length > 0 && point[0] > hull[0]![0] + SLICE_MS;
      if (isNewSlice) {
        kept.push(...hull);
        hull = [];
      }
      while (hull.length >= 2 && !this.#isTighter(hull.at(-2)!, hull.at(-1)!, point)) hull.pop();
      hull.push(point);
    }
    this.#points = [...kept, ...hull];
    this.#isSorted = true;
  }

  /** Whether the second of three points bounds more tightly than the line through the others. */
  #isTighter(a: Point, b: Point, c: Point): boolean {
    const cross = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
    return this.#sign * cross > 0;
  }
}

/** Where the first point after a moment is, in a sorted list. */
function firstAfter(points: readonly Point[], at_ms: number): number {
  let low = 0;
  for (let high = points.length; low < high;) {
    const middle = (low + high) >> 1;
    if (points[middle]![0] > at_ms) high = middle;
    else low = middle + 1;
  }
  return low;
}

const LOWEST_SLOPE = -MAX_DRIFT_PPM * 1e-6;
const HIGHEST_SLOPE = MAX_DRIFT_PPM * 1e-6;

/** What a computed time may be off, in milliseconds. */
const TINY_MS = 1e-6;

/** The offsets at moment 0 of all lines between the bounds. */
function solve(upper: readonly Point[], lower: readonly Point[]): ClockOffset | undefined {
  // For a slope, the offsets at 0 of the highest line below the upper bounds, and of the lowest above the lower.
  const highest = (slope: number) => leastOf(upper, slope, 1);
  const lowest = (slope: number) => -leastOf(lower, slope, -1);
  const room = (slope: number) => highest(slope) - lowest(slope);
  const both: Interval = [-MAX_DRIFT_PPM, MAX_DRIFT_PPM];
  if (upper.length === 0 || lower.length === 0) {
    const high_ms = upper.length === 0 ? Infinity : greatest(highest, LOWEST_SLOPE, HIGHEST_SLOPE);
    const low_ms = lower.length === 0
      ? -Infinity
      : -greatest((slope) => -lowest(slope), LOWEST_SLOPE, HIGHEST_SLOPE);
    return { offset_ms: [low_ms, high_ms], drift_ppm: both };
  }
  const best = whereGreatest(room, LOWEST_SLOPE, HIGHEST_SLOPE);
  if (room(best) < -TINY_MS) return undefined;
  const from = lastWithout(room, LOWEST_SLOPE, best);
  const to = lastWithout(room, HIGHEST_SLOPE, best);
  const high_ms = greatest(highest, from, to) + TINY_MS;
  const low_ms = -greatest((slope) => -lowest(slope), from, to) - TINY_MS;
  return {
    offset_ms: [Math.min(low_ms, high_ms), Math.max(low_ms, high_ms)],
    drift_ppm: [from * 1e6 - WANDER_PPM, to * 1e6 + WANDER_PPM],
  };
}

/** The least of `sign` times the offsets at 0 of the lines of this slope through the points. */
function leastOf(points: readonly Point[], slope: number, sign: 1 | -1): number {
  let least = Infinity;
  for (const [after_ms, offset_ms] of points) {
    const value = sign * (offset_ms - slope * after_ms);
    if (value < least) least = value;
  }
  return least;
}

/** How often an interval of slopes is narrowed down: to less than a double can tell apart. */
const STEPS = 90;

/** Where a concave function is greatest. */
function whereGreatest(f: (slope: number) => number, from: number, to: number): number {
  for (let step = 0; step < STEPS; step++) {
    const third = (to - from) / 3;
    if (f(from + third) < f(to - third)) from += third;
    else to -= third;
  }
  return (from + to) / 2;
}

/** The greatest value of a concave function, or slightly more. */
function greatest(f: (slope: number) => number, from: number, to: number): number {
  return Math.max(f(from), f(to), f(whereGreatest(f, from, to)));
}

/** From a slope without room to one with room: the last one without, as near as a double can say. */
function lastWithout(room: (slope: number) => number, without: number, having: number): number {
  if (room(without) >= 0) return without;
  for (let step = 0; step < STEPS; step++) {
    const middle = (without + having) / 2;
    if (room(middle) >= 0) having = middle;
    else without = middle;
  }
  return without;
}
