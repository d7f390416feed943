/**
 * A server in memory that hostile clients call, beside honest ones.
 *
 * @module
 */
import { Server } from "../../lib/server/server.ts";
import { WorkerPool } from "../../lib/server/workers/worker_pool.ts";
import type { Event } from "../../lib/session/events.ts";
import type { EntryOf, Store } from "../../lib/store/store.ts";
import { KeyRing } from "../../lib/wire/proof.ts";
import { MemoryNetwork } from "../support/memory_network.ts";
import { startMemoryThread } from "../support/memory_thread.ts";
import { Random } from "../support/random.ts";
import { ADDRESS, serverOptions } from "../support/server_options.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { asksForIdle, type Exchange, textOf } from "./exchange.ts";
import { expect } from "./finding.ts";
import { Honest } from "./honest.ts";
import { HostileEnd } from "./hostile_end.ts";
import {
  CASE_RANDOM,
  GONE_AFTER_MS,
  IDLE_GONE_AFTER_MS,
  isHonestPayload,
  KEY,
  randomOf,
  RECORDED,
  SERVER,
  TIMERS,
} from "./settings.ts";
import type { Traces } from "./traces.ts";
import { isDefect, type World } from "./world.ts";

/** Which server is fuzzed. */
export interface FuzzedServer {
  /** Whether data messages are stored, which takes its time, before they are confirmed. */
  readonly stores: boolean;
  /** Whether clients have to prove a key. */
  readonly hasKeys: boolean;
  /** How many workers it has. */
  readonly workers: number;
}

/** How long a commit takes, in milliseconds, and how many bytes may wait for one. */
const COMMIT_MS = 20;
const MAX_PENDING_BYTES = 40_000;

/** A server under attack. */
export class ServerWorld implements World {
  readonly #clock = new VirtualClock();
  readonly #network: MemoryNetwork;
  readonly #traces: Traces;
  readonly #fuzzed: FuzzedServer;
  #server!: Server | WorkerPool;
  #random = randomOf(new Random(0));
  #honest!: Honest;
  #hasEnded = false;
  #isStopping = false;
  /** What was wrong with the server's events first. */
  #wrong?: string;
  #pending = 0;
  /** What the server received last of each honest session. */
  readonly #received = new Map<string, number>();

  private constructor(traces: Traces, fuzzed: FuzzedServer) {
    this.#traces = traces;
    this.#fuzzed = fuzzed;
    // Some reads give less than was written at once, always the same ones.
    const fragment = (bytes: number) =>
      bytes > 3 && bytes < 400 && bytes % 3 === 0 ? bytes >> 1 : bytes;
    this.#network = new MemoryNetwork(this.#clock, { fragment });
  }

  /** Starts a server, and honest sessions with it. */
  static async start(traces: Traces, fuzzed: FuzzedServer): Promise<ServerWorld> {
    const world = new ServerWorld(traces, fuzzed);
    await world.#listen();
    const key = fuzzed.hasKeys ? KEY : undefined;
    world.#honest = await Honest.start(world.#clock, world.#network, key);
    await world.#clock.advance(TIMERS.data_interval_ms);
    world.#pending = world.#clock.pending;
    return world;
  }

  async #listen(): Promise<void> {
    const { hasKeys, stores, workers } = this.#fuzzed;
    const platform = {
      clock: this.#clock,
      transport: this.#network,
      random: (bytes: Uint8Array) => this.#random(bytes),
      legacy: SERVER.legacy,
    };
    const sink = { wantsMessages: true, emit: (event: Event) => this.#hear(event) };
    const options = serverOptions({
      ...SERVER,
      ...platform,
      sink,
      ...hasKeys && { keys: new KeyRing([KEY], platform.random), original: false },
      ...stores && { store: this.#store(), maxPendingBytes: MAX_PENDING_BYTES },
    });
    const startThread = () => startMemoryThread(platform);
    this.#server = workers === 1
      ? Server.listen(options)
      : await WorkerPool.listen({ ...options, workers, startThread });
    this.#server.run().then(() => this.#hasEnded = true);
  }

  /** A store that is in no hurry, and keeps nothing. */
  #store(): Store {
    const pass = (ms: number) => new Promise<void>((resolve) => this.#clock.after(ms, resolve));
    return {
      sessions: [],
      commit: (entries) => {
        for (const entry of entries) if (entry.kind === "message") this.#stored(entry);
        return pass(COMMIT_MS);
      },
      close: () => pass(0),
    };
  }

  #stored({ payload, seq, session }: EntryOf<"message">): void {
    if (!this.#honest?.sessions.includes(session) || isHonestPayload(payload)) return;
    this.#wrong ??= `DATA ${seq} of ${session} is stored as ${textOf(payload)}`;
  }

  /** The sessions of the honest clients. */
  get names(): readonly string[] {
    return this.#honest.sessions;
  }

  async play(exchange: Exchange): Promise<void> {
    const clock = this.#clock;
    this.#random = randomOf(new Random(CASE_RANDOM));
    const ends: HostileEnd[] = [];
    for (const step of exchange) {
      if ("wait_ms" in step) await clock.advance(step.wait_ms);
      else {
        const end = ends[step.on] ??= await this.#connect();
        end.act(step);
        await clock.advance(0);
      }
    }
    // To the middle between two messages of the honest.
    const into_ms = clock.now() % TIMERS.data_interval_ms;
    const gone_ms = asksForIdle(exchange) ? IDLE_GONE_AFTER_MS : GONE_AFTER_MS;
    await clock.advance(gone_ms + 1.5 * TIMERS.data_interval_ms - into_ms);
    this.#check(ends);
    for (const end of ends) end?.close();
    this.#network.paths.length = 0;
  }

  #check(ends: readonly HostileEnd[]): void {
    const size = this.#server instanceof Server ? this.#server.registry.size : this.names.length;
    expect(!this.#hasEnded, () => "the server has ended");
    expect(this.#wrong === undefined, () => this.#wrong!);
    this.#honest.check();
    const isOpen = ends.some((end) => end && !end.isClosedThere);
    expect(!isOpen, () => "the server keeps a connection of a peer that says nothing");
    expect(size === this.names.length, () => `the server keeps ${size} sessions`);
    const { pending } = this.#clock;
    // One more, until the next digest of strangers is due.
    const isRight = pending === this.#pending || pending === this.#pending + 1;
    expect(isRight, () => `${pending} timers are set, not ${this.#pending}`);
  }

  async end(): Promise<void> {
    this.#isStopping = true;
    await this.#honest.stop();
    this.#server.stop("shutdown");
    await this.#clock.advance(2_000);
    expect(this.#hasEnded, () => "the server does not end");
    expect(this.#clock.pending === 0, () => "a timer is left of the server");
    expect(this.#network.listening === 0, () => "the server listens after its end");
  }

  async #connect(): Promise<HostileEnd> {
    await this.#network.connect(ADDRESS, { signal: new AbortController().signal });
    return new HostileEnd(this.#network.paths.at(-1)!.client, (word) => this.#traces.word(word));
  }

  #hear(event: Event): void {
    const { session } = event;
    if (isDefect(event)) this.#wrong ??= `a defect: ${JSON.stringify(event)}`;
    if (session === null || !this.#honest?.sessions.includes(session)) {
      // A proof is of one session: only that of the recorded one can be right.
      const isUnproved = this.#honest && this.#fuzzed.hasKeys && session !== RECORDED;
      if (event.event === "connected" && isUnproved) this.#wrong ??= "a session without a proof";
      return this.#traces.event(event);
    }
    if (event.event === "data_received") {
      const last = this.#received.get(session) ?? event.seq - 1;
      if (event.seq !== last + 1) {
        this.#wrong ??= `DATA ${event.seq} of ${session} after DATA ${last}`;
      }
      this.#received.set(session, event.seq);
    } else if (!this.#isStopping) {
      this.#wrong ??= `the server disturbs an honest session: ${JSON.stringify(event)}`;
    }
  }
}
