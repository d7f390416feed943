/**
 * Makes the documents of the API, each once for all who ask for it at the same time.
 *
 * @module
 */
import type { ListQuery, Monitor } from "../../monitor/monitor.ts";
import type { SessionReading } from "../../monitor/reading.ts";
import type { Clock } from "../../platform/clock.ts";
import { WorkBudget } from "./budget.ts";
import {
  API_VERSION,
  type Heading,
  historyDocument,
  outageDocument,
  sessionDocument,
  type StatesDocument,
  statesDocument,
  totalsDocument,
} from "./documents.ts";
import { MAX_COUNT, outagesQuery, refuseUnknown, sessionsQuery } from "./query.ts";

/** For how long, in milliseconds, a document is used again. */
const FRESH_MS = 900;

/** How many documents are kept for that. */
const MAX_KEPT = 64;

/** Of how many sessions the states over time are kept, until they change. */
const MAX_STATES = 4 * MAX_COUNT;

/** How many states of a session are listed with many; alone, all that are known. */
const STATES_LISTED = 100;

/** How many outages an overview has. */
const OVERVIEW_OUTAGES = 50;

interface Kept {
  readonly made_ms: number;
  readonly json: Promise<Uint8Array | undefined>;
}

/** States over time, and the reading that they go with. */
interface KnownStates {
  readonly key: string;
  readonly began_ms: number;
  readonly states: StatesDocument;
}

/** Makes documents of what a monitor knows. */
export class Answers implements Disposable {
  readonly #monitor: Monitor;
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();
  readonly #states = new Map<string, KnownStates>();
  readonly #budget: WorkBudget;

  /** Makes them of this. */
  constructor(monitor: Monitor, clock: Clock) {
    this.#monitor = monitor;
    this.#clock = clock;
    this.#budget = new WorkBudget(clock);
  }

  /** Makes nothing any more. */
  [Symbol.dispose](): void {
    this.#budget[Symbol.dispose]();
  }

  /** Forgets the documents that are kept; returns how long it took, in milliseconds, to make those since the last time. */
  renew(): number {
    this.#kept.clear();
    return this.#budget.takeSpent();
  }

  /**
   * `/api/sessions`.
   *
   * @throws {QueryError} If the query means nothing.
   */
  sessions(query: URLSearchParams): Promise<Uint8Array | undefined> {
    const { history, ...wanted } = sessionsQuery(query);
    return this.#once(`sessions ${JSON.stringify({ history, ...wanted })}`, async () => {
      const { matched, rows } = await this.#monitor.list(wanted satisfies ListQuery);
      const documents = [];
      for (const row of rows) {
        documents.push(sessionDocument(row, history ? await this.#statesOf(row) : null));
      }
      return { ...this.#heading(), matched, from: wanted.from, sessions: documents };
    });
  }

  /**
   * `/api/sessions/ID`; `undefined` if there is no such session.
   *
   * @throws {QueryError} If there is a query.
   */
  history(session: string, query: URLSearchParams): Promise<Uint8Array | undefined> {
    refuseUnknown(query, []);
    return this.#once(`history ${session}`, async () => {
      const history = await this.#monitor.history(session);
      return history && historyDocument({ time_ms: this.#clock.wallTime(), history });
    });
  }

  /**
   * `/api/outages`.
   *
   * @throws {QueryError} If the query means nothing.
   */
  outages(query: URLSearchParams): Promise<Uint8Array | undefined> {
    const wanted = outagesQuery(query);
    return this.#once(`outages ${JSON.stringify(wanted)}`, () => {
      const outages = this.#monitor.outages(wanted).map(outageDocument);
      return Promise.resolve({ ...this.#heading(), outages });
    });
  }

  /** What an event of `/api/events` has. */
  overview(): Promise<Uint8Array | undefined> {
    return this.#once("overview", async () => ({
      ...this.#heading(),
      role: this.#monitor.role,
      started_ms: this.#monitor.started_ms,
      totals: totalsDocument(await this.#monitor.totals()),
      outages: this.#monitor.outages({ count: OVERVIEW_OUTAGES }).map(outageDocument),
      health: this.#monitor.health(),
    }));
  }

  #heading(): Heading {
    return { api: API_VERSION, time_ms: this.#clock.wallTime() };
  }

  /** The states of a session; asked for only once it has had another one. */
  async #statesOf(row: SessionReading): Promise<StatesDocument | null> {
    const { connections, session, silences, state } = row;
    const key = `${state} ${silences} ${connections}`;
    const began_ms = this.#clock.wallTime() - row.state_ms;
    const known = this.#states.get(session);
    // Wall clock and monotonic clock round differently.
    if (known && known.key === key && Math.abs(known.began_ms - began_ms) < 10) return known.states;
    const history = await this.#monitor.history(session);
    if (!history) return null;
    const states = statesDocument(history.states, history.known_since_ms, STATES_LISTED);
    this.#states.delete(session);
    this.#states.set(session, { key, began_ms, states });
    for (const [oldest] of this.#states) {
      if (this.#states.size <= MAX_STATES) break;
      this.#states.delete(oldest);
    }
    return states;
  }

  /** Makes a document, unless one is there that is not older than `FRESH_MS`. */
  #once(name: string, make: () => Promise<object | undefined>): Promise<Uint8Array | undefined> {
    const now_ms = this.#clock.now();
    const kept = this.#kept.get(name);
    if (kept && now_ms - kept.made_ms < FRESH_MS) return kept.json;
    const json = this.#budget.run(async () => {
      const document = await make();
      return document && encoder.encode(JSON.stringify(document));
    });
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
    this.#kept.set(name, { made_ms: now_ms, json });
    return json;
  }
}

const encoder = new TextEncoder();
