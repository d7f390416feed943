/**
 * A network in memory, on a virtual clock: one port, and whoever connects to it.
 *
 * @module
 */
import {
  type Address,
  type Connection,
  type Listener,
  type Transport,
  TransportError,
} from "../../lib/platform/net/transport.ts";
import {
  ALWAYS_RUNNING,
  type Direction,
  End,
  type Owner,
  Path,
  type PathOptions,
} from "./memory_connection.ts";
import type { VirtualClock } from "./virtual_clock.ts";

export { type Direction, End, Path, type PathOptions };

/** What is given to whoever lets the system choose a port. */
const ANY_PORT = 49_152;

/** Hosts in memory, on one virtual clock. */
export class MemoryNetwork implements Transport {
  /** Every path opened so far. */
  readonly paths: Path[] = [];
  /** What `connect` throws instead of connecting, if set. */
  refuseWith?: TransportError;
  /** What the kernel knows of a connection. */
  kernelView?: Transport["kernelView"];
  /** The host from which the next connections come, if that matters. */
  from?: string;
  /** Which listener of a shared port the next connection goes to; from there on they take turns. */
  turn = 0;
  readonly #clock: VirtualClock;
  readonly #options: PathOptions;
  #listeners: { listener: MemoryListener; isShared: boolean }[] = [];

  constructor(clock: VirtualClock, options: PathOptions = {}) {
    this.#clock = clock;
    this.#options = options;
  }

  connect(_address: Address, { signal }: { signal: AbortSignal }): Promise<Connection> {
    if (this.refuseWith) {
      if (this.refuseWith.kind !== "unanswered") return Promise.reject(this.refuseWith);
      return new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(this.refuseWith))
      );
    }
    const listener = this.#next();
    if (!listener) return Promise.reject(new TransportError("refused", "refused"));
    const names = this.from && { client: `${this.from}:50000`, server: "server:4000" };
    const path = new Path(this.#clock, { ...this.#options, ...names && { names } });
    this.paths.push(path);
    listener.offer(path.server);
    return Promise.resolve(path.client);
  }

  listen({ host, port }: Address, { isShared } = { isShared: false }): Listener {
    this.#listeners = this.#listeners.filter(({ listener }) => !listener.closed);
    if (this.#listeners.some((each) => !each.isShared || !isShared)) {
      throw new TransportError("address_in_use", "address in use");
    }
    const listener = new MemoryListener(host, port === 0 ? ANY_PORT : port);
    this.#listeners.push({ listener, isShared });
    return listener;
  }

  /** How many listeners are open. */
  get listening(): number {
    return this.#listeners.filter(({ listener }) => !listener.closed).length;
  }

  /** Has the next `accept` of a listener fail. */
  failAccept(error: TransportError): void {
    this.#next()!.offer(error);
  }

  /** The listener whose turn it is. */
  #next(): MemoryListener | undefined {
    const open = this.#listeners.filter(({ listener }) => !listener.closed);
    return open[this.turn++ % open.length]?.listener;
  }
}

/** A listener in memory, to which connections are offered. */
export class MemoryListener implements Listener {
  readonly host: string;
  readonly port: number;
  readonly #owner: Owner;
  #queue: (Connection | TransportError)[] = [];
  #waiting?: { resolve: (connection: Connection) => void; reject: (error: unknown) => void };
  #closed = false;

  constructor(host: string, port: number, owner = ALWAYS_RUNNING) {
    this.host = host;
    this.port = port;
    this.#owner = owner;
  }

  /** Whether it has been closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Has a connection, or a failure, be what is accepted next but for those offered before. */
  offer(what: Connection | TransportError): void {
    this.#queue.push(what);
    this.#owner.whenRunning(() => this.#serve());
  }

  accept(): Promise<Connection> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#serve();
    });
  }

  /** There is none: what cannot be accepted has to wait. */
  acceptSpare(): Promise<never> {
    return Promise.reject(new TransportError("too_many_open_files", "none is kept"));
  }

  close(): void {
    this.#closed = true;
    for (const each of this.#queue) if (!(each instanceof TransportError)) each.close();
    this.#queue = [];
    this.#owner.whenRunning(() => this.#serve());
  }

  #serve(): void {
    if (!this.#waiting) return;
    const next = this.#closed ? new TransportError("closed", "closed here") : this.#queue.shift();
    if (!next) return;
    const { resolve, reject } = this.#waiting;
    this.#waiting = undefined;
    if (next instanceof TransportError) reject(next);
    else resolve(next);
  }
}
