/**
 * Rate-limits similar log lines: of many sessions a few lines are written, then how many more there were.
 *
 * @module
 */
import type { Clock, Timer } from "../platform/clock.ts";
import type { Event } from "../session/events.ts";
import type { EventText } from "./event_text.ts";

/** How long, in milliseconds, similar events are counted together. */
const WINDOW_MS = 1_000;

/** How many of a kind are written in full in that time. */
const MAX_IN_FULL = 3;

/** Writes the text of an event. */
export type WriteText = (text: EventText, event: Event) => void;

/** Events of one kind in one window. */
interface Similar {
  count: number;
  last: EventText;
  lastEvent: Event;
}

/** Writes the first few of similar events in full, and at the end of a second the number of the others. */
export class RateLimit {
  readonly #clock: Clock;
  readonly #write: WriteText;
  readonly #timer: Timer;
  readonly #kinds = new Map<string, Similar>();

  /** Creates a rate limit. */
  constructor(clock: Clock, write: WriteText) {
    this.#clock = clock;
    this.#write = write;
    this.#timer = clock.timer(() => this.flush());
  }

  /** Writes an event, now or as one of several. */
  add(text: EventText, event: Event): void {
    if (this.#kinds.size === 0) this.#timer.set(this.#clock.now() + WINDOW_MS);
    const kind = kindOf(event);
    const count = (this.#kinds.get(kind)?.count ?? 0) + 1;
    this.#kinds.set(kind, { count, last: text, lastEvent: event });
    if (count <= MAX_IN_FULL) this.#write(text, event);
  }

  /** Ends the window: writes how many more there were, if any. */
  flush(): void {
    this.#timer.clear();
    const kinds = [...this.#kinds.values()];
    this.#kinds.clear();
    // With the present time: the lines written meanwhile have later times than these events.
    const time = new Date(this.#clock.wallTime()).toISOString();
    for (const { count, last: { level, lines, text }, lastEvent } of kinds) {
      const more = count - MAX_IN_FULL;
      const which = more > 1 ? `and ${more} more, the last of them` : "and 1 more";
      if (more <= 0) continue;
      const [all, shown] = [text, lines?.at(-1)].map((each) => each && `${which}: ${each}`);
      this.#write({ level, text: all!, ...shown && { lines: [shown] } }, { ...lastEvent, time });
    }
  }
}

/** What similar events have in common: their name and reason. */
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
