/**
 * Which worker owns each session, and how many sessions all workers together may have.
 *
 * @module
 */

interface Route {
  readonly worker: number;
  /** Connections placed there whose outcome is not known yet. */
  pending: number;
  /** Whether the worker has the session. */
  isKept: boolean;
}

/** Assigns sessions to workers. */
export class SessionRouting {
  readonly #maxSessions: number;
  readonly #routes = new Map<string, Route>();

  /** Creates a routing without sessions. */
  constructor(maxSessions: number) {
    this.#maxSessions = maxSessions;
  }

  /** Whether there is no room for another session. */
  get isFull(): boolean {
    return this.#routes.size >= this.#maxSessions;
  }

  /** Adds a session that was not placed: restored from the store, or of an original client. */
  add(session: string, worker: number): void {
    this.#routes.set(session, { worker, pending: 0, isKept: true });
  }

  /** Whether a session has an owner. */
  has(session: string): boolean {
    return this.#routes.has(session);
  }

  /** Places a connection: returns the worker that owns its session, by default this one. */
  place(session: string, byDefault: number): number {
    let route = this.#routes.get(session);
    if (!route) this.#routes.set(session, route = { worker: byDefault, pending: 0, isKept: false });
    route.pending++;
    return route.worker;
  }

  /** Records whether a placed connection has opened or resumed its session. */
  settled(session: string, isKept: boolean): void {
    this.#update(session, (route) => {
      route.pending--;
      route.isKept ||= isKept;
    });
  }

  /** Records that a session has ended. */
  ended(session: string): void {
    this.#update(session, (route) => route.isKept = false);
  }

  #update(session: string, change: (route: Route) => void): void {
    const route = this.#routes.get(session);
    if (!route) return;
    change(route);
    if (!route.isKept && route.pending === 0) this.#routes.delete(session);
  }
}
