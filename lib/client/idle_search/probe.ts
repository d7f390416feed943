/**
 * The idle-timeout search: how long a connection may be silent before something between the two hosts forgets it.
 *
 * The room: this file has what a probe is, which the search plans and the prober carries out; `search.ts` decides
 * what to probe next, by what each `direction.ts` has seen (`evidence.ts`) and wants to know (`waves.ts`), and what
 * the results mean; `prober.ts` opens the sessions and finds out what became of each. The command
 * `cli/commands/find_idle_timeout.ts` calls it. The search knows no network and reads no clock: times are passed in.
 *
 * @module
 */

import type { IdleBracket, IdleBrackets } from "../../wire/idle.ts";

/** Which side speaks first after the idle time. */
export type FirstSpeaker = "client" | "server";

/** One session that is to be idle for so long, and then spoken on. To be started when it is handed out. */
export interface ProbePlan {
  /** Its number, unique within the search. */
  readonly id: number;
  /** How long nothing goes over the connection, in milliseconds: whole seconds are not required. */
  readonly idle_ms: number;
  /** Who speaks then. */
  readonly first: FirstSpeaker;
}

/**
 * What became of a connection: it lives; whoever spoke got no answer in time; it was reset as the client saw it, as
 * the server did, or as both did; or it was closed in order (FIN) by something between.
 */
export type Fate = "alive" | "silent" | "reset_client" | "reset_server" | "reset_both" | "closed";

/** What came of one probe. */
export interface ProbeResult {
  /** The probe. */
  readonly plan: ProbePlan;
  /**
   * The connection's fate; `not_opened` if it was lost while opening, which is no timeout; `void` if this host or a
   * clock stalled, or the server stopped, meanwhile: to be repeated.
   */
  readonly outcome: Fate | "not_opened" | "void";
  /** How long it had really been idle when it was spoken on, in milliseconds; when it ended, if it did before. */
  readonly idled_ms: number;
  /**
   * When the connection was seen to end, in milliseconds after its idle time began, if that was before it was to
   * be spoken on.
   */
  readonly ended_after_ms?: number;
  /** What the kernel said of the connection while there was no answer, for people. */
  readonly kernel?: string;
  /** This side's port: several paths may be told apart by it. */
  readonly local_port?: number;
  /** What else is known, for people. */
  readonly text?: string;
}

/** What is known of one direction: between the longest idle time that sessions survive and the shortest that they do not. */
export type Bracket = IdleBracket;

/** What is known of both directions. */
export type Brackets = IdleBrackets;

/** How far a search has come. */
export interface SearchProgress extends Brackets {
  /** How many sessions are idle at present. */
  readonly under_way: number;
  /** In how many milliseconds it will be done at the latest, as far as can be said by now. */
  readonly done_in_ms: number;
}

/** What a search has found. */
export interface SearchResult extends Brackets {
  /** Whether it has come to its end; if not, the brackets are what is known so far. */
  readonly isComplete: boolean;
  /** What does not fit one timeout for each direction, a sentence for each, with the numbers. */
  readonly contradictions: readonly string[];
}

/** A search, as whoever carries it out sees it. */
export interface ProbeSearch {
  /** Whether nothing is left to be probed. */
  readonly isDone: boolean;
  /**
   * What to start now, within the limits on how many may be idle at a time and how many may be opened in a second; no
   * more than `most`. To be asked again after each result, and every {@linkcode ASK_INTERVAL_MS}.
   */
  next(now_ms: number, most: number): readonly ProbePlan[];
  /** The sessions that are not wanted any more, by the ids of their plans: to be ended, and what comes of them is ignored. */
  takeAbandoned(): readonly number[];
  /** Takes what came of a probe. */
  add(result: ProbeResult, now_ms: number): void;
  /** How far it has come. */
  progress(now_ms: number): SearchProgress;
  /** What it has found, or has found so far. */
  result(): SearchResult;
}

/** How often a search is asked for more to start, in milliseconds: at least as often as sessions may be opened. */
export const ASK_INTERVAL_MS = 50;

/** How many sessions may be opened in a second. */
export const MAX_OPENED_PER_SECOND = 20;
