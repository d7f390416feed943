/**
 * What the kernel knows of connections, read for all at once who ask within a tenth of a second.
 *
 * With 10,000 connections the tables have 1.5 MB: a child reads them, and they are taken in pieces, with the
 * event loop free in between.
 *
 * @module
 */
import type { Clock, Timer } from "../clock.ts";
import { streamProc } from "../proc.ts";
import { TurnLimiter } from "../turns.ts";
import { TcpTables, type WantedLine } from "./tcp_table.ts";
import type { Addresses, KernelReceiver } from "./transport.ts";

/** How long, in milliseconds, the first to ask waits for others. */
const COLLECTING_MS = 100;

/** The tables; and the setting, a number on a line of its own, which has its place behind them. */
const FILES = [
  "/proc/self/net/tcp",
  "/proc/self/net/tcp6",
  "/proc/sys/net/ipv4/tcp_retries2",
];

const ASCII = new TextDecoder();

/** How many bytes of the tables are taken in one turn: some hundred lines, in a fraction of a millisecond. */
const PIECE_BYTES = 16_384;

/** How many of those who asked are served in one turn. */
const ASKS_PER_TURN = 64;

/** Somebody who asks. */
interface Ask extends WantedLine {
  readonly receiver: KernelReceiver;
}

/** Looks connections up in the kernel's tables; never reads them twice at the same time. */
export class KernelTables {
  static readonly #ofClock = new WeakMap<Clock, KernelTables>();
  readonly #clock: Clock;
  readonly #open: typeof streamProc;
  readonly #timer: Timer;
  #asks: Ask[] = [];
  #isReading = false;
  /** Until when no look begins: each is followed by a rest as long as it took. */
  #rests_ms = 0;
  #isUnreadable = false;

  /** Makes tables that are read as `open` gives them, by default from `/proc`. */
  constructor(clock: Clock, open: typeof streamProc = streamProc) {
    this.#clock = clock;
    this.#open = open;
    this.#timer = clock.timer(() => this.#serve());
  }

  /** The tables of this host, for all who share a clock: a thread. */
  static of(clock: Clock): KernelTables {
    let tables = KernelTables.#ofClock.get(clock);
    if (!tables) KernelTables.#ofClock.set(clock, tables = new KernelTables(clock));
    return tables;
  }

  /** Looks what the kernel knows of the connection with these addresses. */
  look(addresses: Addresses, receiver: KernelReceiver): void {
    if (this.#isUnreadable) return receiver.onKernelView(undefined);
    this.#asks.push({ addresses, receiver, view: undefined, next: undefined });
    if (this.#asks.length === 1 && !this.#isReading) this.#collect();
  }

  #collect(): void {
    this.#timer.set(Math.max(this.#clock.now() + COLLECTING_MS, this.#rests_ms));
  }

  async #serve(): Promise<void> {
    const asks = this.#asks;
    this.#asks = [];
    this.#isReading = true;
    const begun_ms = this.#clock.now();
    // It fails where the child is killed: nothing is known then.
    const tables = await this.#read(asks).catch(() => undefined);
    if (tables?.hasTable === false) this.#unreadable(asks);
    else await this.#answer(asks, tables);
    this.#isReading = false;
    const now_ms = this.#clock.now();
    this.#rests_ms = now_ms + (now_ms - begun_ms);
    if (this.#asks.length > 0) this.#collect();
  }

  async #read(asks: readonly Ask[]): Promise<TcpTables> {
    const tables = new TcpTables(this.#clock.now());
    await this.#each(asks, (ask) => tables.want(ask));
    for await (const bytes of this.#open(FILES) ?? []) await this.#take(bytes, tables);
    return tables;
  }

  async #take(bytes: Uint8Array, tables: TcpTables): Promise<void> {
    for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
      // All that the kernel writes there is ASCII.
      tables.add(ASCII.decode(bytes.subarray(start, start + PIECE_BYTES)));
      await TurnLimiter.ofLooks(this.#clock).turn();
    }
  }

  #answer(asks: readonly Ask[], tables?: TcpTables): Promise<void> {
    return this.#each(asks, ({ receiver, view }) => {
      if (view && tables?.number !== undefined) view.retries = tables.number;
      receiver.onKernelView(tables && view ? view : undefined);
    });
  }

  /** Acts on each, some in each turn of the event loop. */
  async #each<One>(all: readonly One[], act: (one: One) => void): Promise<void> {
    for (let start = 0; start < all.length; start += ASKS_PER_TURN) {
      if (start > 0) await TurnLimiter.ofLooks(this.#clock).turn();
      all.slice(start, start + ASKS_PER_TURN).forEach(act);
    }
  }

  #unreadable(asks: readonly Ask[]): void {
    this.#isUnreadable = true;
    const unreadable = Deno.build.os === "linux"
      ? "it takes /proc, and the permission to run `cat`"
      : "only Linux shows it";
    for (const [at, { receiver }] of [...asks, ...this.#asks].entries()) {
      receiver.onKernelView(at === 0 ? { unreadable } : undefined);
    }
    this.#asks = [];
  }
}

/** Looks what the kernel knows of the connection of this process with these addresses. */
export function kernelView(addresses: Addresses, clock: Clock, receiver: KernelReceiver): void {
  KernelTables.of(clock).look(addresses, receiver);
}
