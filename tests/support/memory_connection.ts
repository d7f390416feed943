/**
 * A connection in memory, on a virtual clock, that behaves as TCP does; and what can be done to the
 * path between its ends.
 *
 * @module
 */
import type { Clock } from "../../lib/platform/clock.ts";
import {
  type Addresses,
  type Connection,
  type KernelReceiver,
  TransportError,
} from "../../lib/platform/net/transport.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** A direction of a connection. */
export type Direction = "to_server" | "to_client";

/** Whoever owns an end: it can be told something only while it runs. */
export interface Owner {
  /** Has this happen as soon as it runs: now, later, or never. */
  whenRunning(act: () => void): void;
}

/** Options for {@linkcode Path}. */
export interface PathOptions {
  /** From a write to the read of its bytes; what is written later never arrives earlier. */
  latency_ms?: number | (() => number);
  /** How many bytes arrive in a second, in each direction; without limit if not given. */
  bytesPerSecond?: number;
  /** How many bytes may be on their way or unread before a write has to wait. */
  capacity?: number;
  /** How many of the given number of bytes one read gives. */
  fragment?: (bytes: number) => number;
  /** Whether closing leaves a blocked write pending for ever, as Deno 2.6 does. */
  stuckWrites?: boolean;
  /** Who owns the two ends; without them both always run. */
  owners?: { client: Owner; server: Owner };
  /** What each end is called by its peer. */
  names?: { client: string; server: string };
}

/** Both ends of one connection, and what can be done to the path between them. */
export class Path {
  /** The end that connected. */
  readonly client: End;
  /** The end that accepted. */
  readonly server: End;

  constructor(clock: VirtualClock, options: PathOptions = {}) {
    const { names = { client: "client:50000", server: "server:4000" }, owners } = options;
    const { client, server } = names;
    this.client = new End(clock, { peer: server, local: client }, options, owners?.client);
    this.server = new End(clock, { peer: client, local: server }, options, owners?.server);
    this.client.peerEnd = this.server;
    this.server.peerEnd = this.client;
  }

  /** Drops everything on its way from now on, as a firewall does; TCP repeats it after `heal`. */
  silence(...directions: Direction[]): void {
    for (const direction of directions) this.#receiver(direction).cutOff = true;
  }

  /** Lets everything through again, or that of one direction; what was dropped arrives at once. */
  heal(only?: Direction): void {
    for (const end of only ? [this.#receiver(only)] : [this.client, this.server]) {
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

/** How many bytes of a slow path arrive together, at the most. */
const SEGMENT_BYTES = 1_460;

/** Bytes that arrive together. */
interface Segment {
  bytes: Uint8Array;
  /** When they can be read. */
  readonly at_ms: number;
  /** Whether they had arrived before what was on its way was dropped. */
  here: boolean;
}

type DeadlineListener<T> = { resolve: (value: T) => void; reject: (error: unknown) => void };

/** An owner that never stops. */
export const ALWAYS_RUNNING: Owner = { whenRunning: (act) => act() };

/** One end of a connection in memory. */
export class End implements Connection {
  readonly peer: string;
  readonly local: string;
  /** The other end. */
  peerEnd!: End;
  /** Sees what each read gives. */
  onRead?: (bytes: Uint8Array) => void;
  /** Notified when it waits for bytes again. */
  onReading?: () => void;
  /** What is wrong with its host's own interface. */
  linkFault?: () => Promise<string | undefined>;
  /** What its host's kernel knows of it. */
  kernelView?: (clock: Clock, receiver: KernelReceiver) => void;
  readonly #clock: VirtualClock;
  readonly #latency: () => number;
  readonly #bytesPerSecond: number;
  readonly #capacity: number;
  readonly #fragment: (bytes: number) => number;
  readonly #stuckWrites: boolean;
  readonly #owner: Owner;
  /** Bytes on their way here or unread here. */
  #inbox: Segment[] = [];
  #inboxBytes = 0;
  #lastArrival_ms = 0;
  #cutOff = false;
  #finAt_ms = Infinity;
  #closed = false;
  /** Whether a read has given the end or the failure: there is nothing more to wait for. */
  #isReadToEnd = false;
  #vanished = false;
  #writeClosed = false;
  #failure?: TransportError;
  #reading?: DeadlineListener<number | null> & { buffer: Uint8Array };
  #writing?: DeadlineListener<number> & { bytes: Uint8Array };

  constructor(
    clock: VirtualClock,
    { local, peer }: Addresses,
    options: PathOptions,
    owner = ALWAYS_RUNNING,
  ) {
    const { latency_ms = 0 } = options;
    this.#clock = clock;
    this.peer = peer;
    this.local = local;
    this.#latency = typeof latency_ms === "number" ? () => latency_ms : latency_ms;
    this.#capacity = options.capacity ?? 65_536;
    this.#bytesPerSecond = options.bytesPerSecond ?? Infinity;
    this.#fragment = options.fragment ?? ((bytes) => bytes);
    this.#stuckWrites = options.stuckWrites ?? false;
    this.#owner = owner;
  }

  /** Whether what is on its way here is being dropped. */
  get cutOff(): boolean {
    return this.#cutOff;
  }

  set cutOff(cutOff: boolean) {
    this.#cutOff = cutOff;
    for (const each of this.#inbox) each.here ||= cutOff && each.at_ms <= this.#clock.now();
  }

  /** Whether this end has been closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Whether its owner waits for bytes, as long as some can come. */
  get isReading(): boolean {
    return this.#reading !== undefined || this.#closed || this.#isReadToEnd;
  }

  /** Whether it was reset, or has said that nothing more will come from here. */
  get end(): "reset" | "closed" | undefined {
    if (this.#failure?.kind === "reset") return "reset";
    return this.#writeClosed ? "closed" : undefined;
  }

  /** How many bytes are on their way here or unread here. */
  get unread(): number {
    return this.#inboxBytes;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return new Promise((resolve, reject) => {
      if (this.#reading) throw new Error("two reads at once");
      this.#reading = { buffer, resolve, reject };
      this.onReading?.();
      this.#giveRead();
    });
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#writing) throw new Error("two writes at once");
      // Copied at once, because the bytes of a write are read when it is made.
      this.#writing = { bytes: bytes.slice(0, this.#capacity), resolve, reject };
      this.#send();
    });
  }

  closeWrite(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    this.finish();
    return Promise.resolve();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // TCP resets the peer when bytes are thrown away unread (RFC 1122, section 4.2.2.13), and when
    // bytes arrive later.
    const later = this.#inbox.filter((each) => !this.#isHere(each));
    const isReset = later.length < this.#inbox.length && !this.peerEnd.cutOff;
    if (isReset) this.#resetPeer();
    else this.finish();
    this.fail(new TransportError("closed", "closed here"));
    if (!isReset) this.#keep(later);
  }

  /** The host is down: nothing is left here that could answer. */
  vanish(): void {
    this.#vanished = this.#closed = true;
    this.#reading = this.#writing = undefined;
    this.#keep([]);
  }

  /** The host is there again, and knows nothing of this connection: it answers with a reset. */
  forget(): void {
    this.#vanished = false;
    this.arrived();
  }

  /** Ends everything at this end with an error. */
  fail(error: TransportError): void {
    this.#failure ??= error;
    this.#keep([]);
    const { reject: rejectRead } = this.#reading ?? {};
    const { reject: rejectWrite } = this.#writing ?? {};
    this.#reading = this.#writing = undefined;
    if (rejectRead) this.#isReadToEnd = true;
    if (!rejectRead && !rejectWrite) return;
    this.#owner.whenRunning(() => {
      rejectRead?.(this.#failure);
      if (!this.#stuckWrites) rejectWrite?.(this.#failure);
    });
  }

  /** Says, as TCP does for whoever closes this side, that nothing more will come from here. */
  finish(): void {
    if (this.#writeClosed) return;
    this.#writeClosed = true;
    this.peerEnd.#finAt_ms = this.#arrival(this.peerEnd);
    this.#arriveLater(this.peerEnd.#finAt_ms);
  }

  /** Gives a waiting read what can be read by now. */
  arrived(): void {
    if (this.#closed || this.#failure) {
      if (this.#vanished || this.peerEnd.cutOff || !this.#inbox.some(this.#isHere)) return;
      this.#keep([]);
      this.#resetPeer();
    } else if (this.#reading) this.#owner.whenRunning(() => this.#giveRead());
  }

  #giveRead(): void {
    if (!this.#reading) return;
    const { buffer, resolve, reject } = this.#reading;
    if (this.#failure) {
      this.#reading = undefined;
      this.#isReadToEnd = true;
      return reject(this.#failure);
    }
    const next = this.#inbox[0];
    if (next && this.#isHere(next)) {
      const count = Math.max(1, this.#fragment(Math.min(next.bytes.length, buffer.length)));
      buffer.set(next.bytes.subarray(0, count));
      next.bytes = next.bytes.subarray(count);
      if (next.bytes.length === 0) this.#inbox.shift();
      this.#inboxBytes -= count;
      this.#reading = undefined;
      this.onRead?.(buffer.subarray(0, count));
      resolve(count);
      if (this.peerEnd.#writing) this.peerEnd.#owner.whenRunning(() => this.peerEnd.#send());
    } else if (!this.#cutOff && !next && this.#finAt_ms <= this.#clock.now()) {
      this.#reading = undefined;
      this.#isReadToEnd = true;
      resolve(null);
    }
  }

  #send(): void {
    if (!this.#writing) return;
    const { bytes, resolve, reject } = this.#writing;
    const { peerEnd } = this;
    if (this.#failure || this.#writeClosed) {
      this.#writing = undefined;
      return reject(this.#failure ?? new TransportError("reset", "the peer is gone"));
    }
    const room = this.#capacity - peerEnd.#inboxBytes;
    if (room <= 0) return;
    const taken = bytes.subarray(0, room);
    this.#writing = undefined;
    resolve(taken.length);
    // On a slow path, what is written at once does not arrive at once.
    const most = this.#bytesPerSecond < Infinity ? SEGMENT_BYTES : taken.length;
    for (let from = 0; from < taken.length; from += most) {
      const segment = taken.subarray(from, from + most);
      const at_ms = this.#arrival(peerEnd, segment.length);
      peerEnd.#inbox.push({ bytes: segment, at_ms, here: false });
      peerEnd.#inboxBytes += segment.length;
      this.#arriveLater(at_ms);
    }
  }

  readonly #isHere = (segment: Segment) =>
    segment.here || (!this.#cutOff && segment.at_ms <= this.#clock.now());

  #keep(inbox: Segment[]): void {
    this.#inbox = inbox;
    this.#inboxBytes = inbox.reduce((sum, each) => sum + each.bytes.length, 0);
  }

  #resetPeer(): void {
    const reset = () => this.peerEnd.fail(new TransportError("reset", "reset"));
    const latency_ms = this.#latency();
    if (latency_ms === 0) reset();
    else this.#clock.after(latency_ms, reset);
  }

  /** When what is sent now can be read there. */
  #arrival(receiver: End, bytes = 0): number {
    const at_ms = Math.max(this.#clock.now() + this.#latency(), receiver.#lastArrival_ms);
    return receiver.#lastArrival_ms = at_ms + Math.ceil(1_000 * bytes / this.#bytesPerSecond);
  }

  #arriveLater(at_ms: number): void {
    if (at_ms <= this.#clock.now()) this.peerEnd.arrived();
    else this.#clock.at(at_ms, () => this.peerEnd.arrived());
  }
}
