/**
 * Which worker owns each session, and how many sessions all workers together may have.
 *
 * @module
 */

import type { CountedSession } from "../options.ts";

interface Route {
  readonly worker: number;
  /** Connections placed there whose outcome is not known yet. */
  pending: number;
  /** Whether the worker has the session. */
  isKept: boolean;
  /** Its place among the sessions of an address, if those are counted. */
  readonly counted?: CountedSession;
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
  add(session: string, worker: number, counted?: CountedSession): void {
    this.#routes.set(session, { worker, pending: 0, isKept: true, counted });
  }

  /** Whether a session has an owner. */
  has(session: string): boolean {
    return this.#routes.has(session);
  }

  /** Places a connection: returns the worker that owns its session, by default this one; a new one is counted. */
  place(
    session: string,
    byDefault: number,
    count: () => CountedSession | undefined = () => undefined,
  ): number {
    let route = this.#routes.get(session);
    if (!route) {
      route = { worker: byDefault, pending: 0, isKept: false, counted: count() };
      this.#routes.set(session, route);
    }
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
    if (route.isKept || route.pending > 0) return;
    this.#routes.delete(session);
    route.counted?.release();
  }
}
