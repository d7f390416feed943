/**
 * Hands events to the JSON output and, in words, to the log: a moment after they happened, so that the
 * telling of one thing holds up no other.
 *
 * @module
 */
import { afterTurn } from "./clock.ts";
import type { Event, EventSink } from "./events.ts";
import type { Log } from "./log.ts";
import { messageOf } from "./messages.ts";
import type { LineOutput } from "./output.ts";
import type { Role } from "./protocol.ts";
import type { Timers } from "./settings.ts";

/** How many events may wait until they are told at once. */
const MAX_WAITING = 65_536;

/** What a {@linkcode Teller} is made of. */
export interface TellerOptions {
  /** Which side tells. */
  role: Role;
  /** Its timers. */
  timers: Timers;
  /** Where people read. */
  log: Log;
  /** Whether the log takes more than warnings and errors anywhere. */
  tellsAll: boolean;
  /** Where programs read, if any do. */
  json?: LineOutput;
  /** Whether there are many sessions: the log then has only what is not as it should be of each. */
  many: boolean;
}

/** Tells events in order. */
export class Teller implements EventSink {
  /** Whether the events of every data message are wanted. */
  readonly wantsMessages: boolean;
  readonly #options: TellerOptions;
  #waiting: Event[] = [];

  /** Makes a teller. */
  constructor(options: TellerOptions) {
    this.#options = options;
    this.wantsMessages = options.json !== undefined || (options.tellsAll && !options.many);
  }

  /** Takes an event, to be told when this turn of the event loop is over. */
  emit(event: Event): void {
    const waiting = this.#waiting.push(event);
    if (waiting === 1) afterTurn(() => this.flush());
    if (waiting === MAX_WAITING) this.flush();
  }

  /** Tells what waits. */
  flush(): void {
    const events = this.#waiting;
    this.#waiting = [];
    for (const event of events) this.#tell(event);
  }

  #tell(event: Event): void {
    const { json, log, many, role, timers } = this.#options;
    if (event.event !== "notice") json?.write(JSON.stringify(event));
    const message = messageOf(event, role, timers);
    if (!message || (many && message.level === "info" && event.session !== null)) return;
    log.line(message.level, message.text, event.session, event.time);
  }
}
