/**
 * What becomes of a server's outputs over the life of its store: it starts again with another one, the file
 * is moved away, the disk is full and then has space again. One server in five with a store has this.
 *
 * The numbers come from a stream of their own, so that all other seeds tell the story that they always told.
 *
 * @module
 */
import type { Random } from "../support/random.ts";
import type { VirtualClock } from "../support/virtual_clock.ts";
import { FIRST_FILE, PIPE } from "./files_model.ts";
import { type Plan, type ServerPlan, spread } from "./plan.ts";
import type { ServerHost } from "./server_host.ts";
import type { Story } from "./story.ts";

/** What is drawn of the outputs of a server. */
export interface OutputsPlan {
  /** How long it takes from one thing that happens to the next. */
  readonly gap_ms: readonly [least: number, greatest: number];
  /** How long the server is away, or the disk is full. */
  readonly length_ms: readonly [least: number, greatest: number];
  /** How long opening, syncing, catching up and recording a position take, each. */
  readonly other_ms: readonly [least: number, greatest: number];
}

/** The most bytes that a disk has left when it is as good as full. */
const LEFT_BYTES = 2_000;

/** How long, in milliseconds, a server that ended by itself is away. */
const RESTART_MS = [1_000, 15_000] as const;

/** The same plan, or one with servers whose outputs change. */
export function changeOutputs(plan: Plan, random: Random): Plan {
  const servers = plan.servers.map((server): ServerPlan => {
    if (!server.commit_ms || !random.oneIn(5)) return server;
    const gap_ms = spread(random, 60_000, Math.max(120_000, plan.storm_ms / 5));
    const length_ms = spread(random, 2_000, 200_000);
    const outputs: OutputsPlan = {
      gap_ms: [Math.round(gap_ms / 10), 2 * gap_ms],
      length_ms: [Math.round(length_ms / 50), length_ms],
      other_ms: [1, random.pick([2, 20, 500])],
    };
    return { ...server, append_ms: server.append_ms ?? [1, random.pick([1, 100])], outputs };
  });
  return { ...plan, servers };
}

/** Whom it happens to. */
export interface OutputFaultsOptions {
  clock: VirtualClock;
  random: Random;
  server: ServerHost;
  /** Starts the server if it is not running. */
  restart: (server: ServerHost) => void;
  story: Story;
}

/** Has things become of the outputs of one server, until told to end. */
export class OutputFaults {
  readonly #options: OutputFaultsOptions;
  /** Where an output has been, and where the next new one will be. */
  readonly #paths = [FIRST_FILE, PIPE, "out-2"];
  #isOver = false;

  constructor(options: OutputFaultsOptions) {
    this.#options = options;
    const { clock, random, restart, server } = options;
    server.onFailure = () => clock.after(random.between(...RESTART_MS), () => restart(server));
    this.#next();
  }

  /** Nothing more happens, and the disk has space. */
  end(): void {
    this.#isOver = true;
    this.#files.room = Infinity;
  }

  get #files() {
    return this.#options.server.storage.files!;
  }

  #next(): void {
    const { clock, random, server } = this.#options;
    const { gap_ms } = server.options.plan.outputs!;
    clock.after(random.between(...gap_ms as [number, number]), () => {
      if (this.#isOver) return;
      this.#happen();
      this.#next();
    });
  }

  #happen(): void {
    const { clock, random, restart, server, story } = this.#options;
    const change = random.pick(["moved away", "elsewhere", "full"]);
    const how = random.pick(["killed", "powered off", "stopped", "running"]);
    const ms = random.between(...server.options.plan.outputs!.length_ms as [number, number]);
    if (change === "elsewhere") this.#files.path = this.#pickPath();
    story.tell(server.options.host.name, `output: ${change}`, { how, ms, path: this.#files.path });
    if (change === "full") this.#fill(ms);
    if (how === "stopped") server.stop();
    else if (how !== "running") server.crash(how as "killed" | "powered off");
    if (change === "moved away") clock.after(random.pick([0, 1_000, 5_000]), () => this.#move());
    if (how !== "running") clock.after(ms, () => restart(server));
  }

  #pickPath(): string {
    const path = this.#options.random.pick(this.#paths);
    if (path === this.#paths.at(-1)) this.#paths.push(`out-${this.#paths.length}`);
    return path;
  }

  #fill(ms: number): void {
    const { clock, random } = this.#options;
    this.#files.room = random.below(LEFT_BYTES);
    clock.after(ms, () => this.#files.room = Infinity);
    if (random.oneIn(3)) clock.after(random.below(ms), () => this.#move());
  }

  #move(): void {
    if (!this.#isOver) this.#files.move();
  }
}
