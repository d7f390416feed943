/**
 * The way between two threads of this program. What one of them says in one turn goes over together.
 *
 * @module
 */

/** What carries messages to another thread: a `Worker`, or what a worker knows of its starter. */
export interface Port {
  /** Sends a copy; what is transferred changes hands instead. */
  postMessage(message: unknown, transfer?: Transferable[]): void;
  /** Called for each message from the other side. */
  onmessage: ((event: MessageEvent) => void) | null;
}

/** One end of the way: what is said there is heard at the other end, in order. */
export class ThreadLink<Said, Heard, Answer = never> {
  readonly #port: Port;
  /** What has been asked, and is not answered. */
  readonly #calls = new Map<number, (answer: Answer) => void>();
  #lastCall = 0;
  #waiting: Said[] = [];

  /** Makes one end on a port. */
  constructor(port: Port, onMessage: (message: Heard) => void) {
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<Heard[]>) => {
      for (const message of data) onMessage(message);
    };
  }

  /** Says something: plain data, of which a copy is made when this turn is over. */
  say(message: Said): void {
    if (this.#waiting.push(message) === 1) queueMicrotask(() => this.#post());
  }

  /** Says a question of this number; resolves when `answered` is called with that. */
  ask(question: (call: number) => Said): Promise<Answer> {
    const call = ++this.#lastCall;
    this.say(question(call));
    return new Promise((resolve) => this.#calls.set(call, resolve));
  }

  /** The answer to a question has been heard. */
  answered(call: number, answer: Answer): void {
    this.#calls.get(call)!(answer);
    this.#calls.delete(call);
  }

  #post(): void {
    const messages = this.#waiting;
    this.#waiting = [];
    this.#port.postMessage(messages);
  }
}

/** A thread that was started here. */
export interface Thread extends Port {
  /** Called when an error that nobody caught has ended it. */
  onerror: ((event: ErrorEvent) => void) | null;
  /** Ends it, whatever it does. */
  terminate(): void;
}

/** Starts a thread that runs a module of this program. */
export function startThread(module: URL): Thread {
  return new Worker(module, { type: "module" });
}
