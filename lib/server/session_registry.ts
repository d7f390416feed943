/**
 * The sessions of a server: those that have a connection, and those whose clients may reconnect.
 *
 * @module
 */
import { Deadline } from "../platform/deadline.ts";
import { type CloseReason, type ExitStatus, exitStatus } from "../session/close_reason.ts";
import { EventSource, type Resumption } from "../session/events.ts";
import { SessionState } from "../session/state.ts";
import type { NextStep } from "../session/timers.ts";
import type { Delivery } from "../store/delivery.ts";
import type { Store, StoredSession } from "../store/store.ts";
import type { Hello } from "../wire/hello.ts";
import type { CountedSession, ServerOptions } from "./options.ts";
import type { ServerSession } from "./server_session.ts";
import { type Admitted, NOBODYS, SessionRecord } from "./session_record.ts";

/** What a server has counted of its sessions when it stops. */
export interface SessionCounts {
  /** Sessions that were open. */
  served: number;
  /** Those that were lost. */
  lost: number;
  /** Those that had lost their connection and were not resumed before the end. */
  away: number;
}

/** Options for {@linkcode SessionRegistry}. */
export type SessionRegistryOptions = Pick<
  ServerOptions,
  "clock" | "random" | "resumeWithoutToken" | "sessionLifetime_ms" | "sink" | "timers" | "watch"
>;

/** Holds every session, and ends those whose clients stay away for too long. */
export class SessionRegistry {
  readonly #options: SessionRegistryOptions;
  readonly #delivery?: Delivery;
  readonly #onEnd: (record: SessionRecord, status: ExitStatus) => void;
  readonly #byId = new Map<string, SessionRecord>();
  /** Those without a connection, the one lost for longest first. */
  readonly #lost = new Set<SessionRecord>();
  readonly #expiry: Deadline;
  /** When this process resumed after it was stopped, or its host suspended: no client could reconnect before. */
  #resumed_ms = -Infinity;

  /** Makes a registry without sessions, which calls `onEnd` when one has ended. */
  constructor(
    options: SessionRegistryOptions,
    delivery: Delivery | undefined,
    onEnd: (record: SessionRecord, status: ExitStatus) => void,
  ) {
    this.#options = options;
    this.#delivery = delivery;
    this.#onEnd = onEnd;
    const onStall = () => this.#resumed_ms = options.clock.now();
    this.#expiry = new Deadline(options.clock, { onStall });
  }

  /** Adds the sessions that an earlier process left in the store. */
  restore(stored: readonly StoredSession[]): void {
    const { clock, sink, timers } = this.#options;
    const delivery = this.#delivery;
    const now_ms = clock.now();
    // The wall clock may have jumped back since.
    const before = (at: number) => now_ms - Math.max(0, clock.wallTime() - at);
    for (const { id, lost_at, received, seen_at, token_hash, who } of stored) {
      const opened_ms = before(seen_at);
      const events = new EventSource(sink, clock, id);
      const state = new SessionState({ clock, timers, events, opened_ms });
      // All counters are of this process; of what came before, the store has every message.
      state.ledger.startAfter(received);
      const delivered = received;
      const record = new SessionRecord({ id, state, reconnects: true, delivered, delivery });
      if (token_hash !== undefined) record.tokenHash = token_hash;
      if (who !== undefined) events.who = record.who = who;
      // A session that was connected to the end may have lost its connection only then.
      record.lost_ms = lost_at === undefined ? now_ms : before(lost_at);
      this.#byId.set(id, record);
      this.#watch(record, now_ms - record.lost_ms);
    }
    const restored = [...this.#byId.values()].sort((a, b) => a.lost_ms - b.lost_ms);
    for (const record of restored) this.#lost.add(record);
    this.#expire();
  }

  /** A session by its id. */
  get(id: string): SessionRecord | undefined {
    return this.#byId.get(id);
  }

  /** Adds the new session of a connection, which may be counted for an address. */
  begin(session: ServerSession, hello: Hello, counted?: CountedSession): Admitted {
    const { confirmed, id } = hello;
    const { clock, random, sessionLifetime_ms } = this.#options;
    const delivery = this.#delivery;
    const reconnects = hello.reconnects && sessionLifetime_ms > 0 && this.#mayReturn(hello);
    const { peer, proven: { proof, who } = {}, state } = session;
    // Not before: a connection that is refused is not the session of this id.
    state.events.session = id;
    const delivered = confirmed ?? 0;
    state.startAfter(delivered);
    const record = new SessionRecord({ id, state, reconnects, delivered, delivery });
    record.session = session;
    record.counted = counted;
    if (who !== undefined) state.events.who = record.who = who;
    this.#byId.set(id, record);
    this.#watch(record);
    const at = clock.wallTime();
    if (delivery?.isDurable) {
      // It is welcomed only when stored: else a resume after a crash would find it unknown.
      record.opening = delivery
        .keep({ kind: "opened", session: id, at, peer, received: delivered, who })
        .then(() => record.opening = undefined);
    }
    const resumption = confirmed === undefined ? undefined : resumptionOf(record, hello);
    const terms = { ...record.giveToken(hello, random, at), ...proof && { proof } };
    return { record, resumption, terms };
  }

  /** Moves a session to the new connection of its client: the last one is lost, whatever it seems. */
  takeOver(record: SessionRecord, session: ServerSession, hello: Hello): Admitted {
    if (record.session) {
      // Until that connection is closed, only it knows, and the new one comes in its place.
      record.state.ledger.confirmedUpTo = record.session.confirmedUpTo;
      this.#note(record, "lost", record.session.supersede());
    }
    this.#lost.delete(record);
    record.session = session;
    const resumption = resumptionOf(record, hello);
    const gap_ms = record.state.gap_ms ?? 0;
    const { peer, proven: { proof, who } = {} } = session;
    const { clock, random } = this.#options;
    const at = clock.wallTime();
    const noted = { session: record.id, at, peer, gap_ms, ...resumption };
    const isNewOwner = who !== undefined && record.who === undefined;
    this.#delivery?.note({ kind: "resumed", ...noted, ...isNewOwner && { who } });
    if (isNewOwner) record.state.events.who = record.who = who;
    record.reconnects &&= this.#mayReturn(hello);
    const terms = { ...record.giveToken(hello, random, at), ...proof && { proof } };
    // A client that never received its WELCOME does not know that the session was open.
    return { record, resumption: hello.confirmed === undefined ? undefined : resumption, terms };
  }

  /** A connection is closed, and everything was written to it. */
  onConnectionClosed(session: ServerSession): void {
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

  /** How long, in milliseconds, the session has had no connection that `makeRoom` would end. */
  get longestAway_ms(): number | undefined {
    const first = this.#firstToEvict();
    return first && this.#options.clock.now() - first.lost_ms;
  }

  /**
   * Ends the session that has had no connection for longest, of those that have sent no data; false if
   * there is none.
   */
  makeRoom(): boolean {
    const first = this.#firstToEvict();
    const text = "made room for a new session: it had sent no data (max_sessions)";
    if (first) this.#endLost(first, { by: "self", reason: "silent", text });
    return first !== undefined;
  }

  /** Wakes sessions that wait for a delivery which cannot happen. */
  onDeliveryFailed(): void {
    for (const record of this.#byId.values()) record.session?.deliveredMore();
  }

  /** Ends every session that has no connection; returns how many there were. */
  stop(reason: "done" | "shutdown"): number {
    // A session that only the store knows stays there for the next process, without an event.
    const away = [...this.#lost].filter((record) => record.state.isOpen);
    for (const record of away) this.#endLost(record, { by: "self", reason, text: "" });
    this.#expiry[Symbol.dispose]();
    return away.length;
  }

  /** Whether a client is kept a session for: nothing would tell whether one without a token has opened it. */
  #mayReturn({ knows }: Hello): boolean {
    return knows.includes("token") || this.#options.resumeWithoutToken;
  }

  #firstToEvict(): SessionRecord | undefined {
    for (const record of this.#lost) if (record.receivedUpTo === 0) return record;
    return undefined;
  }

  #expire(): void {
    // A suspension before it was set, too: no client could reconnect meanwhile.
    this.#expiry.look();
    const { clock, sessionLifetime_ms } = this.#options;
    for (const record of this.#lost) {
      const due_ms = this.#forgottenAt(record);
      if (clock.now() < due_ms) {
        this.#expiry.moveTo(due_ms, { again_ms: sessionLifetime_ms });
        return this.#expiry.wake({ onDeadline: () => this.#expire() });
      }
      const text = `did not reconnect within session_lifetime ${sessionLifetime_ms / 1000} s`;
      this.#endLost(record, { by: "self", reason: "silent", text });
    }
  }

  #forgottenAt({ lost_ms }: SessionRecord): number {
    return Math.max(lost_ms, this.#resumed_ms) + this.#options.sessionLifetime_ms;
  }

  /** Gives a session to a monitor; of one that was restored, with for how long it has had no connection. */
  #watch(record: SessionRecord, away_ms?: number): void {
    const next = (): NextStep | undefined => {
      if (record.session) return record.session.next;
      return this.#lost.has(record)
        ? { what: "forget", at_ms: this.#forgottenAt(record) }
        : undefined;
    };
    this.#options.watch?.add({
      state: record.state,
      away_ms,
      get peer() {
        return record.session?.peer ?? record.peer;
      },
      get confirmedUpTo() {
        return record.session?.confirmedUpTo ?? record.state.ledger.confirmedUpTo;
      },
      get next() {
        return next();
      },
    });
  }

  #endLost(record: SessionRecord, closeReason: CloseReason): void {
    this.#lost.delete(record);
    const detection = {
      since: "connection_lost" as const,
      at_ms: record.lost_ms,
      predicted_ms: this.#options.sessionLifetime_ms,
    };
    record.state.end(closeReason, { peer: record.peer, detection });
    this.#end(record, closeReason);
  }

  #end(record: SessionRecord, closeReason: CloseReason): void {
    this.#byId.delete(record.id);
    record.counted?.release();
    record.state.summarize();
    // Its client may resume it at the next server on the same store.
    const stays = record.reconnects && closeReason.by === "self" &&
      closeReason.reason === "shutdown";
    this.#note(record, stays ? "lost" : "ended", closeReason);
    this.#onEnd(record, exitStatus(closeReason, "server", record.state.isOpen));
  }

  #note({ id }: SessionRecord, kind: "lost" | "ended", closeReason: CloseReason): void {
    const at = this.#options.clock.wallTime();
    this.#delivery?.note({ kind, session: id, at, ...closeReason });
  }
}

function resumptionOf(record: SessionRecord, { confirmed = 0, sent }: Hello): Resumption {
  const { deliveredUpTo } = record;
  return { resent: Math.max(0, sent - deliveredUpTo), already_there: deliveredUpTo - confirmed };
}

/** Logs how many sessions an earlier process has left in the store. */
export function reportWaitingSessions({ store }: { store?: Store }, events: EventSource): void {
  const count = store?.sessions.filter(({ token_hash }) => token_hash !== NOBODYS).length ?? 0;
  if (count === 0) return;
  const text = `sessions in the store that wait for their clients: ${count}`;
  events.emit("notice", { level: "info", text });
}

/** Logs that a server has stopped, and how many sessions were lost: also with `--quiet`. */
export function reportStop({ away, lost, served }: SessionCounts, events: EventSource): void {
  const waiting = away === 0 ? "" : `, disconnected and not resumed: ${away}`;
  const text = `stopped; sessions served: ${served}, of them lost: ${lost}${waiting}`;
  events.emit("notice", { level: lost === 0 ? "info" : "warning", text, final: true });
}
