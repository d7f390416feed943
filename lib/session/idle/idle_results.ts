/**
 * What a server keeps of idle sessions, until the client that had them asks.
 *
 * @module
 */
import type { Clock } from "../../platform/clock.ts";
import type { EventSource } from "../events.ts";
import { type IdleSeen, searchOf } from "../../wire/idle.ts";

/** How many results a server keeps, of all searches together; the oldest give way. */
export const MAX_IDLE_RESULTS = 4_096;

/** For how long, in milliseconds, one is kept after it was last changed, or its session's idle time was over. */
export const IDLE_RESULTS_KEPT_MS = 600_000;

/** One session's result, and whose it is. */
export interface IdleResult extends Pick<IdleSeen, "state" | "after_ms"> {
  /** The session's id. */
  readonly session: string;
  /** The address that it came from. */
  readonly from: string;
  /** The name of the key that it was opened with, if it was. */
  readonly who?: string;
  /** For how long, in milliseconds, it will still be idle. */
  readonly left_ms: number;
}

/** Keeps what is seen of idle sessions. */
export interface IdleResultStore {
  /** Notes what became of a session, or that there is one. */
  note(result: IdleResult): void;
  /** What is known of the sessions of a search that were opened with this key, or without any. */
  of(search: string, who: string | undefined): readonly IdleSeen[] | Promise<readonly IdleSeen[]>;
}

/** Keeps the results of idle sessions in this thread. */
export class IdleResults implements IdleResultStore {
  readonly #clock: Clock;
  readonly #events: EventSource;
  /** By session, the one changed longest ago first. */
  readonly #bySession = new Map<string, IdleResult & { until_ms: number }>();
  /** The searches that have been reported, the oldest first. */
  readonly #searches = new Set<string>();

  /** Makes one without results, which says of each search that it has begun. */
  constructor(clock: Clock, events: EventSource) {
    this.#clock = clock;
    this.#events = events;
  }

  /** Notes what became of a session, or that there is one. */
  note(result: IdleResult): void {
    const { search } = searchOf(result.session) ?? { search: result.session };
    const now_ms = this.#clock.now();
    this.#bySession.delete(result.session);
    const until_ms = now_ms + result.left_ms + IDLE_RESULTS_KEPT_MS;
    this.#bySession.set(result.session, { ...result, until_ms });
    for (const [session, { until_ms }] of this.#bySession) {
      if (this.#bySession.size <= MAX_IDLE_RESULTS && until_ms > now_ms) break;
      this.#bySession.delete(session);
    }
    this.#announce(search, result.from);
  }

  /** What is known of the sessions of a search that were opened with this key, or without any. */
  of(search: string, who: string | undefined): IdleSeen[] {
    const now_ms = this.#clock.now();
    return [...this.#bySession.values()].flatMap((result) => {
      const named = searchOf(result.session);
      const isMeant = named?.search === search && result.who === who && result.until_ms > now_ms;
      const { after_ms, state } = result;
      return isMeant ? [{ number: named.number, state, after_ms }] : [];
    });
  }

  #announce(search: string, from: string): void {
    if (this.#searches.has(search)) return;
    this.#searches.add(search);
    const [oldest] = this.#searches;
    if (this.#searches.size > MAX_IDLE_RESULTS) this.#searches.delete(oldest!);
    const text =
      `idle-timeout search ${search} from ${from}: its sessions count as sessions while they are open, ` +
      "and have no lines of their own";
    this.#events.emit("notice", { level: "info", text });
  }
}
