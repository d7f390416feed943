/**
 * One run of the simulation: hosts, the paths between them, what runs on them, and what goes wrong.
 *
 * @module
 */
import { Random } from "../support/random.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { ClientHost } from "./client_host.ts";
import { Faults } from "./faults.ts";
import { Host } from "./host.ts";
import { Link } from "./link.ts";
import { changeOutputs, OutputFaults } from "./output_faults.ts";
import { overload } from "./overload.ts";
import { addStrangers, type ClientPlan, drawPlan, type Plan, type ServerPlan } from "./plan.ts";
import { ServerHost } from "./server_host.ts";
import { Strangers } from "./strangers.ts";
import { type Listener, Story } from "./story.ts";
import { expect, expectSame } from "./violation.ts";

/** How long, in milliseconds, everything may take to come to its end once nothing goes wrong. */
const END_LIMIT_MS = 4 * 3_600_000;

/** How often, in milliseconds, it is looked whether something was due that has not come. */
const LOOK_MS = 10_000;

/** What a run came to. */
export interface Outcome {
  /** How long its sessions lasted, all together, in milliseconds. */
  readonly sessions_ms: number;
  /** How many data messages were confirmed. */
  readonly confirmed: number;
}

/**
 * Runs the simulation of one seed.
 *
 * @throws {Violation} The rule that was broken.
 */
export async function simulate(seed: number, listener?: Listener): Promise<Outcome> {
  return await new World(seed, listener).run();
}

class World {
  readonly #clock = new VirtualClock();
  readonly #random: Random;
  readonly #outputRandom: Random;
  /** Where tokens and all else that has to do with owners and strangers is drawn from. */
  readonly #secretRandom: Random;
  readonly #plan: Plan;
  readonly #story: Story;
  readonly #servers: ServerHost[];
  readonly #clients: ClientHost[];
  #strangers?: Strangers;
  #isStorm = true;

  constructor(seed: number, listener?: Listener) {
    // Seeds that follow each other would give numbers that look alike.
    this.#random = new Random(Math.imul(seed, 0x9e3779b1));
    this.#outputRandom = new Random(Math.imul(seed, 0xc2b2ae35));
    this.#secretRandom = new Random(Math.imul(seed, 0x27d4eb2f));
    const plan = overload(drawPlan(this.#fork()), new Random(Math.imul(seed, 0x85ebca6b)));
    this.#plan = addStrangers(changeOutputs(plan, this.#outputRandom), this.#secretRandom);
    this.#story = new Story(this.#clock, listener);
    this.#story.tell("plan", JSON.stringify(this.#plan));
    this.#servers = this.#plan.servers.map((plan, index) => this.#makeServer(plan, index));
    this.#clients = this.#plan.clients.map((plan, index) => this.#makeClient(plan, index));
  }

  async run(): Promise<Outcome> {
    const { storm_ms, calmsDown } = this.#plan;
    for (const server of this.#servers) server.start();
    for (const client of this.#clients) this.#keepRunning(client);
    const faults = new Faults({
      clock: this.#clock,
      random: this.#fork(),
      plan: this.#plan,
      clients: this.#clients,
      servers: this.#servers,
      story: this.#story,
    });
    const outputFaults = this.#makeOutputFaults(faults);
    this.#startStrangers();
    await this.#advance(storm_ms);
    this.#isStorm = false;
    this.#strangers?.end();
    if (calmsDown) { for (const each of [...outputFaults, faults]) each.end(); }
    this.#story.tell("world", calmsDown ? "nothing goes wrong any more" : "the end");
    await this.#endClients();
    for (const each of [...outputFaults, faults]) each.end();
    await this.#endServers(faults);
    expectSame(this.#clock.pending, 0, () => "what is pending at the end");
    return {
      sessions_ms: this.#clients.reduce((sum, each) => sum + each.sessions_ms, 0),
      confirmed: this.#clients.reduce((sum, each) => sum + each.confirmed, 0),
    };
  }

  #startStrangers(): void {
    if (!this.#plan.hasStrangers) return;
    this.#strangers = new Strangers({
      clock: this.#clock,
      random: this.#fork(this.#secretRandom),
      clients: this.#clients,
      story: this.#story,
    });
  }

  /** Where something else is drawn from, so that none disturbs another. */
  #fork(random = this.#random): Random {
    return new Random(random.below(2 ** 32));
  }

  #makeOutputFaults(faults: Faults): OutputFaults[] {
    return this.#servers.filter((each) => each.options.plan.outputs).map((server) =>
      new OutputFaults({
        clock: this.#clock,
        random: this.#fork(this.#outputRandom),
        server,
        restart: (server) => faults.restart(server),
        story: this.#story,
      })
    );
  }

  #makeServer(plan: ServerPlan, index: number): ServerHost {
    const host = new Host(`server-${index + 1}`, this.#clock);
    return new ServerHost({
      clock: this.#clock,
      random: this.#fork(),
      outputRandom: this.#fork(this.#outputRandom),
      secretRandom: this.#fork(this.#secretRandom),
      plan,
      host,
      story: this.#story,
    });
  }

  #makeClient(plan: ClientPlan, index: number): ClientHost {
    const server = this.#servers[plan.server]!;
    const host = new Host(`client-${index + 1}`, this.#clock);
    const link: Link = new Link({
      name: `link-${index + 1}`,
      clock: this.#clock,
      random: this.#fork(),
      quality: plan.quality,
      isNarrow: isNarrow(plan, server.options.plan),
      client: host,
      server: server.options.host,
      onConnection: (wires) => {
        client.connectionOpened(wires.client, wires.server);
        server.connectionOpened(wires.server);
        this.#strangers?.listen(client, wires.server.route);
      },
    });
    const client: ClientHost = new ClientHost({
      clock: this.#clock,
      random: this.#fork(),
      secretRandom: this.#fork(this.#secretRandom),
      plan,
      host,
      link,
      server,
      story: this.#story,
    });
    return client;
  }

  /** Has a client run whenever none does. */
  #keepRunning(client: ClientHost): void {
    if (!this.#isStorm) return;
    const { host } = client.options;
    if (!host.isUp) host.powerOn();
    if (!client.run) client.start();
    this.#clock.after(30_000, () => this.#keepRunning(client));
  }

  async #endClients(): Promise<void> {
    const { calmsDown, storm_ms } = this.#plan;
    if (calmsDown) await this.#advance(this.#random.below(Math.min(300_000, storm_ms / 4)));
    for (const client of this.#clients) {
      const { producer } = client.run ?? {};
      if (producer && calmsDown) client.run!.process.whenRunning(() => producer.end());
      else client.stop(calmsDown ? "done" : "shutdown");
    }
    await this.#until(() => this.#clients.every((each) => !each.run), "a client has not ended");
  }

  async #endServers(faults: Faults): Promise<void> {
    const areUp = () => this.#servers.every((each) => each.isListening);
    await this.#until(areUp, "a server is not back");
    faults.close();
    for (const server of this.#servers) server.stop();
    await this.#until(() => this.#servers.every((each) => !each.process), "a server has not ended");
    await this.#advance(END_LIMIT_MS);
  }

  async #until(condition: () => boolean, failure: string): Promise<void> {
    const limit_ms = this.#clock.now() + END_LIMIT_MS;
    while (!condition()) {
      expect(this.#clock.now() < limit_ms, () => failure);
      await this.#advance(1_000);
    }
  }

  async #advance(ms: number): Promise<void> {
    const until_ms = this.#clock.now() + ms;
    while (this.#clock.now() < until_ms) {
      await this.#clock.advance(Math.min(LOOK_MS, until_ms - this.#clock.now()));
      for (const each of [...this.#clients, ...this.#servers]) each.checkDue();
    }
  }
}

/** Whether heartbeats may have to wait behind data for so long that they are missed. */
function isNarrow({ lines, quality, timers, window }: ClientPlan, server: ServerPlan): boolean {
  // The bytes of a large message are signs of life, however long all of it takes.
  const bytes = quality.bytesPerSecond ? 0 : window * (60 + (lines?.padding ?? 0));
  const rounds = 2 + Math.ceil(bytes / quality.capacity);
  const warnAfter_ms = Math.min(
    timers.heart_beat_threshold_ms,
    server.timers.heart_beat_threshold_ms,
  );
  return 2 * rounds * quality.latency_ms[1] > warnAfter_ms / 2;
}
