/**
 * A monitor that says what a test gives it.
 *
 * @module
 */
import { TimeCounts } from "../../lib/monitor/buckets.ts";
import type { Health, Monitor, Totals } from "../../lib/monitor/monitor.ts";
import type { SessionReading } from "../../lib/monitor/reading.ts";

/** The totals of a process that has just been started. */
export const NO_TOTALS: Totals = {
  phases: { connecting: 0, data: 0, heartbeat: 0, terminated: 0 },
  silent: 0,
  held: 0,
  opened: 0,
  resumed: 0,
  disconnected: 0,
  silences: 0,
  recoveries: 0,
  ended: [],
  data_sent: 0,
  data_received: 0,
  data_confirmed: 0,
  data_resent: 0,
  data_bytes: 0,
  in_doubt: 0,
  heartbeats_sent: 0,
  heartbeats_answered: 0,
  heartbeats_missed: 0,
  heartbeats_received: 0,
  local_stalls: 0,
  holds: 0,
  strangers: 0,
  round_trips: new TimeCounts("round_trips").read(),
  round_trip: { p50_ms: null, p99_ms: null, max_ms: null },
  silence_durations: new TimeCounts("silence_durations").read(),
  overshoots: new TimeCounts("overshoots").read(),
};

/** Whose totals, sessions and health a test sets; it knows no histories. */
export class FakeMonitor implements Monitor {
  readonly role: "client" | "server";
  readonly started_ms = Date.UTC(2026, 10, 27, 6);
  /** The sessions that it lists, unordered. */
  rows: readonly SessionReading[] = [];
  #totals: Totals = NO_TOTALS;
  #health: Health = { ok: true, problems: [] };
  #changed: (() => void)[] = [];

  constructor(role: "client" | "server" = "server") {
    this.role = role;
  }

  /** Changes some of the totals. */
  set(totals: Partial<Totals>): void {
    this.#totals = { ...this.#totals, ...totals };
    this.#changed.forEach((changed) => changed());
  }

  /** Is healthy no more. */
  fail(...problems: string[]): void {
    this.#health = { ok: false, problems };
  }

  totals(): Promise<Totals> {
    return Promise.resolve(this.#totals);
  }

  list(): Promise<{ matched: number; rows: readonly SessionReading[] }> {
    return Promise.resolve({ matched: this.rows.length, rows: this.rows });
  }

  history(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  outages(): [] {
    return [];
  }

  health(): Health {
    return this.#health;
  }

  onChange(changed: () => void, signal: AbortSignal): void {
    this.#changed.push(changed);
    signal.addEventListener("abort", () => {
      this.#changed = this.#changed.filter((each) => each !== changed);
    });
  }
}
