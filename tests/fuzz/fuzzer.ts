/**
 * Fuzzes both sides: mutates exchanges, plays each against a real server or a real client in memory, and at a
 * finding looks for the shortest exchange that shows it.
 *
 * @module
 */
import { Random } from "../support/random.ts";
import { ClientWorld, type FuzzedClient } from "./client_world.ts";
import { type Corpus, recordCorpus } from "./corpus.ts";
import { checkDecoder } from "./decoding.ts";
import { type Exchange, sizeOf } from "./exchange.ts";
import { Finding, uncaught } from "./finding.ts";
import { Mutator } from "./mutation.ts";
import { type FuzzedServer, ServerWorld } from "./server_world.ts";
import { shrink } from "./shrink.ts";
import { Traces } from "./traces.ts";
import type { World } from "./world.ts";

const NO_SERVER = { hasKeys: false, stores: false, workers: 1 };
const NO_CLIENT = { hasKey: false, original: false, reconnects: false };

/** What can be fuzzed, and what is recorded of its peers. */
const KINDS = {
  "server": { server: NO_SERVER, peers: "client" },
  "client": { client: NO_CLIENT, peers: "server" },
  "storing server": { server: { ...NO_SERVER, stores: true }, peers: "client" },
  "reconnecting client": { client: { ...NO_CLIENT, reconnects: true }, peers: "server" },
  "server with keys": { server: { ...NO_SERVER, hasKeys: true }, peers: "keyedClient" },
  "client with a key": { client: { ...NO_CLIENT, hasKey: true }, peers: "keyedServer" },
  "server of two workers": { server: { ...NO_SERVER, workers: 2 }, peers: "client" },
  "client of an original server": {
    client: { ...NO_CLIENT, original: true },
    peers: "originalServer",
  },
  "server of two workers with keys": {
    server: { hasKeys: true, stores: true, workers: 2 },
    peers: "keyedClient",
  },
} as const satisfies Record<
  string,
  { readonly server?: FuzzedServer; readonly client?: FuzzedClient; readonly peers: keyof Corpus }
>;

/** The names of what can be fuzzed. */
export const TARGETS = Object.keys(KINDS) as readonly Target[];

/** Something that can be fuzzed. */
export type Target = keyof typeof KINDS;

/** How many exchanges one server, or one group of honest sessions, gets. */
const PER_WORLD = 25;

/** The most exchanges that are mutated further. */
const MAX_CORPUS = 3_000;

/** How much memory may be in use beyond what was at the start, in bytes. */
const MAX_BYTES = 1_073_741_824;

/** Options for {@linkcode fuzz}. */
export interface FuzzOptions {
  /** What decides on everything. */
  readonly seed: number;
  /** Called before each exchange. */
  readonly onExchange?: (target: Target, exchange: Exchange) => void;
  /** Whether it is enough, after so many bytes. */
  readonly isEnough: (bytes: number) => boolean;
}

/** What a run came to. */
export interface Progress {
  readonly exchanges: number;
  readonly bytes: number;
  /** How many different steps of behaviour were seen, and how many exchanges showed a new one. */
  readonly traces: number;
  readonly corpus: number;
}

/** What was found, and by what. */
export interface Found {
  readonly target: Target;
  readonly text: string;
  readonly exchange: Exchange;
}

/** Starts what is to be fuzzed, anew. */
export function startWorld(target: Target, traces: Traces): Promise<World> {
  const kind = KINDS[target];
  return "server" in kind
    ? ServerWorld.start(traces, kind.server)
    : ClientWorld.start(traces, kind.client);
}

/** Plays one exchange in a world of its own: what is found, if anything. */
export async function playAlone(target: Target, exchange: Exchange): Promise<string | undefined> {
  try {
    checkDecoder(exchange);
    const world = await startWorld(target, new Traces());
    await world.play(exchange);
    uncaught.check();
    await world.end();
    uncaught.check();
  } catch (error) {
    return textOf(error);
  }
}

/** Fuzzes until it is enough: what was found, or how far it came. */
export async function fuzz(options: FuzzOptions): Promise<Progress | Found> {
  const random = new Random(options.seed);
  const corpus = await recordCorpus();
  const campaigns = TARGETS.map((target) => new Campaign(target, corpus, random, options));
  const startBytes = Deno.memoryUsage().rss;
  const sum = (of: (campaign: Campaign) => number) =>
    campaigns.reduce((total, each) => total + of(each), 0);
  for (;;) {
    for (const at of TARGETS.keys()) {
      const found = await campaigns[at]!.run();
      if (found) return found;
      const bytes = sum((each) => each.bytes);
      const memory = Deno.memoryUsage().rss - startBytes;
      if (memory > MAX_BYTES) {
        return { target: TARGETS[at]!, text: `${memory} bytes of memory in use`, exchange: [] };
      }
      if (!options.isEnough(bytes)) continue;
      return {
        bytes,
        exchanges: sum((each) => each.exchanges),
        traces: sum((each) => each.traces.size),
        corpus: sum((each) => each.corpus),
      };
    }
  }
}

/** The fuzzing of one target. */
class Campaign {
  readonly traces = new Traces();
  exchanges = 0;
  bytes = 0;
  readonly #target: Target;
  readonly #mutator: Mutator;
  readonly #random: Random;
  readonly #options: FuzzOptions;
  /** The recorded exchanges that have not been played as they are. */
  readonly #recorded: Exchange[];

  constructor(target: Target, corpus: Corpus, random: Random, options: FuzzOptions) {
    this.#target = target;
    this.#random = random;
    this.#options = options;
    const recorded = corpus[KINDS[target].peers];
    this.#recorded = [...recorded];
    this.#mutator = new Mutator(recorded, random);
  }

  /** How many exchanges are mutated. */
  get corpus(): number {
    return this.#mutator.corpus.length;
  }

  /** Plays exchanges in a new world: what was found, if anything. */
  async run(): Promise<Found | undefined> {
    const world = await startWorld(this.#target, this.traces);
    this.#mutator.names = world.names;
    const played: Exchange[] = [];
    try {
      for (let n = 0; n < PER_WORLD; n++) {
        const exchange = this.#recorded.shift() ?? this.#mutator.next();
        played.push(exchange);
        await this.#play(world, exchange);
        uncaught.check();
      }
      await world.end();
      uncaught.check();
    } catch (error) {
      return await this.#find(played, textOf(error));
    }
  }

  async #play(world: World, exchange: Exchange): Promise<void> {
    this.#options.onExchange?.(this.#target, exchange);
    this.exchanges++;
    this.bytes += sizeOf(exchange);
    this.traces.begin();
    checkDecoder(exchange);
    await world.play(exchange);
    const { corpus } = this.#mutator;
    if (!this.traces.isNew) return;
    if (corpus.length < MAX_CORPUS) corpus.push(exchange);
    else corpus[this.#random.below(MAX_CORPUS)] = exchange;
  }

  /** Looks for the shortest exchange that shows it. */
  async #find(played: readonly Exchange[], text: string): Promise<Found> {
    const last = played.at(-1)!;
    const isFound = async (exchange: Exchange) => {
      this.#options.onExchange?.(this.#target, exchange);
      return await playAlone(this.#target, exchange) !== undefined;
    };
    if (!await isFound(last)) {
      return { target: this.#target, text: `${text} (not without those before)`, exchange: last };
    }
    const exchange = await shrink(last, isFound);
    const shortest = await playAlone(this.#target, exchange);
    return { target: this.#target, text: shortest ?? text, exchange };
  }
}

function textOf(error: unknown): string {
  if (error instanceof Finding) return error.message;
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
