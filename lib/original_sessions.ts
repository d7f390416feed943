/**
 * The sessions of original clients at a server, and which of them a new connection belongs to.
 *
 * The original's wire names no session, so that is told by address and time: by what a client at that
 * address would do next. Where several could do it, that is a guess, and is said to be one.
 *
 * @module
 */
import { hostOf } from "./address.ts";
import type { Clock } from "./clock.ts";
import { type EventSink, EventSource } from "./events.ts";
import { OriginalServerSession } from "./original_server_session.ts";
import type { OriginalPurpose } from "./original_wire.ts";
import type { Timers } from "./settings.ts";
import type { Connection } from "./transport.ts";

/** What {@linkcode OriginalSessions} is made of. */
export interface OriginalSessionsOptions {
  /** Time. */
  clock: Clock;
  /** The timers of the sessions. */
  timers: Timers;
  /** Takes the events of the sessions. */
  sink: EventSink;
  /** Gives an id that no other session has. */
  newId: () => string;
}

/** The sessions of original clients. */
export class OriginalSessions {
  readonly #options: OriginalSessionsOptions;
  readonly #sessions = new Set<OriginalServerSession>();

  /** Makes the sessions of a server, none yet. */
  constructor(options: OriginalSessionsOptions) {
    this.#options = options;
  }

  /** Gives a connection to the session that waits for it; false if none does. */
  attach(connection: Connection, purpose: OriginalPurpose): boolean {
    const host = hostOf(connection.peer);
    const waiting = [...this.#sessions]
      .filter((session) => session.host === host && session.awaits(purpose))
      .sort((a, b) => a.lastData_ms - b.lastData_ms);
    const [session] = waiting;
    if (!session) return false;
    session.attach(connection, purpose);
    session.notice(...recognition(connection.peer, purpose, waiting.length));
    return true;
  }

  /** Makes a session of a connection that no session waits for. */
  create(connection: Connection, purpose: OriginalPurpose): OriginalServerSession {
    const { clock, newId, sink, timers } = this.#options;
    const events = new EventSource(sink, clock, newId());
    const session = new OriginalServerSession({ connection, purpose, clock, timers, events });
    this.#sessions.add(session);
    if (purpose === "heartbeat") {
      const text =
        `heartbeats from ${connection.peer}, whose session is not known here: this server ` +
        `may have been restarted`;
      session.notice("warning", text);
    }
    return session;
  }

  /** Forgets a session that has ended. */
  delete(session: OriginalServerSession): void {
    this.#sessions.delete(session);
  }
}

function recognition(
  peer: string,
  purpose: OriginalPurpose,
  candidates: number,
): ["info" | "warning", string] {
  const what = purpose === "heartbeat"
    ? `the client's second connection, with heartbeats, from ${peer}`
    : `the client is back with data, from ${peer}`;
  if (candidates === 1) return ["info", `${what}; told by its address`];
  return [
    "warning",
    `${what}; a guess: ${candidates} sessions of that address could be meant, and this one has waited ` +
    `longest`,
  ];
}
