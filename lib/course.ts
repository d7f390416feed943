/**
 * The course of a session: its phases, its silences and its end, told as they happen.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { Ending } from "./ending.ts";
import type { EventSource, Phase } from "./events.ts";
import { Ledger, roundMs } from "./ledger.ts";
import { predictedDetection_ms, type Timers } from "./settings.ts";
import { type Detection, verdict } from "./verdict.ts";

/** What the course of a session is made of. */
export interface CourseOptions {
  /** Time. */
  clock: Clock;
  /** The session's timers. */
  timers: Timers;
  /** Where it is told. */
  events: EventSource;
  /** When the connection was opened, in monotonic milliseconds; now, if not given. */
  opened_ms?: number;
}

/** Keeps and tells the course of one session. It ends once, for one reason. */
export class Course {
  /** What the session has counted. */
  readonly ledger = new Ledger();
  /** When the session, or the connection that it is to be opened on, started. */
  readonly started_ms: number;
  readonly #options: CourseOptions;
  readonly #ended = new AbortController();
  #phase: Phase = "connecting";
  #isOpen = false;
  #ending?: Ending;
  #heard_ms: number;
  #silentSince_ms: number;

  /** Starts the course of a session that is not open yet. */
  constructor(options: CourseOptions) {
    this.#options = options;
    this.started_ms = options.opened_ms ?? options.clock.now();
    this.#heard_ms = this.#silentSince_ms = this.started_ms;
  }

  /** Whether the session was ever open. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The phase that the session is in. */
  get phase(): Phase {
    return this.#phase;
  }

  /** How it ended, once it has. */
  get ending(): Ending | undefined {
    return this.#ending;
  }

  /** Aborts when the session ends, with its {@linkcode Ending} as the reason. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** When the last sign of life came, in monotonic milliseconds. */
  get heard_ms(): number {
    return this.#heard_ms;
  }

  /** A sign of life has come. */
  signOfLife(): void {
    this.#heard_ms = this.#options.clock.now();
  }

  /** The session is open. */
  open(peer: string, more: { original?: true } = {}): void {
    const { events, timers } = this.#options;
    this.#isOpen = true;
    const predicted_detection_s = predictedDetection_ms(timers) / 1000;
    events.emit("connected", { peer, predicted_detection_s, ...more });
  }

  /** The data phase begins: the first one, or because data has been heard again. */
  data(): void {
    this.#enter("data");
  }

  /** The session has fallen silent: the heartbeat phase begins. */
  silent(since_ms: number): void {
    this.#silentSince_ms = since_ms;
    this.ledger.silenceBegan();
    this.#enter("heartbeat");
  }

  /** The session ends, unless it has already: the first reason given is the one. */
  end(ending: Ending, peer: string, detection?: Detection): void {
    if (this.#ending) return;
    this.#ending = ending;
    if (this.#phase !== "heartbeat") this.#silentSince_ms = this.#heard_ms;
    const now_ms = this.#enter("terminated");
    const { events, timers } = this.#options;
    const heard_ms = this.#isOpen ? this.#heard_ms : undefined;
    const evidence = { peer, timers, now_ms, heard_ms, detection };
    events.emit("terminated", verdict(ending, evidence));
    this.#ended.abort(ending);
  }

  /** This process did not run when a deadline came due, which came so late. */
  stalled(late_ms: number): void {
    this.ledger.localStalls++;
    this.#options.events.emit("local_stall", { ms: roundMs(late_ms) });
  }

  /** The last word: the summary of a session that was open. */
  summarize(): void {
    if (!this.#isOpen) return;
    const { clock, events } = this.#options;
    events.emit("summary", this.ledger.summary(clock.now() - this.started_ms));
  }

  /** Goes to another phase, and gives the time at which it did. */
  #enter(to: Phase): number {
    const { clock, events } = this.#options;
    const from = this.#phase;
    this.#phase = to;
    const now_ms = clock.now();
    const silent_ms = from === "connecting" ? 0 : now_ms - this.#silentSince_ms;
    if (from === "heartbeat") this.ledger.silenceEnded(silent_ms);
    // A connection that never said which session it is has no phases to tell of.
    if (events.session !== null) {
      events.emit("phase", { from, to, silent_ms: roundMs(silent_ms) });
    }
    return now_ms;
  }
}
