/**
 * A process that the benchmark starts, and the JSON lines that it writes.
 *
 * @module
 */
import { killIfRunning } from "../tests/support/kill.ts";

/** Raises the limit on open files as far as allowed, then executes the command. */
const WITH_FILES = ["sh", "-c", 'ulimit -n "$(ulimit -Hn)"; exec "$@"', "sh"];

/** Whether processes can be pinned: without that, a figure depends on where the scheduler puts them. */
export const canPin = navigator.hardwareConcurrency > 1 &&
  await outputOf("taskset", "1", "true") !== undefined;

/** The processors of a process: one for the servers, another one for who loads them, or both. */
export type Place = "0" | "1" | "0,1";

/**
 * Pins this process to where those are who load the servers: it reads thousands of events a second, and would else
 * take that time from a server now and then.
 */
export async function pinThis(): Promise<void> {
  if (!canPin) return;
  await outputOf("taskset", "--all-tasks", "--cpu-list", "--pid", "1", String(Deno.pid));
}

/** How long, in milliseconds, a process may take to end after its signal before it is killed. */
const END_LIMIT_MS = 3_000;

/** An event that a process wrote, as a line of JSON. */
export interface ProcessEvent {
  /** Its name. */
  readonly event: string;
  /** The event's own fields. */
  readonly [field: string]: unknown;
}

/** Options for {@linkcode Process}. */
export interface ProcessOptions {
  /** Whether its stderr is shown. */
  stderr?: "inherit" | "null";
  /** The signal that ends it. */
  end?: Deno.Signal;
  /** The processors that it may use; all if not given. */
  place?: Place;
  /** The events that are read; all if not given. The others cost little. */
  wanted?: readonly string[];
}

/** A process that writes events. Disposing of it ends it. */
export class Process implements AsyncDisposable {
  /** Its name in messages. */
  readonly name: string;
  /** Its process id. */
  readonly pid: number;
  /** The events that it writes, for one reader. */
  readonly events: AsyncIterableIterator<ProcessEvent>;
  readonly #process: Deno.ChildProcess;
  readonly #end: Deno.Signal;
  #over = false;

  /** Starts a command. */
  constructor(name: string, words: readonly string[], options: ProcessOptions = {}) {
    const pin = options.place && canPin ? ["taskset", "--cpu-list", options.place] : [];
    const [program, ...args] = [...WITH_FILES, ...pin, ...words];
    this.name = name;
    this.#end = options.end ?? "SIGKILL";
    this.#process = new Deno.Command(program!, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: options.stderr ?? "null",
    }).spawn();
    this.pid = this.#process.pid;
    this.#process.status.then(() => this.#over = true);
    this.events = eventsOf(this.#process.stdout, options.wanted);
  }

  /** Whether it has ended. */
  get over(): boolean {
    return this.#over;
  }

  /** Waits for the next event of a name, and discards all others before it. */
  async next(event: string): Promise<ProcessEvent> {
    for (;;) {
      const { value, done } = await this.events.next();
      if (done) throw new Error(`${this.name} ended without "${event}"`);
      if (value.event === event) return value;
    }
  }

  /** Waits until it exits. */
  async ended(): Promise<void> {
    // It may block on a full pipe if its output is not read.
    while (!(await this.events.next()).done);
    await this.#process.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    killIfRunning(this.#process, this.#end);
    const timeout = setTimeout(() => killIfRunning(this.#process), END_LIMIT_MS);
    await this.ended();
    clearTimeout(timeout);
  }
}

async function* eventsOf(
  stream: ReadableStream<Uint8Array>,
  wanted?: readonly string[],
): AsyncIterableIterator<ProcessEvent> {
  const fields = wanted?.map((name) => `"event":"${name}"`);
  const isWanted = (line: string) =>
    line.startsWith("{") && (!fields || fields.some((field) => line.includes(field)));
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines.filter(isWanted).map((line) => JSON.parse(line));
  }
}

/** Runs a command; resolves to its stdout, or `undefined` if it failed. */
export async function outputOf(...words: readonly string[]): Promise<string | undefined> {
  const [program, ...args] = words;
  try {
    const command = new Deno.Command(program!, { args, stdin: "null", stderr: "null" });
    const { success, stdout } = await command.output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
