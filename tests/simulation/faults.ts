/**
 * What goes wrong in a run, one thing after the other.
 *
 * @module
 */
import type { Random } from "../support/random.ts";
import type { VirtualClock } from "../support/virtual_clock.ts";
import type { ClientHost } from "./client_host.ts";
import type { Link } from "./link.ts";
import type { Fault, Plan } from "./plan.ts";
import type { ServerHost } from "./server_host.ts";
import type { Story } from "./story.ts";

/** Whom it can happen to. */
export interface FaultsOptions {
  clock: VirtualClock;
  random: Random;
  plan: Plan;
  clients: readonly ClientHost[];
  servers: readonly ServerHost[];
  story: Story;
}

/** Has things go wrong, until told to end. */
export class Faults {
  readonly #options: FaultsOptions;
  #isOver = false;
  #isClosed = false;

  constructor(options: FaultsOptions) {
    this.#options = options;
    if (options.plan.faults.length > 0) this.#next();
  }

  /** Nothing more goes wrong, and what can be mended is. */
  end(): void {
    this.#isOver = true;
    const { clients, servers } = this.#options;
    for (const { options } of clients) options.link.heal();
    for (const server of servers) {
      server.storage.disk?.recover();
      server.storage.files?.recover();
      this.restart(server);
    }
  }

  /** What has been stopped stays so. */
  close(): void {
    this.#isClosed = true;
  }

  #next(): void {
    const { clock, plan, random } = this.#options;
    clock.after(random.between(...plan.faultGap_ms as [number, number]), () => {
      if (this.#isOver) return;
      const { clients, servers } = this.#options;
      const fault = random.pick(plan.faults);
      const client = random.pick(clients);
      const server = random.pick(servers);
      const ms = random.between(...plan.faultLength_ms as [number, number]);
      this.#happen(fault, client, server, ms);
      this.#next();
    });
  }

  #happen(fault: Fault, client: ClientHost, server: ServerHost, ms: number): void {
    const { clock, random, story } = this.#options;
    const { link } = client.options;
    story.tell(link.name, `fault: ${fault}`, { client: client.options.host.name, ms });
    switch (fault) {
      case "cut":
        return this.#cut(link, ms, ["to_server", "to_client"]);
      case "half cut":
        return this.#cut(link, ms, [random.pick(["to_server", "to_client"])]);
      case "lose":
      case "reset":
      case "finish":
        return this.#breakConnections(link, fault);
      case "stall client":
        return client.run?.process.stall(ms);
      case "stall server":
        return server.process?.stall(ms);
      case "kill server":
      case "power off server":
        server.crash(fault === "kill server" ? "killed" : "powered off");
        return clock.after(ms, () => this.restart(server));
      case "stop server":
        server.stop();
        return clock.after(ms, () => this.restart(server));
      case "fill disk":
        return this.#fillDisk(server, ms);
      case "stall store":
        return server.storage.disk?.stall(ms);
      case "stall output":
        return server.storage.files?.stall(ms);
      case "kill client":
      case "power off client":
        return client.crash(fault === "kill client" ? "killed" : "powered off");
      case "stop client":
        return client.stop(random.pick(["done", "shutdown"]));
      case "jump": {
        const process = random.pick([client.run?.process, server.process]);
        return process?.jump(random.between(-7_200_000, 7_200_000));
      }
      case "fail dials":
        link.dialsFailWith = random.pick(["refused", "unreachable", "unanswered"]);
        return clock.after(ms, () => link.heal());
    }
  }

  #cut(link: Link, ms: number, directions: ("to_server" | "to_client")[]): void {
    link.cut(...directions);
    this.#options.clock.after(ms, () => link.heal());
  }

  #breakConnections(link: Link, how: "lose" | "reset" | "finish"): void {
    const { random } = this.#options;
    for (const route of link.routes) {
      const { path } = route;
      if (how === "lose") link.lose(route);
      else if (how === "reset") path.reset();
      else random.pick([path.client, path.server]).finish();
    }
  }

  #fillDisk(server: ServerHost, ms: number): void {
    if (!server.storage.disk) return;
    server.storage.disk.isFull = true;
    this.#options.clock.after(ms, () => this.restart(server));
  }

  /** Starts a server if it is not running, now or when it has stopped. */
  restart(server: ServerHost): void {
    if (this.#isClosed) return;
    const { clock } = this.#options;
    const { host } = server.options;
    if (server.storage.disk) server.storage.disk.isFull = false;
    if (!host.isUp) host.powerOn();
    if (server.isStopping) clock.after(1_000, () => this.restart(server));
    else if (!server.process) server.start();
  }
}
