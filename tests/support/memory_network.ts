/**
 * A network in memory, on a virtual clock: connections that behave as TCP does, and paths that can be
 * silenced, healed, broken and slowed.
 *
 * @module
 */
import {
  type Address,
  type Connection,
  type Listener,
  type Transport,
  TransportError,
} from "../../lib/transport.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** A direction of a connection. */
export type Direction = "to_server" | "to_client";

/** Options for {@linkcode MemoryNetwork} and {@linkcode MemoryNetwork.pair}. */
export interface PathOptions {
  /** From a write to the read of its bytes. */
  latency_ms?: number;
  /** How many bytes may be on their way or unread before a write has to wait. */
  capacity?: number;
  /** How many of the given number of bytes one read gives. */
  fragment?: (bytes: number) => number;
  /** Whether closing leaves a blocked write pending for ever, as Deno 2.6 does. */
  stuckWrites?: boolean;
}

/** Both ends of one connection, and what can be done to the path between them. */
export class Path {
  /** The end that connected. */
  readonly client: End;
  /** The end that accepted. */
  readonly server: End;

  constructor(clock: VirtualClock, options: PathOptions = {}) {
    this.client = new End(clock, "server:4000", options);
    this.server = new End(clock, "client:50000", options);
    this.client.peerEnd = this.server;
    this.server.peerEnd = this.client;
  }

  /** Drops everything on its way from now on, as a firewall does; TCP repeats it after `heal`. */
  silence(...directions: Direction[]): void {
    for (const direction of directions) this.#receiver(direction).cutOff = true;
  }

  /** Lets everything through again; what was dropped arrives at once. */
  heal(): void {
    for (const end of [this.client, this.server]) {
      end.cutOff = false;
      end.arrived();
    }
  }

  /** Resets the connection at both ends, at once. */
  reset(): void {
    for (const end of [this.client, this.server]) end.fail(new TransportError("reset", "reset"));
  }

  #receiver(direction: Direction): End {
    return direction === "to_server" ? this.server : this.client;
  }
}

type Waiting<T> = { resolve: (value: T) => void; reject: (error: unknown) => void };

/** One end of a connection in memory. */
export class End implements Connection {
  readonly peer: string;
  /** The other end. */
  peerEnd!: End;
  /** Whether what is on its way here is being dropped. */
  cutOff = false;
  readonly #clock: VirtualClock;
  readonly #latency_ms: number;
  readonly #capacity: number;
  readonly #fragment: (bytes: number) => number;
  readonly #stuckWrites: boolean;
  /** Bytes on their way here or unread here, with the time at which they can be read. */
  #inbox: { bytes: Uint8Array; at_ms: number }[] = [];
  #finAt_ms = Infinity;
  #closed = false;
  #writeClosed = false;
  #failure?: TransportError;
  #reading?: Waiting<number | null> & { buffer: Uint8Array };
  #writing?: Waiting<number> & { bytes: Uint8Array };

  constructor(clock: VirtualClock, peer: string, options: PathOptions) {
    this.#clock = clock;
    this.peer = peer;
    this.#latency_ms = options.latency_ms ?? 0;
    this.#capacity = options.capacity ?? 65_536;
    this.#fragment = options.fragment ?? ((bytes) => bytes);
    this.#stuckWrites = options.stuckWrites ?? false;
  }

  /** Whether this end has been closed. */
  get closed(): boolean {
    return this.#closed;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return new Promise((resolve, reject) => {
      if (this.#reading) throw new Error("two reads at once");
      this.#reading = { buffer, resolve, reject };
      this.arrived();
    });
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#writing) throw new Error("two writes at once");
      // Copied at once, because the bytes of a write are read when it is made.
      this.#writing = { bytes: bytes.slice(), resolve, reject };
      this.#send();
    });
  }

  closeWrite(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    this.#sendFin();
    return Promise.resolve();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // TCP resets the peer when bytes are thrown away unread (RFC 1122, section 4.2.2.13).
    if (this.#inbox.some((each) => each.at_ms <= this.#clock.now()) && !this.peerEnd.cutOff) {
      this.peerEnd.fail(new TransportError("reset", "reset"));
    } else this.#sendFin();
    this.fail(new TransportError("closed", "closed here"));
  }

  /** Ends everything at this end with an error. */
  fail(error: TransportError): void {
    this.#failure ??= error;
    this.#inbox = [];
    this.#reading?.reject(this.#failure);
    if (!this.#stuckWrites) this.#writing?.reject(this.#failure);
    this.#reading = this.#writing = undefined;
  }

  /** Gives a waiting read what can be read by now. */
  arrived(): void {
    if (!this.#reading) return;
    const { buffer, resolve, reject } = this.#reading;
    if (this.#failure) {
      this.#reading = undefined;
      return reject(this.#failure);
    }
    const next = this.#inbox[0];
    if (!this.cutOff && next && next.at_ms <= this.#clock.now()) {
      const count = Math.max(1, this.#fragment(Math.min(next.bytes.length, buffer.length)));
      buffer.set(next.bytes.subarray(0, count));
      next.bytes = next.bytes.subarray(count);
      if (next.bytes.length === 0) this.#inbox.shift();
      this.#reading = undefined;
      resolve(count);
      this.peerEnd.#send();
    } else if (!this.cutOff && !next && this.#finAt_ms <= this.#clock.now()) {
      this.#reading = undefined;
      resolve(null);
    }
  }

  #send(): void {
    if (!this.#writing) return;
    const { bytes, resolve, reject } = this.#writing;
    if (this.#failure || this.#writeClosed || this.peerEnd.#closed) {
      this.#writing = undefined;
      return reject(this.#failure ?? new TransportError("reset", "the peer is gone"));
    }
    const onTheWay = this.peerEnd.#inbox.reduce((sum, each) => sum + each.bytes.length, 0);
    const room = this.#capacity - onTheWay;
    if (room <= 0) return;
    const taken = bytes.slice(0, room);
    this.peerEnd.#inbox.push({ bytes: taken, at_ms: this.#clock.now() + this.#latency_ms });
    this.#writing = undefined;
    resolve(taken.length);
    this.#arriveLater();
  }

  #sendFin(): void {
    if (this.#writeClosed) return;
    this.#writeClosed = true;
    this.peerEnd.#finAt_ms = this.#clock.now() + this.#latency_ms;
    this.#arriveLater();
  }

  #arriveLater(): void {
    if (this.#latency_ms === 0) this.peerEnd.arrived();
    else this.#clock.after(this.#latency_ms, () => this.peerEnd.arrived());
  }
}

/** Hosts in memory, on one virtual clock. */
export class MemoryNetwork implements Transport {
  /** Every path opened so far. */
  readonly paths: Path[] = [];
  /** What `connect` throws instead of connecting, if set. */
  refuseWith?: TransportError;
  readonly #clock: VirtualClock;
  readonly #options: PathOptions;
  #listener?: MemoryListener;

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
    if (!this.#listener) return Promise.reject(new TransportError("refused", "refused"));
    const path = new Path(this.#clock, this.#options);
    this.paths.push(path);
    this.#listener.offer(path.server);
    return Promise.resolve(path.client);
  }

  listen({ host, port }: Address): Listener {
    this.#listener = new MemoryListener(host, port);
    return this.#listener;
  }

  /** Has the next `accept` of the listener fail. */
  failAccept(error: TransportError): void {
    this.#listener!.offer(error);
  }
}

class MemoryListener implements Listener {
  readonly host: string;
  readonly port: number;
  #queue: (Connection | TransportError)[] = [];
  #waiting?: Waiting<Connection>;
  #closed = false;

  constructor(host: string, port: number) {
    this.host = host;
    this.port = port;
  }

  offer(what: Connection | TransportError): void {
    this.#queue.push(what);
    this.#serve();
  }

  accept(): Promise<Connection> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#serve();
    });
  }

  close(): void {
    this.#closed = true;
    this.#serve();
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
