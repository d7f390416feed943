/**
 * The fields of a session that is to be idle, and of what a server saw of such sessions: `idle` in `HELLO` and
 * `WELCOME`, `idle_results` in `HELLO`, the frame `IDLE_RESULTS`.
 *
 * @module
 */
import { isSessionId } from "./line.ts";
import {
  type Frame,
  type Greeting,
  type JsonObject,
  MAX_LINE_BYTES,
  type Role,
} from "./protocol.ts";

/** How a session is to be idle: `idle` in `HELLO`, and again in `WELCOME`. */
export interface IdleTerms {
  /** For how long, in seconds. */
  readonly seconds: number;
  /** Who speaks then. */
  readonly first: Role;
}

/** What a greeting says of `idle`; `undefined` if that is missing or invalid. */
export function greetingIdle({ idle }: Greeting): IdleTerms | undefined {
  const { first, seconds } = (typeof idle === "object" && idle || {}) as Record<string, unknown>;
  if (first !== "client" && first !== "server") return undefined;
  return typeof seconds === "number" && seconds >= 0 ? { seconds, first } : undefined;
}

/** The search whose results a `HELLO` asks for. */
export function greetingIdleResults({ idle_results }: Greeting): string | undefined {
  return typeof idle_results === "string" && isSessionId(idle_results) ? idle_results : undefined;
}

/** The id of a session of a search. */
export function idleSessionId(search: string, number: number): string {
  return `${search}-${number}`;
}

/** The search of a session, by its id, and the session's number in it; `undefined` of any other id. */
export function searchOf(session: string): { search: string; number: number } | undefined {
  const [, search, digits = ""] = /^(.+)-(\d{1,9})$/.exec(session) ?? [];
  return search === undefined ? undefined : { search, number: Number(digits) };
}

/**
 * What a server saw of an idle session: it is still idle; it has been spoken on; it lives; nobody answered, or
 * nobody spoke; it was reset, or closed (FIN); the server was stalled or stopped meanwhile, so that nothing follows.
 */
export const IDLE_STATES = [
  "idle",
  "spoken",
  "alive",
  "silent",
  "reset",
  "closed",
  "void",
] as const;

/** One of {@linkcode IDLE_STATES}. */
export type IdleState = typeof IDLE_STATES[number];

/** What a server saw of one idle session. */
export interface IdleSeen {
  /** The session's number in its search. */
  readonly number: number;
  /** What became of it. */
  readonly state: IdleState;
  /** When it was spoken on, or ended before, in whole milliseconds after its idle time began. */
  readonly after_ms: number;
}

/** How many results a frame has at most: each takes less than 40 bytes. */
const RESULTS_OF_FRAME = Math.floor((MAX_LINE_BYTES - 64) / 40);

/** The frames that carry results, of which there may be none; the last one says so. */
export function idleResultsFrames(seen: readonly IdleSeen[]): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at === 0 || at < seen.length; at += RESULTS_OF_FRAME) {
    const some = seen.slice(at, at + RESULTS_OF_FRAME);
    const results = some.map(({ after_ms, number, state }) => [number, state, after_ms]);
    const isLast = at + RESULTS_OF_FRAME >= seen.length;
    frames.push({ type: "IDLE_RESULTS", results: { results, ...isLast && { last: true } } });
  }
  return frames;
}

/** Reads the results of one frame, and whether it is the last one; what is invalid counts as absent. */
export function readIdleResults(object: JsonObject): { seen: IdleSeen[]; isLast: boolean } {
  const { last, results } = object;
  const entries: unknown[] = Array.isArray(results) ? results : [];
  const seen = entries.flatMap((entry) => {
    const [number, word, after_ms]: unknown[] = Array.isArray(entry) ? entry : [];
    const state = IDLE_STATES.find((each) => each === word);
    if (!Number.isSafeInteger(number) || state === undefined || typeof after_ms !== "number") {
      return [];
    }
    return [{ number: number as number, state, after_ms }];
  });
  return { seen, isLast: last === true };
}

/** Between which idle times a timeout lies, by who speaks then. */
export interface IdleBracket {
  /** The longest that is survived, in seconds; 0 if none is known. */
  readonly survives_s: number;
  /** The shortest after which a connection is forgotten, in seconds; `null` if none was found. */
  readonly forgotten_by_s: number | null;
  /** How connections end that were forgotten; most of them, if not all alike. */
  readonly how: "silent" | "reset_client" | "reset_server" | "reset_both" | "closed" | null;
}

/** The brackets of both directions. */
export interface IdleBrackets {
  /** The client speaks first. */
  readonly client_first: IdleBracket;
  /** The server speaks first. */
  readonly server_first: IdleBracket;
}

/** What a search has found. */
export interface IdleFindings extends IdleBrackets {
  /** What does not fit one timeout for each direction. */
  readonly contradictions: readonly string[];
  /** Whether the search came to its end. */
  readonly complete: boolean;
  /** Up to which idle time it searched, in seconds. */
  readonly up_to_s: number;
}

/** What came of one session of a search: `client/idle_search/probe.ts` says what each field means. */
export interface IdleProbe {
  /** Its number in the search. */
  readonly n: number;
  /** Who was to speak first. */
  readonly first: Role;
  /** How long it was to be idle, in milliseconds. */
  readonly idle_ms: number;
  /** What became of it. */
  readonly outcome: string;
  /** How long it was idle. */
  readonly idled_ms: number;
  /** When it ended, if before it was spoken on. */
  readonly ended_after_ms?: number;
  /** What the kernel said of it. */
  readonly kernel?: string;
  /** The client's port. */
  readonly local_port?: number;
  /** What else is known. */
  readonly text?: string;
}
