/**
 * Opens the sessions of an idle-timeout search, each on a connection of its own, and finds out what became of each.
 *
 * @module
 */
import { sleep } from "../../platform/condition.ts";
import { Deadline } from "../../platform/deadline.ts";
import { splitAddress } from "../../platform/net/address.ts";
import type { Connection } from "../../platform/net/transport.ts";
import type { Random } from "../../platform/secrets.ts";
import { TaskGroup } from "../../platform/task_group.ts";
import type { CloseReason } from "../../session/close_reason.ts";
import { dial, type DialOptions } from "../../session/connection.ts";
import { IdleConnection, type IdleOutcome, JUDGE_MS } from "../../session/idle/idle_connection.ts";
import { greetingOf, OPEN_LIMIT_MS, type Timers } from "../../session/timers.ts";
import { greetingIdle, type IdleSeen, idleSessionId, readIdleResults } from "../../wire/idle.ts";
import type { Key } from "../../wire/proof.ts";
import { type Frame, type Greeting, PROTOCOL_VERSION } from "../../wire/protocol.ts";
import { Opening } from "../opening.ts";
import { fateOf, kernelText } from "./fate.ts";
import type { ProbePlan, ProbeResult } from "./probe.ts";

/**
 * How long, in milliseconds, what the server saw is waited for before it is fetched: what ends together, as after a
 * wave, is fetched together.
 */
const FETCH_AFTER_MS = 500;

/** How long, in milliseconds, the kernel may take to say what it knows of a connection. */
const KERNEL_LIMIT_MS = 1_000;

/** Options for {@linkcode Prober}. */
export interface ProberOptions extends DialOptions {
  /** The id of the search, from which the sessions have theirs. */
  search: string;
  /** The timers that `HELLO` names. */
  timers: Timers;
  /** The largest data message, which `HELLO` names. */
  maxMessageBytes: number;
  /** Fills the nonces of keys. */
  random: Random;
  /** The key that this side proves, and the server has to prove. */
  key?: () => Key;
}

/** A session that is open. */
interface Opened {
  readonly idle: IdleConnection;
  readonly connection: Connection;
  readonly greeting: Greeting;
}

/** Why a server is taken for an older one. */
const OLDER: CloseReason = {
  by: "peer",
  reason: "refused",
  text:
    "this server is an older one, which knows no idle sessions: the search needs Pulsewire on the other side, too, " +
    "of a version that has --find-idle-timeout",
};

/** Carries out probes. */
export class Prober {
  /** Why the last session that could not be opened was not. */
  failure?: CloseReason;
  /** How many sessions in a row could not be opened. */
  failures = 0;
  /** Whether any was opened. */
  hasOpened = false;
  readonly #options: ProberOptions;
  readonly #open = new Set<IdleConnection>();
  /** The probes under way by the ids of their plans, with their sessions once those are open. */
  readonly #underWay = new Map<number, { idle?: IdleConnection; isCancelled: boolean }>();
  readonly #closing = new TaskGroup();
  readonly #stopping = new AbortController();
  #fetching?: Promise<ReadonlyMap<number, IdleSeen> | string>;
  #fetches = 0;

  /** Makes one that has opened nothing. */
  constructor(options: ProberOptions) {
    this.#options = options;
  }

  /**
   * Carries out one probe.
   *
   * @throws Only for a defect of this program.
   */
  async probe(plan: ProbePlan): Promise<ProbeResult> {
    const under: { idle?: IdleConnection; isCancelled: boolean } = { isCancelled: false };
    this.#underWay.set(plan.id, under);
    try {
      const opened = await this.#openIdle(plan);
      if ("reason" in opened) return this.#notOpened(plan, opened);
      under.idle = opened.idle;
      if (under.isCancelled) opened.idle.stop(CANCELLED);
      return await this.#idle(plan, opened);
    } finally {
      this.#underWay.delete(plan.id);
    }
  }

  /** Ends a probe that is not wanted any more: it is void. */
  cancel(id: number): void {
    const under = this.#underWay.get(id);
    if (!under) return;
    under.isCancelled = true;
    under.idle?.stop(CANCELLED);
  }

  /** Is idle, and finds out what became of the session. */
  async #idle(plan: ProbePlan, { connection, idle }: Opened): Promise<ProbeResult> {
    const port = splitAddress(connection.local)?.port;
    const local = port !== undefined && { local_port: Number(port) };
    const speaks = plan.first === "client";
    const outcome = await idle.idle(plan.idle_ms, { speaks, wait_ms: JUDGE_MS, isSure: true });
    // Whoever did not speak has nothing that could be unacknowledged.
    const asks = speaks && outcome.fate === "silent";
    const kernel = asks ? await this.#askKernel(connection) : undefined;
    this.#close(idle, outcome.fate === "silent" ? "silent" : "done");
    return {
      ...await this.#judge(plan, outcome, idle),
      ...outcome.endedIdle && { ended_after_ms: outcome.idled_ms },
      ...kernel !== undefined && { kernel },
      ...local,
    };
  }

  /**
   * Speaks on one session so many times, each time after the plan's idle time: returns for how long it has lived, in
   * milliseconds, or why it was not opened.
   *
   * @throws Only for a defect of this program.
   */
  async keep(
    plan: ProbePlan,
    times: number,
  ): Promise<{ lived_ms: number; isAlive: boolean } | CloseReason> {
    const opened = await this.#openIdle(plan);
    if ("reason" in opened) return opened;
    const { idle } = opened;
    let lived_ms = 0;
    let isAlive = true;
    for (let time = 0; time < times && isAlive; time++) {
      const outcome = await idle.idle(plan.idle_ms, { speaks: true, wait_ms: JUDGE_MS });
      lived_ms += outcome.idled_ms;
      isAlive = outcome.fate === "alive";
    }
    this.#close(idle, isAlive ? "done" : "silent");
    return { lived_ms, isAlive };
  }

  /** Ends everything that is under way; what it comes to is void. */
  stop(reason: "done" | "shutdown"): void {
    this.#stopping.abort(reason);
    for (const idle of this.#open) idle.stop({ by: "self", reason, text: "" });
  }

  /** Resolves when every connection is closed. */
  async closed(): Promise<void> {
    await this.#closing.finished();
  }

  async #judge(
    plan: ProbePlan,
    outcome: IdleOutcome,
    idle: IdleConnection,
  ): Promise<ProbeResult> {
    const own = fateOf(outcome, idle);
    const { idled_ms } = outcome;
    const said = { plan, idled_ms, ...own.text && { text: own.text } };
    if (own.fate === "alive" || own.fate === "void") return { ...said, outcome: own.fate };
    const seen = await this.#seen();
    if (typeof seen === "string") {
      const text = `what the server saw of it is not known: ${seen}`;
      return { ...said, outcome: own.fate, text };
    }
    const both = own.with(plan.first, seen.get(plan.id));
    return { ...said, outcome: both.fate, ...both.text && { text: both.text } };
  }

  #notOpened(plan: ProbePlan, failure: CloseReason): ProbeResult {
    this.failure = failure;
    this.failures++;
    const outcome = this.#stopping.signal.aborted ? "void" : "not_opened";
    const text = failure.text || failure.reason;
    return { plan, outcome, idled_ms: 0, text };
  }

  /** Opens the session of a plan, whose idle time begins with that. */
  async #openIdle(plan: ProbePlan): Promise<Opened | CloseReason> {
    const terms = { seconds: plan.idle_ms / 1000, first: plan.first };
    const id = idleSessionId(this.#options.search, plan.id);
    const opened = await this.#openSession(id, { idle: terms });
    if ("reason" in opened) return opened;
    const { greeting, idle } = opened;
    if (!greetingIdle(greeting)) {
      this.#close(idle, "done");
      return OLDER;
    }
    if (!await idle.exchange(true)) {
      this.#close(idle, "silent");
      return idle.closeReason!;
    }
    this.hasOpened = true;
    this.failures = 0;
    return opened;
  }

  async #openSession(
    id: string,
    more: Greeting,
    onResults?: (frame: Frame & { type: "IDLE_RESULTS" }) => void,
  ): Promise<Opened | CloseReason> {
    const { clock, key, maxMessageBytes, random, timers } = this.#options;
    const connection = await dial(this.#options, this.#stopping.signal);
    if ("reason" in connection) return connection;
    const opening = new Opening(id, { key, random });
    let welcome: Greeting | undefined;
    const onFrame = (frame: Frame) => {
      if (frame.type === "CHALLENGE") return idle.send(opening.onChallenge(frame.nonce));
      if (frame.type === "IDLE_RESULTS") return onResults?.(frame);
      if (frame.type !== "WELCOME") return;
      const text = opening.onWelcome(frame);
      if (text !== undefined) return idle.stop({ by: "self", reason: "unproven", text });
      welcome = frame.greeting;
      idle.opened();
    };
    const idle = new IdleConnection({ role: "client", clock, connection, onFrame });
    this.#open.add(idle);
    // A signal may have come since the dial ended.
    if (this.#stopping.signal.aborted) idle.stop(CANCELLED);
    const own = greetingOf(timers, maxMessageBytes, ["idle"]);
    const greeting = { ...own, ...more, ...opening.greeting() };
    idle.send({ type: "HELLO", version: PROTOCOL_VERSION, session: id, greeting });
    const due_ms = clock.now() + OPEN_LIMIT_MS;
    const outcome = await idle.until(() => welcome !== undefined, due_ms, OPEN_LIMIT_MS);
    if (outcome === "holds") return { idle, connection, greeting: welcome! };
    const failure = idle.closeReason ?? NO_WELCOME;
    this.#close(idle, failure.reason === "silent" ? "silent" : "done");
    return failure;
  }

  /** Closes a connection in the background. */
  #close(idle: IdleConnection, reason: "done" | "silent"): void {
    this.#open.delete(idle);
    this.#closing.add(idle.close({ by: "self", reason, text: "" }));
  }

  /** What the server saw of the sessions of this search so far, or why that is not known. */
  #seen(): Promise<ReadonlyMap<number, IdleSeen> | string> {
    return this.#fetching ??= this.#fetchSoon();
  }

  async #fetchSoon(): Promise<ReadonlyMap<number, IdleSeen> | string> {
    const { clock, search } = this.#options;
    using pause = new Deadline(clock, { signal: this.#stopping.signal });
    pause.moveTo(clock.now() + FETCH_AFTER_MS);
    await sleep(pause).catch(() => {});
    this.#fetching = undefined;
    const found = new Map<number, IdleSeen>();
    let isComplete = false;
    const onResults = (frame: Frame & { type: "IDLE_RESULTS" }) => {
      const { isLast, seen } = readIdleResults(frame.results);
      for (const each of seen) found.set(each.number, each);
      isComplete ||= isLast;
    };
    const id = `${search}-ask${++this.#fetches}`;
    const opened = await this.#openSession(id, { idle_results: search }, onResults);
    if ("reason" in opened) return opened.text || opened.reason;
    const { idle } = opened;
    await idle.until(() => isComplete, clock.now() + JUDGE_MS, JUDGE_MS);
    this.#close(idle, "done");
    return isComplete ? found : "the server did not say";
  }

  /** What the kernel knows of a connection, for people. */
  async #askKernel(connection: Connection): Promise<string | undefined> {
    const { clock } = this.#options;
    if (!connection.kernelView) return undefined;
    using limit = new Deadline(clock, { signal: this.#stopping.signal });
    limit.moveTo(clock.now() + KERNEL_LIMIT_MS);
    const answered = Promise.withResolvers<string | undefined>();
    const receiver = {
      onKernelView: (answer: Parameters<typeof kernelText>[0]) =>
        answered.resolve(kernelText(answer)),
    };
    connection.kernelView(clock, receiver);
    const late = sleep(limit).then(() => undefined, () => undefined);
    return await Promise.race([answered.promise, late]);
  }
}

const CANCELLED: CloseReason = { by: "self", reason: "done", text: "not wanted any more" };

const NO_WELCOME: CloseReason = {
  by: "self",
  reason: "silent",
  text: `no WELCOME within ${OPEN_LIMIT_MS / 1000} s`,
};
