/**
 * Tells the suspension of this host from a stepped wall clock, and remembers what is to be remembered of the
 * times in which this side did not run. Does not read any clock itself.
 *
 * @module
 */

/**
 * Why something did not happen in time here: this process was `stopped`, or too busy, while its host ran;
 * or its host was `suspended`, with all processes and the monotonic clock.
 */
export type StallKind = "stopped" | "suspended";

/** What something from outside says is the kind of a stall; `undefined` if it is none. */
export function stallKind(value: unknown): StallKind | undefined {
  return value === "stopped" || value === "suspended" ? value : undefined;
}

/** The three clocks that are compared. */
export interface ClockReadings {
  /** Milliseconds since 1970: counts the time in which this host was suspended, and may be stepped. */
  wall_ms(): number;
  /** Monotonic milliseconds: stand still while this host is suspended. */
  monotonic_ms(): number;
  /**
   * Whole seconds since this host was started, rounded either way: count the time in which it was
   * suspended, and are never stepped. `undefined` if that is not permitted or not known.
   */
  uptime_s(): number | undefined;
}

/** What the clocks showed at one moment. */
interface Baseline {
  readonly wall_ms: number;
  readonly monotonic_ms: number;
  readonly uptime_s: number | undefined;
}

/**
 * By how much, in milliseconds, wall clock and monotonic clock must have parted before the uptime is read.
 * It has whole seconds, so that a suspension is certain from 2 s on; one below 1 s is not seen.
 */
const PARTED_MS = 1_000;

/** How much faster or slower the wall clock may run while it is slewed, not stepped: 1 in 1,000. */
const SLEW = 0.001;

/** For how long, in milliseconds, readings are compared with, so that a slew does not add up. */
const BASELINE_MS = 60_000;

/**
 * Finds out for how long this host was suspended, by three clocks.
 *
 * After a suspension, as after a step of the wall clock, that is ahead of the monotonic clock; only after
 * a suspension the uptime is ahead, too. Where it cannot be read, nothing is found.
 */
export class SuspensionDetector {
  readonly #clocks: ClockReadings;
  #total_ms = 0;
  #lookedAt_ms: number;
  #baseline: Baseline;

  /** Creates a detector, which compares with the present readings. */
  constructor(clocks: ClockReadings) {
    this.#clocks = clocks;
    this.#lookedAt_ms = clocks.wall_ms();
    this.#baseline = this.#readings(this.#lookedAt_ms, clocks.monotonic_ms());
  }

  /**
   * Looks at the clocks; returns for how long this host has been suspended since the detector was created,
   * in milliseconds. Within a second of the last look it reads the wall clock only.
   */
  look(): number {
    const wall_ms = this.#clocks.wall_ms();
    if (Math.abs(wall_ms - this.#lookedAt_ms) < PARTED_MS) return this.#total_ms;
    this.#lookedAt_ms = wall_ms;
    const monotonic_ms = this.#clocks.monotonic_ms();
    const before = this.#baseline;
    const elapsed_ms = monotonic_ms - before.monotonic_ms;
    const parted_ms = wall_ms - before.wall_ms - elapsed_ms;
    const hasParted = Math.abs(parted_ms) > PARTED_MS + SLEW * elapsed_ms;
    if (!hasParted && elapsed_ms < BASELINE_MS) return this.#total_ms;
    this.#baseline = this.#readings(wall_ms, monotonic_ms);
    if (hasParted) this.#total_ms += this.#suspendedSince(before, parted_ms);
    return this.#total_ms;
  }

  /** The monotonic clock is read before the uptime here, and after it below: the bound then holds. */
  #readings(wall_ms: number, monotonic_ms: number): Baseline {
    return { wall_ms, monotonic_ms, uptime_s: this.#clocks.uptime_s() };
  }

  #suspendedSince(before: Baseline, parted_ms: number): number {
    const { uptime_s = NaN } = this.#baseline;
    // Of whole seconds, the difference may be almost one too large, or too small.
    const atLeast_ms = (uptime_s - (before.uptime_s ?? NaN) - 1) * 1_000 -
      (this.#clocks.monotonic_ms() - before.monotonic_ms);
    if (!(atLeast_ms >= 0)) return 0;
    const isExact = parted_ms >= atLeast_ms && parted_ms <= atLeast_ms + 2_000;
    // Otherwise the wall clock was stepped as well.
    return isExact ? parted_ms : atLeast_ms + 1_000;
  }
}

/** How soon after a local stall, in milliseconds, what a peer said during it has been read. */
const ANSWER_MS = 1_000;

/** The local stalls of a session, as far as they explain its end. */
export class LocalStalls {
  /** When a suspension was last found, and for how long it was suspended since the last sign of life before. */
  #suspension = { at_ms: -Infinity, ms: 0 };
  #last: { earliest_ms: number; to_ms: number; ms: number; kind: StallKind } | undefined;

  /** Notes that this host was suspended so long. */
  suspended(ms: number, now_ms: number, lastSignOfLife_ms: number): void {
    this.#suspension = { at_ms: now_ms, ms: this.suspendedSince_ms(lastSignOfLife_ms) + ms };
  }

  /** Notes that a stall of this length was reported; it began after the last sign of life. */
  reported(ms: number, kind: StallKind, now_ms: number, lastSignOfLife_ms: number): void {
    const earliest_ms = Math.min(lastSignOfLife_ms, now_ms - ms);
    this.#last = { earliest_ms, to_ms: now_ms, ms, kind };
  }

  /**
   * When the last one was, from when at the earliest and at the latest to when, in monotonic milliseconds; and
   * its kind.
   */
  get last():
    | { earliest_ms: number; from_ms: number; to_ms: number; kind: StallKind }
    | undefined {
    if (!this.#last) return undefined;
    const { earliest_ms, kind, ms, to_ms } = this.#last;
    return { earliest_ms, from_ms: to_ms - ms, to_ms, kind };
  }

  /** For how long, in milliseconds, this host was suspended since then. */
  suspendedSince_ms(lastSignOfLife_ms: number): number {
    const { at_ms, ms } = this.#suspension;
    return at_ms > lastSignOfLife_ms ? ms : 0;
  }

  /** The stall that was over just before: what a peer said during it was read after it. */
  justBefore(now_ms: number): { stalled_ms: number } | { suspended_ms: number } | undefined {
    if (!this.#last || now_ms - this.#last.to_ms >= ANSWER_MS) return undefined;
    const { kind, ms } = this.#last;
    return kind === "stopped" ? { stalled_ms: ms } : { suspended_ms: ms };
  }
}
