/**
 * A siege: a server, honest sessions with it, and strangers that take what they can.
 *
 * @module
 */
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { setTimeout as pause } from "node:timers/promises";
import type { Event } from "../../lib/session/events.ts";
import { freePort } from "./ports.ts";
import { Command, startCommand, startServer } from "./process.ts";
import { recordOpening } from "./recorded_opening.ts";
import { residentBytes } from "./process_memory.ts";

/** What strangers do: see `siege_strangers.py`. */
export type Manner =
  | "silent"
  | "drip"
  | "noise"
  | "open"
  | "announce"
  | "replay"
  | "tls"
  | "churn";

/** Strangers of one manner, and how many. */
export interface Strangers {
  readonly manner: Manner;
  /** How many connections, or of `churn` how many a second. */
  readonly count: number;
  /** What they say, of `replay`; the name of a key, of `open`. */
  readonly text?: string;
}

/** Options for {@linkcode Siege.start}. */
export interface SiegeOptions {
  /** How many honest sessions. */
  readonly sessions: number;
  /** Further options of the server. */
  readonly server: readonly string[];
  /** Further options of the clients. */
  readonly client: readonly string[];
}

/** Strangers that come together. */
export interface Attack {
  readonly what: string;
  readonly strangers: readonly Strangers[];
  readonly duration_ms: number;
  /** How long after them the memory is taken once more, in milliseconds. */
  readonly settling_ms?: number;
}

/** What came of an attack. */
export interface Outcome {
  readonly what: string;
  /** How many connections the strangers began, and how many they had at most at a time. */
  readonly begun: number;
  readonly open: number;
  /** How many megabytes they sent. */
  readonly megabytes: number;
  /** The round trips of the honest sessions, in milliseconds. */
  readonly p99_ms: number;
  readonly max_ms: number;
  /** How many honest clients came in meanwhile, and how long the slowest took, in milliseconds. */
  readonly newcomers: number;
  readonly newcomer_ms: number;
  /** The memory of the server before, at most, and afterwards, in bytes. */
  readonly before: number;
  readonly most: number;
  readonly after: number;
  /** How long they stayed, in minutes. */
  readonly minutes: number;
  /** How many digests of strangers the server emitted. */
  readonly digests: number;
  /** How many lines the server logged that were not of honest sessions. */
  readonly lines: number;
}

/** Checks that memory was bounded, and that the strangers did not flood the log. */
export function assertBounded(
  { before, digests, lines, minutes, most, newcomers }: Outcome,
): void {
  assertGreater(newcomers, 0);
  assertLess(most, before + MAX_MORE_BYTES, "the server's memory is not bounded");
  assertLess(digests, 2 + minutes, "more than one digest a minute");
  assertLess(lines, 2 + minutes, "the log is flooded");
}

/** An event of the strangers' process. */
interface Told {
  event: "tick" | "end";
  open: number;
  begun: number;
  bytes: number;
}

/** Silent after 5 s, dead after 5 s + 3 × 3 s = 14 s. */
const TIMERS = [
  "--data-interval=1",
  "--data-threshold=5",
  "--heartbeat-threshold=3",
  "--heartbeat-additional-tries=2",
];

/** What a server may have in memory, whatever strangers do, beside what it had before. */
const MAX_MORE_BYTES = 256 * 2 ** 20;

/** How long, in milliseconds, each session may take to its next confirmation: silent sessions are told before. */
const GOING_ON_MS = 10_000;

/** How long, in milliseconds, strangers are counted together. */
const DIGEST_MS = 60_000;

const STRANGERS = decodeURIComponent(new URL("siege_strangers.py", import.meta.url).pathname);

/** A server under siege. */
export class Siege implements AsyncDisposable {
  readonly #server: Command;
  readonly #port: number;
  readonly #options: SiegeOptions;

  private constructor(server: Command, port: number, options: SiegeOptions) {
    this.#server = server;
    this.#port = port;
    this.#options = options;
  }

  /** Starts the server. */
  static async start(options: SiegeOptions): Promise<Siege> {
    const port = freePort();
    const server = await startServer(port, ...TIMERS, ...options.server);
    return new Siege(server, port, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }

  /** Ends the server in order, and checks that it logged no defect. */
  async end(): Promise<void> {
    this.#server.kill("SIGTERM");
    assertEquals(await this.#server.ended(), 0, this.#server.stderr);
    assert(!this.#server.stderr.includes("defect"), this.#server.stderr);
  }

  /** Records how an honest client opens a session. */
  recordOpening(): Promise<string> {
    return recordOpening(this.#port, async (port) => {
      await using client = this.#client(["--count=1"], new Honest(this.#server), port);
      assertEquals(await client.ended(), 0, client.stderr);
    });
  }

  /** Lets strangers come for a while; the honest sessions begin before them and end after them. */
  async attack({ duration_ms, settling_ms = 0, strangers, what }: Attack): Promise<Outcome> {
    const honest = new Honest(this.#server);
    await using clients = this.#client([`--sessions=${this.#options.sessions}`], honest);
    const early = await Promise.race([honest.isComplete(this.#options.sessions), clients.status]);
    assertEquals(early, undefined, clients.stderr);
    const from = { stderr: this.#server.stderr.length, events: this.#server.events.length };
    const before = await this.#memory();
    const over = new AbortController();
    const watching = this.#watchMemory(over.signal);
    const entering = this.#enter(over.signal, honest);
    // It is told once the strangers are gone.
    entering.catch(() => {});
    const began_ms = performance.now();
    const attacks = await Promise.all(strangers.map((each) => this.#send(each, duration_ms)));
    const minutes = (performance.now() - began_ms) / DIGEST_MS;
    over.abort();
    const newcomers_ms = await entering;
    await pause(settling_ms);
    const after = await this.#memory();
    const most = Math.max(await watching, after);
    await honest.goesOn(clients);
    clients.kill("SIGTERM");
    assertEquals(await clients.ended(), 0, clients.stderr);
    const { round_trips } = await clients.event("total");
    honest.assertUndisturbed();
    return {
      what,
      begun: sum(attacks.map(({ begun }) => begun)),
      open: sum(attacks.map(({ open }) => open)),
      megabytes: sum(attacks.map(({ bytes }) => bytes)) / 1e6,
      p99_ms: round_trips.p99_ms ?? NaN,
      max_ms: round_trips.max_ms ?? NaN,
      newcomers: newcomers_ms.length,
      newcomer_ms: Math.max(...newcomers_ms),
      before,
      most,
      after,
      minutes,
      digests: this.#server.events.slice(from.events)
        .filter(({ event }) => event === "strangers").length,
      lines: honest.linesOfOthers(this.#server.stderr.slice(from.stderr)),
    };
  }

  #client(args: readonly string[], honest: Honest, port = this.#port): Command {
    const where = ["127.0.0.1", String(port), ...TIMERS, "--quiet"];
    return startCommand("client", [...where, ...this.#options.client, ...args], {
      onEvent: (event) => honest.hear(event),
    });
  }

  /** Sends strangers, and calls them off after a while: what they did. */
  async #send({ count, manner, text = "" }: Strangers, duration_ms: number): Promise<Told> {
    const words = ["python3", STRANGERS, String(this.#port), manner, String(count), text];
    await using strangers = new Command<Told>(manner, words, { stdin: "piped" });
    await pause(duration_ms);
    await strangers.endInput();
    assertEquals(await strangers.ended(), 0, strangers.stderr);
    const { begun, bytes } = await strangers.event("end");
    const open = Math.max(...strangers.events.map((each) => each.open));
    return { event: "end", begun, bytes, open };
  }

  /** Lets one honest client after the other come in: how long each took, from its start to a confirmation. */
  async #enter(over: AbortSignal, honest: Honest): Promise<number[]> {
    const took_ms: number[] = [];
    do {
      await using client = this.#client(["--count=1"], honest);
      assertEquals(await client.ended(), 0, client.stderr);
      const [started, confirmed] = [
        await client.event("started"),
        await client.event("data_confirmed"),
      ].map(({ time }) => Date.parse(time));
      took_ms.push(confirmed! - started!);
    } while (!over.aborted);
    return took_ms;
  }

  async #memory(): Promise<number> {
    return await residentBytes(this.#server.pid) ?? NaN;
  }

  async #watchMemory(over: AbortSignal): Promise<number> {
    let most = 0;
    while (!over.aborted) {
      most = Math.max(most, await this.#memory());
      await pause(250);
    }
    return most;
  }
}

/** What clients that keep to the rules see of a siege, and the server of them. */
class Honest {
  readonly #server: Command;
  readonly #events: Event[] = [];
  readonly #sessions = new Set<string>();
  #changed = Promise.withResolvers<void>();

  constructor(server: Command) {
    this.#server = server;
  }

  /** Receives an event of one of the clients. */
  hear(event: Event): void {
    this.#events.push(event);
    if (event.event !== "connected") return;
    this.#sessions.add(event.session!);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Waits until so many sessions are open. */
  async isComplete(sessions: number): Promise<void> {
    while (this.#sessions.size < sessions) await this.#changed.promise;
  }

  /** Waits until one more message is confirmed of each session of a client. */
  async goesOn(clients: Command): Promise<void> {
    const from = clients.events.length;
    const left = () => {
      const events = clients.events.slice(from);
      const confirmed = events.filter(({ event }) => event === "data_confirmed");
      return this.#sessionsOf(clients).difference(
        new Set(confirmed.map(({ session }) => session!)),
      );
    };
    const until_ms = performance.now() + GOING_ON_MS;
    while (left().size > 0 && performance.now() < until_ms) await pause(50);
    assertEquals([...left()], [], "sessions without a confirmation");
  }

  #sessionsOf({ events }: Command): Set<string> {
    return new Set(
      events.filter(({ event }) => event === "connected").map(({ session }) => session!),
    );
  }

  /** Checks that nothing happened to any of the sessions but data and confirmations, and an end as asked. */
  assertUndisturbed(): void {
    const disturbing = this.#events.filter((each) =>
      ["disconnected", "reconnecting", "resumed", "hold"].includes(each.event) ||
      each.event === "phase" && each.to === "heartbeat" ||
      each.event === "terminated" && each.by !== "self"
    );
    assertEquals(disturbing, []);
    const received = new Map<string, number>();
    for (const each of this.#server.events) {
      if (each.event !== "data_received" || !this.#sessions.has(each.session!)) continue;
      assertEquals(
        each.seq,
        (received.get(each.session!) ?? 0) + 1,
        "a message was lost or doubled",
      );
      received.set(each.session!, each.seq);
    }
    const summaries = this.#events.filter((each) => each.event === "summary");
    assertEquals(summaries.length, this.#sessions.size);
    for (const { confirmed_up_to, data_sent, session } of summaries) {
      // The last one was on its way at the end.
      assertGreater(confirmed_up_to, data_sent - 2, `session ${session} lacks confirmations`);
      assertGreater((received.get(session!) ?? 0) + 1, confirmed_up_to);
    }
  }

  /** How many lines the server has logged of others. */
  linesOfOthers(log: string): number {
    const sessions = log.split("\n").map((line) => line.split(" || ")).filter(({ length }) =>
      length === 4
    );
    return sessions.filter(([, , , session]) => !this.#sessions.has(session!)).length;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

/** The outcomes as a table. */
export function tableOf(outcomes: readonly Outcome[]): string {
  const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)}`;
  const ms = (value: number) => value.toFixed(0);
  const rows = outcomes.map((each) => [
    each.what,
    `${each.begun}`,
    `${each.open}`,
    each.megabytes.toFixed(0),
    each.p99_ms.toFixed(1),
    ms(each.max_ms),
    `${each.newcomers}`,
    ms(each.newcomer_ms),
    [each.before, each.most, each.after].map(mib).join(" / "),
    `${each.lines}`,
  ]);
  const all = [HEAD, ...rows];
  const widths = HEAD.map((_, at) => Math.max(...all.map((row) => row[at]!.length)));
  const line = (row: readonly string[]) =>
    `| ${
      row.map((cell, at) => at === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[at]!)).join(
        " | ",
      )
    } |`;
  const rule = line(widths.map((width) => "-".repeat(width)));
  return [line(HEAD), rule, ...rows.map(line)].join("\n");
}

const HEAD = [
  "strangers",
  "connections",
  "at a time",
  "MB sent",
  "p99 ms",
  "worst ms",
  "newcomers",
  "slowest ms",
  "server MiB before / most / after",
  "lines",
];
