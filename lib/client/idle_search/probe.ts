/**
 * The idle-timeout search: how long a connection may be silent before something between the two hosts forgets it.
 *
 * The room: this file has what a probe is, which the search plans and the prober carries out; `search.ts` decides
 * what to probe next, and what the results mean; `prober.ts` opens the sessions and finds out what became of each.
 * The command `cli/commands/find_idle_timeout.ts` calls it. The search knows no network and reads no clock:
 * times are passed in.
 *
 * @module
 */

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
