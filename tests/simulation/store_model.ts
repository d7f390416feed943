/**
 * A durable store and an output file as the server sees them: each outlives every process, takes its
 * time, and is left as a crash in the middle of a write may leave it.
 *
 * @module
 */
import {
  type Entry,
  type MessageOutput,
  type Store,
  type StoredSession,
  StoreError,
} from "../../lib/store/store.ts";
import type { Random } from "../support/random.ts";
import type { VirtualClock } from "../support/virtual_clock.ts";
import type { Deliveries } from "./deliveries.ts";
import type { SimulatedProcess } from "./process.ts";
import { expect, guard } from "./violation.ts";

/** What a {@linkcode Disk} and an {@linkcode OutputFile} are made of. */
export interface DeviceOptions {
  clock: VirtualClock;
  random: Random;
  deliveries: Deliveries;
  /** How long it takes over one thing. */
  latency_ms: readonly [least: number, greatest: number];
}

/** How long, in milliseconds, a disk takes over one thing if nothing is wrong with it. */
const SLOW_MS = 2_000;

/** What a store and an output file have in common: it outlives every process, does one thing at a time. */
class Device<Work> {
  /** How long it takes over one thing. */
  latency_ms: readonly [least: number, greatest: number];
  protected readonly random: Random;
  protected readonly deliveries: Deliveries;
  /** What it is doing, unless that has been cut off. */
  protected underWay?: { work: Work };
  readonly #clock: VirtualClock;
  #stalledUntil_ms = -Infinity;

  constructor({ clock, deliveries, latency_ms, random }: DeviceOptions) {
    this.#clock = clock;
    this.random = random;
    this.deliveries = deliveries;
    this.latency_ms = latency_ms;
  }

  /** Finishes nothing that it begins from now on, for so long. */
  stall(ms: number): void {
    this.#stalledUntil_ms = Math.max(this.#stalledUntil_ms, this.#clock.now() + ms);
  }

  /** Takes no longer over anything than a slow disk does. */
  recover(): void {
    if (this.latency_ms[1] > SLOW_MS) this.latency_ms = [1, SLOW_MS];
  }

  /** Begins something for a process; `done` is what happens in time, if nothing has cut it off. */
  protected begin(what: string, process: SimulatedProcess, work: Work, done: () => void): void {
    guard(this.#clock, () => {
      expect(!process.dead && !this.underWay, () => `two ${what} at once`);
    });
    const underWay = this.underWay = { work };
    const latency_ms = this.random.between(...this.latency_ms as [number, number]);
    const done_ms = Math.max(this.#clock.now(), this.#stalledUntil_ms) + latency_ms;
    this.#clock.at(done_ms, () => {
      if (this.underWay !== underWay) return;
      this.underWay = undefined;
      done();
    });
  }
}

interface Row {
  received: number;
  seen_at: number;
  ended: boolean;
}

/** A store: a commit that a crash cuts off is there as a whole, or not at all. */
export class Disk extends Device<readonly Entry[]> {
  /** Whether no more can be written. */
  isFull = false;
  /** Whether a commit of the process that has it open has failed. */
  hasFailed = false;
  readonly #rows = new Map<string, Row>();

  /** Opens the store, as a process does at its start. */
  open(process: SimulatedProcess): Store {
    this.hasFailed = false;
    const commit = (entries: readonly Entry[]) =>
      new Promise<void>((resolve, reject) => {
        this.deliveries.batchBegun();
        this.begin("commits", process, entries, () => {
          const { isFull } = this;
          this.hasFailed = isFull;
          if (!isFull) this.#keep(entries);
          process.whenRunning(() =>
            isFull ? reject(new StoreError("the disk is full")) : resolve()
          );
        });
      });
    return { sessions: this.#sessions(), commit, close: () => Promise.resolve() };
  }

  /** The process is no more: what was under way is there, or it is not. */
  crash(): void {
    if (this.underWay && !this.isFull && this.random.oneIn(2)) this.#keep(this.underWay.work);
    this.underWay = undefined;
  }

  #sessions(): StoredSession[] {
    return [...this.#rows].flatMap(([id, { ended, received, seen_at }]) =>
      ended ? [] : [{ id, received, seen_at }]
    );
  }

  #keep(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const row = this.#rows.get(entry.session);
      if (entry.kind === "opened") {
        expect(!row || row.ended, () => `session ${entry.session} opened twice in the store`);
        this.deliveries.storedFrom(entry.session, entry.received);
        const { at: seen_at, received } = entry;
        this.#rows.set(entry.session, { received, seen_at, ended: false });
        continue;
      }
      const { kind, session } = entry;
      expect(row !== undefined && !row.ended, () => `${kind} of ${session}, which is not open`);
      row.seen_at = entry.at;
      if (kind === "ended") row.ended = true;
      if (kind !== "message") continue;
      this.deliveries.stored(session, entry.seq, entry.payload);
      row.received = entry.seq;
    }
  }
}

/** An output file: of an append that a crash cuts off, some is there. */
export class OutputFile extends Device<readonly Uint8Array[]> {
  /** Opens the file, as a process does at its start. */
  open(process: SimulatedProcess): MessageOutput {
    const append = (payloads: readonly Uint8Array[]) =>
      new Promise<void>((resolve) => {
        this.begin("appends", process, payloads, () => {
          for (const payload of payloads) this.deliveries.written(payload);
          process.whenRunning(resolve);
        });
      });
    return { append, close: () => Promise.resolve() };
  }

  /** The process is no more: some of what was under way is there. */
  crash(): void {
    const payloads = this.underWay?.work ?? [];
    const record = this.random.below(payloads.length + 1);
    for (const payload of payloads.slice(0, record)) this.deliveries.written(payload);
    this.underWay = undefined;
  }
}
