/**
 * Lines about many sessions: what happens to all of them at once is told of a few, and then how many
 * more there were.
 *
 * @module
 */
import type { Clock, Timer } from "../platform/clock.ts";
import type { Event } from "../session/events.ts";
import type { Message } from "./event_text.ts";

/** How long, in milliseconds, what is alike is gathered. */
const WINDOW_MS = 1_000;

/** How many of a kind are told in full in that time. */
const TOLD_IN_FULL = 3;

/** Tells an event in words. */
export type Tell = (message: Message, event: Event) => void;

/** Events of one kind, in one window. */
interface Alike {
  count: number;
  last: [message: Message, event: Event];
}

/** Tells of events that are alike only as many as a person can read. */
export class RateLimit {
  readonly #clock: Clock;
  readonly #tell: Tell;
  readonly #timer: Timer;
  readonly #kinds = new Map<string, Alike>();

  /** Makes a digest that has nothing to tell. */
  constructor(clock: Clock, tell: Tell) {
    this.#clock = clock;
    this.#tell = tell;
    this.#timer = clock.timer(() => this.flush());
  }

  /** Tells an event, now or together with others. */
  add(message: Message, event: Event): void {
    if (this.#kinds.size === 0) this.#timer.set(this.#clock.now() + WINDOW_MS);
    const kind = kindOf(event);
    const count = (this.#kinds.get(kind)?.count ?? 0) + 1;
    this.#kinds.set(kind, { count, last: [message, event] });
    if (count <= TOLD_IN_FULL) this.#tell(message, event);
  }

  /** Tells how many more there were, if any. */
  flush(): void {
    this.#timer.clear();
    const kinds = [...this.#kinds.values()];
    this.#kinds.clear();
    // What was told meanwhile happened later: a line of now is in order.
    const time = new Date(this.#clock.wallTime()).toISOString();
    for (const { count, last: [{ level, text }, event] } of kinds) {
      const more = count - TOLD_IN_FULL;
      const which = more > 1 ? `and ${more} more, the last of them` : "and 1 more";
      if (more > 0) this.#tell({ level, text: `${which}: ${text}` }, { ...event, time });
    }
  }
}

/** What an event has in common with those of other sessions: what happened, and why. */
function kindOf(event: Event): string {
  switch (event.event) {
    case "disconnected":
    case "terminated":
      return `${event.event} ${event.by} ${event.reason}`;
    case "phase":
      return `phase ${event.to}`;
    case "reconnecting":
      return `reconnecting ${event.cause}`;
    case "notice":
      return `notice ${event.level}`;
    default:
      return event.event;
  }
}
