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
import {
  type FrameNote,
  noteOf,
  type Noticed,
  OutageLog,
  ownSeen,
} from "../evidence/outage_log.ts";
import type { KernelSeen } from "../evidence/kernel_watch.ts";
import { judge } from "../evidence/outages.ts";
import { verdictOf } from "../evidence/verdict.ts";
import type { Stall } from "../evidence/side.ts";
import type { Frame, HoldReason, JsonObject, Role } from "../wire/protocol.ts";
import type { CloseReason, Detection } from "./close_reason.ts";
import type { EventSource } from "./events.ts";
import { type Ledger, roundMs } from "./ledger.ts";
import { ACCOUNT_LIMIT_MS, type Timers } from "./timers.ts";

/** What was sent and received last before an outage. */
export interface LastExchange {
  /** Frames sent, the oldest first. */
  readonly sent: readonly FrameNote[];
  /** Frames received, the oldest first. */
  readonly received: readonly FrameNote[];
}

/** A session's state, as far as its accounts need it. */
export interface AccountedState {
  /** When the last sign of life came, in monotonic milliseconds. */
  readonly lastSignOfLife_ms: number;
  /** The session's counters. */
  readonly ledger: Ledger;
  /** What confirmations wait for, if they do. */
  readonly held: HoldReason | undefined;
  /** When this process did not run, the last time. */
  readonly lastStall?: Stall;
}

/** A session on one connection, as its accounts see it. */
export interface AccountLink {
  /** Whether the peer knows accounts. */
  readonly knowsAccounts: boolean;
  /** What the session's state has of it. */
  readonly state: AccountedState;
  /** What was sent and received last while all was well. */
  lastExchange(): LastExchange;
  /** Sends an account. */
  sendAccount(account: JsonObject): void;
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

/** What is known of a connection that is lost in an outage. */
export interface LostDetails {
  /** From when a death is measured. */
  detection?: Detection;
  /** What the kernel has shown of it. */
  seen?: KernelSeen;
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
  /** What was confirmed when the outage was noticed. */
  #confirmedBefore = 0;
  #answered_ms = -Infinity;

  /** Creates one without an outage. */
  constructor(options: AccountsOptions) {
    this.#options = options;
    this.#limit = options.clock.timer(() => this.end());
  }

  /** Whether there is an outage, or there was one just before, so that frames are noted. */
  get hasOutage(): boolean {
    return this.#log !== undefined;
  }

  /** Notes a frame that was handed to the network, or received. */
  onFrame(isSent: boolean, frame: Frame, at_ms: number): void {
    const log = this.#log;
    if (!log) return;
    if (isSent) return log.sent.add(noteOf(frame, at_ms));
    log.longestGap_ms = Math.max(log.longestGap_ms, at_ms - this.#received_ms);
    this.#received_ms = at_ms;
    log.received.add(noteOf(frame, at_ms));
    const isData = frame.type === "DATA" || frame.type === "CONFIRM";
    if (isData && !log.noticed) this.#endsAt(log, at_ms);
  }

  /** The outage is over: the peer's account of it comes soon, if at all. */
  #endsAt(log: OutageLog, over_ms: number): void {
    if (log.over_ms !== undefined) return;
    log.over_ms = over_ms;
    this.#limit.set(over_ms + ACCOUNT_LIMIT_MS);
  }

  /** The peer's heartbeat shows that it is silent: an outage may have begun, unless it is late. */
  begin(link: AccountLink): void {
    const over_ms = this.#log?.over_ms ?? -Infinity;
    if (this.#now() >= over_ms + ACCOUNT_LIMIT_MS) this.#begun(link);
  }

  /** The outage that lasts; a new one, if none does. */
  #begun(link: AccountLink): OutageLog {
    if (this.#log && this.#log.over_ms === undefined) return this.#log;
    if (this.#sent_ms !== undefined) this.#conclude();
    this.#limit.clear();
    const { lastSignOfLife_ms, ledger } = link.state;
    this.#received_ms = lastSignOfLife_ms;
    this.#missedBefore = ledger.heartbeatsMissed;
    return this.#log = new OutageLog(link.lastExchange());
  }

  /** This side has fallen silent, having received no data since a time. */
  silent(link: AccountLink, since_ms: number): void {
    const log = this.#notice(link, "silent");
    const predicted_ms = this.#options.timers.data_threshold_ms;
    log.measured ??= { detected_ms: roundMs(this.#now() - since_ms), predicted_ms };
  }

  /** The connection is lost, and the session outlives it; a death is measured from a moment. */
  lost(link: AccountLink, closeReason: CloseReason, { detection, seen }: LostDetails): void {
    const how = noticedBy(closeReason);
    const log = how ? this.#notice(link, how) : this.#begun(link);
    log.closed_ms ??= this.#now();
    noteKernel(log, seen);
    if (how !== "silent" || !detection) return;
    const { at_ms, predicted_ms } = detection;
    log.measured = { detected_ms: roundMs(this.#now() - at_ms), predicted_ms };
  }

  /** The outage is over: data is received again, or the session is resumed. */
  over(link: AccountLink, seen?: KernelSeen): void {
    const log = this.#log;
    if (!log?.noticed || log.over_ms !== undefined) return;
    noteKernel(log, seen);
    this.#endsAt(log, this.#now());
    if (!this.#peer && !this.#isOutage(log, link.state.ledger)) return;
    if (log.in_doubt !== undefined) {
      const confirmed = link.state.ledger.confirmedUpTo - this.#confirmedBefore;
      log.settled = Math.min(confirmed, log.in_doubt);
    }
    if (link.knowsAccounts) this.#send(link, log);
    else this.#noteStall(link, log);
    if (this.#peer || !link.knowsAccounts) this.#conclude();
  }

  /** Receives the peer's account; answers it if this side has not noticed the outage. */
  onAccount(link: AccountLink, fields: JsonObject, received_ms: number): void {
    const account = readAccount(fields);
    const peer = { account, received_ms };
    if (this.#log?.noticed && this.#log.over_ms === undefined) {
      this.#peer = peer;
      return;
    }
    if (this.#sent_ms !== undefined) {
      this.#peer = peer;
      return this.#conclude();
    }
    // One outage is answered once, however often the peer speaks of it.
    const isRepeated = received_ms < this.#answered_ms + ACCOUNT_LIMIT_MS;
    if (account.isAnswer || isRepeated || !link.knowsAccounts) return;
    this.#answered_ms = received_ms;
    // What another process saw of a connection that is closed is not known.
    const log = this.#log ?? (account.closed_ms === undefined ? this.#begun(link) : undefined);
    this.#send(link, log, true);
    this.#peer = peer;
    this.#log = log;
    this.#conclude();
  }

  /** The peer's account has not come, and will not come any more: its time is over, or the session. */
  end(): void {
    if (this.#sent_ms !== undefined) this.#conclude();
    this.#forget();
  }

  #now(): number {
    return this.#options.clock.now();
  }

  /** This side has noticed that all is not well. */
  #notice(link: AccountLink, how: Noticed): OutageLog {
    const log = this.#begun(link);
    const { held, ledger } = link.state;
    log.noticed ??= { at_ms: this.#now(), how };
    log.held ??= held;
    if (this.#options.role === "client") {
      log.in_doubt = ledger.dataSent - ledger.confirmedUpTo;
      this.#confirmedBefore = ledger.confirmedUpTo;
    }
    return log;
  }

  /** A server that heard no data is not cut off from a client that has none to send. */
  #isOutage(log: OutageLog, { heartbeatsMissed }: Ledger): boolean {
    const { role, timers } = this.#options;
    return role === "client" || log.noticed!.how !== "silent" ||
      heartbeatsMissed > this.#missedBefore ||
      log.longestGap_ms > timers.data_threshold_ms + LATE_MS;
  }

  #send(link: AccountLink, log: OutageLog | undefined, isAnswer = false): void {
    const now_ms = this.#sent_ms = this.#now();
    this.#noteStall(link, log);
    link.sendAccount(log ? accountOf(log, now_ms, isAnswer) : { answer: true });
  }

  #noteStall({ state: { lastStall } }: AccountLink, log: OutageLog | undefined): void {
    const known_ms = log?.stalls.at(-1)?.to_ms;
    if (lastStall && log && lastStall.to_ms !== known_ms) log.stalls.push(lastStall);
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
    const asked_ms = peer?.account.isAnswer ? this.#sent_ms : undefined;
    this.#forget();
    const hasBoth = log !== undefined && peer?.account.isSeen === true;
    const both = hasBoth
      ? bothSeen(role, log, peer.account, { received_ms: peer.received_ms, asked_ms })
      : undefined;
    const own = log && ownSeen(role, log, this.#now());
    const judgement = judge(both ?? { [role]: own });
    const { at = null, began, by_ms, cause, first_noticed_by } = judgement;
    const [mine, theirs] = [log?.measured, peer?.account.measured];
    const of = (own: number | null = null, peers: number | null = null) =>
      role === "client" ? { client: own, server: peers } : { client: peers, server: own };
    // Only the client knows what it has sent.
    const doubts = role === "client" ? log : peer?.account;
    events.emit("account", {
      ...{ began, cause, at, first_noticed_by },
      by_ms: by_ms && [roundMs(by_ms[0]), roundMs(by_ms[1])],
      predicted_ms: of(mine?.predicted_ms, theirs?.predicted_ms),
      detected_ms: of(mine?.detected_ms, theirs?.detected_ms),
      in_doubt: doubts?.in_doubt ?? null,
      settled: doubts?.settled ?? null,
      ...verdictOf(judgement),
      peer: both ? "agrees" : hasBoth ? "contradicts" : "unknown",
    });
  }
}

function noteKernel(log: OutageLog, { cause, transmits }: KernelSeen = {}): void {
  if (cause) log.causes.push(cause);
  log.transmits ??= transmits;
}

/** As what this side noticed an outage by the end of the connection; `undefined` if only the peer did. */
function noticedBy({ by, reason }: CloseReason): Noticed | undefined {
  if (reason === "reset" || reason === "closed") return reason;
  if (by === "self" && reason === "silent") return reason;
  return by === "network" ? "other" : undefined;
}
