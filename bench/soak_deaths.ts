/**
 * The deaths of a soak: which sessions died, what the server said of it, what they saw of it, and
 * whether that was in time.
 *
 * @module
 */

/** How much later than predicted a death may be declared: far above what timers and a burst take. */
const LATE_LIMIT_MS = 1_000;

/** What a dead session saw of its end. */
export interface Death {
  /** What it is reckoned from. */
  readonly since: "data" | "heartbeat";
  /** How long after that the server closed the connection. */
  readonly after_ms: number;
}

/** Keeps account of the deaths. */
export class Deaths {
  /** What was wrong, in words. */
  readonly wrong: string[] = [];
  readonly #predicted_ms: Readonly<Record<Death["since"], number>>;
  /** When each session died that is not buried yet. */
  readonly #dead = new Map<string, number>();
  /** Sessions for which the server was stalled itself, and gave the peer its time once more. */
  readonly #excused = new Set<string>();
  #count = 0;
  #worstTold_ms = 0;
  #worstSeen_ms = 0;

  /** Keeps account of deaths that are declared so long after data, or a heartbeat. */
  constructor(predicted_ms: Readonly<Record<Death["since"], number>>) {
    this.#predicted_ms = predicted_ms;
  }

  /** A session gives no more signs of life. */
  dies(session: string): void {
    this.#dead.set(session, performance.now());
  }

  /** The server was stalled when a deadline of this session came. */
  excuse(session: string): void {
    this.#excused.add(session);
  }

  /** The server has declared a session dead, so much later than predicted. */
  told(session: string, late_ms: number): void {
    this.#worstTold_ms = Math.max(this.#worstTold_ms, late_ms);
    if (late_ms < 0) this.wrong.push(`${session} was declared dead ${-late_ms} ms too early`);
    this.#judge(session, late_ms, "by the server's word");
  }

  /** A dead session has seen its connection closed. */
  seen(session: string, { since, after_ms }: Death): void {
    const late_ms = after_ms - this.#predicted_ms[since];
    this.#count++;
    this.#worstSeen_ms = Math.max(this.#worstSeen_ms, late_ms);
    this.#judge(session, late_ms, `reckoned from its last ${since}`);
    this.#dead.delete(session);
    this.#excused.delete(session);
  }

  /** The server has closed the connection of a session that lived. */
  wronged(session: string): void {
    this.wrong.push(`${session} lived, and its connection was closed`);
  }

  /** Sessions whose death should have been declared long ago. */
  overdue(): string[] {
    const limit_ms = performance.now() - this.#predicted_ms.data - 2 * LATE_LIMIT_MS;
    return [...this.#dead].filter(([session, died_ms]) =>
      died_ms < limit_ms && !this.#excused.has(session)
    ).map(([session]) => `${session} is dead, and was not declared so`);
  }

  /** The deaths since the last call, and the latest of them. */
  takeMinute(): { count: number; worstTold_ms: number; worstSeen_ms: number } {
    const minute = {
      count: this.#count,
      worstTold_ms: this.#worstTold_ms,
      worstSeen_ms: this.#worstSeen_ms,
    };
    this.#count = this.#worstTold_ms = this.#worstSeen_ms = 0;
    return minute;
  }

  #judge(session: string, late_ms: number, how: string): void {
    if (late_ms <= LATE_LIMIT_MS || this.#excused.has(session)) return;
    this.wrong.push(`${session} was declared dead ${Math.round(late_ms)} ms too late, ${how}`);
  }
}
