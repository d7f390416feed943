/**
 * The sessions of original clients at a server, and which of them a new connection belongs to.
 *
 * The original's wire names no session, so that is told by address and time: by what a client at that
 * address would do next. Where several could do it, that is a guess, and is said to be one.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import { hostOf } from "../platform/net/address.ts";
import type { Connection } from "../platform/net/transport.ts";
import { type EventSink, EventSource } from "../session/events.ts";
import type { Timers } from "../session/timers.ts";
import type { OriginalPurpose } from "../wire/original.ts";
import { OriginalServerSession } from "./original_server.ts";

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

  /** How many sessions there are. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Gives a connection to the session that waits for it; false if none does. */
  attach(connection: Connection, purpose: OriginalPurpose): boolean {
    const host = hostOf(connection.peer);
    const ofHost = [...this.#sessions]
      .filter((session) => session.host === host)
      .sort((a, b) => a.lastData_ms - b.lastData_ms);
    const waiting = ofHost.filter((session) => session.awaits(purpose));
    // A client may give up before this side falls silent, and its close may be lost or late.
    const doubtful = purpose === "heartbeat" ? ofHost.filter((each) => each.isDoubtful) : [];
    const candidates = waiting.length > 0 ? waiting : doubtful;
    const [session] = candidates;
    if (!session) return false;
    session.attach(connection, purpose);
    const what = purpose === "heartbeat"
      ? `the client's second connection, with heartbeats, from ${connection.peer}`
      : `the client is back with data, from ${connection.peer}`;
    if (waiting.length === 1) session.notice("info", `${what}; told by its address`);
    else session.notice("warning", `${what}; a guess: ${reasonFor(candidates)}`);
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
        `heartbeats from ${connection.peer}, whose session is not known here: it has ended, or ` +
        `this server has been restarted`;
      session.notice("warning", text);
    }
    return session;
  }

  /** Forgets a session that has ended. */
  delete(session: OriginalServerSession): void {
    this.#sessions.delete(session);
  }
}

function reasonFor({ length }: readonly OriginalServerSession[]): string {
  return length === 1
    ? "this session is not silent here, but may be so for its client"
    : `${length} sessions of that address could be meant, and this one has waited longest`;
}
