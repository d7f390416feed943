/**
 * A durable store as the server sees one: commits take their time, and a crash in the middle of one
 * leaves all of it or nothing.
 *
 * @module
 */
import { type Entry, type Store, type StoredSession, StoreError } from "../../lib/store_types.ts";
import type { Random } from "../support/random.ts";
import type { VirtualClock } from "../support/virtual_clock.ts";
import type { Deliveries } from "./deliveries.ts";
import type { SimulatedProcess } from "./process.ts";
import { expect, guard } from "./violation.ts";

interface Row {
  start: number;
  received: number;
  seen_at: number;
  ended: boolean;
}

/** What is on the disk: it outlives every process. */
export class Disk {
  /** How long a commit takes. */
  latency_ms: readonly [least: number, greatest: number];
  /** Whether no more can be written. */
  isFull = false;
  /** Whether a commit of the process that has it open has failed. */
  hasFailed = false;
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #deliveries: Deliveries;
  readonly #rows = new Map<string, Row>();
  #underWay?: { entries: readonly Entry[] };

  constructor(
    options: {
      clock: VirtualClock;
      random: Random;
      deliveries: Deliveries;
      latency_ms: readonly [number, number];
    },
  ) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#deliveries = options.deliveries;
    this.latency_ms = options.latency_ms;
  }

  /** Opens the store, as a process does at its start. */
  open(process: SimulatedProcess): Store {
    this.hasFailed = false;
    const commit = async (entries: readonly Entry[]) => {
      guard(this.#clock, () => {
        expect(!process.dead && !this.#underWay, () => "two commits at once");
      });
      const underWay = this.#underWay = { entries };
      await new Promise<void>((resolve, reject) => {
        this.#clock.after(this.#random.between(...this.latency_ms as [number, number]), () => {
          if (this.#underWay !== underWay) return;
          const { isFull } = this;
          this.hasFailed = isFull;
          if (!isFull) this.#keep(entries);
          this.#underWay = undefined;
          process.whenRunning(() =>
            isFull ? reject(new StoreError("the disk is full")) : resolve()
          );
        });
      });
    };
    return { sessions: this.#sessions(), commit, close: () => Promise.resolve() };
  }

  /** The process is no more: what was under way is there, or it is not. */
  crash(): void {
    if (this.#underWay && !this.isFull && this.#random.oneIn(2)) this.#keep(this.#underWay.entries);
    this.#underWay = undefined;
  }

  #sessions(): StoredSession[] {
    return [...this.#rows].flatMap(([id, { ended, received, seen_at, start }]) =>
      ended ? [] : [{ id, start, received, seen_at }]
    );
  }

  #keep(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const row = this.#rows.get(entry.session);
      if (entry.kind === "opened") {
        expect(!row || row.ended, () => `session ${entry.session} opened twice in the store`);
        this.#deliveries.storedFrom(entry.session, entry.received);
        this.#rows.set(entry.session, {
          start: entry.received,
          received: entry.received,
          seen_at: entry.at,
          ended: false,
        });
        continue;
      }
      const { kind, session } = entry;
      expect(row !== undefined && !row.ended, () => `${kind} of ${session}, which is not open`);
      row.seen_at = entry.at;
      if (kind === "ended") row.ended = true;
      if (kind !== "message") continue;
      this.#deliveries.stored(session, entry.seq, entry.payload);
      row.received = entry.seq;
    }
  }
}
