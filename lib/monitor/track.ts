/**
 * What is known of one session over time: its states, its round trips, its end.
 *
 * @module
 */
import { EXIT, exitStatus } from "../session/close_reason.ts";
import type { Event, Phase } from "../session/events.ts";
import { heartbeatPhase_ms, type Timers } from "../session/timers.ts";
import type { Summary } from "../session/ledger.ts";
import type { HoldReason, Role } from "../wire/protocol.ts";
import {
  SESSION_STATES,
  type SessionReading,
  type SessionStateName,
  type Stretch,
} from "./reading.ts";
import { RoundTrips } from "./round_trips.ts";
import type { Begun, LiveReading, Past, WatchedThread } from "./watch.ts";

/** How many changes of state all sessions together may have. */
const MAX_STRETCHES = 1_000_000;

/** How many a session may have at most, and at least. */
const MOST_STRETCHES = 10_000;
const FEWEST_STRETCHES = 50;

/** How many changes of state each of so many sessions may have: of more, the last ones are kept. */
export function stretchesOf(sessions: number): number {
  return Math.min(MOST_STRETCHES, Math.max(FEWEST_STRETCHES, Math.floor(MAX_STRETCHES / sessions)));
}

/** A moment, by the wall clock and by the monotonic one. */
export interface Moment {
  /** Milliseconds since 1970. */
  readonly wall_ms: number;
  /** Monotonic milliseconds. */
  readonly now_ms: number;
}

/** What all sessions of a process have in common. */
export interface TrackTerms {
  /** Which side this is. */
  readonly role: Role;
  /** Their timers. */
  readonly timers: Timers;
  /** How many changes of state each may have. */
  readonly stretches: number;
}

/** One session over time. */
export class SessionTrack {
  /** Its id. */
  readonly id: string;
  /** The name of the client's key. */
  who?: string;
  /** The peer's address and port. */
  peer: string;
  /** The thread that it runs in; this one if there is none. */
  readonly thread?: WatchedThread;
  /** What a user calls its state. */
  state: SessionStateName;
  /** Its phase. */
  phase: Phase = "connecting";
  /** Whether it was ever open, in this process or in an earlier one. */
  wasOpen: boolean;
  /** What confirmations wait for. */
  held?: HoldReason;
  /** When it began, in monotonic milliseconds. */
  readonly began_ms: number;
  /** When, in monotonic milliseconds, it is declared dead if nothing is heard, as far as its events show it. */
  dead_ms: number = Infinity;
  /** Why it ended, and what was read of it last. */
  end?: SessionReading["end"];
  /** What was read of it at its end. */
  last?: LiveReading;
  /** Its round trips. */
  readonly roundTrips = new RoundTrips();
  #isIdle = false;
  /** Whether this process has opened or resumed it. */
  #isOpenHere = false;
  #quiet_ms: number | null = null;
  /** When an earlier process opened it, in monotonic milliseconds, if that is known. */
  #openedBefore_ms?: number;
  #since_ms: number;
  /** Stretches: each one number, the time in milliseconds with the place of the state behind it. */
  #stretches: number[];

  /** Begins with a session that has begun; `before` are its states in earlier processes. */
  constructor(
    { away_ms, peer, session, who }: Begun,
    at: Moment,
    { before, thread }: { before?: PastSession; thread?: WatchedThread },
  ) {
    this.id = session;
    if (who !== undefined) this.who = who;
    this.peer = peer;
    this.thread = thread;
    this.wasOpen = away_ms !== undefined;
    this.state = this.wasOpen ? "away" : "connecting";
    this.began_ms = this.#since_ms = at.now_ms - (away_ms ?? 0);
    const began_ms = at.wall_ms - (away_ms ?? 0);
    if (before) this.#openedBefore_ms = at.now_ms - (at.wall_ms - before.states[0]!.from_ms);
    if (before && peer === "?") this.peer = before.peer;
    this.#stretches = (before?.states ?? [])
      .filter(({ from_ms }) => from_ms < began_ms)
      .map(({ from_ms, state }) => packed(from_ms, state));
    this.#stretches.push(packed(began_ms, this.state));
  }

  /** Takes what an event says of its state; whether that has changed by it. */
  onEvent(event: Event, at: Moment, terms: TrackTerms): boolean {
    if (event.who !== undefined) this.who = event.who;
    switch (event.event) {
      case "connected":
        this.peer = event.peer;
        this.wasOpen = this.#isOpenHere = true;
        return false;
      case "hold":
        this.held = event.reason;
        return this.#enter(this.#stateNow(), at, terms);
      case "phase":
        this.phase = event.to;
        this.#isIdle = event.to === "heartbeat" && event.idle === true;
        this.dead_ms = at.now_ms + heartbeatPhase_ms(terms.timers);
        return event.to !== "terminated" && this.#enter(this.#stateNow(), at, terms);
      case "heartbeat_answered":
        this.dead_ms = at.now_ms + terms.timers.heart_beat_interval_ms +
          heartbeatPhase_ms(terms.timers);
        return false;
      case "heartbeat_missed":
        this.dead_ms = at.now_ms + event.left * terms.timers.heart_beat_threshold_ms;
        return false;
      case "terminated": {
        this.phase = "terminated";
        this.#quiet_ms = event.silent_ms;
        this.end = { by: event.by, reason: event.reason };
        const isAsked = exitStatus(event, terms.role, this.wasOpen) === EXIT.asked;
        return this.#enter(isAsked ? "ended" : "lost", at, terms);
      }
      default:
        return false;
    }
  }

  /** Takes its last reading from its last event; false if this is not that. */
  takeLast(event: Event): boolean {
    const isUnopened = event.event === "terminated" && !this.#isOpenHere;
    if (event.event !== "summary" && !isUnopened) return false;
    this.last = this.#lastReading(event.event === "summary" ? event : undefined);
    return true;
  }

  /** Its confirmations wait no longer; whether that has changed its state. */
  release(at: Moment, terms: TrackTerms): boolean {
    this.held = undefined;
    return !this.end && this.#enter(this.#stateNow(), at, terms);
  }

  /** For how long it has been in its state. */
  state_ms(now_ms: number): number {
    return Math.max(0, now_ms - this.#since_ms);
  }

  /** Its states in order. */
  get stretches(): Stretch[] {
    return this.#stretches.map((each) => ({
      from_ms: Math.floor(each / SESSION_STATES.length),
      state: SESSION_STATES[each % SESSION_STATES.length]!,
    }));
  }

  /** Its reading, with what is read in its thread. */
  reading(live: LiveReading, now_ms: number): SessionReading {
    const { end, id: session, peer, phase, roundTrips, state, who } = this;
    const state_ms = this.state_ms(now_ms);
    const rtt_ms = roundTrips.last_ms;
    const own = { session, ...who !== undefined && { who }, peer, state, state_ms, rtt_ms };
    const age_ms = this.#openedBefore_ms === undefined || this.last
      ? live.age_ms
      : now_ms - this.#openedBefore_ms;
    return { ...live, ...own, age_ms, ...end && { end, phase } };
  }

  #lastReading(counts?: Summary): LiveReading {
    const [sent, received] = [counts?.data_sent ?? 0, counts?.data_received ?? 0];
    const confirmed = counts?.data_confirmed ?? 0;
    return {
      phase: "terminated",
      age_ms: counts?.duration_ms ?? 0,
      quiet_ms: this.#quiet_ms,
      sent,
      received,
      confirmed,
      in_doubt: Math.max(sent, received) - confirmed,
      connections: counts?.connections ?? 0,
      silences: counts?.silences ?? 0,
    };
  }

  #stateNow(): SessionStateName {
    switch (this.phase) {
      case "connecting":
        return this.wasOpen ? "away" : "connecting";
      case "heartbeat":
        return this.#isIdle ? "idle" : "silent";
      default:
        return this.held ? "held" : "ok";
    }
  }

  #enter(state: SessionStateName, at: Moment, { stretches: limit }: TrackTerms): boolean {
    if (state === this.state) return false;
    const stretches = this.#stretches;
    // A stretch that took no time is none; nor do two of the same state in a row make two.
    if (Math.floor(stretches.at(-1)! / SESSION_STATES.length) >= at.wall_ms) stretches.pop();
    if (
      stretches.length === 0 || SESSION_STATES[stretches.at(-1)! % SESSION_STATES.length] !== state
    ) {
      stretches.push(packed(at.wall_ms, state));
    }
    // Not one by one: that would move all the others each time.
    if (stretches.length > limit + limit / 4) stretches.splice(0, stretches.length - limit);
    this.state = state;
    this.#since_ms = at.now_ms;
    return true;
  }
}

function packed(at_ms: number, state: SessionStateName): number {
  return at_ms * SESSION_STATES.length + SESSION_STATES.indexOf(state);
}

/** How many changes of state in earlier processes are taken of a session: the last ones. */
const MAX_PAST_CHANGES = 50;

/** What is known of a session by the store of an earlier process. */
export interface PastSession {
  /** The peer's address and port. */
  readonly peer: string;
  /** Its states: the first one is of when it was opened. */
  readonly states: Stretch[];
}

/** Makes states of lost connections and resumes; whether a session was silent meanwhile is not known. */
export function pastSessions({ opened, outages }: Past): Map<string, PastSession> {
  const sessions = new Map<string, PastSession>();
  for (const { opened_at: from_ms, peer, session } of opened) {
    sessions.set(session, { peer, states: [{ from_ms, state: "ok" }] });
  }
  for (const { lost_at, over_at, session } of outages) {
    const states = sessions.get(session)?.states;
    // One of an earlier session of this id, which has ended.
    if (!states || lost_at < states[0]!.from_ms) continue;
    states.push({ from_ms: lost_at, state: "away" });
    if (over_at !== undefined) states.push({ from_ms: over_at, state: "ok" });
  }
  for (const { states } of sessions.values()) {
    states.splice(1, states.length - 1 - MAX_PAST_CHANGES);
  }
  return sessions;
}
