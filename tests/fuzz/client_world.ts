/**
 * Clients in memory that call a hostile server, one after the other, beside honest sessions.
 *
 * @module
 */
import { Client } from "../../lib/client/client.ts";
import type { Listener } from "../../lib/platform/net/transport.ts";
import { Server } from "../../lib/server/server.ts";
import type { Event } from "../../lib/session/events.ts";
import { clientOptions } from "../support/client_options.ts";
import { type End, MemoryNetwork } from "../support/memory_network.ts";
import { Random } from "../support/random.ts";
import { ADDRESS, serverOptions } from "../support/server_options.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import type { Exchange } from "./exchange.ts";
import { expect } from "./finding.ts";
import { Honest } from "./honest.ts";
import { HostileEnd } from "./hostile_end.ts";
import { clientSettings, GONE_AFTER_MS, KEY, randomOf, SERVER, TIMERS } from "./settings.ts";
import type { Traces } from "./traces.ts";
import { isDefect, type World } from "./world.ts";

/** Which client is fuzzed. */
export interface FuzzedClient {
  /** Whether it reconnects. */
  readonly reconnects: boolean;
  /** Whether it has a key. */
  readonly hasKey: boolean;
  /** Whether it calls an original server. */
  readonly original: boolean;
}

/** Clients under attack. */
export class ClientWorld implements World {
  readonly names: readonly string[] = [];
  readonly #clock = new VirtualClock();
  readonly #traces: Traces;
  readonly #fuzzed: FuzzedClient;
  readonly #server: Server;
  #hasServerEnded = false;
  #honest!: Honest;
  #pending = 0;
  #wrong?: string;

  private constructor(traces: Traces, fuzzed: FuzzedClient) {
    this.#traces = traces;
    this.#fuzzed = fuzzed;
    const network = this.#peaceful;
    this.#server = Server.listen(serverOptions({
      ...SERVER,
      clock: this.#clock,
      transport: network,
      random: randomOf(new Random(1)),
      sink: { wantsMessages: true, emit: () => {} },
    }));
    this.#server.run().then(() => this.#hasServerEnded = true);
  }

  readonly #peaceful = new MemoryNetwork(this.#clock);

  /** Starts honest sessions. */
  static async start(traces: Traces, fuzzed: FuzzedClient): Promise<ClientWorld> {
    const world = new ClientWorld(traces, fuzzed);
    world.#honest = await Honest.start(world.#clock, world.#peaceful);
    await world.#clock.advance(TIMERS.data_interval_ms);
    world.#pending = world.#clock.pending;
    return world;
  }

  async play(exchange: Exchange): Promise<void> {
    const clock = this.#clock;
    const network = new MemoryNetwork(clock);
    const listener = network.listen(ADDRESS);
    const ends: HostileEnd[] = [];
    const accepting = this.#acceptAll(listener, exchange, ends);
    const { hasKey, original, reconnects } = this.#fuzzed;
    const client = new Client(clientOptions({
      ...clientSettings(),
      clock,
      transport: network,
      original,
      key: hasKey ? () => KEY : undefined,
      reconnect: reconnects ? { limit: 4 } : undefined,
      sink: { wantsMessages: true, emit: (event) => this.#hear(event) },
    }));
    let failure: { error: unknown } | undefined;
    let hasEnded = false;
    client.run().then(() => hasEnded = true, (error) => failure = { error });
    const waits = exchange.reduce((sum, step) => sum + ("wait_ms" in step ? step.wait_ms : 0), 0);
    await clock.advance(waits + GONE_AFTER_MS);
    client.stop("shutdown");
    const into_ms = clock.now() % TIMERS.data_interval_ms;
    await clock.advance(3.5 * TIMERS.data_interval_ms - into_ms);
    expect(!failure, () => `the client fails: ${String(failure!.error)}`);
    expect(hasEnded, () => "the client does not end");
    expect(this.#wrong === undefined, () => this.#wrong!);
    this.#honest.check();
    const isOpen = network.paths.some(({ client }) => !client.closed);
    expect(!isOpen, () => "the client keeps a connection after its end");
    listener.close();
    for (const end of ends) end.close();
    await accepting;
    // Scripts of the hostile server that are not over.
    await clock.advance(Math.ceil(waits / 1_000) * 1_000);
    this.#honest.check();
    const { pending } = clock;
    expect(pending === this.#pending, () => `${pending} timers are set, not ${this.#pending}`);
  }

  async end(): Promise<void> {
    await this.#honest.stop();
    this.#server.stop("shutdown");
    await this.#clock.advance(2_000);
    expect(this.#hasServerEnded, () => "the server does not end");
    expect(this.#clock.pending === 0, () => "a timer is left");
  }

  async #acceptAll(listener: Listener, exchange: Exchange, ends: HostileEnd[]): Promise<void> {
    for (let on = 0;; on++) {
      const end = await listener.accept().catch(() => undefined) as End | undefined;
      if (!end) return;
      const hostile = new HostileEnd(end, (word) => this.#traces.word(word));
      ends.push(hostile);
      this.#serve(hostile, exchange, on);
    }
  }

  /** Does on a connection what the exchange says from its first step there on. */
  async #serve(end: HostileEnd, exchange: Exchange, on: number): Promise<void> {
    const first = exchange.findIndex((step) => "on" in step && step.on === on);
    if (first < 0) return end.close();
    for (const step of exchange.slice(first)) {
      if ("wait_ms" in step) {
        await new Promise<void>((resolve) => this.#clock.after(step.wait_ms, resolve));
      } else if (step.on === on) end.act(step);
    }
  }

  #hear(event: Event): void {
    this.#traces.event(event);
    if (isDefect(event)) this.#wrong ??= `a defect: ${JSON.stringify(event)}`;
    if (event.event !== "summary" || event.confirmed_up_to <= event.data_sent) return;
    this.#wrong ??= `message ${event.confirmed_up_to} is confirmed, and was never sent`;
  }
}
