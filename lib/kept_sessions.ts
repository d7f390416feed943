/**
 * The sessions of a server: those that have a connection, and those that may come back.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import { Course } from "./course.ts";
import type { Delivery } from "./delivery.ts";
import { type Ending, type ExitStatus, exitStatus, isPassing, isPolite } from "./ending.ts";
import { type EventSink, EventSource } from "./events.ts";
import type { Hello } from "./greeting.ts";
import { KeptSession } from "./kept_session.ts";
import type { Resumption } from "./outbox.ts";
import type { Admission, ServerSession } from "./server_session.ts";
import type { Timers } from "./settings.ts";
import type { StoredSession } from "./store_types.ts";
import { Deadline } from "./wait.ts";

/** What {@linkcode KeptSessions} is made of. */
export interface KeptSessionsOptions {
  /** Time. */
  clock: Clock;
  /** The timers of sessions. */
  timers: Timers;
  /** Takes the events of sessions that were begun by an earlier process. */
  sink: EventSink;
  /** How long a session without a connection is kept, in milliseconds. */
  sessionLifetime_ms: number;
  /** How many sessions there may be. */
  maxSessions: number;
  /** How many others there are, which count as well. */
  others: () => number;
  /** Where data messages go, if anywhere. */
  delivery?: Delivery;
  /** Told of each session that was open and has ended. */
  onEnd: (kept: KeptSession, status: ExitStatus) => void;
}

/** Knows every session, and for how long. */
export class KeptSessions {
  readonly #options: KeptSessionsOptions;
  readonly #byId = new Map<string, KeptSession>();
  /** Those without a connection, the one lost for longest first. */
  readonly #lost = new Set<KeptSession>();
  readonly #expiry: Deadline;
  /** When this process ran again after it had not: nobody could come back before. */
  #ran_ms = -Infinity;

  /** Makes it with no session. */
  constructor(options: KeptSessionsOptions) {
    this.#options = options;
    const onStall = () => this.#ran_ms = options.clock.now();
    this.#expiry = new Deadline(options.clock, { onStall });
  }

  /** Takes up the sessions that an earlier process left in the store. */
  restore(stored: readonly StoredSession[]): void {
    const { clock, delivery, sink, timers } = this.#options;
    const now_ms = clock.now();
    // The wall clock may have jumped back since.
    const before = (at: number) => now_ms - Math.max(0, clock.wallTime() - at);
    for (const { id, lost_at, received, seen_at, start } of stored) {
      const opened_ms = before(seen_at);
      const events = new EventSource(sink, clock, id);
      const course = new Course({ clock, timers, events, opened_ms });
      course.ledger.beginAfter(start);
      course.ledger.dataReceived = course.ledger.confirmedUpTo = received;
      const kept = new KeptSession({ id, course, comesBack: true, delivered: received, delivery });
      // What had a connection to the end may have lost it only then, however long it was silent.
      kept.lost_ms = lost_at === undefined ? now_ms : before(lost_at);
      this.#byId.set(id, kept);
    }
    const restored = [...this.#byId.values()].sort((a, b) => a.lost_ms - b.lost_ms);
    for (const kept of restored) this.#lost.add(kept);
    this.#expire();
  }

  /** Decides on the `HELLO` of a connection: why it is refused, or which session it belongs to. */
  admit(session: ServerSession, hello: Hello): Admission {
    const kept = this.#byId.get(hello.id);
    const refusal = kept ? this.#refuseKept(kept, hello) : this.#refuseUnknown(hello);
    if (refusal) return { refusal };
    return kept ? this.#takeOver(kept, session, hello) : this.#begin(session, hello);
  }

  /** Whether a session is kept after its connection has ended like this. */
  goesOn(kept: KeptSession | undefined, ending: Ending): boolean {
    if (!kept?.comesBack) return false;
    return isPassing(ending) && !isPolite(ending);
  }

  /** A connection is over, and all that was to be said on it is said. */
  left(session: ServerSession): void {
    const { kept } = session;
    if (!kept || kept.session !== session) return;
    const ending = session.ending!;
    if (kept.course.ending) return this.#end(kept, ending);
    kept.session = undefined;
    kept.peer = session.peer;
    kept.lost_ms = this.#options.clock.now();
    this.#lost.add(kept);
    this.#note(kept, "lost", ending);
    this.#expire();
  }

  /** How many sessions there are. */
  get size(): number {
    return this.#byId.size;
  }

  /** How long, in milliseconds, the session has been away that `makeRoom` would give up. */
  get longestAway_ms(): number | undefined {
    const first = this.#firstToGiveUp();
    return first && this.#options.clock.now() - first.lost_ms;
  }

  /**
   * Gives up the session that has been away for longest, of those that have sent nothing to lose; false
   * if there is none.
   */
  makeRoom(): boolean {
    const first = this.#firstToGiveUp();
    const text = "gave way to a new session: it had sent nothing (max_sessions)";
    if (first) this.#endLost(first, { by: "self", reason: "silent", text });
    return first !== undefined;
  }

  /** Nothing more can be delivered: whoever waits for that waits in vain. */
  tellUndeliverable(): void {
    for (const kept of this.#byId.values()) kept.session?.deliveredMore();
  }

  /** Ends every session that has no connection. */
  stop(reason: "done" | "shutdown"): void {
    for (const kept of [...this.#lost]) {
      // What was never here but in the store stays there, and nothing is told of it.
      if (kept.course.isOpen) this.#endLost(kept, { by: "self", reason, text: "" });
    }
    this.#expiry[Symbol.dispose]();
  }

  #firstToGiveUp(): KeptSession | undefined {
    for (const kept of this.#lost) if (kept.receivedUpTo === 0) return kept;
    return undefined;
  }

  #refuseKept(kept: KeptSession, { comesBack, confirmed, id }: Hello): string | undefined {
    if (kept.course.ending) return `session ${id} has ended`;
    if (!kept.comesBack || !comesBack) {
      return kept.session
        ? `session ${id} is already connected`
        : `session ${id} is kept for the return of its client`;
    }
    if (confirmed === undefined && kept.receivedUpTo > 0) {
      return `session ${id} has been begun already, and this is not its return`;
    }
    if ((confirmed ?? 0) <= kept.deliveredUpTo) return undefined;
    return `this server has session ${id} up to data message ${kept.deliveredUpTo} only; the client ` +
      `has heard ${confirmed} confirmed`;
  }

  #refuseUnknown({ confirmed, id, settled }: Hello): string | undefined {
    const { delivery, maxSessions, others, sessionLifetime_ms } = this.#options;
    if (delivery?.isFull) {
      return noRoom(id, "this server has more on its way to its store or output than it can hold");
    }
    if (this.#byId.size + others() >= maxSessions && !this.makeRoom()) {
      return fullText(id, maxSessions);
    }
    if (confirmed === undefined || settled) return undefined;
    const why = sessionLifetime_ms === 0
      ? "it keeps none without a connection (session_lifetime 0)"
      : `it has ended, was away for longer than session_lifetime ${
        sessionLifetime_ms / 1000
      } s, or ` +
        `the server has been restarted without --store`;
    return `this server does not know session ${id}: ${why}`;
  }

  #begin(session: ServerSession, hello: Hello): Admission {
    const { confirmed, id } = hello;
    const { delivery, sessionLifetime_ms } = this.#options;
    const comesBack = hello.comesBack && sessionLifetime_ms > 0;
    const { course } = session;
    // Not before: whoever is refused is not the session that has this id.
    course.events.session = id;
    const delivered = confirmed ?? 0;
    course.beginAfter(delivered);
    const kept = new KeptSession({ id, course, comesBack, delivered, delivery });
    kept.session = session;
    this.#byId.set(id, kept);
    const at = this.#options.clock.wallTime();
    const { peer } = session;
    if (delivery?.isDurable) {
      // A return to what is not stored could not be told from one to what has been forgotten.
      kept.opening = delivery
        .keep({ kind: "opened", session: id, at, peer, received: delivered })
        .then(() => kept.opening = undefined);
    }
    const { opening } = kept;
    return {
      kept,
      opening,
      resumption: confirmed === undefined ? undefined : resumptionOf(kept, hello),
    };
  }

  /** The client is back: if its last connection seems to be alive, it is not. */
  #takeOver(kept: KeptSession, session: ServerSession, hello: Hello): Admission {
    if (kept.session) this.#note(kept, "lost", kept.session.supersede());
    this.#lost.delete(kept);
    kept.session = session;
    const { clock, delivery } = this.#options;
    const resumption = resumptionOf(kept, hello);
    const gap_ms = kept.course.gap_ms ?? 0;
    const { peer } = session;
    const at = clock.wallTime();
    delivery?.note({ kind: "resumed", session: kept.id, at, peer, gap_ms, ...resumption });
    // A client that never heard its WELCOME does not know that it was here before.
    return {
      kept,
      opening: kept.opening,
      resumption: hello.confirmed === undefined ? undefined : resumption,
    };
  }

  #expire(): void {
    const { clock, sessionLifetime_ms } = this.#options;
    for (const kept of this.#lost) {
      const due_ms = Math.max(kept.lost_ms, this.#ran_ms) + sessionLifetime_ms;
      if (clock.now() < due_ms) return this.#expireAt(due_ms);
      const text = `did not come back within session_lifetime ${sessionLifetime_ms / 1000} s`;
      this.#endLost(kept, { by: "self", reason: "silent", text });
    }
  }

  #expireAt(due_ms: number): void {
    this.#expiry.moveTo(due_ms, { again_ms: this.#options.sessionLifetime_ms });
    this.#expiry.wake({ deadlineAborted: () => this.#expire() });
  }

  #endLost(kept: KeptSession, ending: Ending): void {
    this.#lost.delete(kept);
    const { lost_ms } = kept;
    const predicted_ms = this.#options.sessionLifetime_ms;
    const detection = { since: "connection_lost", at_ms: lost_ms, predicted_ms } as const;
    kept.course.end(ending, kept.peer, detection);
    this.#end(kept, ending);
  }

  #end(kept: KeptSession, ending: Ending): void {
    this.#byId.delete(kept.id);
    kept.course.summarize();
    // A session that would have come back to this server may come back to the next one on its store.
    const stays = kept.comesBack && ending.by === "self" && ending.reason === "shutdown";
    this.#note(kept, stays ? "lost" : "ended", ending);
    this.#options.onEnd(kept, exitStatus(ending, "server", kept.course.isOpen));
  }

  #note({ id }: KeptSession, kind: "lost" | "ended", ending: Ending): void {
    const at = this.#options.clock.wallTime();
    this.#options.delivery?.note({ kind, session: id, at, ...ending });
  }
}

/** Why a session is refused that would be one too many. */
export function fullText(id: string, maxSessions: number): string {
  return noRoom(
    id,
    `this server has as many sessions as it may have (max_sessions ${maxSessions})`,
  );
}

/** Says for which session there is none: who is refused has no session of its own to be told by. */
export function noRoom(id: string, why: string): string {
  return `no room for session ${id}: ${why}`;
}

function resumptionOf(kept: KeptSession, { confirmed = 0, sent }: Hello): Resumption {
  const { deliveredUpTo } = kept;
  return {
    resent: Math.max(0, sent - deliveredUpTo),
    already_there: deliveredUpTo - confirmed,
  };
}
