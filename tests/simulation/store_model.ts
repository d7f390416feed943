/**
 * A durable store as the server sees one: commits take their time, and a crash in the middle of one
 * leaves all of it or nothing.
 *
 * @module
 */
import { type Entry, type Store, type StoredSession, StoreError } from "../../lib/store/store.ts";
import { Device } from "./device.ts";
import type { SimulatedProcess } from "./process.ts";
import { expect } from "./violation.ts";

interface Row {
  start: number;
  received: number;
  seen_at: number;
  ended: boolean;
}

/** What is on the disk: it outlives every process. */
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
    return [...this.#rows].flatMap(([id, { ended, received, seen_at, start }]) =>
      ended ? [] : [{ id, start, received, seen_at }]
    );
  }

  #keep(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const row = this.#rows.get(entry.session);
      if (entry.kind === "opened") {
        expect(!row || row.ended, () => `session ${entry.session} opened twice in the store`);
        this.deliveries.storedFrom(entry.session, entry.received);
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
      this.deliveries.stored(session, entry.seq, entry.payload);
      row.received = entry.seq;
    }
  }
}
