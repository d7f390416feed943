/**
 * A process that the benchmark starts, and the lines of JSON that it writes.
 *
 * @module
 */

/** Raises the limit on open files as far as it may go, then becomes the command. */
const WITH_FILES = ["sh", "-c", 'ulimit -n "$(ulimit -Hn)"; exec "$@"', "sh"];

/** How long, in milliseconds, a process that is told to end may take. */
const WARN_AFTER_MS = 3_000;

/** One line that a process wrote. */
export interface Told {
  /** What happened. */
  readonly event: string;
  /** The event's own fields. */
  readonly [field: string]: unknown;
}

/** Options for {@linkcode Process}. */
export interface ProcessOptions {
  /** Whether its stderr is shown. */
  stderr?: "inherit" | "null";
  /** The signal that it is told to end with. */
  end?: Deno.Signal;
}

/** A process that tells events, one after the other. Disposing of it ends it. */
export class Process implements AsyncDisposable {
  /** What it is, for people. */
  readonly name: string;
  /** Its process id. */
  readonly pid: number;
  /** What it writes: to be read by one reader. */
  readonly told: AsyncIterableIterator<Told>;
  readonly #process: Deno.ChildProcess;
  readonly #end: Deno.Signal;
  #over = false;

  /** Starts a command. */
  constructor(name: string, words: readonly string[], options: ProcessOptions = {}) {
    const [program, ...args] = [...WITH_FILES, ...words];
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
    this.told = eventsOf(this.#process.stdout);
  }

  /** Whether it has ended. */
  get over(): boolean {
    return this.#over;
  }

  /** Waits for the next event of a name, passing over all others. */
  async next(event: string): Promise<Told> {
    for (;;) {
      const { value, done } = await this.told.next();
      if (done) throw new Error(`${this.name} ended without "${event}"`);
      if (value.event === event) return value;
    }
  }

  /** Waits until it ends by itself. */
  async ended(): Promise<void> {
    // Its output must be taken for it to be able to end.
    while (!(await this.told.next()).done);
    await this.#process.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#over) this.#process.kill(this.#end);
    const patience = setTimeout(() => this.#over || this.#process.kill("SIGKILL"), WARN_AFTER_MS);
    await this.ended();
    clearTimeout(patience);
  }
}

async function* eventsOf(stream: ReadableStream<Uint8Array>): AsyncIterableIterator<Told> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  }
}

/** Runs a command to its end and gives what it wrote to stdout; `undefined` if it failed. */
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
