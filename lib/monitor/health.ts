/**
 * Whether this process does its work: its event loop, its store and output, its listener.
 *
 * @module
 */
import type { Clock, Timer } from "../platform/clock.ts";
import type { HoldReason } from "../wire/protocol.ts";
import type { Health } from "./monitor.ts";
import type { Trouble } from "./watch.ts";

/** How often, in milliseconds, the event loop is looked at. */
const TICK_MS = 100;

/** How late, in milliseconds, is a stall. */
const STALL_MS = 1_000;

/** How long, in milliseconds, a stall counts after it. */
const REMEMBERED_MS = 10_000;

/** What a server's sessions wait for. */
const WAITING: Readonly<Record<HoldReason, string>> = {
  store: "sessions whose confirmations wait for the store",
  output: "sessions whose confirmations wait for the output",
  room: "sessions that are not read, because too much waits for the store or the output",
};

/** Watches the event loop, and keeps what fails. */
export class HealthWatch {
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #troubles = new Map<Trouble, string>();
  #due_ms = 0;
  #stall = { at_ms: -Infinity, ms: 0 };

  /** Begins to watch. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#timer = clock.timer(() => this.#tick());
    this.#next();
  }

  /** Watches no longer. */
  stop(): void {
    this.#timer.clear();
  }

  /** Something fails, for this reason; or, without one, does so no longer. */
  trouble(what: Trouble, text?: string): void {
    if (text === undefined) this.#troubles.delete(what);
    else this.#troubles.set(what, text);
  }

  /** This process, or one of its threads, has not run for so long, in milliseconds. */
  stalled(ms: number): void {
    if (ms <= STALL_MS) return;
    this.#stall = { at_ms: this.#clock.now(), ms };
  }

  /** Whether this process does its work; a server does not whose sessions wait for its store or its output. */
  read(sessions: Iterable<{ readonly held?: HoldReason }>): Health {
    // It may be asked before the tick that is late.
    this.stalled(this.#clock.now() - this.#due_ms);
    const all = [...this.#troubles.values(), ...holds(sessions)];
    const { at_ms, ms } = this.#stall;
    const ago_ms = this.#clock.now() - at_ms;
    if (ago_ms < REMEMBERED_MS) {
      const [length_s, ago_s] = [ms, ago_ms].map((each) => (each / 1000).toFixed(1));
      all.push(`this process did not run for ${length_s} s, ${ago_s} s ago`);
    }
    return { ok: all.length === 0, problems: all };
  }

  #tick(): void {
    this.stalled(this.#clock.now() - this.#due_ms);
    this.#next();
  }

  #next(): void {
    this.#due_ms = this.#clock.now() + TICK_MS;
    this.#timer.set(this.#due_ms);
  }
}

function holds(sessions: Iterable<{ readonly held?: HoldReason }>): string[] {
  const counts = new Map<HoldReason, number>();
  for (const { held } of sessions) if (held) counts.set(held, (counts.get(held) ?? 0) + 1);
  return [...counts].map(([reason, count]) => `${WAITING[reason]}: ${count}`);
}
