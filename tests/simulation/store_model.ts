/**
 * A durable store as the server sees it: it outlives every process, takes its time, and is left as a crash
 * in the middle of a commit may leave it.
 *
 * @module
 */
import { joinLines } from "../../lib/platform/bytes.ts";
import {
  type Entry,
  type EntryOf,
  type Lines,
  type OutputJournal,
  type OutputRecord,
  type Position,
  type PositionSource,
  type Store,
  type StoredSession,
  StoreError,
} from "../../lib/store/store.ts";
import { Device } from "./device.ts";
import type { SimulatedProcess } from "./process.ts";
import { expect } from "./violation.ts";

/** How many bytes of messages are read at once, or little more. */
const LINES_BYTES = 65_536;

interface Row {
  received: number;
  seen_at: number;
  ended: boolean;
  token_hash?: string;
  who?: string;
}

interface Commit {
  readonly entries: readonly Entry[];
  readonly position?: Position;
  readonly latency_ms: number;
  /** Told whether it is kept. */
  readonly done: (isKept: boolean) => void;
}

/** A store: a commit that a crash cuts off is there as a whole, or not at all. */
export class Disk extends Device<Commit> {
  /** Whether there is room only for positions. */
  isFull = false;
  /** When the process that has it open was given an error. */
  failed_ms?: number;
  /** All messages, in order: the first has number 1. */
  readonly messages: EntryOf<"message">[] = [];
  readonly #rows = new Map<string, Row>();
  readonly #positions = new Map<string, Position>();
  #waiting: Commit[] = [];
  #hasFailed = false;

  /** Opens the store, as a process does at its start. */
  open(process: SimulatedProcess): Store & OutputJournal {
    this.failed_ms = undefined;
    this.#hasFailed = false;
    this.usedAnew();
    let source: PositionSource | undefined;
    let positionOfNext: Promise<Position | undefined> = Promise.resolve(undefined);
    const add = (entries: readonly Entry[], position: Position | undefined, latency_ms: number) =>
      new Promise<void>((resolve, reject) => {
        const done = (isKept: boolean) =>
          process.whenRunning(() => {
            if (isKept) return resolve();
            this.failed_ms ??= this.clock.now();
            reject(new StoreError("the disk is full"));
          });
        this.#waiting.push({ entries, position, latency_ms, done });
        this.#commitNext();
      });
    const commit = (batch: Iterable<Entry>) => {
      const entries = [...batch];
      this.deliveries.batchBegun();
      const latency_ms = this.drawLatency();
      if (!source) return add(entries, undefined, latency_ms);
      positionOfNext = positionOfNext.then(() => source?.(entries.at(-1)!.at));
      return positionOfNext.then((position) => add(entries, position, latency_ms));
    };
    return {
      sessions: this.#sessions(),
      commit,
      record: (position) => add([], position, this.drawOtherLatency()),
      follow: (next) => source = next,
      position: (path) => Promise.resolve(this.position(path)),
      linesAfter: (number) => Promise.resolve(this.#linesAfter(number)),
      close: () => Promise.resolve(),
    };
  }

  /** What it knows of an output. */
  position(path: string): OutputRecord {
    const numbers = [...this.#positions.values()].map(({ number }) => number);
    const last = this.messages.length;
    const start = numbers.length > 0 ? Math.max(...numbers) : last;
    return { position: this.#positions.get(path), start, last };
  }

  /** The process is no more: what was under way is there, or it is not. */
  crash(): void {
    const underWay = this.cutOff();
    if (underWay && !this.isFull && this.random.oneIn(2)) this.#keep(underWay);
    this.#waiting = [];
  }

  #commitNext(): void {
    const [next] = this.#waiting;
    if (!next || this.underWay) return;
    this.#waiting.shift();
    this.begin(next, next.latency_ms, () => {
      this.#hasFailed ||= this.isFull && next.entries.length > 0;
      if (!this.#hasFailed) this.#keep(next);
      next.done(!this.#hasFailed);
      this.#commitNext();
    });
  }

  #sessions(): StoredSession[] {
    return [...this.#rows].flatMap(([id, { ended, ...row }]) => ended ? [] : [{ id, ...row }]);
  }

  #linesAfter(number: number): Lines {
    const payloads: Uint8Array[] = [];
    for (let length = 0; length < LINES_BYTES; length += payloads.at(-1)!.length + 1) {
      const message = this.messages[number + payloads.length];
      if (!message) break;
      payloads.push(message.payload);
    }
    return { bytes: joinLines(payloads), last: number + payloads.length };
  }

  #keep({ entries, position }: Commit): void {
    if (position) {
      const { number, path } = position;
      expect(number <= this.messages.length, () => `${path} has ${number}, which is not stored`);
      this.#positions.set(path, position);
    }
    for (const entry of entries) {
      const row = this.#rows.get(entry.session);
      if (entry.kind === "opened") {
        expect(!row || row.ended, () => `session ${entry.session} opened twice in the store`);
        this.deliveries.storedFrom(entry.session, entry.received);
        const { at: seen_at, received, who } = entry;
        this.#rows.set(entry.session, { received, seen_at, ended: false, who });
        continue;
      }
      const { kind, session } = entry;
      expect(row !== undefined && !row.ended, () => `${kind} of ${session}, which is not open`);
      row.seen_at = entry.at;
      if (kind === "ended") row.ended = true;
      if (kind === "claimed") {
        expect(row.token_hash === undefined, () => `session ${session} is claimed twice`);
        row.token_hash = entry.token_hash;
      }
      if (kind === "resumed") row.who ??= entry.who;
      if (kind !== "message") continue;
      this.messages.push(entry);
      this.deliveries.stored(session, entry.seq, entry.payload);
      row.received = entry.seq;
    }
  }
}
