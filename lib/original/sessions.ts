/**
 * The sessions of original clients at a server, and which of them a new connection belongs to.
 *
 * The original's wire names no session. A connection is matched by address and time: by what a client at
 * that address would do next. Where several could do it, that is a guess, and is logged as one.
 *
 * @module
 */
import { sleep } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";
import type { SessionWatch } from "../monitor/watch.ts";
import { hostOf } from "../platform/net/address.ts";
import type { Connection } from "../platform/net/transport.ts";
import { type Random, randomId } from "../platform/secrets.ts";
import { type EventSink, EventSource } from "../session/events.ts";
import type { SessionStateOptions } from "../session/state.ts";
import { GRACEFUL_CLOSE_LIMIT_MS } from "../session/timers.ts";
import { OriginalConnection } from "./connection.ts";
import { OriginalServerSession } from "./original_server.ts";
import { purposeOf } from "./wire.ts";

/** Options for {@linkcode OriginalSessions}. */
export interface OriginalSessionsOptions extends Pick<SessionStateOptions, "clock" | "timers"> {
  /** Receives the events of the sessions. */
  sink: EventSink;
  /** Fills bytes with randomness, for the ids of the sessions. */
  random: Random;
  /** Reads the sessions while they run, for a monitor. */
  watch?: SessionWatch;
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

  /** Adds a connection to the session that waits for it; false if none does. */
  attach(connection: Connection, first: Uint8Array): boolean {
    const purpose = purposeOf(first)!;
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
      : `the client sends data again, from ${connection.peer}`;
    if (waiting.length === 1) session.notice("info", `${what}; matched by its address`);
    else session.notice("warning", `${what}; a guess: ${reasonFor(candidates)}`);
    return true;
  }

  /** Makes a session of a connection that no session waits for. */
  create(connection: Connection, first: Uint8Array): OriginalServerSession {
    const { clock, random, sink, timers, watch } = this.#options;
    const purpose = purposeOf(first)!;
    const events = new EventSource(sink, clock, `original-${randomId(random)}`);
    const session = new OriginalServerSession({ connection, purpose, clock, timers, events });
    this.#sessions.add(session);
    watch?.add(session);
    if (purpose === "heartbeat") {
      session.notice(
        "warning",
        `heartbeats from ${connection.peer}, whose session is not known here: it has ended, or ` +
          `this server has been restarted`,
      );
    }
    return session;
  }

  /** Answers whatever the client sends with TERMINATE, and closes when the client has or time is up. */
  async refuse(connection: Connection, stopping: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const original = new OriginalConnection(connection, {
      onMessage: () => "terminate",
      onWritten: () => {},
    });
    using limit = new Deadline(clock, { signal: stopping });
    limit.moveTo(clock.now() + GRACEFUL_CLOSE_LIMIT_MS);
    const over = sleep(limit).catch(() => {}).then(() => original.close());
    await Promise.all([original.run(), over]);
  }

  /** Removes a session that has ended. */
  delete(session: OriginalServerSession): void {
    this.#sessions.delete(session);
  }
}

function reasonFor({ length }: readonly OriginalServerSession[]): string {
  return length === 1
    ? "this session is not silent here, but may be so for its client"
    : `${length} sessions of that address could be meant, and this one has waited longest`;
}
