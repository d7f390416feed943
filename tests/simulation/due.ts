/**
 * When something has to come from a process that may have been stalled: exactly when it is due, or once more
 * after its full time.
 *
 * @module
 */
import type { SimulatedProcess } from "./process.ts";
import { expect } from "./violation.ts";

/** How late a process may be and still judge as if it were on time. */
export const TOLERANCE_MS = 250;

/** Something that comes unless something else comes before it. */
export interface Due {
  readonly what: string;
  /** Since when it has been waited for, and when it is due. */
  readonly from_ms: number;
  readonly at_ms: number;
  /** How long it is waited for once more after a stall. */
  readonly again_ms: number;
}

/** What death is measured from. */
export interface Since {
  readonly what: string;
  readonly at_ms: number;
  readonly predicted_ms: number;
}

/** Between which times something has to come: exactly then, if the process ran all the time. */
export function windowOf(process: SimulatedProcess, due: Due) {
  const exact = { earliest_ms: due.at_ms, latest_ms: due.at_ms };
  if (process.ranSince(due.from_ms - TOLERANCE_MS)) return exact;
  const over = process.stalls.find((each) =>
    each.from_ms <= due.at_ms && each.until_ms > due.at_ms + TOLERANCE_MS
  );
  const ran_ms = Math.max(due.at_ms, process.stalledUntil_ms);
  return {
    // After a stall, what was due has its full time once more.
    earliest_ms: over ? over.until_ms + due.again_ms : due.at_ms - TOLERANCE_MS,
    latest_ms: ran_ms + due.again_ms + TOLERANCE_MS,
  };
}

/** Fails unless something comes now that comes when it is due. */
export function expectDueNow(process: SimulatedProcess, due: Due): void {
  const now_ms = process.now();
  const { earliest_ms, latest_ms } = windowOf(process, due);
  const when = earliest_ms === latest_ms ? `at ${latest_ms}` : `${earliest_ms} to ${latest_ms}`;
  expect(
    now_ms >= earliest_ms && now_ms <= latest_ms,
    () => `${due.what} came at ${now_ms}; expected ${when}`,
  );
}

/** Fails if something was due that has not come. */
export function expectNotOverdue(process: SimulatedProcess, due: Due): void {
  const { latest_ms } = windowOf(process, due);
  expect(
    process.now() <= latest_ms,
    () => `${due.what} was due at ${latest_ms} and has not come`,
  );
}

/** Fails unless a process that tells of a stall has just been stalled for so long. */
export function expectStalled(process: SimulatedProcess, ms: number): void {
  const last = process.stalls.at(-1);
  expect(
    last?.until_ms === process.now() && last.until_ms - last.from_ms >= ms && ms > TOLERANCE_MS,
    () => `a local stall of ${ms} ms was told, where this process ran`,
  );
}
