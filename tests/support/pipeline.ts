/**
 * Lines piped from a client to a server over a path that fails at random, and what memory both have.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { concat } from "../../lib/platform/bytes.ts";
import { FaultRelay } from "./fault_relay.ts";
import { Command, commandWords, freePort } from "./process.ts";
import { residentBytes } from "./process_memory.ts";
import { Random } from "./random.ts";
import { type OutputFate, Outputs } from "./outputs.ts";
import { StoreFolder } from "./store_folder.ts";

/** How long, in milliseconds, a server lives that is killed. */
const LIFE_MS = [2_000, 4_000] as const;

const LF = 0x0a;

/** How many lines one write has at most: fewer system calls than a write of each. */
const WRITTEN_AT_ONCE = 64;

/** How often, in milliseconds, somebody looks at the memory of a process. */
const LOOK_MS = 500;

/** How long, in milliseconds, the client may need when all is well again; its longest wait is 30 s. */
const WARN_AFTER_MS = 90_000;

/** Detection predicted: 0.6 s + 2 × 0.4 s = 1.4 s; what freezes may be thawed before or after that. */
const TIMERS = [
  "--data-threshold=0.6",
  "--heartbeat-interval=0.3",
  "--heartbeat-threshold=0.4",
  "--heartbeat-additional-tries=1",
];

/** What a {@linkcode Pipeline} is made of. */
export interface PipelineOptions {
  /** What decides on all that is left to chance here. */
  seed: number;
  /** How many lines are piped. */
  lines: number;
  /** How long the path fails, in seconds. */
  duration_s: number;
  /** Whether the server is killed every few seconds, too. */
  kills: boolean;
  /** What becomes of the output at each kill; by default it stays where it is. */
  output?: OutputFate;
}

/** What a run was like. */
export interface Run {
  /** How often the client connected, and what befell the path. */
  readonly path: string;
  /** How often the server was killed. */
  readonly kills: number;
  /** The memory of the client, in bytes, look by look. */
  readonly client: readonly number[];
  /** The memory of the server; if it was killed, of each one early in its life. */
  readonly server: readonly number[];
}

/** One client with its server, and the path between them. */
export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #random: Random;
  readonly #port = freePort();
  readonly #faultsOver = new AbortController();
  readonly #server: number[] = [];
  readonly #outputs: Outputs;
  #kills = 0;

  /** Makes one in which nothing runs yet. */
  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#outputs = new Outputs(options.output);
  }

  /** Pipes all lines, and compares what came out; fails if that is not what went in. */
  async run(): Promise<Run> {
    using folder = new StoreFolder();
    await using relay = await FaultRelay.open(this.#port, this.#options.seed);
    await using client = startQuietly("client", relay.port, "--stdin", "--reconnect");
    const memory: number[] = [];
    const tasks = [
      this.#produce(client, relay),
      this.#serve(folder, client.status),
      watch(client, memory, this.#faultsOver.signal),
    ];
    try {
      await Promise.all(tasks);
    } finally {
      // Whichever fails ends the others.
      this.#faultsOver.abort();
      await client[Symbol.asyncDispose]();
      await Promise.allSettled(tasks);
    }
    assertEquals(await client.status, 0, client.stderr);
    this.#assertSame(await this.#outputs.read());
    const path = `${relay.connections} connections, ${JSON.stringify(relay.injected)}`;
    return { path, kills: this.#kills, client: memory, server: this.#server };
  }

  /** Writes a quarter of the lines at once, and the others while the path fails. */
  async #produce(client: Command, relay: FaultRelay): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const { signal } = this.#faultsOver;
    const faultsOver = new Promise((resolve) => signal.addEventListener("abort", resolve));
    try {
      await this.#write(client, 0, this.#early);
      relay.startFaults();
      timer = setTimeout(() => this.#faultsOver.abort(), this.#options.duration_s * 1000);
      await this.#writeEvenly(client);
      await faultsOver;
      relay.stopFaults();
      await client.endInput();
      timer = setTimeout(() => client.kill("SIGABRT"), WARN_AFTER_MS);
      await client.status;
    } catch (error) {
      // The client has ended too early: why, its status and its log tell.
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    } finally {
      clearTimeout(timer);
      this.#faultsOver.abort();
    }
  }

  get #early(): number {
    return Math.round(this.#options.lines / 4);
  }

  async #write(client: Command, from: number, to: number): Promise<void> {
    for (let n = from; n < to; n += WRITTEN_AT_ONCE) {
      const count = Math.min(WRITTEN_AT_ONCE, to - n);
      await client.write(concat(Array.from({ length: count }, (_, i) => lineAt(n + i))));
    }
  }

  async #writeEvenly(client: Command): Promise<void> {
    const { duration_s, lines } = this.#options;
    const early = this.#early;
    const started_ms = performance.now();
    for (let written = early; written < lines;) {
      const passed = (performance.now() - started_ms) / (duration_s * 1000);
      const due = Math.min(lines, early + Math.ceil(passed * (lines - early)));
      await this.#write(client, written, due);
      written = due;
      await sleep(20);
    }
  }

  /** Runs one server after the other, as long as they are killed, and the last one to the end. */
  async #serve(folder: StoreFolder, clientStatus: Promise<number>): Promise<void> {
    const { signal } = this.#faultsOver;
    while (this.#options.kills && !signal.aborted) {
      const args = ["--store", folder.store, "--output", await this.#outputs.next(folder)];
      await using server = startQuietly("server", this.#port, ...args);
      await isListening(this.#port, server);
      await sleep(LOOK_MS);
      this.#server.push(await residentBytes(server.pid) ?? NaN);
      const life_ms = this.#random.between(...LIFE_MS) - LOOK_MS;
      await end(server, "SIGKILL", 137, sleep(life_ms));
      this.#kills++;
    }
    const args = ["--store", folder.store, "--output", await this.#outputs.next(folder)];
    await using server = startQuietly("server", this.#port, ...args);
    await isListening(this.#port, server);
    if (!this.#options.kills) await watch(server, this.#server, signal);
    await end(server, "SIGTERM", 0, clientStatus);
  }

  /** Checks that the parts of the output follow one another; each may repeat the end of the one before. */
  #assertSame(parts: readonly Uint8Array[]): void {
    const lines = Array.from({ length: this.#options.lines }, (_, n) => lineAt(n));
    let next = 0;
    for (const [i, part] of parts.entries()) {
      const first = i === 0 ? 0 : beginOf(part, lines, next);
      next = Math.max(next, assertLines(part, lines, first));
    }
    assertEquals(next, lines.length, "less came out than went in");
  }
}

/** With which line a part begins: the last one possible before or at the one that follows. */
function beginOf(part: Uint8Array, lines: readonly Uint8Array[], next: number): number {
  for (let first = next; first >= 0; first--) {
    if (startsWith(part, 0, lines[first] ?? part) && fits(part, lines, first)) return first;
  }
  throw new Error(`a part begins with no line up to line ${next + 1}`);
}

function fits(part: Uint8Array, lines: readonly Uint8Array[], first: number): boolean {
  let at = 0;
  for (let n = first; n < lines.length && at < part.length; n++) {
    if (!startsWith(part, at, lines[n]!)) return false;
    at += lines[n]!.length;
  }
  return at === part.length;
}

/** Checks that a part has the lines from this one on; gives which one follows. */
function assertLines(part: Uint8Array, lines: readonly Uint8Array[], first: number): number {
  let at = 0;
  let n = first;
  for (; at < part.length; n++) {
    const line = lines[n];
    assert(
      line && startsWith(part, at, line),
      `line ${n + 1} is not where it should be, at byte ${at}`,
    );
    at += line.length;
  }
  return n;
}

function startsWith(bytes: Uint8Array, at: number, start: Uint8Array): boolean {
  return start.every((byte, i) => byte === bytes[at + i]);
}

/** Each line is another one: some short or empty, some long, and anything may be in it. */
function lineAt(n: number): Uint8Array<ArrayBuffer> {
  const random = new Random(n);
  const length = random.oneIn(500) ? random.between(1_000, 60_000) : random.below(120);
  const number = new TextEncoder().encode(random.oneIn(50) ? "" : String(n));
  const line = new Uint8Array(number.length + length + 1).fill(LF);
  line.set(number);
  for (let at = number.length; at < line.length - 1; at++) {
    const byte = (n + at * 7) % 256;
    line[at] = byte === LF ? 0 : byte;
  }
  return line;
}

function startQuietly(role: "client" | "server", port: number, ...args: string[]): Command {
  const words = [...commandWords(role), "127.0.0.1", String(port), "--quiet", ...TIMERS, ...args];
  return new Command(
    `${role} ${args.join(" ")}`,
    words,
    role === "client" ? { stdin: "piped" } : {},
  );
}

/** Ends a server by a signal, in its time; fails if it ends otherwise, or before. */
async function end(
  server: Command,
  signal: Deno.Signal,
  status: number,
  time: Promise<unknown>,
): Promise<void> {
  const early = await Promise.race([time.then(() => undefined), server.status]);
  assertEquals(early, undefined, `it ended too early:\n${server.stderr}`);
  server.kill(signal);
  assertEquals(await server.ended(), status, server.stderr);
}

/** Waits until a port is open, unless the server that is to open it ends before. */
async function isListening(port: number, server: Command): Promise<void> {
  let hasEnded = false;
  server.status.then(() => hasEnded = true);
  while (!hasEnded) {
    try {
      return (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      await sleep(20);
    }
  }
}

/** Looks at the memory of a process again and again, until a signal or its end. */
async function watch({ pid }: Command, memory: number[], until: AbortSignal): Promise<void> {
  while (!until.aborted) {
    const bytes = await residentBytes(pid);
    if (bytes === undefined) return;
    memory.push(bytes);
    await sleep(LOOK_MS);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
