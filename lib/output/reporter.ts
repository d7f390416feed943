/**
 * Hands events to the JSON output and, in words, to the log: a moment after they happened, so that the
 * telling of one thing holds up no other.
 *
 * @module
 */
import { afterTurn, type Clock } from "../platform/clock.ts";
import type { Event, EventSink } from "../session/events.ts";
import type { Timers } from "../session/timers.ts";
import type { Role } from "../wire/protocol.ts";
import { eventText, type Message } from "./event_text.ts";
import type { LineOutput } from "./line_output.ts";
import type { Log } from "./log.ts";
import { RateLimit } from "./rate_limit.ts";

/** How many events may wait until they are told at once. */
const MAX_WAITING = 65_536;

/** What a {@linkcode Reporter} is made of. */
export interface ReporterOptions {
  /** Which side tells. */
  role: Role;
  /** Its timers. */
  timers: Timers;
  /** Where people read. */
  log: Log;
  /** Whether the log takes more than warnings and errors anywhere. */
  logsAll: boolean;
  /** Where programs read, if any do. */
  json?: LineOutput;
  /**
   * Whether there are many sessions: the log then has only what is not as it should be, and of what
   * happens to all of them at once only a part.
   */
  many: boolean;
  /** Time. */
  clock: Clock;
}

/** Tells events in order. */
export class Reporter implements EventSink {
  /** Whether the events of every data message are wanted. */
  readonly wantsMessages: boolean;
  readonly #options: ReporterOptions;
  readonly #digest: RateLimit;
  #waiting: Event[] = [];

  /** Makes a teller. */
  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#digest = new RateLimit(options.clock, (message, event) => this.#log(message, event));
    this.wantsMessages = options.json !== undefined || (options.logsAll && !options.many);
  }

  /** Takes an event, to be told when this turn of the event loop is over. */
  emit(event: Event): void {
    const waiting = this.#waiting.push(event);
    if (waiting === 1) afterTurn(() => this.#reportWaitingSessions());
    if (waiting === MAX_WAITING) this.#reportWaitingSessions();
  }

  /** Tells what waits, and what was held back. */
  flush(): void {
    this.#reportWaitingSessions();
    this.#digest.flush();
  }

  #reportWaitingSessions(): void {
    const events = this.#waiting;
    this.#waiting = [];
    for (const event of events) this.#tell(event);
  }

  #tell(event: Event): void {
    const { json, many, role, timers } = this.#options;
    if (event.event !== "notice") json?.write(JSON.stringify(event));
    const message = eventText(event, role, timers);
    if (!message) return;
    if (!many) return this.#log(message, event);
    if (event.session !== null) {
      if (message.level !== "info") this.#digest.add(message, event);
      return;
    }
    // What is said of all together comes behind what is said of each.
    this.#digest.flush();
    this.#log(message, event);
  }

  #log({ level, text }: Message, { session, time }: Event): void {
    this.#options.log.line(level, text, session, time);
  }
}
