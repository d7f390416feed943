/**
 * Message channel between threads; batches one turn.
 *
 * @module
 */

/** A message port to another thread: a `Worker`, or the global scope of a worker. */
export interface Port {
  /** Sends a copy of the message; transferred objects are moved instead. */
  postMessage(message: unknown, transfer?: Transferable[]): void;
  /** Called for each message from the other side. */
  onmessage: ((event: MessageEvent) => void) | null;
}

/** One end of a channel. Messages arrive at the other end in order. */
export class ThreadLink<Sent, Received, Reply = never> {
  readonly #port: Port;
  readonly #pendingCalls = new Map<number, (reply: Reply) => void>();
  #lastCall = 0;
  #queue: Sent[] = [];

  /** Creates an end on a port. */
  constructor(port: Port, onMessage: (message: Received) => void) {
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<Received[]>) => {
      for (const message of data) onMessage(message);
    };
  }

  /** Queues a message, plain data; it is copied and posted at the end of this turn. */
  send(message: Sent): void {
    if (this.#queue.push(message) === 1) queueMicrotask(() => this.#post());
  }

  /** Sends a request with a call number; resolves when `resolve` is called with that number. */
  request(message: (call: number) => Sent): Promise<Reply> {
    const call = ++this.#lastCall;
    this.send(message(call));
    return new Promise((resolve) => this.#pendingCalls.set(call, resolve));
  }

  /** Resolves a request with its reply. */
  resolve(call: number, reply: Reply): void {
    this.#pendingCalls.get(call)!(reply);
    this.#pendingCalls.delete(call);
  }

  #post(): void {
    const messages = this.#queue;
    this.#queue = [];
    this.#port.postMessage(messages);
  }
}

/** A thread that was started here. */
export interface Thread extends Port {
  /** Called when an uncaught error has ended it. */
  onerror: ((event: ErrorEvent) => void) | null;
  /** Ends it at once. */
  terminate(): void;
}

/** Starts a thread that runs a module of this program. */
export function startThread(module: URL): Thread {
  return new Worker(module, { type: "module" });
}
