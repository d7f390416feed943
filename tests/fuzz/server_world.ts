/**
 * A server in memory that hostile clients call, beside honest ones.
 *
 * @module
 */
import { Server } from "../../lib/server/server.ts";
import type { Event } from "../../lib/session/events.ts";
import { MemoryNetwork } from "../support/memory_network.ts";
import { Random } from "../support/random.ts";
import { ADDRESS, serverOptions } from "../support/server_options.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import type { Exchange } from "./exchange.ts";
import { expect } from "./finding.ts";
import { Honest } from "./honest.ts";
import { HostileEnd } from "./hostile_end.ts";
import { CASE_RANDOM, GONE_AFTER_MS, randomOf, SERVER, TIMERS } from "./settings.ts";
import type { Traces } from "./traces.ts";
import { isDefect, type World } from "./world.ts";

/** A server under attack. */
export class ServerWorld implements World {
  readonly #clock = new VirtualClock();
  readonly #network: MemoryNetwork;
  readonly #traces: Traces;
  readonly #server: Server;
  #random = randomOf(new Random(0));
  #honest!: Honest;
  #hasEnded = false;
  #isStopping = false;
  /** What was wrong with the server's events first. */
  #wrong?: string;
  #pending = 0;
  /** What the server received last of each honest session. */
  readonly #received = new Map<string, number>();

  private constructor(traces: Traces) {
    this.#traces = traces;
    // Some reads give less than was written at once, always the same ones.
    const fragment = (bytes: number) =>
      bytes > 3 && bytes < 400 && bytes % 3 === 0 ? bytes >> 1 : bytes;
    const network = this.#network = new MemoryNetwork(this.#clock, { fragment });
    this.#server = Server.listen(serverOptions({
      ...SERVER,
      clock: this.#clock,
      transport: network,
      random: (bytes) => this.#random(bytes),
      sink: { wantsMessages: true, emit: (event) => this.#hear(event) },
    }));
    this.#server.run().then(() => this.#hasEnded = true);
  }

  /** Starts a server, and honest sessions with it. */
  static async start(traces: Traces): Promise<ServerWorld> {
    const world = new ServerWorld(traces);
    world.#honest = await Honest.start(world.#clock, world.#network);
    await world.#clock.advance(TIMERS.data_interval_ms);
    world.#pending = world.#clock.pending;
    return world;
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
    await clock.advance(GONE_AFTER_MS + 1.5 * TIMERS.data_interval_ms - into_ms);
    this.#check(ends);
    for (const end of ends) end?.close();
    this.#network.paths.length = 0;
  }

  #check(ends: readonly HostileEnd[]): void {
    const { size } = this.#server.registry;
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
