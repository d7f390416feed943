/**
 * A server of several workers, each in a thread of its own: they share the port, and have one store,
 * one output, one stream of events and one end.
 *
 * @module
 */
import { sleep } from "../../platform/condition.ts";
import { Deadline } from "../../platform/deadline.ts";
import type { Address } from "../../platform/net/transport.ts";
import type { Thread } from "../../platform/thread_link.ts";
import { EXIT, type ExitStatus } from "../../session/close_reason.ts";
import { EventSource } from "../../session/events.ts";
import { BatchDelivery } from "../../store/delivery.ts";
import type { StoredSession } from "../../store/store.ts";
import type { Placement } from "../coordinator.ts";
import { fullText } from "../admission.ts";
import { reportWaitingSessions, stoppedText } from "../server.ts";
import type { ServerOptions } from "../options.ts";
import { STOP_LIMIT_MS } from "../server.ts";
import type { FromWorker, WorkerConfig } from "./messages.ts";
import { SessionRouting } from "./routing.ts";
import { WorkerHandle } from "./worker_handle.ts";

/** What a server of several workers is made of. */
export interface WorkerPoolOptions extends Omit<ServerOptions, "once" | "coordinator"> {
  /** How many workers. */
  workers: number;
  /** Starts a thread that waits to be told to be one. */
  startThread: () => Thread;
}

/** The worker that serves all original clients: by their wire alone no session can be told. */
const ORIGINALS = 0;

/** A server of several workers that have opened their port. */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #events: EventSource;
  readonly #routing: SessionRouting;
  readonly #delivery?: BatchDelivery;
  readonly #workers: WorkerHandle[] = [];
  /** Of each connection that is lent, who has accepted it and who serves it. */
  readonly #forwardings = new Map<
    number,
    { from: WorkerHandle; to: WorkerHandle; session?: string }
  >();
  #lastForwarding = 0;
  /** When to wait no longer for what is being ended. */
  readonly #limit: Deadline;
  #address: Address;
  #isStopping = false;
  /** What the workers have been told last. */
  #full = { sessions: false, delivery: false };
  #status: ExitStatus = EXIT.asked;

  private constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#address = options.address;
    this.#limit = new Deadline(options.clock);
    this.#events = new EventSource(options.sink, options.clock);
    this.#routing = new SessionRouting(options.maxSessions);
    if (options.store || options.output) {
      const onFailure = (text: string) => this.#undeliverable(text);
      this.#delivery = new BatchDelivery({ ...options, onFailure });
    }
  }

  /**
   * Has several workers open one port.
   *
   * @throws {TransportError} If it cannot be opened.
   */
  static async listen(options: WorkerPoolOptions): Promise<WorkerPool> {
    const coordinator = new WorkerPool(options);
    await coordinator.#start();
    return coordinator;
  }

  /** The port that they listen on. */
  get port(): number {
    return this.#address.port;
  }

  /**
   * Serves until stopped, and all sessions have ended.
   *
   * @throws Only what is a defect of this program: a thread has failed.
   */
  async run(): Promise<ExitStatus> {
    const { host, port } = this.#address;
    this.#events.emit("listening", { host, port, workers: this.#workers.length });
    reportWaitingSessions(this.#options, this.#events);
    for (const worker of this.#workers) worker.say({ kind: "serve" });
    using limit = this.#limit;
    try {
      await Promise.race([sleep(limit), this.#endAll()]);
    } finally {
      this.#endThreads();
    }
    const sum = (count: "served" | "lost") =>
      this.#workers.reduce((total, worker) => total + (worker.counts?.[count] ?? 0), 0);
    this.#notice("info", stoppedText({ served: sum("served"), lost: sum("lost") }));
    return this.#status;
  }

  /** Accepts no more and ends every session politely. */
  stop(reason: "done" | "shutdown", text = ""): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#limit.moveTo(this.#options.clock.now() + STOP_LIMIT_MS + LAST_WORDS_MS);
    for (const worker of this.#workers) worker.say({ kind: "stop", reason, text });
  }

  async #start(): Promise<void> {
    this.#probe();
    try {
      for (let n = 0; n < this.#options.workers; n++) this.#startWorker();
      await Promise.all(this.#workers.map((worker) => worker.loaded));
      // Another server may have come meanwhile; from here on it is a matter of a millisecond.
      this.#probe();
      for (const [n, worker] of this.#workers.entries()) {
        worker.say({ kind: "start", order: this.#order(n) });
      }
      this.#tellFull();
      await Promise.all(this.#workers.map((worker) => worker.listening));
    } catch (error) {
      this.#endThreads();
      throw error;
    }
  }

  /** What is not free must not be shared: the platform would let two servers that share it have one port. */
  #probe(): void {
    const probe = this.#options.transport.listen(this.#address);
    this.#address = { host: probe.host, port: probe.port };
    probe.close();
  }

  #startWorker(): void {
    const worker: WorkerHandle = new WorkerHandle(this.#options.startThread(), {
      hear: (message) => this.#hear(worker, message),
      delivered: () => this.#tellFull(),
    });
    this.#workers.push(worker);
  }

  #order(n: number): WorkerConfig {
    const { maxMessageBytes, maxSessions, original, sessionLifetime_ms, sink, timers } =
      this.#options;
    const delivery = this.#delivery && { isDurable: this.#delivery.isDurable };
    return {
      address: this.#address,
      timers,
      maxMessageBytes,
      maxSessions,
      sessionLifetime_ms,
      original,
      wantsMessages: sink.wantsMessages,
      delivery,
      sessions: this.#share(n),
    };
  }

  /** The sessions of an earlier process that a worker takes up. */
  #share(n: number): StoredSession[] {
    const { store, workers } = this.#options;
    const sessions = (store?.sessions ?? []).filter((_, at) => at % workers === n);
    for (const { id } of sessions) this.#routing.add(id, n);
    return sessions;
  }

  async #endAll(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.over));
    await this.#delivery?.flushed();
    await this.#options.output?.close();
    await this.#options.store?.close();
  }

  #endThreads(): void {
    for (const worker of this.#workers) worker.end();
  }

  #hear(worker: WorkerHandle, message: FromWorker): void {
    this.#do(worker, message);
    this.#tellFull();
  }

  #do(worker: WorkerHandle, message: FromWorker): void {
    switch (message.kind) {
      case "event":
        worker.tell();
        return this.#options.sink.emit(message.event);
      case "place":
        return void this.#place(worker, message.call, message.session);
      case "settled":
        return this.#routing.settled(message.session, message.isKept);
      case "begun":
        return this.#routing.add(message.session, this.#workers.indexOf(worker));
      case "ended":
        return this.#routing.ended(message.session);
      case "forward":
        return this.#forward(message);
      case "use":
        return this.#use(message);
      case "used":
        return this.#forwardings.get(message.forwarding)?.to.say(message);
      case "deliver":
        return this.#deliver(worker, message);
      case "note":
        return this.#delivery!.note(message.entry);
      case "keep":
        return this.#answer(worker, message.call, this.#delivery!.keep(message.entry));
      case "flush":
        return this.#answer(worker, message.call, this.#delivery!.flushed());
    }
  }

  async #place(worker: WorkerHandle, call: number, session?: string): Promise<void> {
    const placement = await this.#placementOf(worker, session);
    worker.say({ kind: "placed", call, placement });
  }

  async #placementOf(from: WorkerHandle, session?: string): Promise<Placement> {
    // What is accepted in the very moment of stopping is told so by whoever has accepted it.
    if (this.#isStopping) return { at: "here" };
    const routing = this.#routing;
    const isOneTooMany = session !== undefined && !routing.has(session) && routing.isFull;
    if (isOneTooMany && !await this.#makeRoom()) {
      return { at: "here", refusal: fullText(session, this.#options.maxSessions) };
    }
    const workers = this.#workers;
    const home = session === undefined ? ORIGINALS : routing.send(session, workers.indexOf(from));
    const to = workers[home]!;
    if (to === from) return { at: "here" };
    const forwarding = ++this.#lastForwarding;
    this.#forwardings.set(forwarding, { from, to, session });
    return { at: "elsewhere", forwarding };
  }

  /** Has the session given up that has been away for longest, of those that have nothing to lose. */
  async #makeRoom(): Promise<boolean> {
    const away = await Promise.all(this.#workers.map((worker) => worker.longestAway_ms()));
    const longest_ms = Math.max(...away.map((each) => each ?? -Infinity));
    const worker = this.#workers[away.indexOf(longest_ms)];
    return worker !== undefined && await worker.makeRoom();
  }

  /** Tells the workers what only all of them together can know. */
  #tellFull(): void {
    const [sessions, delivery] = [this.#routing.isFull, this.#delivery?.isFull ?? false];
    if (sessions === this.#full.sessions && delivery === this.#full.delivery) return;
    this.#full = { sessions, delivery };
    for (const worker of this.#workers) worker.say({ kind: "full", sessions, delivery });
  }

  #forward({ age_ms, forwarding, peer }: FromWorker & { kind: "forward" }): void {
    const { session, to } = this.#forwardings.get(forwarding)!;
    to.say({ kind: "take", forwarding, peer, age_ms, session });
  }

  #use(message: FromWorker & { kind: "use" }): void {
    this.#forwardings.get(message.forwarding)?.from.say(message);
    if (message.what.use === "close") this.#forwardings.delete(message.forwarding);
  }

  #deliver(worker: WorkerHandle, { message, recipient }: FromWorker & { kind: "deliver" }): void {
    this.#delivery!.message(worker.recipient(recipient, message.seq), message);
  }

  #answer(worker: WorkerHandle, call: number, task: Promise<void>): void {
    task.then(() => {
      const { hasFailed } = this.#delivery!;
      worker.say({ kind: "done", call, hasFailed });
    });
  }

  /** What cannot be delivered must not be confirmed: all sessions end, and may go on elsewhere. */
  #undeliverable(text: string): void {
    this.#notice("error", text);
    this.#status = EXIT.lost;
    for (const worker of this.#workers) worker.say({ kind: "undeliverable", text });
    this.stop("shutdown", text);
  }

  #notice(level: "info" | "error", text: string): void {
    this.#events.emit("notice", { level, text });
  }
}

/** How much longer than each worker, in milliseconds, all together may take to end. */
const LAST_WORDS_MS = 80;
