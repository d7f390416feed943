/**
 * What a side notes of its session's outages, tells its peer of them in `ACCOUNT`, and concludes with the
 * peer's own account.
 *
 * An outage begins when this side falls silent, when the peer's heartbeats show that the peer has, or when
 * the connection is lost; it is over when data is received again, on that connection or another one.
 *
 * @module
 */
import type { Clock, Timer } from "../platform/clock.ts";
import { accountOf, bothSeen, type PeerAccount, readAccount } from "../evidence/account.ts";
import { type FrameNote, type Noticed, OutageLog, ownSeen } from "../evidence/outage_log.ts";
import { judge } from "../evidence/outages.ts";
import type { Frame, JsonObject, Role } from "../wire/protocol.ts";
import type { CloseReason } from "./close_reason.ts";
import type { EventSource } from "./events.ts";
import type { Ledger } from "./ledger.ts";
import type { SessionState } from "./state.ts";
import { ACCOUNT_LIMIT_MS, predictedDetection_ms, type Timers } from "./timers.ts";

/** What was sent and received last before an outage. */
export interface LastExchange {
  /** Frames sent, the oldest first. */
  readonly sent: readonly FrameNote[];
  /** Frames received, the oldest first. */
  readonly received: readonly FrameNote[];
}

/** A session on one connection, as its accounts see it. */
export interface AccountLink {
  /** Whether the peer knows accounts. */
  readonly knowsAccounts: boolean;
  /** The session's state. */
  readonly state: SessionState;
  /** What was sent and received last while all was well. */
  lastExchange(): LastExchange;
  /** Sends a frame. */
  send(frame: Frame): void;
}

/** Options for {@linkcode Accounts}. */
export interface AccountsOptions {
  /** The clock. */
  clock: Clock;
  /** The session's timers. */
  timers: Timers;
  /** Emits the conclusions. */
  events: EventSource;
  /** Which side this is. */
  role: Role;
}

/** How long after the threshold a frame may come, in milliseconds, that ends no outage: none was due. */
const LATE_MS = 250;

/** The outages of one session, across its connections. */
export class Accounts {
  readonly #options: AccountsOptions;
  readonly #limit: Timer;
  #log?: OutageLog;
  /** The peer's account of the outage. */
  #peer?: { account: PeerAccount; received_ms: number };
  /** When this side's account was sent. */
  #sent_ms?: number;
  /** When the last frame was received. */
  #received_ms = 0;
  /** How many heartbeats had been missed before. */
  #missedBefore = 0;
  #answered_ms = -Infinity;

  /** Creates one without an outage. */
  constructor(options: AccountsOptions) {
    this.#options = options;
    this.#limit = options.clock.timer(() => this.#conclude());
  }

  /** Notes a frame that is sent. */
  onSent(frame: Frame): void {
    const note = this.#log && noteOf(frame, this.#now());
    if (note) this.#log!.sent.add(note);
  }

  /** Notes a frame that was received. */
  onReceived(frame: Frame, at_ms: number): void {
    const log = this.#log;
    if (!log) return;
    log.longestGap_ms = Math.max(log.longestGap_ms, at_ms - this.#received_ms);
    this.#received_ms = at_ms;
    const note = noteOf(frame, at_ms);
    if (note) log.received.add(note);
    const isData = frame.type === "DATA" || frame.type === "CONFIRM";
    if (isData && !log.noticed) log.over_ms ??= at_ms;
  }

  /** The peer's heartbeats show that it is silent: an outage may have begun. */
  begin(link: AccountLink): OutageLog {
    if (this.#log && this.#log.over_ms === undefined) return this.#log;
    if (this.#sent_ms !== undefined) this.#conclude();
    const { lastSignOfLife_ms, ledger } = link.state;
    this.#received_ms = lastSignOfLife_ms;
    this.#missedBefore = ledger.heartbeatsMissed;
    return this.#log = new OutageLog(link.lastExchange());
  }

  /** This side has fallen silent. */
  silent(link: AccountLink): void {
    this.#notice(link, "silent");
  }

  /** The connection is lost, and the session outlives it. */
  lost(link: AccountLink, closeReason: CloseReason): void {
    const how = noticedBy(closeReason);
    const log = how ? this.#notice(link, how) : this.begin(link);
    log.closed_ms ??= this.#now();
  }

  /** The outage is over: data is received again, or the session is resumed. */
  over(link: AccountLink): void {
    const log = this.#log;
    if (!log?.noticed || log.over_ms !== undefined) return;
    log.over_ms = this.#now();
    if (!this.#isOutage(log, link.state.ledger)) return this.#forget();
    if (link.knowsAccounts) this.#send(link, log);
    if (this.#peer || !link.knowsAccounts) return this.#conclude();
    this.#limit.set(log.over_ms + ACCOUNT_LIMIT_MS);
  }

  /** Receives the peer's account; answers it if this side has not noticed the outage. */
  onAccount(link: AccountLink, fields: JsonObject, received_ms: number): void {
    const account = readAccount(fields);
    const peer = { account, received_ms };
    if (this.#log?.noticed) {
      this.#peer = peer;
      if (this.#log.over_ms !== undefined) this.#conclude();
      return;
    }
    // One outage is answered once, however often the peer speaks of it.
    const isRepeated = received_ms < this.#answered_ms + ACCOUNT_LIMIT_MS;
    if (account.isAnswer || isRepeated || !link.knowsAccounts) return;
    this.#answered_ms = received_ms;
    // What another process saw of a connection that is closed is not known.
    const log = this.#log ?? (account.closed_ms === undefined ? this.begin(link) : undefined);
    this.#send(link, log, { answer: true });
    this.#peer = peer;
    this.#log = log;
    this.#conclude();
  }

  /** The session ends: an account that has not come will not come any more. */
  end(): void {
    if (this.#sent_ms !== undefined) this.#conclude();
    this.#forget();
  }

  #now(): number {
    return this.#options.clock.now();
  }

  /** This side has noticed that all is not well. */
  #notice(link: AccountLink, how: Noticed): OutageLog {
    const log = this.begin(link);
    const { held, lastStall, ledger } = link.state;
    log.noticed ??= { at_ms: this.#now(), how };
    log.held ??= held;
    if (lastStall) log.stalls.push(lastStall);
    if (this.#options.role === "client") log.in_doubt = ledger.dataSent - ledger.confirmedUpTo;
    return log;
  }

  /** A server that heard no data is not cut off from a client that has none to send. */
  #isOutage(log: OutageLog, { heartbeatsMissed }: Ledger): boolean {
    const { role, timers } = this.#options;
    return role === "client" || log.noticed!.how !== "silent" ||
      heartbeatsMissed > this.#missedBefore ||
      log.longestGap_ms > timers.data_threshold_ms + LATE_MS;
  }

  #send(link: AccountLink, log: OutageLog | undefined, answer?: { answer: true }): void {
    const now_ms = this.#sent_ms = this.#now();
    const head = { predicted_ms: predictedDetection_ms(this.#options.timers), ...answer };
    link.send({ type: "ACCOUNT", account: accountOf(log, head, now_ms) });
  }

  #forget(): void {
    this.#limit.clear();
    this.#log = this.#peer = this.#sent_ms = undefined;
  }

  /** Emits what this side concludes from what it saw, and from the peer's account if there is one. */
  #conclude(): void {
    const { events, role } = this.#options;
    const log = this.#log;
    const peer = this.#peer;
    const sent_ms = this.#sent_ms;
    this.#forget();
  }
}

/** As what this side noticed an outage by the end of the connection; `undefined` if only the peer did. */
function noticedBy({ by, reason }: CloseReason): Noticed | undefined {
  if (reason === "reset" || reason === "closed") return reason;
  if (by === "self" && reason === "silent") return reason;
  return by === "network" ? "other" : undefined;
}

function noteOf(frame: Frame, at_ms: number): FrameNote | undefined {
  if (frame.type === "DATA") {
    return { frame: frame.type, n: frame.seq, at_ms, bytes: frame.payload.length };
  }
  if ("seq" in frame) return { frame: frame.type, n: frame.seq, at_ms };
  return "n" in frame ? { frame: frame.type, n: frame.n, at_ms } : undefined;
}
