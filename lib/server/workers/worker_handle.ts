/**
 * One worker of a server, as the main thread knows it.
 *
 * @module
 */
import { afterTurn } from "../../platform/clock.ts";
import { UsageError } from "../../platform/errors.ts";
import { hasDescriptors } from "../../platform/net/tcp.ts";
import { TransportError } from "../../platform/net/transport.ts";
import { startThread, type Thread, ThreadLink } from "../../platform/thread_link.ts";
import type { Recipient } from "../../store/delivery.ts";
import type { FromWorker, ToWorker } from "./messages.ts";

/** Whom a worker's messages concern, besides itself. */
export interface WorkerHandleOptions {
  /** Told what it says of others than itself. */
  onMessage: (message: FromWorker) => void;
  /** Told when any of its data messages are delivered. */
  delivered: () => void;
}

/** A worker. */
export class WorkerHandle {
  /** How many sessions it has served, and how many of them were lost, once it is over. */
  counts?: { served: number; lost: number };
  readonly #thread: Thread;
  readonly #delivered: () => void;
  readonly #link: ThreadLink<ToWorker, FromWorker, FromWorker>;
  readonly #loaded = Promise.withResolvers<void>();
  readonly #listening = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<void>();
  #telling = 0;
  /** Who has data messages on their way, and the number of the last one. */
  readonly #waiting = new Map<number, Recipient & { last: number }>();

  /** Makes a worker of a thread. */
  constructor(thread: Thread, { delivered, onMessage }: WorkerHandleOptions) {
    this.#thread = thread;
    this.#delivered = delivered;
    // Whoever waits for it hears of a failure.
    for (const each of [this.loaded, this.listening, this.over]) each.catch(() => {});
    this.#link = new ThreadLink(thread, (message) => this.#hear(message) || onMessage(message));
    thread.onerror = (event) => {
      event.preventDefault();
      const failure = new Error(`a worker failed: ${event.message}`);
      for (const each of [this.#loaded, this.#listening, this.#over]) each.reject(failure);
    };
  }

  /** Resolves when it can be started; rejects if its thread fails. */
  get loaded(): Promise<void> {
    return this.#loaded.promise;
  }

  /** Resolves when it has opened the port; rejects if it cannot. */
  get listening(): Promise<void> {
    return this.#listening.promise;
  }

  /** Resolves when all that it had to end has ended; rejects if its thread fails. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** Says something to it. */
  say(message: ToWorker): void {
    this.#link.say(message);
  }

  /**
   * How long, in milliseconds, the session has been away that it would be the first to give up;
   * `undefined` if there is none.
   */
  async longestAway_ms(): Promise<number | undefined> {
    const answer = await this.#link.ask((call) => ({ kind: "longest_away", call }));
    return answer.kind === "away" ? answer.away_ms : undefined;
  }

  /** Has it give up that session; false if there is none any more. */
  async makeRoom(): Promise<boolean> {
    const answer = await this.#link.ask((call) => ({ kind: "make_room", call }));
    return answer.kind === "made_room" && answer.isMade;
  }

  /** Who is told that the data messages of this number's recipient are delivered, up to this one. */
  recipient(number: number, seq: number): Recipient {
    let waiting = this.#waiting.get(number);
    if (!waiting) this.#waiting.set(number, waiting = this.#recipient(number, seq));
    waiting.last = seq;
    return waiting;
  }

  /** An event of it is being told: says so when this turn, and with it the telling, is over. */
  tell(): void {
    if (this.#telling++ > 0) return;
    afterTurn(() => {
      this.say({ kind: "told", count: this.#telling });
      this.#telling = 0;
    });
  }

  /** Ends its thread. */
  end(): void {
    this.#thread.terminate();
  }

  #recipient(number: number, last: number): Recipient & { last: number } {
    const recipient = {
      last,
      delivered: (seq: number, bytes: number) => {
        if (seq === recipient.last) this.#waiting.delete(number);
        this.say({ kind: "delivered", recipient: number, seq, bytes });
        this.#delivered();
      },
    };
    return recipient;
  }

  /** Hears what it says of itself; false of anything else. */
  #hear(message: FromWorker): boolean {
    switch (message.kind) {
      case "loaded":
        this.#loaded.resolve();
        return true;
      case "listening":
        this.#listening.resolve();
        return true;
      case "failed":
        this.#listening.reject(new TransportError(message.error, message.text));
        return true;
      case "away":
      case "made_room":
        this.#link.answered(message.call, message);
        return true;
      case "over": {
        const { lost, served } = message;
        this.counts = { lost, served };
        this.#over.resolve();
        return true;
      }
      default:
        return false;
    }
  }
}

/** How many open files a thread takes, with some to spare for the sessions. */
const FILES_A_THREAD = 10;

/**
 * Sees whether so many threads can be started: the platform does not survive the attempt otherwise.
 *
 * @throws {UsageError} If this process may not have as many files open as they take.
 */
export function checkThreads(workers: number): void {
  if (hasDescriptors(workers * FILES_A_THREAD)) return;
  throw new UsageError(
    `--workers ${workers}: each takes ${FILES_A_THREAD} open files or so, more than this process may ` +
      `have: raise ulimit -n, or have fewer workers`,
  );
}

/** Starts a thread for a worker. */
export function startWorkerThread(): Thread {
  return startThread(new URL("./thread_main.ts", import.meta.url));
}
