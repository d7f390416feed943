/**
 * Admission: which session a connection leads to, and every reason to refuse it.
 *
 * Only a connection for which no file descriptor is left is refused before, in `acceptor.ts`, where others are
 * closed by their addresses, and one of another version of the protocol in `server_session.ts`.
 *
 * @module
 */
import type { Delivery } from "../store/delivery.ts";
import type { Hello } from "../wire/hello.ts";
import type {
  CountedSession,
  LegacySession,
  LegacySessions,
  Refusal,
  ServerOptions,
} from "./options.ts";
import type { IncomingConnection } from "./dispatcher.ts";
import type { ServerSession } from "./server_session.ts";
import { type AdmissionResult, SessionRecord } from "./session_record.ts";
import type { SessionRegistry } from "./session_registry.ts";

/** Options for {@linkcode Admission}. */
export type AdmissionOptions = Pick<
  ServerOptions,
  | "access"
  | "coordinator"
  | "keys"
  | "maxSessions"
  | "once"
  | "original"
  | "resumeWithoutToken"
  | "sessionLifetime_ms"
>;

/** Admits sessions, or refuses them. */
export class Admission {
  /** The session that a server for one session has admitted, unless it never was open. */
  only?: SessionRecord | LegacySession;
  /** The sessions that are to be idle. */
  idle: { readonly size: number } = { size: 0 };
  readonly #options: AdmissionOptions;
  readonly #registry: SessionRegistry;
  readonly #delivery?: Delivery;
  readonly #legacy?: LegacySessions;
  /** The connections that a coordinator placed here, and that have not led to a session yet. */
  readonly #placed = new Map<ServerSession, IncomingConnection>();
  /** The sessions of the legacy protocol that are counted for an address. */
  readonly #counted = new Map<LegacySession, CountedSession>();

  /** Makes the admission of a server that has admitted nothing. */
  constructor(
    options: AdmissionOptions,
    registry: SessionRegistry,
    delivery?: Delivery,
    legacy?: LegacySessions,
  ) {
    this.#options = options;
    this.#registry = registry;
    this.#delivery = delivery;
    this.#legacy = legacy;
  }

  /** Remembers how a connection was placed, until its `HELLO` is admitted or it is closed. */
  expect(session: ServerSession, incoming: IncomingConnection): void {
    if (this.#options.coordinator) this.#placed.set(session, incoming);
  }

  /** Decides on the `HELLO` of a connection: why it is refused, or which session it belongs to. */
  admit(session: ServerSession, hello: Hello): AdmissionResult {
    const { proven } = session;
    if (this.#options.keys && proven?.who === undefined) {
      if (!proven) return "late";
      return proven.end ? { end: proven.end } : "given up";
    }
    const { only } = this;
    const resumesOnly = only instanceof SessionRecord && only.id === hello.id;
    if (only && !resumesOnly) return { refusal: noRoom(hello.id, ONLY_ONE) };
    const placed = this.#placed.get(session);
    if (placed?.refusal) return placed.refusal;
    // What came too late was not placed: the session may be at another worker.
    if (placed && placed.session !== hello.id) return "late";
    const record = this.#registry.get(hello.id);
    // Read late: its client has given it up, and the session's connection may be a newer one.
    if (record?.session && session.isGivenUp) return "given up";
    const { peer } = session;
    const refusal = record ? refuseKnown(record, session, hello) : this.#refuseUnknown(hello, peer);
    if (refusal) {
      this.#reportPlacement(session, false);
      return refusal;
    }
    const admitted = record
      ? this.#registry.takeOver(record, session, hello)
      : this.#registry.begin(session, hello, this.#options.access?.count(peer));
    this.#reportPlacement(session, true);
    if (this.#options.once) this.only = admitted.record;
    return admitted;
  }

  /** Why a new session of the legacy protocol is refused; `undefined` if it is not. */
  refuseLegacy({ connection: { peer }, refusal }: IncomingConnection): Refusal | undefined {
    const { access, coordinator, maxSessions, original } = this.#options;
    if (!original) return { refusal: NOT_SERVED };
    if (this.#delivery) return { refusal: NO_NUMBERS };
    if (this.only) return { refusal: ONLY_ONE };
    // What began here at this moment the coordinator cannot know yet.
    if (coordinator?.isFull || this.#count >= maxSessions) {
      return { refusal: ALL_SESSIONS, limit: "max_sessions" };
    }
    return access?.hasRoom(peer) === false ? addressFull(access.maxSessionsPerAddress) : refusal;
  }

  /** Why a session that is to be idle is refused; `undefined` if it is not. */
  refuseIdle({ connection: { peer } }: IncomingConnection, { id }: Hello): Refusal | undefined {
    const { access, maxSessions, once } = this.#options;
    if (once) return { refusal: noRoom(id, ONE_THAT_SPEAKS) };
    if (this.#registry.get(id)) return { refusal: `session ${id} has begun already` };
    if (access?.hasRoom(peer) === false) return addressFull(access.maxSessionsPerAddress, id);
    return this.#count < maxSessions || this.#registry.makeRoom()
      ? undefined
      : full(id, maxSessions);
  }

  /** A session of the legacy protocol has been admitted. */
  legacyAdmitted(session: LegacySession, peer: string): void {
    const { access, coordinator, once } = this.#options;
    if (once) this.only = session;
    if (access) this.#counted.set(session, access.count(peer));
    coordinator?.sessionStarted(session.id, peer);
  }

  /** A session of the legacy protocol has ended. */
  legacyEnded(session: LegacySession): void {
    this.#counted.get(session)?.release();
    this.#counted.delete(session);
  }

  /** A connection has been closed, whether it led to a session or not. */
  onConnectionClosed(session: ServerSession): void {
    this.#reportPlacement(session, false);
  }

  get #count(): number {
    return this.#registry.size + (this.#legacy?.size ?? 0) + this.idle.size;
  }

  #reportPlacement(session: ServerSession, isKept: boolean): void {
    const placed = this.#placed.get(session);
    this.#placed.delete(session);
    if (placed?.session !== undefined) {
      this.#options.coordinator!.sessionPlaced(placed.session, isKept);
    }
  }

  #refuseUnknown(hello: Hello, peer: string): Refusal | undefined {
    const { confirmed, id, knows, sent, settled } = hello;
    const { access, maxSessions, resumeWithoutToken, sessionLifetime_ms } = this.#options;
    if (access?.hasRoom(peer) === false) return addressFull(access.maxSessionsPerAddress, id);
    if (this.#count >= maxSessions && !this.#registry.makeRoom()) return full(id, maxSessions);
    // Of a session of which nothing is unconfirmed, nothing can be lost or doubled.
    if (confirmed === undefined || settled || confirmed === sent) return undefined;
    const lifetime_s = sessionLifetime_ms / 1000;
    const why = lifetime_s === 0
      ? "it keeps none without a connection (session_lifetime 0)"
      : !knows.includes("token") && !resumeWithoutToken
      ? `it keeps none for a client that knows no tokens (resume_without_token)`
      : `it has ended, was away for longer than session_lifetime ${lifetime_s} s, the server has been ` +
        `restarted without --store, or a load balancer has brought the client to another server`;
    return { refusal: `this server does not know session ${id}: ${why}` };
  }
}

function refuseKnown(
  record: SessionRecord,
  { proven }: ServerSession,
  hello: Hello,
): Refusal | undefined {
  const refusal = record.refuseStranger(hello, proven?.who) ?? whyNotResumed(record, hello);
  return refusal === undefined ? undefined : { refusal };
}

function whyNotResumed(record: SessionRecord, { confirmed, id, reconnects }: Hello) {
  if (record.state.closeReason) return `session ${id} has ended`;
  if (!record.reconnects || !reconnects) {
    return record.session
      ? `session ${id} is already connected`
      : `session ${id} is held until its client reconnects`;
  }
  if (confirmed === undefined && record.receivedUpTo > 0) {
    return `session ${id} has begun already, and this HELLO does not resume it`;
  }
  if ((confirmed ?? 0) <= record.deliveredUpTo) return undefined;
  return `this server has session ${id} up to data message ${record.deliveredUpTo} only; ` +
    `for the client, ${confirmed} is confirmed`;
}

/** Why a session is refused that would be one too many. */
export function full(id: string, maxSessions: number): Refusal {
  const why = `this server has as many sessions as it may have (max_sessions ${maxSessions})`;
  return { refusal: noRoom(id, why), limit: "max_sessions" };
}

/** Why a session, of this id if it has one, is refused that would be one too many of its address. */
export function addressFull(most: number, id?: string): Refusal {
  const why = `its address has as many sessions as it may have (max_sessions_per_address ${most})`;
  return {
    refusal: id === undefined ? why : noRoom(id, why),
    limit: "max_sessions_per_address",
  };
}

/** Names the session: a client that is refused has none here whose events could name it. */
function noRoom(id: string, why: string): string {
  return `no room for session ${id}: ${why}`;
}

const ALL_SESSIONS = "this server has as many sessions as it may have (max_sessions)";

const NOT_SERVED = "it is an original client, and this server takes none (--no-original)";

const NO_NUMBERS =
  "it is an original client, whose data messages have no numbers: a server with --store or " +
  "--output takes none";

const ONE_THAT_SPEAKS = "this server serves one session only (--once), and none that is to be idle";

const ONLY_ONE = "this server serves one session only, and has it";
