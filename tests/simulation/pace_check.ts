/**
 * Checks the pace of a client that sends at an interval: never quicker, whatever it has missed.
 *
 * @module
 */
import type { Event } from "../../lib/session/events.ts";
import { expect } from "./violation.ts";

/** How early, in milliseconds, a data message may be for the one before to have been late. */
const TOLERANCE_MS = 10;

/** Watches the data messages of one client. */
export class PaceCheck {
  readonly #interval_ms: number;
  #last_ms = -Infinity;

  constructor(interval_ms: number) {
    this.#interval_ms = interval_ms;
  }

  /** Looks at the next event. */
  event(event: Event, now_ms: number): void {
    if (event.event !== "data_sent" || event.resent) return;
    const pause_ms = now_ms - this.#last_ms;
    expect(
      pause_ms >= this.#interval_ms - TOLERANCE_MS,
      () => `data message ${event.seq} came ${pause_ms} ms after the one before`,
    );
    this.#last_ms = now_ms;
  }
}
