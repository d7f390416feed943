/**
 * Runs a search for idle timeouts to its end: has the prober do what the search plans, and reports.
 *
 * @module
 */
import type { Clock } from "../../platform/clock.ts";
import { Condition } from "../../platform/condition.ts";
import { Deadline } from "../../platform/deadline.ts";
import { formatAddress } from "../../platform/net/address.ts";
import type { Address } from "../../platform/net/transport.ts";
import {
  type CloseReason,
  closeReport,
  EXIT,
  type ExitStatus,
  isRetryable,
} from "../../session/close_reason.ts";
import { type EventSink, EventSource } from "../../session/events.ts";
import { roundMs } from "../../session/ledger.ts";
import type { Timers } from "../../session/timers.ts";
import type { IdleBracket, IdleProbe } from "../../wire/idle.ts";
import {
  ASK_INTERVAL_MS,
  type ProbePlan,
  type ProbeResult,
  type ProbeSearch,
  type SearchResult,
} from "./probe.ts";
import type { Prober } from "./prober.ts";
import { runSoak, soakPlan } from "./soak.ts";
import { bracketsText, progressText, resultLines } from "./texts.ts";

/** How many sessions in a row may not be opened, while none ever was, or after some were. */
const MAX_FAILURES = { before: 3, after: 40 };

/** How often a line tells of what has changed, in milliseconds, at most. */
const LINE_INTERVAL_MS = 1_000;

/** Options for {@linkcode IdleTimeoutRun}. */
export interface IdleTimeoutRunOptions {
  /** Plans the probes. */
  search: ProbeSearch;
  /** Makes what carries them out, each with another id. */
  newProber: () => Prober;
  /** What came of the probes of an earlier run. */
  earlier: readonly ProbeResult[];
  /** The longest idle time, in milliseconds. */
  upTo_ms: number;
  /** Whether to run sessions by what was found afterwards. */
  soak: boolean;
  /** How to go on after an end before the search's, if that is possible. */
  continueWith?: string;
  /** The server. */
  address: Address;
  /** The timers of `terminated`. */
  timers: Timers;
  /** The clock. */
  clock: Clock;
  /** Receives the events. */
  sink: EventSink;
  /** Shows how far it has come, in place, and in the end an empty text; without it, a line tells of each change. */
  show?: (text: string) => void;
}

/** A search. To be run once. */
export class IdleTimeoutRun {
  readonly #options: IdleTimeoutRunOptions;
  readonly #events: EventSource;
  readonly #changes = new Condition();
  #prober: Prober;
  /** What the kernel said of the last connection that nobody answered on. */
  #kernel?: string;
  #underWay = 0;
  #isStopped = false;
  #failure?: CloseReason;
  #defect?: { error: unknown };
  #shown = "";
  #shown_ms = -Infinity;

  /** Makes a run; nothing is sent until `run`. */
  constructor(options: IdleTimeoutRunOptions) {
    this.#options = options;
    this.#events = new EventSource(options.sink, options.clock);
    this.#prober = options.newProber();
  }

  /** Runs it to its end: returns 0 if it found what it could, or was stopped. */
  async run(): Promise<ExitStatus> {
    const { clock, earlier, search, soak, upTo_ms } = this.#options;
    const prober = this.#prober;
    for (const result of earlier) search.add(result, clock.now());
    await this.#probeAll();
    prober.stop("done");
    await this.#until(() => this.#underWay === 0);
    await prober.closed();
    this.#options.show?.("");
    if (this.#defect) throw this.#defect.error;
    if (!prober.hasOpened && !this.#isStopped) this.#failure ??= prober.failure;
    if (this.#failure) this.#reportFailure(this.#failure);
    const result = search.result();
    const { client_first, contradictions, isComplete, server_first } = result;
    if (!this.#failure || isKnown(client_first) || isKnown(server_first)) {
      this.#events.emit("idle_timeout", {
        ...{ client_first, server_first, contradictions, complete: isComplete },
        up_to_s: upTo_ms / 1000,
      });
      for (const line of resultLines(result, upTo_ms / 1000, this.#kernel)) this.#conclude(line);
      if (!isComplete) { for (const line of this.#howToGoOn()) this.#conclude(line); }
    }
    if (this.#failure) return statusOf(this.#failure);
    return soak && isComplete && !this.#isStopped ? await this.#soak(result) : EXIT.asked;
  }

  /** Runs sessions by what was found, and says whether they did as they should. */
  async #soak(result: SearchResult): Promise<ExitStatus> {
    const { newProber } = this.#options;
    const plan = soakPlan(result);
    if (!plan) {
      this.#say("no soak: no timeout was found that sessions could be compared with");
      return EXIT.asked;
    }
    this.#say(plan.text);
    this.#prober = newProber();
    const verdicts = await runSoak(plan, this.#prober);
    await this.#prober.closed();
    if (this.#isStopped) return EXIT.asked;
    for (const { isAsFound, text } of verdicts) {
      this.#conclude(text, isAsFound ? "info" : "warning");
    }
    return verdicts.every(({ isAsFound }) => isAsFound) ? EXIT.asked : EXIT.lost;
  }

  /** Ends it; what is known by then is reported. */
  stop(reason: "done" | "shutdown"): void {
    this.#isStopped = true;
    this.#prober.stop(reason);
    this.#changes.notify();
  }

  get #isOver(): boolean {
    const isEnded = this.#failure !== undefined || this.#defect !== undefined;
    return this.#isStopped || isEnded || this.#options.search.isDone;
  }

  /** Whether it is known of the first session that it was opened, or was not. */
  get #isAnswered(): boolean {
    return this.#prober.hasOpened || this.#prober.failures > 0;
  }

  /** How many sessions to start at most: one alone, since a server that refuses it would log each of a wave. */
  get #most(): number {
    if (this.#isAnswered) return Infinity;
    return this.#underWay === 0 ? 1 : 0;
  }

  async #probeAll(): Promise<void> {
    const { clock, search } = this.#options;
    using pause = new Deadline(clock);
    while (!this.#isOver) {
      for (const plan of search.next(clock.now(), this.#most)) this.#start(plan);
      for (const id of search.takeAbandoned()) this.#prober.cancel(id);
      // Before the first session is open, none is idle.
      if (this.#prober.hasOpened) this.#showProgress();
      pause.moveTo(clock.now() + ASK_INTERVAL_MS);
      await this.#changes.until(() => this.#isOver, pause);
    }
  }

  async #until(condition: () => boolean): Promise<void> {
    using never = new Deadline(this.#options.clock);
    await this.#changes.until(condition, never);
  }

  #start(plan: ProbePlan): void {
    this.#underWay++;
    this.#prober.probe(plan)
      .then((result) => this.#onResult(result), (error) => this.#defect ??= { error })
      .then(() => {
        this.#underWay--;
        this.#changes.notify();
      });
  }

  #onResult(result: ProbeResult): void {
    const { clock, search } = this.#options;
    search.add(result, clock.now());
    this.#kernel = result.kernel ?? this.#kernel;
    this.#events.emit("idle_probe", probeFields(result));
    const { failure, failures, hasOpened } = this.#prober;
    if (!failure || this.#isStopped) return;
    const most = hasOpened ? MAX_FAILURES.after : MAX_FAILURES.before;
    const isFinal = hasOpened ? isRefusal(failure) : !isRetryable(failure);
    if (isFinal || failures >= most) this.#failure ??= failure;
  }

  #showProgress(): void {
    const { clock, search, show } = this.#options;
    const progress = search.progress(clock.now());
    if (show) return show(progressText(progress));
    const known = bracketsText(progress);
    if (known === this.#shown || clock.now() < this.#shown_ms + LINE_INTERVAL_MS) return;
    [this.#shown, this.#shown_ms] = [known, clock.now()];
    const { client_first, done_in_ms, server_first, under_way } = progress;
    const done_in_s = Math.ceil(done_in_ms / 1000);
    this.#events.emit("idle_search", { client_first, server_first, under_way, done_in_s });
    this.#say(progressText(progress));
  }

  #reportFailure(failure: CloseReason): void {
    const { address: { host, port }, clock, timers } = this.#options;
    const peer = formatAddress(host, port);
    const now_ms = clock.now();
    this.#events.emit("terminated", closeReport(failure, { peer, timers, now_ms }));
  }

  #howToGoOn(): string[] {
    const { continueWith } = this.#options;
    const first = "the search was not at its end: that is what is known so far";
    return continueWith === undefined
      ? [`${first}; with --record FILE`, "it could be continued"]
      : [`${first}; to go on:`, continueWith];
  }

  /** Emits one of the lines at the end, which stand for themselves. */
  #conclude(text: string, level: "info" | "warning" = "info"): void {
    this.#events.emit("notice", { level, text, final: true });
  }

  #say(text: string): void {
    this.#events.emit("notice", { level: "info", text });
  }
}

function probeFields({ plan: { first, id: n, idle_ms }, ...found }: ProbeResult): IdleProbe {
  const { ended_after_ms, idled_ms } = found;
  return {
    ...{ n, first, idle_ms, ...found, idled_ms: roundMs(idled_ms) },
    ...ended_after_ms !== undefined && { ended_after_ms: roundMs(ended_after_ms) },
  };
}

function isKnown({ forgotten_by_s, survives_s }: IdleBracket): boolean {
  return survives_s > 0 || forgotten_by_s !== null;
}

/** Whether no further session would be opened either, though one was. */
function isRefusal({ by, reason }: CloseReason): boolean {
  return by === "peer" && reason === "refused" || reason === "unproven";
}

function statusOf(failure: CloseReason): ExitStatus {
  const isFull = failure.by === "peer" && failure.reason === "full";
  return isFull || isRefusal(failure) ? EXIT.refused : EXIT.unconnected;
}
