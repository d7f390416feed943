/**
 * The path between two hosts of the simulation: every connection between them takes it, and whatever
 * befalls it befalls them all.
 *
 * @module
 */
import { type Connection, TransportError } from "../../lib/platform/net/transport.ts";
import { type Direction, type End, Path } from "../support/memory_connection.ts";
import type { MemoryListener } from "../support/memory_network.ts";
import type { Random } from "../support/random.ts";
import type { VirtualClock } from "../support/virtual_clock.ts";
import { AccountChecks } from "./account_check.ts";
import type { Host } from "./host.ts";
import type { SimulatedProcess } from "./process.ts";
import { Wire } from "./wire.ts";

/** What a link is like when nothing is wrong with it. */
export interface LinkQuality {
  /** The least and the greatest time that bytes take from one host to the other. */
  readonly latency_ms: readonly [least: number, greatest: number];
  /** How many bytes arrive in a second, if not as many as one likes. */
  readonly bytesPerSecond?: number;
  /** How many bytes may be on their way in one direction of a connection. */
  readonly capacity: number;
  /** The most bytes that one read gives. */
  readonly fragment: number;
}

/** A time in which one direction dropped all. */
export interface Cut {
  readonly direction: Direction;
  readonly from_ms: number;
  /** When it was whole again; without end as long as it is not. */
  until_ms: number;
  /** The only connection that was cut, if not all were. */
  readonly route?: Route;
}

/** A connection that was made over a link. */
export interface Route {
  readonly path: Path;
  readonly client: SimulatedProcess;
  readonly server: SimulatedProcess;
  /** Whether this connection alone has been cut off, for ever. */
  lost: boolean;
}

/** What a {@linkcode Link} is made of. */
export interface LinkOptions {
  name: string;
  clock: VirtualClock;
  random: Random;
  quality: LinkQuality;
  isNarrow: boolean;
  client: Host;
  server: Host;
  onConnection: (wires: { client: Wire; server: Wire }) => void;
}

/** The path from one host to another. */
export class Link {
  /** What to call it. */
  readonly name: string;
  /** Its connections that may still be open. */
  routes: Route[] = [];
  /** When it was cut, in the order in which that began. */
  readonly cuts: Cut[] = [];
  /** What is checked of the accounts of its sessions. */
  readonly accounts: AccountChecks;
  /** What happens to whoever dials, instead of an answer. */
  dialsFailWith?: "refused" | "unreachable" | "unanswered";
  readonly quality: LinkQuality;
  /** Whether heartbeats may have to wait behind data for so long that they are missed. */
  readonly isNarrow: boolean;
  readonly #options: LinkOptions;
  readonly #clock: VirtualClock;
  readonly #cut = new Set<Direction>();
  readonly #waiting = new Set<() => void>();
  #troubledUntil_ms = -Infinity;
  #port = 50_000;

  constructor(options: LinkOptions) {
    this.name = options.name;
    this.quality = options.quality;
    this.isNarrow = options.isNarrow;
    this.#options = options;
    this.#clock = options.clock;
    this.accounts = new AccountChecks(this);
  }

  /** When something was last wrong with it: now, while something is. */
  get troubledUntil_ms(): number {
    return this.#cut.size > 0 ? this.#clock.now() : this.#troubledUntil_ms;
  }

  /** Drops all that goes in these directions, of all connections and of those to come. */
  cut(...directions: Direction[]): void {
    const from_ms = this.#clock.now();
    for (const direction of directions) {
      if (this.#cut.has(direction)) continue;
      this.#cut.add(direction);
      this.cuts.push({ direction, from_ms, until_ms: Infinity });
    }
    for (const { path } of this.routes) path.silence(...directions);
  }

  /** Drops all that goes over one connection, for ever. */
  lose(route: Route): void {
    const from_ms = this.#clock.now();
    route.lost = true;
    for (const direction of ["to_server", "to_client"] as const) {
      this.cuts.push({ direction, from_ms, until_ms: Infinity, route });
      route.path.silence(direction);
    }
  }

  /** Lets all through again. */
  heal(): void {
    if (this.#cut.size > 0) this.#troubledUntil_ms = this.#clock.now();
    for (const cut of this.cuts) {
      if (!cut.route) cut.until_ms = Math.min(cut.until_ms, this.#clock.now());
    }
    this.#cut.clear();
    this.dialsFailWith = undefined;
    for (const { path, lost } of this.routes) if (!lost) path.heal();
    for (const proceed of [...this.#waiting]) proceed();
  }

  /** Opens a connection for a process of the host at this end. */
  async dial(client: SimulatedProcess, signal: AbortSignal): Promise<Connection> {
    const abandoned = Promise.withResolvers<never>();
    const abandon = () =>
      client.whenRunning(() => abandoned.reject(new TransportError("unanswered", signal.reason)));
    signal.addEventListener("abort", abandon);
    try {
      return await Promise.race([this.#shakeHands(client, signal), abandoned.promise]);
    } finally {
      signal.removeEventListener("abort", abandon);
    }
  }

  async #shakeHands(client: SimulatedProcess, signal: AbortSignal): Promise<Connection> {
    await this.#travel(client);
    while (!signal.aborted) {
      const failure = this.dialsFailWith;
      if (failure === "refused" || failure === "unreachable") {
        throw new TransportError(failure, `dial ${failure}`);
      }
      if (this.#cut.size === 0 && !failure && this.#options.server.isUp) break;
      await this.#healed(client, signal);
    }
    const listener = this.#options.server.nextListener();
    if (!signal.aborted && !listener) {
      throw new TransportError("refused", "nobody listens");
    }
    await this.#travel(client);
    const server = this.#options.server.process;
    if (signal.aborted || !server) throw new TransportError("unanswered", "given up");
    if (!listener || listener.closed) throw new TransportError("reset", "closed meanwhile");
    return this.#connect(client, server, listener);
  }

  #connect(client: SimulatedProcess, server: SimulatedProcess, listener: MemoryListener): End {
    const { bytesPerSecond, capacity, fragment } = this.quality;
    const path = new Path(this.#clock, {
      latency_ms: () => this.#latency(),
      capacity,
      bytesPerSecond,
      fragment: (bytes) => this.#options.random.between(1, Math.min(bytes, fragment)),
      owners: { client, server },
      names: {
        client: `${this.#options.client.name}:${++this.#port}`,
        server: `${this.#options.server.name}:4000`,
      },
    });
    const route = { path, client, server, lost: false };
    this.routes = this.routes.filter(({ path }) => !path.client.closed || !path.server.closed);
    this.routes.push(route);
    path.silence(...this.#cut);
    this.#options.client.hold(path.client);
    this.#options.server.hold(path.server);
    const common = { link: this, route };
    this.#options.onConnection({
      client: new Wire({ ...common, end: path.client, process: client, peer: server }),
      server: new Wire({ ...common, end: path.server, process: server, peer: client }),
    });
    listener.offer(path.server);
    return path.client;
  }

  #latency(): number {
    return this.#options.random.between(...this.quality.latency_ms as [number, number]);
  }

  async #travel(client: SimulatedProcess): Promise<void> {
    const latency_ms = this.#latency();
    await new Promise<void>((resolve) =>
      this.#clock.after(latency_ms, () => client.whenRunning(resolve))
    );
  }

  async #healed(client: SimulatedProcess, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const proceed = () => {
        this.#waiting.delete(proceed);
        signal.removeEventListener("abort", proceed);
        client.whenRunning(resolve);
      };
      this.#waiting.add(proceed);
      signal.addEventListener("abort", proceed);
    });
  }
}
