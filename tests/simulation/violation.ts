/**
 * What the simulation fails with: a rule that the programs broke.
 *
 * @module
 */
import type { VirtualClock } from "../support/virtual_clock.ts";

/** A rule was broken; the message says which, when, and by whom. */
export class Violation extends Error {
  /** The name of this kind of error. */
  override readonly name = "Violation";
}

/** Fails unless a rule holds. */
export function expect(holds: boolean, rule: () => string): asserts holds {
  if (!holds) throw new Violation(rule());
}

/** Fails: two things that must be the same are not. */
export function expectSame(actual: unknown, expected: unknown, what: () => string): void {
  if (actual === expected) return;
  throw new Violation(`${what()}: expected ${expected}, got ${actual}`);
}

/** Checks something in the midst of what is being tested: a broken rule ends the run, not that. */
export function guard(clock: VirtualClock, check: () => void): void {
  try {
    check();
  } catch (error) {
    clock.after(0, () => {
      throw error;
    });
  }
}

/** Fails: a program has thrown what it should not. */
export function fail(error: unknown): never {
  throw error;
}
