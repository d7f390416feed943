/**
 * Rate-limits similar log lines: of many sessions a few lines are written, then how many more there were.
 *
 * @module
 */
import type { Clock, Timer } from "../platform/clock.ts";
import type { Event } from "../session/events.ts";
import { kernelState } from "./explain_silence.ts";

/** How long, in milliseconds, similar events are counted together. */
const WINDOW_MS = 1_000;

/** Writes an event; of the last of several that were left out, `which` says how many those are. */
export type WriteEvent = (event: Event, which?: string) => void;

/** Events of one kind in one window. */
interface Similar {
  count: number;
  last: Event;
}

/** Writes the first few of similar events in full, and at the end of a second the number of the others. */
export class RateLimit {
  readonly #clock: Clock;
  readonly #mostInFull: number;
  readonly #write: WriteEvent;
  readonly #timer: Timer;
  readonly #kinds = new Map<string, Similar>();

  /** Creates a rate limit that writes so many of a kind in full in a second. */
  constructor(clock: Clock, mostInFull: number, write: WriteEvent) {
    this.#clock = clock;
    this.#mostInFull = mostInFull;
    this.#write = write;
    this.#timer = clock.timer(() => this.flush());
  }

  /** Writes an event, now or as one of several. */
  add(event: Event): void {
    if (this.#kinds.size === 0) this.#timer.set(this.#clock.now() + WINDOW_MS);
    const kind = kindOf(event);
    const similar = this.#kinds.get(kind);
    if (!similar) this.#kinds.set(kind, { count: 1, last: event });
    else [similar.count, similar.last] = [similar.count + 1, event];
    if ((similar?.count ?? 1) <= this.#mostInFull) this.#write(event);
  }

  /** Ends the window: writes how many more there were, if any. */
  flush(): void {
    this.#timer.clear();
    const kinds = [...this.#kinds.values()];
    this.#kinds.clear();
    // With the present time: the lines written meanwhile have later times than these events.
    const time = new Date(this.#clock.wallTime()).toISOString();
    for (const { count, last } of kinds) {
      const more = count - this.#mostInFull;
      const which = more > 1 ? `and ${more} more, the last of them` : "and 1 more";
      if (more > 0) this.#write({ ...last, time }, which);
    }
  }
}

/** What similar events have in common: what is said of them, but for figures. */
function kindOf(event: Event): string {
  switch (event.event) {
    case "disconnected":
    case "terminated":
      return `${event.event} ${event.by} ${event.reason} ${event.text.replace(/\d+/g, "0")}`;
    case "summary":
      return `summary ${event.by} ${event.reason}`;
    case "account":
      return `account ${event.began} ${event.cause}`;
    case "heartbeat_missed":
      return event.left === 0 ? "heartbeat_missed, the last" : "heartbeat_missed";
    case "kernel":
      return `kernel ${kernelState(event)}`;
    case "phase":
      return `phase ${event.from} ${event.to} ${event.idle} ${event.closed} ${event.held}`;
    case "reconnecting":
      return `reconnecting ${event.cause}`;
    case "notice":
      return `notice ${event.level}`;
    default:
      return event.event;
  }
}
