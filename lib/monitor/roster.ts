/**
 * The sessions of one thread, read when somebody asks: each on its own, and all in total.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import type { Event } from "../session/events.ts";
import type { NextStep } from "../session/timers.ts";
import type { Ledger } from "../session/ledger.ts";
import type { LedgerTotals, LiveReading, WatchedSession } from "./watch.ts";

/** Totals of no sessions. */
export function noTotals(): LedgerTotals {
  return {
    data_sent: 0,
    data_received: 0,
    data_confirmed: 0,
    data_resent: 0,
    data_bytes: 0,
    in_doubt: 0,
    heartbeats_sent: 0,
    heartbeats_answered: 0,
    heartbeats_missed: 0,
    heartbeats_received: 0,
  };
}

/** Adds totals to others. */
export function addTotals(to: LedgerTotals, from: LedgerTotals): void {
  for (const name of Object.keys(to) as (keyof LedgerTotals)[]) to[name] += from[name];
}

/** Adds a ledger, with what is confirmed by now, to totals. */
function addLedger(to: LedgerTotals, ledger: Ledger, confirmedUpTo: number): void {
  to.data_sent += ledger.dataSent;
  to.data_received += ledger.receivedHere;
  to.data_confirmed += ledger.confirmedHere(confirmedUpTo);
  to.data_resent += ledger.dataResent;
  to.data_bytes += ledger.dataBytes;
  to.heartbeats_sent += ledger.heartbeatsSent;
  to.heartbeats_answered += ledger.heartbeatsAnswered;
  to.heartbeats_missed += ledger.heartbeatsMissed;
  to.heartbeats_received += ledger.heartbeatsReceived;
}

/** Data messages sent, or received, and not confirmed. */
function inDoubt({ ledger }: WatchedSession["state"], confirmedUpTo: number): number {
  return Math.max(0, ledger.dataSent, ledger.dataReceived) - confirmedUpTo;
}

/** Of more sessions than this, a sum may be so old, in milliseconds: to read them all takes a while. */
const MANY = 1_000;
const SUM_KEPT_MS = 1_000;

/** The sessions of one thread that have not ended, and the totals of those that have. */
export class Roster {
  readonly #clock: Clock;
  readonly #sessions = new Map<string, WatchedSession>();
  readonly #ended: LedgerTotals = noTotals();
  #sum?: { totals: LedgerTotals; at_ms: number };

  /** Makes a roster without sessions. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Adds a session. */
  add(session: WatchedSession): void {
    this.#sessions.set(session.state.events.session!, session);
  }

  /** A session of this id, if it has not ended. */
  get(id: string): WatchedSession | undefined {
    return this.#sessions.get(id);
  }

  /** Takes out a session with its last event: the summary, or if it was never open, its end. */
  onEvent({ event, session: id }: Event): void {
    if (id === null || event !== "summary" && event !== "terminated") return;
    const session = this.#sessions.get(id);
    if (!session?.state.closeReason || event === "terminated" && session.state.isOpen) return;
    this.#sessions.delete(id);
    addLedger(this.#ended, session.state.ledger, session.state.ledger.confirmedUpTo);
  }

  /** Reads a session; `undefined` if there is none of this id. */
  read(id: string): LiveReading | undefined {
    const session = this.#sessions.get(id);
    return session && readingOf(session, this.#clock.now());
  }

  /** What all sessions come to, those that have ended too; of many, as they did a second ago at most. */
  totals(): LedgerTotals {
    const now_ms = this.#clock.now();
    const isFresh = this.#sum && now_ms - this.#sum.at_ms < SUM_KEPT_MS;
    if (!isFresh || this.#sessions.size <= MANY) this.#sum = { totals: this.#add(), at_ms: now_ms };
    return { ...this.#sum!.totals };
  }

  #add(): LedgerTotals {
    const totals = { ...this.#ended };
    for (const { confirmedUpTo, state } of this.#sessions.values()) {
      addLedger(totals, state.ledger, confirmedUpTo);
      totals.in_doubt += inDoubt(state, confirmedUpTo);
    }
    return totals;
  }

  /** How many data messages of each session are in doubt, of those that have any. */
  inDoubt(): (readonly [session: string, count: number])[] {
    const counts: (readonly [string, number])[] = [];
    for (const [id, { confirmedUpTo, state }] of this.#sessions) {
      const count = inDoubt(state, confirmedUpTo);
      if (count > 0) counts.push([id, count]);
    }
    return counts;
  }
}

const NOTHING: Partial<NextStep> = {};

/** Reads a session at a time. */
function readingOf(session: WatchedSession, now_ms: number): LiveReading {
  const { confirmedUpTo, next, state } = session;
  const { held, ledger } = state;
  // What a connection would do next, an ended session does not.
  const { at_ms = Infinity, left, missed, what } = state.closeReason ? NOTHING : next ?? NOTHING;
  return {
    phase: state.phase,
    age_ms: now_ms - state.started_ms,
    quiet_ms: state.isOpen ? now_ms - state.lastSignOfLife_ms : null,
    ...what && at_ms !== Infinity && { due: { what, in_ms: Math.max(0, at_ms - now_ms) } },
    ...held && { held },
    ...missed !== undefined && { missed, left },
    sent: ledger.dataSent,
    received: ledger.receivedHere,
    confirmed: ledger.confirmedHere(confirmedUpTo),
    in_doubt: inDoubt(state, confirmedUpTo),
    connections: ledger.connectionCount,
    silences: ledger.silences,
  };
}
