/**
 * Connections that opened no session: port checks, other protocols, clients that never sent `HELLO`, and all
 * that a limit turned away. They are counted and reported together, so that they push nothing else out of the
 * log.
 *
 * @module
 */
import type { Clock, Timer } from "../platform/clock.ts";
import { hostOf } from "../platform/net/address.ts";
import type { EventSource, Limit, LimitCounts } from "../session/events.ts";

/** How long, in milliseconds, strangers are counted together after a report. */
export const STRANGERS_INTERVAL_MS = 60_000;

/** How many addresses, and how many different things that were sent, a report names. */
export const MAX_NAMED = 10;

/** A connection that opened no session. */
export interface Stranger {
  /** Its address and port. */
  readonly peer: string;
  /** What it sent: see `describeSent`; `undefined` if that was not looked at. */
  readonly sent?: string;
  /** The limit for which it was closed or refused, if it was. */
  readonly limit?: Limit;
}

/** Options for {@linkcode Strangers}. */
export interface StrangersOptions {
  /** The clock. */
  clock: Clock;
  /** Emits the events of the server as a whole. */
  events: EventSource;
}

/** Counts strangers; reports the first one at once, and those after it once a minute at most. */
export class Strangers {
  readonly #clock: Clock;
  readonly #events: EventSource;
  readonly #timer: Timer;
  #next_ms = -Infinity;
  #count = 0;
  readonly #addresses = new Set<string>();
  readonly #sent = new Set<string>();
  #limits: LimitCounts = {};
  /** What has been reported before; all that is of no known protocol counts as the same. */
  readonly #known = new Set<string>();

  /** Creates one that has counted nobody. */
  constructor({ clock, events }: StrangersOptions) {
    this.#clock = clock;
    this.#events = events;
    this.#timer = clock.timer(() => this.flush());
  }

  /** Counts a stranger. */
  onStranger({ limit, peer, sent }: Stranger): void {
    const isFirst = this.#count++ === 0;
    if (this.#addresses.size < MAX_NAMED) this.#addresses.add(hostOf(peer));
    if (limit) this.#limits = { ...this.#limits, [limit]: (this.#limits[limit] ?? 0) + 1 };
    else if (sent !== undefined && this.#sent.size < MAX_NAMED) this.#sent.add(sent);
    if (this.#clock.now() >= this.#next_ms) this.flush();
    else if (isFirst) this.#timer.set(this.#next_ms);
  }

  /** Reports those that have not been reported. */
  flush(): void {
    this.#timer.clear();
    if (this.#count === 0) return;
    const sent = [...this.#sent];
    const limits = this.#limits;
    // Names and words of strangers are as many as they like.
    const kinds = sent.map((each) => each.startsWith('"') ? "other" : each.replace(/ ".*/, ""));
    kinds.push(...Object.keys(limits));
    const isNew = kinds.some((each) => !this.#known.has(each));
    for (const each of kinds) this.#known.add(each);
    this.#events.emit("strangers", {
      count: this.#count,
      addresses: [...this.#addresses],
      sent,
      ...isNew && { new: true as const },
      ...Object.keys(limits).length > 0 && { limits },
    });
    this.#next_ms = this.#clock.now() + STRANGERS_INTERVAL_MS;
    this.#count = 0;
    this.#addresses.clear();
    this.#sent.clear();
    this.#limits = {};
  }
}
