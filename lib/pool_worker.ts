/**
 * One worker of a server, as the main thread knows it.
 *
 * @module
 */
import type { Recipient } from "./delivery.ts";
import { type Port, ThreadLink } from "./thread_link.ts";
import { TransportError } from "./transport.ts";
import type { FromWorker, ToWorker } from "./worker_messages.ts";

/** The thread that a worker runs in. */
export interface Thread extends Port {
  /** Called when an error that nobody caught has ended it. */
  onerror: ((event: ErrorEvent) => void) | null;
  /** Ends it, whatever it does. */
  terminate(): void;
}

/** A worker. */
export class PoolWorker {
  /** Resolves when it has opened the port; rejects if it cannot. */
  readonly listening: Promise<void>;
  /** Resolves when all that it had to end has ended; rejects if its thread fails. */
  readonly over: Promise<void>;
  /** How many sessions it has served, and how many of them were lost, once it is over. */
  counts?: { served: number; lost: number };
  readonly #thread: Thread;
  readonly #link: ThreadLink<ToWorker, FromWorker>;
  readonly #listening = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<void>();
  readonly #calls = new Map<number, (isMade: boolean) => void>();
  #lastCall = 0;
  readonly #recipients = new Map<string, Recipient>();

  /** Makes a worker of a thread; `hear` is told what it says of others than itself. */
  constructor(thread: Thread, hear: (message: FromWorker) => void) {
    this.#thread = thread;
    this.listening = this.#listening.promise;
    this.over = this.#over.promise;
    // Whoever waits for it hears of a failure.
    this.over.catch(() => {});
    this.#link = new ThreadLink(thread, (message) => this.#hear(message) || hear(message));
    thread.onerror = (event) => {
      event.preventDefault();
      const failure = new Error(`a worker failed: ${event.message}`);
      this.#listening.reject(failure);
      this.#over.reject(failure);
    };
  }

  /** Says something to it. */
  say(message: ToWorker): void {
    this.#link.say(message);
  }

  /** Has it give up a session without a connection that has sent nothing; false if there is none. */
  makeRoom(): Promise<boolean> {
    const call = ++this.#lastCall;
    this.say({ kind: "make_room", call });
    return new Promise((resolve) => this.#calls.set(call, resolve));
  }

  /** Who is told what of a session of this worker is delivered. */
  recipient(session: string): Recipient {
    let recipient = this.#recipients.get(session);
    if (!recipient) {
      const delivered = (seq: number, bytes: number) =>
        this.say({ kind: "delivered", session, seq, bytes });
      this.#recipients.set(session, recipient = { delivered });
    }
    return recipient;
  }

  /** A session has ended. */
  forget(session: string): void {
    this.#recipients.delete(session);
  }

  /** Ends its thread. */
  end(): void {
    this.#thread.terminate();
  }

  /** Hears what it says of itself; false of anything else. */
  #hear(message: FromWorker): boolean {
    switch (message.kind) {
      case "listening":
        this.#listening.resolve();
        return true;
      case "failed":
        this.#listening.reject(new TransportError(message.error, message.text));
        return true;
      case "made_room":
        this.#calls.get(message.call)!(message.isMade);
        this.#calls.delete(message.call);
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
