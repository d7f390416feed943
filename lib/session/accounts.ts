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
import { type AccountHead, accountOf, readAccount } from "../evidence/account.ts";
import { type AccountLink, isData, type Noticed, OutageLog } from "../evidence/outage_log.ts";
import type { KernelSeen } from "../evidence/kernel_watch.ts";
import {
  conclusionOf,
  maySeeOne,
  type ReceivedAccount,
  shownByAnswer,
} from "../evidence/verdict.ts";
import type { Stall } from "../evidence/side.ts";
import type { Frame, JsonObject, Role } from "../wire/protocol.ts";
import { type CloseReason, type Detection, noticedBy } from "./close_reason.ts";
import type { EventSource } from "./events.ts";
import { roundMs } from "./ledger.ts";
import { ACCOUNT_LIMIT_MS, CONCLUDED_MS, LATE_MS, type Timers } from "./timers.ts";

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

/** The outages of one session, across its connections. */
export class Accounts {
  readonly #options: AccountsOptions;
  /** Made with the first outage that is over. */
  #limit?: Timer;
  #log?: OutageLog;
  /** Until when TCP may wait to send again what the last outage had lost, at most as long as that lasted. */
  #backsOff_ms = -Infinity;
  /** When the last outage was over. */
  #over_ms = -Infinity;
  /** The peer's account of the outage. */
  #peer?: ReceivedAccount;
  #sent_ms?: number;
  #received_ms = 0;
  #confirmedBefore = 0;
  #answered_ms = -Infinity;
  /** When this side read nothing though it ran, the last time: what came then was late for no fault of the path. */
  #unread?: Stall;
  /** The number of the last account that was sent unasked. */
  #n = 0;
  /** The last outage, without its frames, if this side concluded without the peer's account: that may come. */
  #concluded?: OutageLog;

  /** Creates one without an outage. */
  constructor(options: AccountsOptions) {
    this.#options = options;
  }

  /** Whether there is an outage, or there was one just before, so that frames are noted. */
  get hasOutage(): boolean {
    return this.#log !== undefined;
  }

  /** Notes a frame that was handed to the network, or received. */
  onFrame(isSent: boolean, frame: Frame, at_ms: number): void {
    const log = this.#log;
    // The frames of another connection have the same numbers.
    if (!log || log.closed_ms !== undefined) return;
    log.add(isSent, frame, at_ms);
    if (isSent) return;
    log.longestGap_ms = Math.max(log.longestGap_ms, at_ms - this.#received_ms);
    this.#received_ms = at_ms;
    // A silence of the server lasts until its heartbeat phase ends.
    if (isData(frame.type) && !log.noticed && !log.isIdle) this.#endsAt(log, at_ms);
  }

  static readonly #onLimit = (accounts: Accounts) => {
    const { noticed } = accounts.#log ?? {};
    if (noticed && accounts.#sent_ms === undefined) {
      accounts.#concluded = accounts.#log!.withoutFrames();
    }
    accounts.end();
  };

  /** The outage is over: the peer's account of it comes soon, if at all. */
  #endsAt(log: OutageLog, over_ms: number): void {
    if (log.over_ms !== undefined) return;
    log.over_ms = this.#over_ms = over_ms;
    if (log.closed_ms === undefined) this.#backsOff_ms = over_ms + (over_ms - log.since_ms);
    this.#limit ??= this.#options.clock.timer(Accounts.#onLimit, this);
    this.#limit.set(over_ms + ACCOUNT_LIMIT_MS);
  }

  /** This side has read nothing since then, though it ran. */
  unread(since_ms: number): void {
    const to_ms = this.#now();
    const { earliest_ms, to_ms: before_ms = -Infinity } = this.#unread ?? {};
    // What is read between two such times may have waited since the first.
    const isOne = since_ms <= before_ms + this.#options.timers.data_threshold_ms;
    this.#unread = { earliest_ms: isOne ? earliest_ms! : since_ms, from_ms: to_ms, to_ms };
  }

  /** A heartbeat, of either side, shows silence: an outage may have begun, unless it is late. */
  begin(link: AccountLink): void {
    const over_ms = this.#log?.over_ms ?? -Infinity;
    if (this.#now() >= over_ms + ACCOUNT_LIMIT_MS) this.#begun(link);
  }

  /** The outage that lasts; a new one, if none does. */
  #begun(link: AccountLink): OutageLog {
    if (this.#log && this.#log.over_ms === undefined) return this.#log;
    if (this.#sent_ms !== undefined) this.#conclude();
    this.#limit?.clear();
    this.#received_ms = link.state.lastSignOfLife_ms;
    return this.#log = new OutageLog(link.lastExchange(), this.#over_ms);
  }

  /** Of an outage that showed nothing here only the last exchange before it was noted. */
  #unseen(link: AccountLink): OutageLog {
    const log = this.#begun(link);
    log.closed_ms = log.received.all[0]?.at_ms ?? 0;
    return log;
  }

  /** This side has fallen silent at a moment, having received no data since another one. */
  silent(link: AccountLink, since_ms: number, now_ms: number): void {
    const log = this.#notice(link, "silent", now_ms);
    const predicted_ms = this.#options.timers.data_threshold_ms;
    log.measured ??= { detected_ms: roundMs(now_ms - since_ms), predicted_ms };
  }

  /**
   * The peer has answered a heartbeat. A client that has nothing to send leaves a server silent: an outage before
   * that is over, and what is lost later is another one.
   */
  answered(link: AccountLink): void {
    const [log, now_ms, { role }] = [this.#log, this.#now(), this.#options];
    // A client may wait for confirmations, and in vain.
    const isSettled = role === "client" || link.confirmedUpTo >= link.state.ledger.dataReceived;
    const shown = shownByAnswer(role, log, this.#peer, isSettled, now_ms);
    if (shown === "over") return this.over(link);
    if (shown === "over for both") {
      this.#endsAt(log!, now_ms);
      this.#conclude();
    }
    if (shown !== undefined) this.#log = OutageLog.idle(link.lastExchange(), now_ms, log);
  }

  /** The peer has missed a heartbeat. */
  missed(): void {
    if (this.#log?.over_ms === undefined) this.#log?.onMissed(this.#now());
  }

  /** The connection is lost, and the session outlives it: from when a death is measured, what the kernel showed. */
  lost(
    link: AccountLink,
    closeReason: CloseReason,
    { detection, seen }: { detection?: Detection; seen?: KernelSeen },
  ): void {
    const how = noticedBy(closeReason);
    if (this.#log?.over_ms === undefined) this.#log?.onLost();
    const log = how ? this.#notice(link, how) : this.#begun(link);
    log.closed_ms ??= this.#now();
    log.addKernel(seen);
    if (how !== "silent" || !detection) return;
    const { at_ms, predicted_ms } = detection;
    log.measured = { detected_ms: roundMs(this.#now() - at_ms), predicted_ms };
  }

  /** The outage is over: data is received again, or the session is resumed. */
  over(link: AccountLink, seen?: KernelSeen): void {
    const log = this.#log;
    if (!log || log.over_ms !== undefined) return;
    this.#endsAt(log, this.#now());
    if (!log.noticed) return;
    log.addKernel(seen);
    if (!this.#peer && !this.#isOutage(log)) return;
    if (log.in_doubt !== undefined) {
      const confirmed = link.state.ledger.confirmedUpTo - this.#confirmedBefore;
      log.settled = Math.min(confirmed, log.in_doubt);
    }
    if (link.knowsAccounts) this.#send(link, log, { n: ++this.#n });
    else this.#noteStall(link, log);
    if (this.#peer || !link.knowsAccounts) this.#conclude();
    // Nobody will ask for what was concluded.
    if (!link.knowsAccounts) this.#concluded = undefined;
  }

  /** Receives the peer's account; answers it if this side has not noticed the outage. */
  onAccount(link: AccountLink, fields: JsonObject, received_ms: number): void {
    const account = readAccount(fields);
    const peer = { account, received_ms };
    // What was told of an earlier outage is answered too late.
    if (account.answers !== undefined && account.answers !== this.#n) return;
    const { noticed, over_ms } = this.#log ?? {};
    if (noticed && over_ms === undefined) {
      if (!account.isAnswer) [this.#peer, this.#log!.answers] = [peer, 0];
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
    const head = { answer: account.n ?? true } as const;
    const concluded = this.#concluded;
    const noticed_ms = received_ms - (account.noticed?.age_ms ?? 0);
    if (concluded && !this.#log?.noticed && concluded.over_ms! > noticed_ms - CONCLUDED_MS) {
      // For this side it may have been over earlier, and its conclusion is emitted: the peer sees whether it was.
      return link.sendAccount(accountOf(concluded, this.#now(), head));
    }
    const isEarlier = this.#log?.noticed && !maySeeOne(this.#options.role, this.#log, peer);
    // What another process saw of a connection that is closed is not known.
    const unseen = () => account.closed_ms === undefined ? this.#unseen(link) : undefined;
    const log = isEarlier ? unseen() : this.#log ?? unseen();
    this.#send(link, log, head);
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
  #notice(link: AccountLink, how: Noticed, at_ms = this.#now()): OutageLog {
    const log = this.#begun(link);
    const { held, ledger } = link.state;
    log.isEcho ??= at_ms < this.#backsOff_ms;
    log.noticed ??= { at_ms, how };
    log.held ??= held;
    if (this.#options.role === "client") {
      log.in_doubt = ledger.dataSent - ledger.confirmedUpTo;
      this.#confirmedBefore = ledger.confirmedUpTo;
    }
    return log;
  }

  /** A server that heard no data is not cut off from a client that has none to send. */
  #isOutage(log: OutageLog): boolean {
    const { role, timers: { data_threshold_ms, heart_beat_interval_ms } } = this.#options;
    return role === "client" || log.noticed!.how !== "silent" || log.hasMissed === true ||
      log.longestGap_ms > Math.max(data_threshold_ms, heart_beat_interval_ms) + LATE_MS;
  }

  #send(link: AccountLink, log: OutageLog | undefined, head: AccountHead): void {
    const now_ms = this.#sent_ms = this.#now();
    this.#noteStall(link, log);
    link.sendAccount(log ? accountOf(log, now_ms, head) : head);
  }

  #noteStall({ state: { lastStall } }: AccountLink, log: OutageLog | undefined): void {
    for (const each of [lastStall, this.#unread]) if (each) log?.addStall(each);
  }

  #forget(): void {
    this.#limit?.clear();
    this.#log = this.#peer = this.#sent_ms = undefined;
  }

  /** Emits what this side concludes from what it saw, and from the peer's account if there is one. */
  #conclude(): void {
    const { events, role } = this.#options;
    const [log, peer, now_ms] = [this.#log, this.#peer, this.#now()];
    // From now on it misses frames.
    if (log) log.closed_ms ??= now_ms;
    const asked_ms = peer?.account.isAnswer ? this.#sent_ms : undefined;
    this.#forget();
    const conclusion = conclusionOf(role, log, now_ms, peer && { ...peer, asked_ms });
    if (log?.noticed) {
      this.#concluded = conclusion.peer === "agrees" ? undefined : log.withoutFrames();
    }
    events.emit("account", conclusion);
  }
}
