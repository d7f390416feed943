/**
 * A server of several workers, each in its own thread. This file runs in the main thread, which owns store, output
 * and event sink; `worker_handle` is its side of one worker, `routing` knows which worker owns a session. `worker` is
 * the other side: a `Server` in a thread, started by `thread_main`; `remote` is its delivery and sink, `watching` both
 * sides of its monitor. `forwarded_connection` serves what another worker accepted; `messages` is the protocol.
 *
 * Only `server.ts`, the entry point, calls it. A worker must never touch store or output, nor place a session.
 *
 * @module
 */
import type { ProcessWatch } from "../../monitor/watch.ts";
import { sleep } from "../../platform/condition.ts";
import { Deadline } from "../../platform/deadline.ts";
import type { ServerPem } from "../../platform/net/tls/server.ts";
import type { Address } from "../../platform/net/transport.ts";
import type { Thread } from "../../platform/thread_link.ts";
import { EXIT, type ExitStatus } from "../../session/close_reason.ts";
import { type Event, EventSource } from "../../session/events.ts";
import { IdleResults } from "../../session/idle/idle_results.ts";
import type { BatchDelivery } from "../../store/delivery.ts";
import {
  makeDelivery,
  type Placement,
  serverConfig,
  type ServerOptions,
  type Verdict,
} from "../options.ts";
import { STOP_LIMIT_MS } from "../server.ts";
import { reportStop, reportWaitingSessions, type SessionCounts } from "../session_registry.ts";
import { Strangers } from "../strangers.ts";
import type { FromWorker, ToWorker, WorkerConfig } from "./messages.ts";
import { Placements } from "./placement.ts";
import { workerRecording } from "./remote.ts";
import { SessionRouting } from "./routing.ts";
import { WorkerHandle } from "./worker_handle.ts";

/** Options for {@linkcode WorkerPool}. */
export interface WorkerPoolOptions extends Omit<ServerOptions, "once" | "coordinator"> {
  /** Number of workers. */
  workers: number;
  /** The monitor that reads the sessions of all workers. */
  monitor?: ProcessWatch;
  /** Starts the thread of a worker. */
  startThread: () => Thread;
}

/** How much longer than one worker, in milliseconds, the pool may take to stop. */
const STOP_MARGIN_MS = 80;

/** A server of several workers that share a port. */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #events: EventSource;
  readonly #routing: SessionRouting;
  readonly #strangers: Strangers;
  readonly #idleResults: IdleResults;
  readonly #delivery?: BatchDelivery;
  readonly #workers: WorkerHandle[] = [];
  readonly #placements: Placements;
  /** Set by `stop`: when to end without waiting any longer. */
  readonly #limit: Deadline;
  #address: Address;
  #isStopping = false;
  /** What the workers have been sent last. */
  #full = { sessions: false, share: Infinity };
  #status: ExitStatus = EXIT.asked;
  #hasSaidUnknown = false;
  /** Whether anybody has connected, and sent something or gone again. */
  wasReached = false;

  private constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#address = options.address;
    this.#limit = new Deadline(options.clock);
    this.#events = new EventSource(options.sink, options.clock);
    options.keys?.onChange((keys) => this.#sendAll({ kind: "keys", keys }));
    const { access, maxSessions } = options;
    const routing = this.#routing = new SessionRouting(maxSessions);
    this.#placements = new Placements({ access, maxSessions, routing, workers: this.#workers });
    this.#strangers = new Strangers({ clock: options.clock, events: this.#events });
    this.#idleResults = new IdleResults(options.clock, this.#events);
    const onFailure = (text: string) => this.#onDeliveryFailed(text);
    this.#delivery = makeDelivery(options, this.#events, onFailure);
  }

  /**
   * Starts the workers, and opens the port in each.
   *
   * @throws {TransportError} If it cannot be opened.
   */
  static async listen(options: WorkerPoolOptions): Promise<WorkerPool> {
    const pool = new WorkerPool(options);
    await pool.#start();
    return pool;
  }

  /** Where it listens. */
  get address(): Address {
    return this.#address;
  }

  /**
   * Serves until it is stopped and all sessions have ended.
   *
   * @throws {Error} If a thread fails: a defect of this program.
   */
  async run(): Promise<ExitStatus> {
    this.#events.emit("listening", { ...this.#address, workers: this.#workers.length });
    reportWaitingSessions(this.#options, this.#events);
    this.#sendAll({ kind: "serve" });
    using limit = this.#limit;
    try {
      await Promise.race([sleep(limit), this.#endAll()]);
    } finally {
      this.#terminateThreads();
    }
    this.#strangers.flush();
    const sum = (count: keyof SessionCounts) =>
      this.#workers.reduce((total, worker) => total + (worker.counts?.[count] ?? 0), 0);
    reportStop({ served: sum("served"), lost: sum("lost"), away: sum("away") }, this.#events);
    return this.#status;
  }

  /** Stops accepting, and terminates every session. */
  stop(reason: "done" | "shutdown", text = ""): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#limit.moveTo(this.#options.clock.now() + STOP_LIMIT_MS + STOP_MARGIN_MS);
    this.#sendAll({ kind: "stop", reason, text });
  }

  /** Shows, and asks for, this on the connections that are accepted from now on. */
  useTls(tls: ServerPem): void {
    for (const worker of this.#workers) worker.send({ kind: "use_tls", tls });
  }

  async #start(): Promise<void> {
    this.#probe();
    try {
      for (let n = 0; n < this.#options.workers; n++) this.#startWorker();
      await Promise.all(this.#workers.map((worker) => worker.loaded));
      // Another server may have opened the port meanwhile. The rest takes about a millisecond.
      this.#probe();
      for (const [n, worker] of this.#workers.entries()) {
        worker.send({ kind: "start", config: this.#config(n) });
      }
      this.#sendFull();
      await Promise.all(this.#workers.map((worker) => worker.listening));
    } catch (error) {
      this.#terminateThreads();
      throw error;
    }
  }

  /** Fails if the port is in use: the workers open it as shared, even together with another server. */
  #probe(): void {
    const probe = this.#options.transport.listen(this.#address);
    this.#address = { host: probe.host, port: probe.port };
    probe.close();
  }

  #startWorker(): void {
    const worker: WorkerHandle = new WorkerHandle(this.#options.startThread(), {
      onMessage: (message) => {
        this.#handle(worker, message);
        this.#sendFull();
      },
      onDelivered: () => this.#sendFull(),
      watch: this.#options.monitor,
    });
    this.#workers.push(worker);
  }

  /** Makes the configuration of a worker, and assigns it its sessions. */
  #config(n: number): WorkerConfig {
    const { sink, store, workers } = this.#options;
    // Its share of the sessions of an earlier process.
    const sessions = (store?.sessions ?? []).filter((_, at) => at % workers === n);
    for (const { id } of sessions) this.#routing.add(id, n);
    return {
      ...serverConfig(this.#options),
      address: this.#address,
      // The kernel spreads connections evenly over the workers.
      maxUnopened: Math.ceil(this.#options.maxUnopened / workers),
      isWatched: this.#options.monitor !== undefined,
      isJudged: this.#options.access?.isJudging === true,
      wantsMessages: sink.wantsMessages,
      recording: workerRecording(this.#options),
      keys: this.#options.keys?.keys,
      delivery: this.#delivery && { isDurable: this.#delivery.isDurable },
      sessions,
    };
  }

  async #endAll(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.stopped));
    await this.#delivery?.flushed();
    await this.#options.output?.close();
    await this.#options.store?.close();
  }

  #terminateThreads(): void {
    for (const worker of this.#workers) worker.terminate();
  }

  #handle(worker: WorkerHandle, message: FromWorker): void {
    this.wasReached ||= message.kind === "place" || message.kind === "stranger";
    switch (message.kind) {
      case "event":
        worker.acknowledgeEvent();
        return this.#emit(message.event);
      case "recorded":
        return this.#options.sink.recording!.addFormatted(message.lines);
      case "judge":
        return void this.#judge(message.peer).then((verdict) =>
          worker.send({ kind: "judge_result", call: message.call, verdict })
        );
      case "place":
        return void this.#placementOf(worker, message.peer, message.session).then((placement) =>
          worker.send({ kind: "place_result", call: message.call, placement })
        );
      case "placement_settled":
        return this.#routing.settled(message.session, message.isKept);
      case "session_begun":
        return this.#routing.add(
          message.session,
          this.#workers.indexOf(worker),
          this.#options.access?.count(message.peer),
        );
      case "session_ended":
        return this.#routing.ended(message.session);
      case "idle_result":
        return this.#idleResults.note(message.result);
      case "idle_results": {
        const { call, search, who } = message;
        const seen = this.#idleResults.of(search, who);
        return worker.send({ kind: "idle_results_result", call, seen });
      }
      case "stranger":
        return this.#strangers.onStranger(message);
      case "forward":
        return this.#placements.forward(message);
      case "io_request":
      case "io_result":
        return this.#placements.passOn(message);
      case "deliver":
        return this.#delivery!.message(worker.recipient(message.recipient), message.message);
      case "store":
        return this.#delivery!.note(message.entry);
      case "store_and_reply":
        return this.#replyAfter(this.#delivery!.keep(message.entry), worker, message.call);
      case "flush":
        return this.#replyAfter(this.#delivery!.flushed(), worker, message.call);
    }
  }

  /** Emits an event of a worker; of what is alike for the whole process, the first one only. */
  #emit(event: Event): void {
    const isAlike = event.event === "kernel" && "unknown" in event;
    if (isAlike && this.#hasSaidUnknown) return;
    this.#hasSaidUnknown ||= isAlike;
    this.#options.sink.emit(event);
  }

  async #judge(peer: string): Promise<Verdict> {
    return await this.#options.access?.judge(peer);
  }

  async #placementOf(from: WorkerHandle, peer: string, session?: string): Promise<Placement> {
    // The worker that has accepted a connection during the stop terminates it.
    return this.#isStopping
      ? { at: "here" }
      : await this.#placements.placementOf(from, peer, session);
  }

  /** Sends the workers what is full for all of them together, when that has changed. */
  #sendFull(): void {
    const sessions = this.#routing.isFull;
    const share = this.#delivery?.share ?? Infinity;
    if (sessions === this.#full.sessions && share === this.#full.share) return;
    this.#full = { sessions, share };
    this.#sendAll({ kind: "full", sessions, share });
  }

  #sendAll(message: ToWorker): void {
    for (const worker of this.#workers) worker.send(message);
  }

  #replyAfter(task: Promise<void>, worker: WorkerHandle, call: number): void {
    task.then(() => this.#delivery!.hasFailed)
      .then((hasFailed) => worker.send({ kind: "delivery_result", call, hasFailed }));
  }

  /** Ends all sessions: what is not delivered must not be confirmed. They may resume at another server. */
  #onDeliveryFailed(text: string): void {
    this.#status = EXIT.lost;
    this.#sendAll({ kind: "delivery_failed", text });
    this.stop("shutdown", text);
  }
}
