/**
 * How late timeouts are on a real clock: never early, and within 50 ms unless the machine is busy.
 *
 * @module
 */
import { assert, assertGreaterOrEqual, assertLess } from "@std/assert";
import type { Event, EventName } from "../../lib/session/events.ts";
import type { Command, EventOf } from "./process.ts";

/**
 * How long, in milliseconds, an end may take that is to come at once, or within 2 s: the rest is for a busy machine, on
 * which the process may not run for seconds. The simulation holds the 2 s, in virtual time; what an end must not wait
 * for takes far longer than this.
 */
export const SOON_MS = 2_000 + 5_000;

/** How late, in milliseconds, timeouts may be. */
const LATE_MS = 50;

/** How late, in milliseconds, single ones may be, because this machine does other things too. */
const BUSY_MS = 1_000;

/** What the rounding of two times to milliseconds can make a wait seem shorter by. */
const ROUNDING_MS = 1;

/** Collects timeouts of one run. */
export class Lateness {
  readonly #late_ms: number[] = [];

  /** Notes a timeout that took so long, and was to take so long; fails if it came early. */
  add(took_ms: number, due_ms: number): void {
    const late_ms = took_ms - due_ms;
    assertGreaterOrEqual(late_ms, -ROUNDING_MS, `early: ${took_ms} ms, due after ${due_ms} ms`);
    assertLess(late_ms, BUSY_MS, `late: ${took_ms} ms, due after ${due_ms} ms`);
    this.#late_ms.push(late_ms);
  }

  /** Notes timeouts, in the order in which they came: each so long after the one before. */
  addEach(times_ms: readonly number[], due_ms: number): void {
    times_ms.slice(1).forEach((at_ms, before) => this.add(at_ms - times_ms[before]!, due_ms));
  }

  /** Checks that there were so many, and that they were punctual: most of them, on a busy machine. */
  assertPunctual(count: number): void {
    const sorted = this.#late_ms.toSorted((a, b) => a - b);
    assert(sorted.length >= count, `${sorted.length} timeouts, expected ${count}`);
    assertLess(sorted[Math.floor(sorted.length / 2)]!, LATE_MS, `late by ${sorted.join(", ")} ms`);
  }
}

/** What its own stalls cost a command, in milliseconds: each, and the threshold that it then gave once more. */
export function stalled_ms({ events }: Command, threshold_ms: number): number {
  const stalls = events.filter((each) => each.event === "local_stall");
  return stalls.reduce((sum, { ms }) => sum + ms + threshold_ms, 0);
}

/** The time of an event, in milliseconds. */
export function timeOf(event: Event): number {
  return Date.parse(event.time);
}

/** The times, in milliseconds, of the events of one name. */
export function timesOf<Name extends EventName>(
  { events }: Command,
  name: Name,
  which: (event: EventOf<Name>) => boolean = () => true,
): number[] {
  return events
    .filter((event): event is EventOf<Name> => event.event === name)
    .filter(which)
    .map(timeOf);
}
