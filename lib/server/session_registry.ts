/**
 * The sessions of a server: those that have a connection, and those that may come back.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import { Deadline } from "../platform/deadline.ts";
import {
  type CloseReason,
  type ExitStatus,
  exitStatus,
  isPolite,
  isRetryable,
} from "../session/close_reason.ts";
import { type EventSink, EventSource, type Resumption } from "../session/events.ts";
import { SessionState } from "../session/state.ts";
import type { Timers } from "../session/timers.ts";
import type { Delivery } from "../store/delivery.ts";
import type { StoredSession } from "../store/store.ts";
import type { Hello } from "../wire/hello.ts";
import { fullText, noRoom } from "./notices.ts";
import type { Admission, ServerSession } from "./server_session.ts";
import { SessionRecord } from "./session_record.ts";

/** What {@linkcode SessionRegistry} is made of. */
export interface SessionRegistryOptions {
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
  onEnd: (record: SessionRecord, status: ExitStatus) => void;
}

/** Knows every session, and for how long. */
export class SessionRegistry {
  readonly #options: SessionRegistryOptions;
  readonly #byId = new Map<string, SessionRecord>();
  /** Those without a connection, the one lost for longest first. */
  readonly #lost = new Set<SessionRecord>();
  readonly #expiry: Deadline;
  /** When this process ran again after it had not: nobody could come back before. */
  #ran_ms = -Infinity;

  /** Makes it with no session. */
  constructor(options: SessionRegistryOptions) {
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
      const state = new SessionState({ clock, timers, events, opened_ms });
      state.ledger.startAfter(start);
      state.ledger.dataReceived = state.ledger.confirmedUpTo = received;
      const record = new SessionRecord({
        id,
        state,
        reconnects: true,
        delivered: received,
        delivery,
      });
      // What had a connection to the end may have lost it only then, however long it was silent.
      record.lost_ms = lost_at === undefined ? now_ms : before(lost_at);
      this.#byId.set(id, record);
    }
    const restored = [...this.#byId.values()].sort((a, b) => a.lost_ms - b.lost_ms);
    for (const record of restored) this.#lost.add(record);
    this.#expire();
  }

  /** Decides on the `HELLO` of a connection: why it is refused, or which session it belongs to. */
  admit(session: ServerSession, hello: Hello): Admission {
    const record = this.#byId.get(hello.id);
    const refusal = record ? this.#refuseKept(record, hello) : this.#refuseUnknown(hello);
    if (refusal) return { refusal };
    return record ? this.#takeOver(record, session, hello) : this.#begin(session, hello);
  }

  /** Whether a session is kept after its connection has ended like this. */
  survivesDisconnect(record: SessionRecord | undefined, closeReason: CloseReason): boolean {
    if (!record?.reconnects) return false;
    return isRetryable(closeReason) && !isPolite(closeReason);
  }

  /** A connection is over, and all that was to be said on it is said. */
  left(session: ServerSession): void {
    const { record } = session;
    if (!record || record.session !== session) return;
    const closeReason = session.closeReason!;
    if (record.state.closeReason) return this.#end(record, closeReason);
    record.session = undefined;
    record.peer = session.peer;
    record.lost_ms = this.#options.clock.now();
    this.#lost.add(record);
    this.#note(record, "lost", closeReason);
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
  onDeliveryFailed(): void {
    for (const record of this.#byId.values()) record.session?.deliveredMore();
  }

  /** Ends every session that has no connection. */
  stop(reason: "done" | "shutdown"): void {
    for (const record of [...this.#lost]) {
      // What was never here but in the store stays there, and nothing is told of it.
      if (record.state.isOpen) this.#endLost(record, { by: "self", reason, text: "" });
    }
    this.#expiry[Symbol.dispose]();
  }

  #firstToGiveUp(): SessionRecord | undefined {
    for (const record of this.#lost) if (record.receivedUpTo === 0) return record;
    return undefined;
  }

  #refuseKept(record: SessionRecord, { reconnects, confirmed, id }: Hello): string | undefined {
    if (record.state.closeReason) return `session ${id} has ended`;
    if (!record.reconnects || !reconnects) {
      return record.session
        ? `session ${id} is already connected`
        : `session ${id} is kept for the return of its client`;
    }
    if (confirmed === undefined && record.receivedUpTo > 0) {
      return `session ${id} has been begun already, and this is not its return`;
    }
    if ((confirmed ?? 0) <= record.deliveredUpTo) return undefined;
    return `this server has session ${id} up to data message ${record.deliveredUpTo} only; the client ` +
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
    const reconnects = hello.reconnects && sessionLifetime_ms > 0;
    const { state } = session;
    // Not before: whoever is refused is not the session that has this id.
    state.events.session = id;
    const delivered = confirmed ?? 0;
    state.startAfter(delivered);
    const record = new SessionRecord({ id, state, reconnects, delivered, delivery });
    record.session = session;
    this.#byId.set(id, record);
    const at = this.#options.clock.wallTime();
    const { peer } = session;
    if (delivery?.isDurable) {
      // A return to what is not stored could not be told from one to what has been forgotten.
      record.opening = delivery
        .keep({ kind: "opened", session: id, at, peer, received: delivered })
        .then(() => record.opening = undefined);
    }
    const { opening } = record;
    return {
      record,
      opening,
      resumption: confirmed === undefined ? undefined : resumptionOf(record, hello),
    };
  }

  /** The client is back: if its last connection seems to be alive, it is not. */
  #takeOver(record: SessionRecord, session: ServerSession, hello: Hello): Admission {
    if (record.session) this.#note(record, "lost", record.session.supersede());
    this.#lost.delete(record);
    record.session = session;
    const { clock, delivery } = this.#options;
    const resumption = resumptionOf(record, hello);
    const gap_ms = record.state.gap_ms ?? 0;
    const { peer } = session;
    const at = clock.wallTime();
    delivery?.note({ kind: "resumed", session: record.id, at, peer, gap_ms, ...resumption });
    // A client that never heard its WELCOME does not know that it was here before.
    return {
      record,
      opening: record.opening,
      resumption: hello.confirmed === undefined ? undefined : resumption,
    };
  }

  #expire(): void {
    const { clock, sessionLifetime_ms } = this.#options;
    for (const record of this.#lost) {
      const due_ms = Math.max(record.lost_ms, this.#ran_ms) + sessionLifetime_ms;
      if (clock.now() < due_ms) return this.#expireAt(due_ms);
      const text = `did not come back within session_lifetime ${sessionLifetime_ms / 1000} s`;
      this.#endLost(record, { by: "self", reason: "silent", text });
    }
  }

  #expireAt(due_ms: number): void {
    this.#expiry.moveTo(due_ms, { again_ms: this.#options.sessionLifetime_ms });
    this.#expiry.wake({ onDeadline: () => this.#expire() });
  }

  #endLost(record: SessionRecord, closeReason: CloseReason): void {
    this.#lost.delete(record);
    const { lost_ms } = record;
    const predicted_ms = this.#options.sessionLifetime_ms;
    const detection = { since: "connection_lost", at_ms: lost_ms, predicted_ms } as const;
    record.state.end(closeReason, record.peer, detection);
    this.#end(record, closeReason);
  }

  #end(record: SessionRecord, closeReason: CloseReason): void {
    this.#byId.delete(record.id);
    record.state.summarize();
    // A session that would have come back to this server may come back to the next one on its store.
    const stays = record.reconnects && closeReason.by === "self" &&
      closeReason.reason === "shutdown";
    this.#note(record, stays ? "lost" : "ended", closeReason);
    this.#options.onEnd(record, exitStatus(closeReason, "server", record.state.isOpen));
  }

  #note({ id }: SessionRecord, kind: "lost" | "ended", closeReason: CloseReason): void {
    const at = this.#options.clock.wallTime();
    this.#options.delivery?.note({ kind, session: id, at, ...closeReason });
  }
}

function resumptionOf(record: SessionRecord, { confirmed = 0, sent }: Hello): Resumption {
  const { deliveredUpTo } = record;
  return {
    resent: Math.max(0, sent - deliveredUpTo),
    already_there: deliveredUpTo - confirmed,
  };
}
