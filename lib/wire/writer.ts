/**
 * Bounded write queue of one connection, which combines frames into few writes.
 *
 * @module
 */
import { type Connection, transportError } from "../platform/net/transport.ts";
import { FrameBatch } from "./encoder.ts";
import { greetingCount } from "./hello.ts";
import type { Frame } from "./protocol.ts";

/** Size of a write, in bytes, unless a single frame is larger. */
const BATCH_BYTES = 65_536;

/** Maximum length of the queue, in frames: more than the replies to one read. */
export const MAX_WAITING_FRAMES = 16_384;

/** Notices what becomes of the writes of a {@linkcode FrameWriter}. */
export interface WriterListener {
  /** Called once, with the `TransportError` of a failed write, or a defect; nothing is written after that. */
  onFailure(error: unknown): void;
  /** Called when the network has taken some bytes. */
  onWritten?(): void;
  /** Called with each frame just before the write that it is in begins. */
  onWriting?(frame: Frame): void;
}

/** A promise that is resolved: what waits for it goes on at the end of this turn. */
const NOW = Promise.resolve();

/** What a writer needs while it writes. */
interface WriteCycle {
  /** The writer that has it. */
  writer: FrameWriter;
  /** What is being written. */
  readonly batch: FrameBatch;
  /** Begins a write. */
  readonly begin: () => void;
  /** The network has taken so many bytes. */
  readonly written: (count: number) => void;
  /** The write has failed. */
  readonly failed: (error: unknown) => void;
}

/** How many free cycles are retained: as many as are likely to be in use at a time. */
const MAX_FREE_CYCLES = 1_024;

/**
 * Queues frames and writes all that are ready at once. Data messages have the lowest priority, so that a
 * heartbeat waits for no more than the batch that is being written.
 *
 * `send` never blocks, even if the peer does not read. An idle writer holds no queue and no buffer: of thousands few
 * write at a time, and pass on to each other what that takes.
 */
export class FrameWriter {
  static readonly #free: WriteCycle[] = [];
  /** The last sequence number whose confirmation has been written. */
  confirmedUpTo = 0;
  readonly #connection: Connection;
  readonly #listener: WriterListener;
  #cycle?: WriteCycle;
  #control?: Frame[];
  #data?: Frame[];
  /** What is being written. */
  #rest?: Uint8Array<ArrayBuffer>;
  /** The last sequence number that is confirmed by it, or was before. */
  #confirming = 0;
  #isBusy = false;
  #hasFailed = false;
  #idle?: PromiseWithResolvers<void>;

  /** Creates a writer with an empty queue. */
  constructor(connection: Connection, listener: WriterListener) {
    this.#connection = connection;
    this.#listener = listener;
  }

  /** Whether the queue is full, because the peer does not read. */
  get full(): boolean {
    return (this.#control?.length ?? 0) + (this.#data?.length ?? 0) >= MAX_WAITING_FRAMES;
  }

  /** Queues a frame, to be written together with all others that are queued in this turn. */
  send(frame: Frame): void {
    // A heartbeat behind a full queue would be missed in any case.
    if (this.#hasFailed || (frame.type === "HEARTBEAT" && this.full)) return;
    if (frame.type === "DATA") {
      if (this.#data) this.#data.push(frame);
      else this.#data = [frame];
    } else if (!this.#control) {
      this.#control = [frame];
    } else {
      // A confirmation covers all before it: of several in a row only the last one is sent.
      const isCovered = frame.type === "CONFIRM" && this.#control.at(-1)!.type === "CONFIRM";
      this.#control[this.#control.length - (isCovered ? 1 : 0)] = frame;
    }
    if (this.#isBusy) return;
    this.#isBusy = true;
    NOW.then((this.#cycle ??= FrameWriter.#newCycle(this)).begin);
  }

  static #newCycle(writer: FrameWriter): WriteCycle {
    const free = FrameWriter.#free.pop();
    if (free) {
      free.writer = writer;
      return free;
    }
    const cycle: WriteCycle = {
      writer,
      batch: new FrameBatch(),
      begin: () => cycle.writer.writeNow(),
      written: (count) => cycle.writer.#written(count),
      failed: (error) => cycle.writer.#fail(transportError(error)),
    };
    return cycle;
  }

  /** Writes what is queued at once, and not at the end of this turn, unless something is being written. */
  writeNow(): void {
    if (this.#isBusy && !this.#rest) this.#writeNext();
  }

  /** Whether nothing is queued or being written. */
  get isIdle(): boolean {
    return !this.#isBusy;
  }

  /** Resolves once the queue is empty, or the connection has failed or been closed. */
  flushed(): Promise<void> {
    if (!this.#isBusy) return NOW;
    return (this.#idle ??= Promise.withResolvers()).promise;
  }

  /** Writes the next batch, if there is one. */
  #writeNext(): void {
    if (!this.#control && !this.#data) return this.#rested();
    try {
      this.#rest = this.#collect(this.#cycle!.batch);
      this.#writeRest();
    } catch (error) {
      this.#fail(error);
    }
  }

  #writeRest(): void {
    const { failed, written } = this.#cycle!;
    this.#connection.write(this.#rest!).then(written, failed);
  }

  #written(count: number): void {
    this.#listener.onWritten?.();
    if (count < this.#rest!.length) {
      this.#rest = this.#rest!.subarray(count);
      return this.#writeRest();
    }
    this.confirmedUpTo = this.#confirming;
    this.#writeNext();
  }

  #fail(error: unknown): void {
    this.#hasFailed = true;
    this.#control = this.#data = undefined;
    this.#listener.onFailure(error);
    this.#rested();
  }

  /** Nothing is left to write, and no write is under way. */
  #rested(): void {
    const cycle = this.#cycle!;
    if (cycle.batch.release()) {
      this.#cycle = undefined;
      if (FrameWriter.#free.length < MAX_FREE_CYCLES) FrameWriter.#free.push(cycle);
    }
    this.#rest = undefined;
    this.#isBusy = false;
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  /** Fills the batch from the queues; returns its bytes. */
  #collect(batch: FrameBatch): Uint8Array<ArrayBuffer> {
    for (const frame of this.#control ?? []) {
      this.#add(frame, batch);
      this.#confirming = confirmed(frame) ?? this.#confirming;
    }
    this.#control = undefined;
    const data = this.#data ?? [];
    let taken = 0;
    while (taken < data.length && batch.length < BATCH_BYTES) this.#add(data[taken++]!, batch);
    if (taken === data.length) this.#data = undefined;
    else data.splice(0, taken);
    return batch.take();
  }

  #add(frame: Frame, batch: FrameBatch): void {
    this.#listener.onWriting?.(frame);
    batch.add(frame);
  }
}

/** The sequence number that a frame confirms, if any. */
function confirmed(frame: Frame): number | undefined {
  if (frame.type === "CONFIRM") return frame.seq;
  return frame.type === "WELCOME" ? greetingCount(frame.greeting, "received") : undefined;
}
