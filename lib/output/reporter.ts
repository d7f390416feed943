/**
 * Writes events as JSON and as log lines, at the end of the event-loop turn, so that formatting delays no
 * timer or read.
 *
 * The room: `event_text`, `summary_text`, `explain`, `explain_silence` and `explain_connect` put an event in
 * words, out of `phrases`; `rate_limit` shortens lines about many sessions; `log` writes lines to stderr and
 * to rotating files; `line_output` writes to stdout and stderr without blocking; `recording` opens the files of
 * a recording, which `recording_file` writes. `cli/command.ts` makes them; sessions see only an `EventSink`.
 * Nothing here throws into a session, waits for a reader, or changes what an event says.
 *
 * @module
 */
import type { Recording } from "../evidence/recording/recording.ts";
import { afterTurn, type Clock } from "../platform/clock.ts";
import type { Event, EventName, EventSink } from "../session/events.ts";
import type { Timers } from "../session/timers.ts";
import type { Role } from "../wire/protocol.ts";
import { jsonLine } from "../wire/quote.ts";
import {
  type EventText,
  eventText,
  isAtLeast,
  isSummary,
  type Level,
  levelOf,
} from "./event_text.ts";
import { unreachedPeer, withFirewallHint } from "./explain_connect.ts";
import { kernelState } from "./explain_silence.ts";
import type { LineOutput } from "./line_output.ts";
import type { Log } from "./log.ts";
import { RateLimit } from "./rate_limit.ts";

/** How many events are written before timers and sockets have their turn. */
const EVENTS_PER_TURN = 128;

/** What happens all the time while all is well: of these a reader that is too slow goes without. */
const ROUTINE: ReadonlySet<EventName> = new Set([
  "data_sent",
  "data_received",
  "data_confirmed",
  "heartbeat_sent",
  "heartbeat_answered",
  "heartbeat_received",
]);

/** How many events may wait: of more, the oldest are written at once, as many as in a turn. */
const MAX_PENDING = 65_536;

/** Options for {@linkcode Reporter}. */
export interface ReporterOptions {
  /** Which side reports. */
  role: Role;
  /** Its timers. */
  timers: Timers;
  /** Receives lines for people. */
  log: Log;
  /** The lowest level that any part of the log takes. */
  level: Level;
  /** Receives JSON lines for programs, if wanted. */
  json?: LineOutput;
  /** Whether there are many sessions: of each, the log then has only warnings and errors. */
  many: boolean;
  /**
   * How many lines about sessions that differ only in figures the log has in a second; of the others, how many they
   * are. `Infinity` for all.
   */
  mostSimilar: number;
  /** Whether people see the whole summary of each session, and not only its last line among others. */
  showsSummaries: boolean;
  /** The clock. */
  clock: Clock;
}

/** Writes events, in order. */
export class Reporter implements EventSink {
  /** Whether the events of every data message are wanted. */
  readonly wantsMessages: boolean;
  /** What this process is recorded to, once that is open. */
  recording?: Recording;
  readonly #options: ReporterOptions;
  readonly #rateLimit: RateLimit;
  /** What the kernel showed last of each session that is or was silent. */
  readonly #kernelStates = new Map<string, string>();
  /** Whether the next line about a peer that is not reached says where to find what opens a firewall. */
  #hintsAtFirewall: boolean;
  /** The session that ended last, and with whom it was. */
  #ended?: { session: string | null; peer: string };
  #pending: Event[] = [];
  #isWaiting = false;

  /** Creates a reporter. */
  constructor(options: ReporterOptions) {
    this.#options = options;
    const { clock, mostSimilar } = options;
    this.#rateLimit = new RateLimit(clock, mostSimilar, (...line) => this.#log(...line));
    this.#hintsAtFirewall = options.role === "client";
    this.wantsMessages = options.json !== undefined ||
      (options.level === "detail" && !options.many);
  }

  /** Receives an event, and writes it at the end of this turn of the event loop; of many, the rest later. */
  emit(event: Event): void {
    // Whoever was reached once is behind no firewall that is closed.
    this.#hintsAtFirewall &&= event.event !== "connected";
    if (!this.#options.json && !this.#isLogged(event)) return;
    if (this.#pending.push(event) >= MAX_PENDING) this.#writePending(EVENTS_PER_TURN);
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    afterTurn(() => this.#writeSome());
  }

  #isLogged(event: Event): boolean {
    const { level, role } = this.#options;
    return isAtLeast(levelOf(event, role), level) || isSummary(event) && this.#isShown(event);
  }

  /** Whether people see of a summary all its lines, or the last one however quiet the log is. */
  #isShown({ session }: Event): boolean {
    return session === null || this.#options.showsSummaries;
  }

  /** Writes all that is pending or held back by the rate limit. */
  flush(): void {
    this.#writePending();
    this.#rateLimit.flush();
  }

  #writeSome(): void {
    this.#writePending(EVENTS_PER_TURN);
    this.#isWaiting = this.#pending.length > 0;
    if (this.#isWaiting) this.#options.clock.afterInput(() => this.#writeSome(), "last");
  }

  #writePending(count: number = Infinity): void {
    const { json } = this.#options;
    const write = () => this.#pending.splice(0, count).forEach((event) => this.#write(event));
    if (json) json.together(write);
    else write();
  }

  #write(event: Event): void {
    const { many, mostSimilar, role } = this.#options;
    this.#writeJson(event);
    if (event.event === "terminated") this.#ended = event;
    if (!this.#isLogged(event)) return;
    if (event.session === null) {
      // A line about all sessions follows the lines about each.
      this.#rateLimit.flush();
      return this.#log(event);
    }
    if (many ? !isAtLeast(levelOf(event, role), "warning") : this.#isRepeated(event)) return;
    if (mostSimilar === Infinity) this.#log(event);
    else this.#rateLimit.add(event);
  }

  /** The first line about a peer that is not reached says where to find what opens a firewall. */
  #hinted(worded: EventText, event: Event): EventText {
    const peer = unreachedPeer(event);
    if (peer === undefined) return worded;
    this.#hintsAtFirewall = false;
    return { level: worded.level, text: withFirewallHint(worded.text, peer) };
  }

  /** Whether the kernel shows of a silent session what it showed before. */
  #isRepeated(event: Event): boolean {
    const { session } = event;
    if (session === null) return false;
    const beginsAnew = event.event === "phase" && event.to === "heartbeat";
    if (beginsAnew || event.event === "terminated") this.#kernelStates.delete(session);
    if (event.event !== "kernel") return false;
    const state = kernelState(event);
    const isRepeated = this.#kernelStates.get(session) === state;
    this.#kernelStates.set(session, state);
    return isRepeated;
  }

  /** Writes an event for programs; the last ones say how many before them the reader had to go without. */
  #writeJson(event: Event): void {
    const { json } = this.#options;
    if (!json || event.event === "notice") return;
    const isLast = event.event === "summary" || event.event === "total";
    const isShort = isLast && json.leftOut > 0;
    const line = jsonLine(isShort ? { ...event, left_out: json.leftOut } : event);
    json.write(line, { isKept: !ROUTINE.has(event.event) });
  }

  #log(event: Event, which?: string): void {
    const { log, role, timers } = this.#options;
    const { session, time } = event;
    const peer = session === this.#ended?.session ? this.#ended.peer : undefined;
    const worded = eventText(event, role, timers, peer);
    if (!worded) return;
    const { level, lines, text } = this.#hintsAtFirewall ? this.#hinted(worded, event) : worded;
    const said = (line: string) => which === undefined ? line : `${which}: ${line}`;
    if (!lines) return log.line(level, said(text), session, time);
    const isAmongOthers = !this.#isShown(event);
    const shown = which === undefined ? lines : [said(lines.at(-1)!)];
    log.summary({ level, text: said(text), lines: shown, isAmongOthers }, session, time);
  }
}
