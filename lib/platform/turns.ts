/**
 * Limits closes, large reads and other deferrable work per event-loop turn, so that neither a mass
 * disconnect nor a flood delays a heartbeat.
 *
 * @module
 */
import type { Clock, InputOrder } from "./clock.ts";

/** How many tasks may run per turn. */
const TASKS_PER_TURN = 64;

/** How many large reads may follow a turn: each takes up to 5 ms. */
const READS_PER_TURN = 8;

/** How long, in milliseconds, a turn is assumed to last while fewer tasks than that arrive. */
const TURN_MS = 1;

/** Who waits for a turn. */
interface Waiting {
  readonly callback: (receiver: unknown) => void;
  readonly receiver: unknown;
}

/** The limiters of a clock. */
interface Limiters {
  readonly closes: TurnLimiter;
  readonly reads: TurnLimiter;
  readonly looks: TurnLimiter;
}

/** Limits the tasks per turn of all callers that share a clock. */
export class TurnLimiter {
  static readonly #all = new WeakMap<Clock, Limiters>();
  readonly #clock: Clock;
  readonly #atOnce: number;
  readonly #perTurn: number;
  readonly #order?: InputOrder;
  #turn_ms = -Infinity;
  #count = 0;
  #waiting: Waiting[] = [];

  private constructor(clock: Clock, atOnce: number, perTurn: number, order?: InputOrder) {
    this.#clock = clock;
    this.#atOnce = atOnce;
    this.#perTurn = perTurn;
    this.#order = order;
  }

  /** The limiter of a clock, for what lets passing deadlines go first. */
  static of(clock: Clock): TurnLimiter {
    return TurnLimiter.#allOf(clock).closes;
  }

  /**
   * The limiter of those who read on after a large read. None may run at once: while data is always ready
   * somewhere, the event loop looks for that of other connections only every 61 turns.
   */
  static ofReads(clock: Clock): TurnLimiter {
    return TurnLimiter.#allOf(clock).reads;
  }

  /** The limiter of those who look something up for thousands of sessions, and let passing deadlines go first. */
  static ofLooks(clock: Clock): TurnLimiter {
    return TurnLimiter.#allOf(clock).looks;
  }

  static #allOf(clock: Clock): Limiters {
    const known = TurnLimiter.#all.get(clock);
    if (known) return known;
    const all = {
      closes: new TurnLimiter(clock, TASKS_PER_TURN, TASKS_PER_TURN, "later"),
      reads: new TurnLimiter(clock, 0, READS_PER_TURN),
      looks: new TurnLimiter(clock, 0, READS_PER_TURN, "later"),
    };
    TurnLimiter.#all.set(clock, all);
    return all;
  }

  /** Resolves when the caller may run: at once, unless this turn's limit is reached. First in, first out. */
  turn(): Promise<void> {
    return new Promise((resolve) => this.run(resolve, undefined));
  }

  /** As {@linkcode turn}, with a callback, which gets the receiver: thousands who wait take no promise each. */
  run<Receiver>(callback: (receiver: Receiver) => void, receiver: Receiver): void {
    const now_ms = this.#clock.now();
    if (now_ms - this.#turn_ms >= TURN_MS && this.#waiting.length === 0) {
      this.#turn_ms = now_ms;
      this.#count = 0;
    }
    if (++this.#count <= this.#atOnce) return callback(receiver);
    const waiting = { callback: callback as (receiver: unknown) => void, receiver };
    if (this.#waiting.push(waiting) === 1) this.#release();
  }

  /** Resumes the next callers after pending input has been read and due timers have fired. */
  #release(): void {
    this.#clock.afterInput(() => {
      this.#turn_ms = this.#clock.now();
      this.#count = this.#atOnce;
      for (const each of this.#waiting.splice(0, this.#perTurn)) each.callback(each.receiver);
      if (this.#waiting.length > 0) this.#release();
    }, this.#order);
  }
}
