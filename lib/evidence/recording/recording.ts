/**
 * What a process records for a report: lines of JSON, of which the many of healthy sessions are thinned.
 *
 * @module
 */
import { afterTurn, type Clock } from "../../platform/clock.ts";
import { jsonLine } from "../../wire/quote.ts";
import { KEPT_FRAMES } from "./last_frames.ts";

/** How many lines are formatted before timers and sockets have their turn. */
const LINES_PER_TURN = 512;

/** How many lines may wait to be formatted before that is done at once. */
const MAX_PENDING = 65_536;

/** How many lines an exchange of a data message takes at most: two frames and two events. */
export const LINES_PER_EXCHANGE = 4;

/** Of how many sessions all these frames are recorded when they fall silent together. */
const FULL_DEPTH_SESSIONS = 1_000;

/** Fewest frames of each direction that are recorded of the time before an outage. */
const LEAST_DEPTH = 2;

/** Of how many sessions that have ended it is known how many connections they had: the last ones. */
const MAX_ENDED = 10_000;

/** Options for {@linkcode Thinning}. */
export interface ThinningOptions {
  /** How many lines a second may be recorded of healthy sessions, by all threads together. */
  lines_per_s: number;
  /** How many threads have sessions. */
  threads?: number;
}

/** Says how much is recorded of each healthy session, by how many there are. */
export class Thinning {
  /** From one recorded exchange of a healthy session to the next, in microseconds. */
  interval_us = 0;
  #sessions = 0;
  /** How many lines a second may be recorded of healthy sessions, by all threads together. */
  readonly lines_per_s: number;
  readonly #threads: number;

  /** Creates a thinning without sessions. */
  constructor({ lines_per_s, threads = 1 }: ThinningOptions) {
    this.lines_per_s = lines_per_s;
    this.#threads = threads;
  }

  /** How many sessions of this thread are recorded. */
  get sessions(): number {
    return this.#sessions;
  }

  set sessions(count: number) {
    this.#sessions = count;
    const exchanges_per_s = this.lines_per_s / LINES_PER_EXCHANGE;
    this.interval_us = count * this.#threads * 1_000_000 / exchanges_per_s;
  }

  /** How many frames of each direction are recorded of the time before an outage. */
  get depth(): number {
    const depth = KEPT_FRAMES * FULL_DEPTH_SESSIONS / (this.sessions * this.#threads);
    return Math.max(LEAST_DEPTH, Math.min(KEPT_FRAMES, Math.floor(depth)));
  }
}

/**
 * Picks numbers of a sequence, about one in each interval: those that a power of two divides, so that both
 * sides of a session pick the same ones, or the one side some of the other's.
 */
export class Sampler {
  readonly #thinning: Thinning;
  #step = 1;
  /** The step from the next number on. */
  #nextStep = 1;
  #last = 0;
  #passed = 0;
  /** From where on the rate is measured. */
  #since = 0;
  #since_us = NaN;

  /** Creates a sampler that picks the first numbers. */
  constructor(thinning: Thinning) {
    this.#thinning = thinning;
  }

  /** Notes when a number comes; the sequence may begin anew with 1. Whether it is picked. */
  pass(n: number, now_us: number): boolean {
    if (n === 1 && this.#passed > 1) this.#restart();
    const isPicked = this.picks(n);
    if (n <= this.#passed) return isPicked;
    this.#passed = n;
    const elapsed_us = now_us - this.#since_us;
    const { interval_us } = this.#thinning;
    if (!isPicked && elapsed_us <= 2 * interval_us) return false;
    this.#nextStep = powerOfTwo((n - this.#since) * interval_us / elapsed_us);
    this.#since = n;
    this.#since_us = now_us;
    return isPicked;
  }

  /** Whether a number is picked. */
  picks(n: number): boolean {
    if (n > this.#last) {
      this.#last = n;
      this.#step = this.#nextStep;
    }
    return n % this.#step === 0;
  }

  /** Whether a number is picked of those after another one, up to this one. */
  picksAny(after: number, upTo: number): boolean {
    return Math.floor(upTo / this.#step) > Math.floor(after / this.#step);
  }

  #restart(): void {
    this.#step = this.#nextStep = 1;
    this.#last = this.#passed = this.#since = 0;
    this.#since_us = NaN;
  }
}

const LARGEST_STEP = 2 ** 30;

/** The power of two that is not below a number: 1 for what is no number. */
export function powerOfTwo(least: number): number {
  if (!(least > 1)) return 1;
  return Math.min(LARGEST_STEP, 2 ** Math.ceil(Math.log2(least)));
}

/** Options for {@linkcode Recording}. */
export interface RecordingOptions {
  /** How much is recorded of healthy sessions. */
  thinning: Thinning;
  /** Receives whole lines, each with its end. */
  write: (lines: string) => void;
  /** Time. */
  clock: Clock;
  /** How far the clock of the process is ahead of this thread's, in milliseconds. */
  ahead_ms?: number;
}

/** Takes the lines of one thread, and formats them after the turn, so that no timer or read is delayed. */
export class Recording {
  /** How much is recorded of healthy sessions. */
  readonly thinning: Thinning;
  /** How far the clock of the process is ahead of this thread's, in milliseconds. */
  readonly ahead_ms: number;
  readonly #write: RecordingOptions["write"];
  readonly #clock: Clock;
  /** How many connections sessions have had that have ended. */
  readonly #ended = new Map<string, number>();
  #pending: object[] = [];
  #isWaiting = false;
  #wall_ms = NaN;
  /** When the wall clock was last read, in monotonic milliseconds. */
  #wallRead_ms = -Infinity;

  /** Creates a recording without lines. */
  constructor({ ahead_ms = 0, clock, thinning, write }: RecordingOptions) {
    this.thinning = thinning;
    this.ahead_ms = ahead_ms;
    this.#clock = clock;
    this.#write = write;
  }

  /** The time by the wall clock, at most a millisecond old: reading it for every frame takes longer. */
  wallTime(now_ms: number): number {
    if (now_ms - this.#wallRead_ms >= 1) {
      this.#wallRead_ms = now_ms;
      this.#wall_ms = this.#clock.wallTime();
    }
    return this.#wall_ms;
  }

  /** Notes that a session has ended, and how many connections it has had: its client may come back with it. */
  ended(session: string, connections: number): void {
    this.#ended.delete(session);
    this.#ended.set(session, connections);
    if (this.#ended.size <= MAX_ENDED) return;
    const [oldest] = this.#ended.keys();
    this.#ended.delete(oldest!);
  }

  /** How many connections a session that begins has had before: none, unless it had ended. */
  connectionsBefore(session: string): number {
    return this.#ended.get(session) ?? 0;
  }

  /** Adds a line, plain data. */
  add(line: object): void {
    if (this.#pending.push(line) === MAX_PENDING) this.flush();
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    afterTurn(() => this.#writeSome());
  }

  /** Adds lines of another thread. */
  addFormatted(lines: string): void {
    this.#write(lines);
  }

  /** Writes all that is pending. */
  flush(): void {
    this.#writePending(Infinity);
  }

  #writeSome(): void {
    this.#writePending(LINES_PER_TURN);
    this.#isWaiting = this.#pending.length > 0;
    if (this.#isWaiting) this.#clock.afterInput(() => this.#writeSome());
  }

  #writePending(most: number): void {
    const lines = this.#pending.splice(0, most);
    if (lines.length === 0) return;
    this.#write(lines.map((line) => `${jsonLine(line)}\n`).join(""));
  }
}
