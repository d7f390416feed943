/**
 * Which worker has which session, and how many there may be of them together.
 *
 * @module
 */

interface Home {
  readonly worker: number;
  /** How many connections were sent there that have not yet led to the session, or to nothing. */
  expected: number;
  /** Whether the session is there. */
  isKept: boolean;
}

/** Knows where every session is, and where those are that may soon be. */
export class SessionRouting {
  readonly #maxSessions: number;
  readonly #routing = new Map<string, Home>();

  /** Makes it with no session. */
  constructor(maxSessions: number) {
    this.#maxSessions = maxSessions;
  }

  /** Whether there is no room for another session. */
  get isFull(): boolean {
    return this.#routing.size >= this.#maxSessions;
  }

  /** A session is there that nobody had asked for: an earlier process has left it, or it is an original. */
  add(session: string, worker: number): void {
    this.#routing.set(session, { worker, expected: 0, isKept: true });
  }

  /** Whether it is known where a session is. */
  has(session: string): boolean {
    return this.#routing.has(session);
  }

  /** A connection of a session goes to the worker that has it, or else to this one: gives which. */
  send(session: string, otherwise: number): number {
    let home = this.#routing.get(session);
    if (!home) this.#routing.set(session, home = { worker: otherwise, expected: 0, isKept: false });
    home.expected++;
    return home.worker;
  }

  /** Such a connection has led to the session, or to nothing. */
  settled(session: string, isKept: boolean): void {
    this.#change(session, (home) => {
      home.expected--;
      home.isKept ||= isKept;
    });
  }

  /** A session has ended. */
  ended(session: string): void {
    this.#change(session, (home) => home.isKept = false);
  }

  #change(session: string, change: (home: Home) => void): void {
    const home = this.#routing.get(session);
    if (!home) return;
    change(home);
    if (!home.isKept && home.expected === 0) this.#routing.delete(session);
  }
}
