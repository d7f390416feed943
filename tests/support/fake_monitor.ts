/**
 * A monitor that says what a test gives it.
 *
 * @module
 */
import { TimeCounts } from "../../lib/monitor/buckets.ts";
import type { Health, ListOrder, ListQuery, Monitor, Totals } from "../../lib/monitor/monitor.ts";
import { noTotals } from "../../lib/monitor/roster.ts";
import type { Outage, SessionHistory, SessionReading } from "../../lib/monitor/reading.ts";

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
  ...noTotals(),
  local_stalls: 0,
  holds: 0,
  strangers: 0,
  round_trips: new TimeCounts("round_trips").read(),
  round_trip: { p50_ms: null, p99_ms: null, max_ms: null },
  silence_durations: new TimeCounts("silence_durations").read(),
  overshoots: new TimeCounts("overshoots").read(),
};

/** A session that is well, but for what is given. */
export function readingOf(session: string, more: Partial<SessionReading> = {}): SessionReading {
  return {
    session,
    peer: "192.0.2.1:50000",
    state: "ok",
    phase: "data",
    state_ms: 60_000,
    age_ms: 60_000,
    quiet_ms: 1_000,
    rtt_ms: 0.4,
    sent: 0,
    received: 12,
    confirmed: 12,
    in_doubt: 0,
    connections: 1,
    silences: 0,
    ...more,
  };
}

/** How a query orders two sessions; of the worst, those with many silences come first. */
const ORDERS: Record<ListOrder, (a: SessionReading, b: SessionReading) => number> = {
  worst: (a, b) => Number(b.state === "silent") - Number(a.state === "silent"),
  session: (a, b) => a.session < b.session ? -1 : Number(a.session > b.session),
  peer: (a, b) => a.peer < b.peer ? -1 : Number(a.peer > b.peer),
  round_trip: (a, b) => (a.rtt_ms ?? 0) - (b.rtt_ms ?? 0),
  age: (a, b) => a.age_ms - b.age_ms,
  in_doubt: (a, b) => a.in_doubt - b.in_doubt,
};

/** Whose totals, sessions, histories and health a test sets. */
export class FakeMonitor implements Monitor {
  readonly role: "client" | "server";
  readonly started_ms = Date.UTC(2026, 10, 27, 6);
  /** The sessions that it lists. */
  rows: readonly SessionReading[] = [];
  /** What is known of some of them over time. */
  readonly histories = new Map<string, Partial<SessionHistory>>();
  /** Their outages, the latest first. */
  outageList: readonly Outage[] = [];
  /** How often it was asked for totals, a list, a history. */
  readonly asked = { totals: 0, list: 0, history: 0 };
  /** What it was asked to list last. */
  lastQuery: ListQuery = {};
  /** Until when it does not say the totals. */
  busy?: Promise<void>;
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

  async totals(): Promise<Totals> {
    this.asked.totals++;
    await this.busy;
    return this.#totals;
  }

  list(query: ListQuery = {}): Promise<{ matched: number; rows: readonly SessionReading[] }> {
    const { count, descending, from = 0, order = "worst", search, states } = query;
    this.asked.list++;
    this.lastQuery = query;
    const rows = this.rows
      .filter(({ peer, session }) => !search || `${session} ${peer}`.includes(search))
      .filter(({ state }) => !states || states.includes(state))
      .sort(ORDERS[order]);
    if (descending) rows.reverse();
    const end = count === undefined ? undefined : from + count;
    return Promise.resolve({ matched: rows.length, rows: rows.slice(from, end) });
  }

  history(session: string): Promise<SessionHistory | undefined> {
    this.asked.history++;
    const now = this.rows.find((row) => row.session === session);
    return Promise.resolve(
      now && {
        now,
        states: [],
        known_since_ms: this.started_ms,
        round_trips: [],
        sample_ms: 1_000,
        round_trip: { p50_ms: null, p99_ms: null, max_ms: null },
        outages: this.outages({ session }),
        ...this.histories.get(session),
      },
    );
  }

  outages({ count, session }: { count?: number; session?: string } = {}): readonly Outage[] {
    return this.outageList
      .filter((outage) => session === undefined || outage.session === session)
      .slice(0, count);
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
