/**
 * A server with a store and an output, bursts of many small messages, large messages on a slow path, and
 * honest sessions beside them.
 *
 * @module
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { setTimeout as pause } from "node:timers/promises";
import { MAX_WINDOW } from "../../lib/wire/protocol.ts";
import { Burst } from "./burst.ts";
import { assertStored, assertWritten, readStore } from "./delivered.ts";
import { freePort } from "./ports.ts";
import { type Command, isListening, startCommand, startQuietly } from "./process.ts";
import { Random } from "./random.ts";
import { Relay } from "./relay.ts";
import { StoreFolder } from "./store_folder.ts";

/** Detection predicted: 3 s + 3 × 3 s = 12 s. */
const TIMERS = [
  "--data-threshold=3",
  "--heartbeat-interval=1",
  "--heartbeat-threshold=3",
  "--heartbeat-additional-tries=2",
];

const SESSIONS = 20;
const HONEST = [`--sessions=${SESSIONS}`, "--data-interval=0.5"];

/** How many bursts come at once, and how long, in milliseconds, after the ones before. */
const WAVE = 8;
const WAVE_PAUSE_MS = 4_000;

/** 30 kB/s, in pieces as small as packets are. */
const RATE = { delay_ms: 40, pieceBytes: 1_200 };

/** How large a message is: it takes longer than a detection, or than one of several lives of a server. */
const LARGE_BYTES = { lives: 450_000, killed: 150_000 };

/** How long, in milliseconds, a server lives that is killed. */
const LIFE_MS = [8_000, 12_000] as const;

/** How long after the begin of a wave, in milliseconds, a server is killed. */
const IN_WAVE_MS = [50, 250] as const;

/** What only a fault says of an honest session. */
const FAULTS = /declared dead|broke the protocol|superseded|refused/;

/** What a {@linkcode FloodedServer} is made of. */
export interface FloodOptions {
  /** What decides on all that is left to chance here. */
  seed: number;
  /** How long it lasts, in seconds. */
  duration_s: number;
  /** Whether the server is killed every few seconds, too. */
  kills: boolean;
}

/** What a run was like. */
export interface FloodRun {
  /** How often the server was killed. */
  readonly kills: number;
  /** How many bursts were confirmed to their ends. */
  readonly bursts: number;
  /** How many large messages were confirmed. */
  readonly large: number;
  /** How long an honest session waited for a confirmation, in milliseconds, at worst. */
  readonly worst_ms: number;
}

/** The server, and all that comes to it. */
export class FloodedServer {
  readonly #options: FloodOptions;
  readonly #random: Random;
  readonly #port = freePort();
  readonly #over = new AbortController();
  /** Up to which message each session was confirmed. */
  readonly #confirmed = new Map<string, number>();
  #listening = Promise.withResolvers<void>();
  #waveBegins = Promise.withResolvers<void>();
  #kills = 0;

  /** Makes one in which nothing runs yet. */
  constructor(options: FloodOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
  }

  /** Runs it; fails if an honest session suffers, or anything confirmed is written nowhere. */
  async run(): Promise<FloodRun> {
    using folder = new StoreFolder();
    const over = setTimeout(() => this.#over.abort(), this.#options.duration_s * 1000);
    const clientsDone = Promise.withResolvers<void>();
    const serving = this.#serve(folder, clientsDone.promise);
    const listening = Promise.race([this.#listening.promise, serving]);
    const begin = (act: () => Promise<number>) => listening.then(act);
    const clients = [
      begin(() => this.#beHonest()),
      begin(() => this.#sendLarge()),
      begin(() => this.#flood()),
    ] as const;
    try {
      const [worst_ms, large, bursts] = await Promise.all(clients);
      clientsDone.resolve();
      await serving;
      const stored = await readStore(folder);
      assertStored(stored, this.#confirmed);
      assertEquals(assertWritten(stored, [Deno.readFileSync(folder.output)]), 0);
      return { kills: this.#kills, bursts, large, worst_ms };
    } finally {
      // Whichever fails ends the others; why the server did says more than what that did to a client.
      clearTimeout(over);
      this.#over.abort();
      clientsDone.resolve();
      await Promise.allSettled(clients);
      await serving;
    }
  }

  /** Runs one server after the other, as long as they are killed, and the last one to the end. */
  async #serve(folder: StoreFolder, clientsDone: Promise<void>): Promise<void> {
    const { kills } = this.#options;
    while (kills && !this.#over.signal.aborted) {
      await this.#live(folder, this.#passLife(), "SIGKILL");
    }
    await this.#live(folder, clientsDone, "SIGTERM");
  }

  /** Lets the life of a server pass, to the middle of a wave of bursts. */
  async #passLife(): Promise<void> {
    await this.#pass(this.#random.between(...LIFE_MS));
    await Promise.race([this.#waveBegins.promise, this.#pass(Infinity)]);
    await this.#pass(this.#random.between(...IN_WAVE_MS));
  }

  async #live(folder: StoreFolder, time: Promise<void>, signal: Deno.Signal): Promise<void> {
    const args = ["127.0.0.1", String(this.#port), ...TIMERS];
    const files = ["--store", folder.store, "--output", folder.output];
    await using server = startQuietly("server", [...args, ...files]);
    await isListening(this.#port, server);
    this.#listening.resolve();
    const early = await Promise.race([time, server.status]);
    assertEquals(early, undefined, `it ended too early:\n${server.stderr}`);
    this.#listening = Promise.withResolvers();
    if (signal === "SIGKILL") this.#kills++;
    server.kill(signal);
    assertEquals(await server.ended(), signal === "SIGKILL" ? 137 : 0, server.stderr);
    assert(!FAULTS.test(server.stderr), server.stderr);
  }

  #client(port: number, args: readonly string[], stdin?: "piped"): Command {
    // A server that is killed ends the connections of honest sessions, too.
    const more = this.#options.kills || stdin ? ["--reconnect"] : [];
    const to = ["127.0.0.1", String(port), ...TIMERS, "--quiet", ...more];
    return startCommand("client", [...to, ...args], { stdin });
  }

  /** Sessions that send little; gives how long a confirmation took at worst. */
  async #beHonest(): Promise<number> {
    await using client = this.#client(this.#port, HONEST);
    await this.#pass(Infinity, client);
    client.kill("SIGTERM");
    assertEquals(await client.ended(), 0, client.stderr);
    const total = await client.event("total");
    const { deaths, disconnected, lost, refused, round_trips } = total;
    assertEquals({ deaths, lost, refused }, { deaths: 0, lost: 0, refused: 0 });
    this.#note(client);
    if (this.#options.kills) return round_trips.max_ms!;
    assertEquals(disconnected, 0, client.stderr);
    // Of twice as many that were due.
    assertGreater(total.data_confirmed, SESSIONS * this.#options.duration_s, client.stderr);
    return round_trips.max_ms!;
  }

  /** Sends one large message after the other over a slow path; gives how many were confirmed. */
  async #sendLarge(): Promise<number> {
    const { kills } = this.#options;
    await using path = await Relay.open(this.#port);
    path.onLine = (line) => line.slow("toServer", RATE);
    await using client = this.#client(path.port, ["--stdin"], "piped");
    let seq = 0;
    while (!this.#over.signal.aborted) {
      const text = `${++seq} `.padEnd(kills ? LARGE_BYTES.killed : LARGE_BYTES.lives, "z");
      await client.write(new TextEncoder().encode(`${text}\n`));
      await client.event("data_confirmed", (each) => each.seq === seq);
    }
    await client.endInput();
    assertEquals(await client.ended(), 0, client.stderr);
    const ends = client.events.filter(({ event }) => event === "disconnected");
    if (!kills) assertEquals(ends, []);
    assert(ends.every((each) => !("reason" in each) || each.reason !== "silent"), client.stderr);
    this.#note(client);
    return seq;
  }

  /** Up to which message the sessions of a client were confirmed. */
  #note({ events }: Command): void {
    for (const each of events) {
      if (each.event === "summary") this.#confirmed.set(each.session!, each.confirmed_up_to);
    }
  }

  /** Sends waves of bursts; gives how many bursts were confirmed to their ends. */
  async #flood(): Promise<number> {
    const burst = new Burst();
    let confirmed = 0;
    for (let wave = 0; !this.#over.signal.aborted; wave++) {
      this.#waveBegins.resolve();
      this.#waveBegins = Promise.withResolvers();
      const all = Array.from({ length: WAVE }, (_, n) => this.#send(burst, `burst-${wave}-${n}`));
      confirmed += (await Promise.all(all)).filter(Boolean).length;
      await this.#pass(WAVE_PAUSE_MS);
    }
    return confirmed;
  }

  /** Sends a burst: whether all of it is confirmed. Only a kill of the server may end it early. */
  async #send(burst: Burst, session: string): Promise<boolean> {
    await this.#listening.promise;
    const kills = this.#kills;
    try {
      await burst.send(this.#port, session, (seq) => this.#confirmed.set(session, seq));
      assertEquals(this.#confirmed.get(session), MAX_WINDOW);
      return true;
    } catch (error) {
      if (this.#kills === kills) throw error;
      return false;
    }
  }

  /** Lets time pass, until all is over; fails if a client ends meanwhile. */
  async #pass(ms: number, client?: Command): Promise<void> {
    const { signal } = this.#over;
    if (signal.aborted) return;
    const over = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    const timer = new AbortController();
    const time = ms === Infinity ? over : pause(ms, undefined, timer).catch(() => {});
    const early = await Promise.race([over, time, client?.status ?? over]);
    timer.abort();
    assertEquals(early, undefined, client?.stderr);
  }
}
