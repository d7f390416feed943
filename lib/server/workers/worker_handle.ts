/**
 * The main thread's side of a worker.
 *
 * @module
 */
import type { LedgerTotals, ProcessWatch } from "../../monitor/watch.ts";
import { afterTurn } from "../../platform/clock.ts";
import { UsageError } from "../../platform/errors.ts";
import { hasDescriptors } from "../../platform/net/tcp.ts";
import { startThread, type Thread, ThreadLink } from "../../platform/thread_link.ts";
import type { Recipient } from "../../store/delivery.ts";
import type { SessionCounts } from "../session_registry.ts";
import { errorOf, type FromWorker, type ToWorker } from "./messages.ts";
import type { WatchRequest, WatchResults } from "./messages.ts";
import { type AskedWorker, RemoteThread } from "./watching.ts";

/** Options for {@linkcode WorkerHandle}. */
export interface WorkerHandleOptions {
  /** Called for each message that the handle does not handle itself. */
  onMessage: (message: FromWorker) => void;
  /** Called when data messages of the worker are delivered. */
  onDelivered: () => void;
  /** The monitor that reads its sessions, if there is one. */
  watch?: ProcessWatch;
}

/** Controls a worker by messages to its thread. */
export class WorkerHandle implements AskedWorker {
  readonly #loaded = Promise.withResolvers<void>();
  readonly #listening = Promise.withResolvers<void>();
  readonly #stopped = Promise.withResolvers<void>();
  /** Resolves when it is ready for `start`; rejects if its thread fails. */
  readonly loaded: Promise<void> = this.#loaded.promise;
  /** Resolves when it has opened the port; rejects if it cannot. */
  readonly listening: Promise<void> = this.#listening.promise;
  /** Resolves when all its sessions have ended; rejects if its thread fails. */
  readonly stopped: Promise<void> = this.#stopped.promise;
  /** How many sessions it has served, and how many of them were lost; set once it has stopped. */
  counts?: SessionCounts;
  /** What its sessions came to; set once it has stopped, if a monitor reads them. */
  totals?: LedgerTotals;
  readonly #thread: Thread;
  readonly #onDelivered: () => void;
  readonly #link: ThreadLink<ToWorker, FromWorker, FromWorker>;
  readonly #watched?: RemoteThread;
  #unacknowledged = 0;
  /** Recipients with data messages in the next batch, by number. */
  readonly #recipients = new Map<number, Recipient>();

  /** Creates the handle of a thread. */
  constructor(thread: Thread, { onDelivered, onMessage, watch }: WorkerHandleOptions) {
    this.#thread = thread;
    this.#onDelivered = onDelivered;
    // A failure rejects all three; whoever awaits one of them handles it.
    for (const each of [this.loaded, this.listening, this.stopped]) each.catch(() => {});
    this.#link = new ThreadLink(thread, (message) => this.#handle(message) || onMessage(message));
    if (watch) this.#watched = new RemoteThread(this, watch);
    thread.onerror = (event) => {
      event.preventDefault();
      const failure = new Error(`a worker failed: ${event.message}`);
      for (const each of [this.#loaded, this.#listening, this.#stopped]) each.reject(failure);
    };
  }

  /** Sends it a message. */
  send(message: ToWorker): void {
    this.#link.send(message);
  }

  /**
   * How long, in milliseconds, the session has been disconnected that it would evict first; `undefined` if
   * it can evict none.
   */
  async longestAway_ms(): Promise<number | undefined> {
    const reply = await this.#link.request((call) => ({ kind: "longest_away", call }));
    return reply.kind === "longest_away_result" ? reply.away_ms : undefined;
  }

  /** Evicts that session; resolves to false if there is none any more. */
  async makeRoom(): Promise<boolean> {
    const reply = await this.#link.request((call) => ({ kind: "make_room", call }));
    return reply.kind === "make_room_result" && reply.isMade;
  }

  /** Reads what a monitor asks for; `undefined` before the worker has begun. */
  async ask(request: WatchRequest): Promise<WatchResults[keyof WatchResults] | undefined> {
    const reply = await this.#link.request((call) => ({ kind: "watch", call, request }));
    return (reply as FromWorker & { kind: "watch_result" }).result;
  }

  /** The recipient of this number: the same one for all data messages until the next delivery. */
  recipient(number: number): Recipient {
    const known = this.#recipients.get(number);
    if (known) return known;
    const recipient: Recipient = {
      delivered: (seq, bytes) => {
        this.#recipients.delete(number);
        this.send({ kind: "delivered", recipient: number, seq, bytes });
        this.#onDelivered();
      },
      held: (reason) => this.send({ kind: "held", recipient: number, reason }),
    };
    this.#recipients.set(number, recipient);
    return recipient;
  }

  /** Acknowledges an event after this turn, at whose end events are written. */
  acknowledgeEvent(): void {
    if (this.#unacknowledged++ > 0) return;
    afterTurn(() => {
      this.send({ kind: "acknowledged", count: this.#unacknowledged });
      this.#unacknowledged = 0;
    });
  }

  /** Ends its thread at once. */
  terminate(): void {
    this.#thread.terminate();
    // What it was asked it does not answer any more.
    this.#stopped.reject(new Error("a worker was ended"));
  }

  /** Handles a message about the worker itself; false for any other. */
  #handle(message: FromWorker): boolean {
    switch (message.kind) {
      case "loaded":
        this.#loaded.resolve();
        return true;
      case "listening":
        this.#listening.resolve();
        return true;
      case "listen_failed":
        this.#listening.reject(errorOf(message.failure));
        return true;
      case "longest_away_result":
      case "make_room_result":
      case "watch_result":
        this.#link.resolve(message.call, message);
        return true;
      case "stopped":
        this.counts = message.counts;
        this.totals = message.totals;
        this.#stopped.resolve();
        return true;
      case "watched":
        this.#watched!.onNews(message);
        return true;
      default:
        return false;
    }
  }
}

/** How many open files a thread needs, with some spare for its sessions. */
const FILES_PER_THREAD = 10;

/**
 * Checks whether so many threads can be started: the platform crashes when one lacks file descriptors.
 *
 * @throws {UsageError} If the limit on open files is too low.
 */
export function checkThreads(workers: number): void {
  if (hasDescriptors(workers * FILES_PER_THREAD)) return;
  throw new UsageError(
    `--workers ${workers}: each needs about ${FILES_PER_THREAD} open files, more than this process may ` +
      `have: raise ulimit -n, or use fewer workers`,
  );
}

/** Starts the thread of a worker. */
export function startWorkerThread(): Thread {
  return startThread(new URL("./thread_main.ts", import.meta.url));
}
