/**
 * Deaths of a soak test: which sessions died, when the server declared that and closed the connection, and
 * whether it was in time.
 *
 * @module
 */

/** How much later than predicted a death may be declared: far above the delay of timers and a burst. */
const LATE_LIMIT_MS = 1_000;

/** The end of a dead session's connection. */
export interface Death {
  /** What it is measured from. */
  readonly since: "data" | "heartbeat";
  /** How long after that the server closed the connection. */
  readonly after_ms: number;
}

/** Records deaths. */
export class Deaths {
  /** Failures, as texts. */
  readonly wrong: string[] = [];
  readonly #predicted_ms: Readonly<Record<Death["since"], number>>;
  /** When each session died whose connection is not closed yet. */
  readonly #dead = new Map<string, number>();
  /** Sessions that got their full time once more, because the server was stalled. */
  readonly #excused = new Set<string>();
  #count = 0;
  #worstTold_ms = 0;
  #worstSeen_ms = 0;

  /** Creates a record of deaths with this predicted detection after data, or a heartbeat. */
  constructor(predicted_ms: Readonly<Record<Death["since"], number>>) {
    this.#predicted_ms = predicted_ms;
  }

  /** A session has stopped sending. */
  dies(session: string): void {
    this.#dead.set(session, performance.now());
  }

  /** The server was stalled when a deadline of this session came. */
  excuse(session: string): void {
    this.#excused.add(session);
  }

  /** The server has declared a session dead, so much later than predicted. */
  declared(session: string, late_ms: number): void {
    this.#worstTold_ms = Math.max(this.#worstTold_ms, late_ms);
    if (late_ms < 0) this.wrong.push(`${session} was declared dead ${-late_ms} ms too early`);
    this.#judge(session, late_ms, "as the server reported");
  }

  /** A dead session has seen its connection closed. */
  seen(session: string, { since, after_ms }: Death): void {
    const late_ms = after_ms - this.#predicted_ms[since];
    this.#count++;
    this.#worstSeen_ms = Math.max(this.#worstSeen_ms, late_ms);
    this.#judge(session, late_ms, `measured from its last ${since}`);
    this.#dead.delete(session);
    this.#excused.delete(session);
  }

  /** The server has closed the connection of a session that lived. */
  closedAlive(session: string): void {
    this.wrong.push(`${session} lived, and its connection was closed`);
  }

  /** Sessions whose death is overdue. */
  overdue(): string[] {
    const limit_ms = performance.now() - this.#predicted_ms.data - 2 * LATE_LIMIT_MS;
    return [...this.#dead].filter(([session, died_ms]) =>
      died_ms < limit_ms && !this.#excused.has(session)
    ).map(([session]) => `${session} is dead, and was not declared so`);
  }

  /** How many deaths there were since the last call, and the largest overshoot. */
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
