/**
 * Lines piped from a client to a server over a path that fails at random, and what memory both have.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { concat } from "../../lib/platform/bytes.ts";
import { assertWritten, readStore } from "./delivered.ts";
import { FaultRelay } from "./fault_relay.ts";
import { killIfRunning } from "./kill.ts";
import { freePort } from "./ports.ts";
import { type Command, isListening, startQuietly } from "./process.ts";
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
  /** With which statuses servers ended because the disk of their output was full. */
  readonly fullEnds: readonly number[];
  /** Over how long the messages had come, in milliseconds, that a new output repeated. */
  readonly repeated_ms: number;
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
  readonly #fullEnds: number[] = [];
  #kills = 0;

  /** Makes one in which nothing runs yet. */
  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
  }

  /** Pipes all lines, and compares what came out; fails if that is not what went in. */
  async run(): Promise<Run> {
    using folder = new StoreFolder();
    await using outputs = await Outputs.open(folder, this.#options.output);
    await using relay = await FaultRelay.open(this.#port, this.#options.seed);
    await using client = start("client", relay.port, ["--stdin", "--reconnect"]);
    const memory: number[] = [];
    const tasks = [
      this.#produce(client, relay),
      this.#serve(folder, outputs, client.status),
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
    const repeated_ms = await this.#assertSame(folder, outputs);
    const path = `${relay.connections} connections, ${JSON.stringify(relay.injected)}`;
    return {
      path,
      kills: this.#kills,
      fullEnds: this.#fullEnds,
      repeated_ms,
      client: memory,
      server: this.#server,
    };
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
      timer = setTimeout(() => killIfRunning(client, "SIGABRT"), WARN_AFTER_MS);
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
  async #serve(
    folder: StoreFolder,
    outputs: Outputs,
    clientStatus: Promise<number>,
  ): Promise<void> {
    const { signal } = this.#faultsOver;
    while (this.#options.kills && !signal.aborted) {
      await this.#live(folder, outputs);
      if (outputs.isOnDisk) await this.#liveOnFullDisk(folder, outputs);
    }
    await using server = this.#start(folder, outputs, await outputs.next());
    await isListening(this.#port, server);
    if (!this.#options.kills) await watch(server, this.#server, signal);
    await end(server, "SIGTERM", 0, clientStatus);
  }

  #start(folder: StoreFolder, outputs: Outputs, output: string): Command {
    const args = ["--store", folder.store, "--output", output];
    return start("server", this.#port, args, outputs.words);
  }

  /** One life of a server that is killed. */
  async #live(folder: StoreFolder, outputs: Outputs): Promise<void> {
    await using server = this.#start(folder, outputs, await outputs.next());
    await isListening(this.#port, server);
    await sleep(LOOK_MS);
    this.#server.push(await residentBytes(server.pid) ?? NaN);
    await end(server, "SIGKILL", 137, sleep(this.#random.between(...LIFE_MS) - LOOK_MS));
    this.#kills++;
  }

  /** A life in which the disk gets full, and one on the full disk: each ends of itself, or is killed. */
  async #liveOnFullDisk(folder: StoreFolder, outputs: Outputs): Promise<void> {
    await using first = this.#start(folder, outputs, await outputs.next());
    await isListening(this.#port, first);
    await sleep(LOOK_MS);
    await outputs.fillDisk();
    await this.#endOnFullDisk(first, 1);
    await using second = this.#start(folder, outputs, outputs.diskPath);
    await this.#endOnFullDisk(second, 2);
  }

  async #endOnFullDisk(server: Command, expected: number): Promise<void> {
    const timer = setTimeout(() => killIfRunning(server), this.#random.between(...LIFE_MS));
    const status = await server.ended().finally(() => clearTimeout(timer));
    if (status === 137) return void this.#kills++;
    assertStringIncludes(server.stderr, "no space is left on its disk");
    // It has listened and ended later if nothing was missing at its start.
    assert(status === expected || status === 1, `status ${status}: ${server.stderr}`);
    this.#fullEnds.push(status);
  }

  /** Checks that what went in was stored, and that what was stored came out; gives what is repeated. */
  async #assertSame(folder: StoreFolder, outputs: Outputs): Promise<number> {
    const stored = await readStore(folder);
    assertEquals(stored.payloads.length, this.#options.lines, "less was stored than went in");
    for (const [n, payload] of stored.payloads.entries()) {
      const line = lineAt(n);
      const isSame = payload.length === line.length - 1 && payload.every((b, i) => b === line[i]);
      assert(isSame, `line ${n + 1} was stored as another one`);
    }
    return assertWritten(stored, await outputs.read(), { wasFull: outputs.isOnDisk });
  }
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

function start(
  role: "client" | "server",
  port: number,
  args: readonly string[],
  before: readonly string[] = [],
): Command {
  const stdin = role === "client" ? "piped" : undefined;
  return startQuietly(role, ["127.0.0.1", String(port), ...TIMERS, ...args], { before, stdin });
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
