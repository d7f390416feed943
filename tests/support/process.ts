/**
 * The real commands as real processes: starts them, follows their events, and ends them whatever
 * becomes of the test.
 *
 * @module
 */
import type { Event, EventName } from "../../lib/session/events.ts";
import type { Role } from "../../lib/wire/protocol.ts";
import { killIfRunning } from "./kill.ts";
import { freePort } from "./ports.ts";

const ROOT = decodeURIComponent(new URL("../..", import.meta.url).pathname);

/** How long, in milliseconds, anything may take before the test fails and shows what it saw. */
const WARN_AFTER_MS = 60_000;

/** The event of a name, as the JSON output gives it. */
export type EventOf<Name extends EventName> = Extract<Event, { event: Name }>;

/** Options for {@linkcode startCommand}. */
export interface StartOptions {
  /** Words to put before the command, such as `ip netns exec NAME`. */
  before?: readonly string[];
  /** The working folder. */
  cwd?: string;
  /** Hears each event as it comes. */
  onEvent?: (event: Event) => void;
  /** Whether something is to be written to its stdin, which is empty otherwise. */
  stdin?: "piped";
  /** How long, in milliseconds, an event of it may take before the test fails, if longer than usual. */
  limit_ms?: number;
}

/**
 * The words that start a command: the executable in the folder `PULSEWIRE_DIST`, or else the source.
 */
export function commandWords(role: Role): string[] {
  const dist = Deno.env.get("PULSEWIRE_DIST");
  if (dist) return [Deno.realPathSync(`${ROOT}/${dist}/pulsewire-${role}`)];
  const std = Deno.env.get("STD")?.replace("=npm/", `=${ROOT}npm/`);
  const options = [`--config=${ROOT}deno.json`, ...(std ? [std] : []), `-P=${role}`];
  return [Deno.execPath(), "run", "--quiet", "--no-prompt", ...options, `${ROOT}${role}.ts`];
}

/** Starts the client or the server with `--json`. */
export function startCommand(role: Role, args: string[], options: StartOptions = {}): Command {
  const words = [...options.before ?? [], ...commandWords(role), "--json", ...args];
  return new Command(`${role} ${args.join(" ")}`, words, options);
}

/** Starts the client or the server without its events, which cost more than many small data messages. */
export function startQuietly(role: Role, args: string[], options: StartOptions = {}): Command {
  const words = [...options.before ?? [], ...commandWords(role), "--quiet", ...args];
  return new Command(`${role} ${args.join(" ")}`, words, options);
}

/** Waits until a server without events listens on a port of 127.0.0.1, unless it ends before. */
export async function isListening(
  port: number,
  server: { readonly status: Promise<unknown> },
): Promise<void> {
  let hasEnded = false;
  server.status.then(() => hasEnded = true);
  while (!hasEnded) {
    try {
      return (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Starts a server on a port of 127.0.0.1; it listens when this resolves. */
export async function startServer(port: number, ...args: string[]): Promise<Command> {
  await using made = new AsyncDisposableStack();
  const server = made.use(startCommand("server", ["127.0.0.1", String(port), ...args]));
  await server.event("listening");
  made.move();
  return server;
}

/** A server, and a client in a session with it. */
export type Pair = Record<Role, Command> & { port: number } & AsyncDisposable;

/** Starts a pair; so many data messages are confirmed when this resolves. */
export async function startPair(
  args: { server?: readonly string[]; client?: readonly string[] },
  confirmed: number,
): Promise<Pair> {
  const port = freePort();
  await using made = new AsyncDisposableStack();
  const server = made.use(await startServer(port, ...args.server ?? []));
  const client = startCommand("client", ["127.0.0.1", String(port), ...args.client ?? []]);
  made.use(client);
  await client.event("data_confirmed", ({ seq }) => seq === confirmed);
  const moved = made.move();
  return { server, client, port, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

/**
 * One process that writes its events to stdout, each as a line of JSON: those of a command, unless
 * another kind is named. Dispose of it with `await using`: that kills it if it still runs.
 */
export class Command<Told extends { event: string } = Event> implements AsyncDisposable {
  /** Its events so far. */
  readonly events: Told[] = [];
  /** Its process id. */
  readonly pid: number;
  /** Its exit status; a signal's as 128 and its number. */
  readonly status: Promise<number>;
  readonly #name: string;
  readonly #limit_ms: number;
  readonly #process: Deno.ChildProcess;
  /** What stands after the last line end of its stdout and of its stderr. */
  readonly #output: Promise<[string, string]>;
  readonly #onEvent?: (event: Told) => void;
  readonly #input?: WritableStreamDefaultWriter<Uint8Array>;
  #stderr = "";
  #over = false;
  #changed = Promise.withResolvers<void>();

  constructor(
    name: string,
    words: readonly string[],
    options: {
      cwd?: string;
      onEvent?: (event: Told) => void;
      stdin?: "piped";
      limit_ms?: number;
    } = {},
  ) {
    this.#name = name;
    this.#limit_ms = options.limit_ms ?? WARN_AFTER_MS;
    this.#onEvent = options.onEvent;
    const [program, ...args] = words;
    this.#process = new Deno.Command(program!, {
      args,
      cwd: options.cwd,
      stdin: options.stdin ?? "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = this.#process.pid;
    if (options.stdin) this.#input = this.#process.stdin.getWriter();
    this.#output = Promise.all([
      eachLine(this.#process.stdout, (line) => this.#hear(JSON.parse(line))),
      eachLine(this.#process.stderr, (line) => {
        this.#stderr += line + "\n";
        this.#wake();
      }),
    ]);
    this.status = this.#wait();
  }

  /** What it has written to stderr. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Writes to its stdin; resolves once the system has taken it. Rejects when nobody reads there. */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#input!.write(bytes);
  }

  /** Ends its stdin. */
  async endInput(): Promise<void> {
    await this.#input!.close();
  }

  /** Waits for an event; fails when it does not come, or the process ends without it. */
  async event<Name extends Told["event"]>(
    name: Name,
    which: (event: Extract<Told, { event: Name }>) => boolean = () => true,
  ): Promise<Extract<Told, { event: Name }>> {
    const isIt = (event: Told): event is Extract<Told, { event: Name }> =>
      event.event === name && which(event as Extract<Told, { event: Name }>);
    return await this.#until(() => this.events.find(isIt), name);
  }

  /** Waits until it has written a text to stderr. */
  async stderrText(text: string): Promise<void> {
    await this.#until(() => this.#stderr.includes(text) || undefined, JSON.stringify(text));
  }

  /** Waits for its end, and gives its exit status. */
  async ended(): Promise<number> {
    const deadline = performance.now() + this.#limit_ms;
    while (!this.#over) await this.#change(deadline, "its end");
    return await this.status;
  }

  /** Sends it a signal. */
  kill(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    killIfRunning(this.#process);
    await this.status;
  }

  #hear(event: Told): void {
    this.events.push(event);
    this.#onEvent?.(event);
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async #until<Found>(find: () => Found | undefined, what: string): Promise<Found> {
    const deadline = performance.now() + this.#limit_ms;
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      if (this.#over) throw new Error(`ended without ${what}\n${this.#told()}`);
      await this.#change(deadline, what);
    }
  }

  async #wait(): Promise<number> {
    const { code, signal } = await this.#process.status;
    // What is left unwritten has no reader any more.
    await this.#input?.abort().catch(() => {});
    const [event, text] = await this.#output;
    // A signal may end a process in the middle of a line; nothing else may.
    if (event !== "" && signal === null) this.#hear(JSON.parse(event));
    this.#stderr += text;
    this.#over = true;
    this.#wake();
    return code;
  }

  async #change(deadline: number, what: string): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeUp = new Promise<never>((_, reject) => {
      const fail = () => reject(new Error(`waited in vain for ${what}\n${this.#told()}`));
      timer = setTimeout(fail, Math.max(0, deadline - performance.now()));
    });
    await Promise.race([this.#changed.promise, timeUp]).finally(() => clearTimeout(timer));
  }

  #told(): string {
    const events = this.events.map((event) => JSON.stringify(event)).join("\n");
    return `${this.#name}\nevents:\n${events}\nstderr:\n${this.#stderr}`;
  }
}

/** Hands over each whole line; resolves to what stands after the last line end. */
async function eachLine(
  stream: ReadableStream<Uint8Array>,
  onMessage: (line: string) => void,
): Promise<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    lines.forEach(onMessage);
  }
  return rest;
}
