/**
 * The story of a run, event by event, for whoever wants to follow it.
 *
 * @module
 */
import type { VirtualClock } from "../support/virtual_clock.ts";
import { guard } from "./violation.ts";

/** Takes one line of the story. */
export type Listener = (line: string) => void;

/** Tells what happens in a run. */
export class Story {
  readonly #clock: VirtualClock;
  readonly #listener?: Listener;

  constructor(clock: VirtualClock, listener?: Listener) {
    this.#clock = clock;
    this.#listener = listener;
  }

  /** Tells of something that happened. */
  tell(who: string, event: string, fields: object = {}): void {
    if (!this.#listener) return;
    const told = Object.entries(fields)
      .filter(([key]) => key !== "event" && key !== "time")
      .map(([key, value]) => `${key}=${JSON.stringify(value)}`);
    const at = `${hours(this.#clock.now())} ${who.padEnd(11)}`;
    this.#listener([at, event, ...told].join(" "));
  }

  /** Checks something in the middle of what is being tested: a broken rule ends the run, not that. */
  guard(check: () => void): void {
    guard(this.#clock, check);
  }
}

function hours(ms: number): string {
  const [, date, time] = /T((\d+):.*)Z/.exec(new Date(ms).toISOString())!;
  const days = Math.floor(ms / 86_400_000);
  return `${String(days * 24 + Number(time)).padStart(2, "0")}${date!.slice(2)}`;
}
