/**
 * What has been delivered, over all processes and crashes of the servers: each data message exactly
 * once and in order, and nothing confirmed that is not there.
 *
 * @module
 */
import { ENTRY_BYTES, MAX_PENDING_BYTES } from "../../lib/store/delivery.ts";
import type { VirtualClock } from "../support/virtual_clock.ts";
import { expect, expectSame } from "./violation.ts";

/** In how many batches the only waiting message of a session is at the latest, whatever others send. */
const MOST_BATCHES = 2;

/** What is known of the data messages of one session. */
export interface Sender {
  /** What the data message of a sequence number says. */
  readonly payload: (seq: number) => string;
  /** How many of them may be unconfirmed. */
  readonly window: number;
  /** What one read of it may be charged with, in bytes. */
  readonly readBytes: number;
}

/** What {@linkcode Deliveries} is made of: where data messages have to be before they are confirmed. */
export interface DeliveriesOptions {
  readonly clock: VirtualClock;
  readonly hasStore: boolean;
  readonly hasOutput: boolean;
  /** What may wait for delivery, in bytes, before sessions are held. */
  readonly maxPendingBytes?: number;
}

/** One session's state of delivery. */
interface State {
  readonly sender: Sender;
  received: number;
  stored: number;
  written: number;
  /** What each message is charged with that waits for delivery, the oldest first. */
  waiting: number[];
  /** When the oldest came while none was waiting, in batches begun before. */
  batchesBefore?: number;
  /** When messages were waiting last, up to which moment; the present if they still are. */
  waited_ms: number;
}

const decoder = new TextDecoder();

/** The one truth on what was delivered. */
export class Deliveries {
  readonly #options: DeliveriesOptions;
  readonly #states = new Map<string, State>();
  #pendingBytes = 0;
  #batches = 0;

  constructor(options: DeliveriesOptions) {
    this.#options = options;
  }

  /** Makes a session known, before anything of it can be seen. */
  add(session: string, sender: Sender): void {
    this.#states.set(session, {
      sender,
      received: 0,
      stored: 0,
      written: 0,
      waiting: [],
      waited_ms: -Infinity,
    });
  }

  /** How much of a session is delivered for good. */
  delivered(session: string): number {
    return this.#delivered(this.#state(session));
  }

  /** Whether any message of a session has been waiting since then. */
  hasWaited(session: string, since_ms: number): boolean {
    const { waited_ms, waiting } = this.#state(session);
    return waiting.length > 0 || waited_ms >= since_ms;
  }

  /** A server has told that it received a data message of so many bytes. */
  received(session: string, seq: number, bytes: number): void {
    const state = this.#state(session);
    state.received = seq;
    const { hasOutput, hasStore } = this.#options;
    if (!hasStore && !hasOutput) return;
    if (state.waiting.length === 0) state.batchesBefore = this.#batches;
    state.waiting.push(bytes + ENTRY_BYTES);
    this.#pendingBytes += bytes + ENTRY_BYTES;
    const waiting = seq - this.#delivered(state);
    expect(
      waiting <= state.sender.window,
      () => `${waiting} data messages wait for delivery; the window is ${state.sender.window}`,
    );
    this.#checkMemory();
  }

  /** The store, or an output without one, is given a batch. */
  batchBegun(): void {
    this.#batches++;
  }

  /** A data message is in the store. */
  stored(session: string, seq: number, payload: Uint8Array): void {
    const state = this.#state(session);
    expectSame(seq, ++state.stored, () => `the next data message of ${session} in the store`);
    expectSame(decoder.decode(payload), state.sender.payload(seq), () => `what ${seq} says`);
    const { batchesBefore = Infinity } = state;
    state.batchesBefore = undefined;
    expect(
      this.#batches - batchesBefore <= MOST_BATCHES,
      () => `${seq} of ${session} had to wait for ${this.#batches - batchesBefore - 1} batches`,
    );
    this.#settle(state);
  }

  /** A session begins in the store after this sequence number. */
  storedFrom(session: string, received: number): void {
    const state = this.#state(session);
    expectSame(received, state.stored, () => `where ${session} begins in the store`);
  }

  /** A line is in the output of no store. */
  writtenLine(text: string): void {
    const [session = ""] = text.split(" ");
    const { sender, written } = this.#state(session);
    const expected = sender.payload(written + 1);
    expectSame(text, expected, () => `the next line of ${session} in the output`);
    this.written(session, written + 1);
  }

  /** A data message is in an output, for the first time or again. */
  written(session: string, seq: number): void {
    const state = this.#state(session);
    if (seq <= state.written) return;
    expectSame(seq, ++state.written, () => `the next data message of ${session} in an output`);
    this.#settle(state);
  }

  /** A server starts: nothing waits any more. */
  restarted(): void {
    for (const state of this.#states.values()) {
      if (state.waiting.length > 0) state.waited_ms = this.#options.clock.now();
      state.waiting = [];
    }
    this.#pendingBytes = 0;
  }

  /** A client has heard that all up to a sequence number is delivered. */
  confirmed(session: string, seq: number): void {
    const delivered = this.delivered(session);
    expect(
      seq <= delivered,
      () => `data message ${seq} of ${session} is confirmed; only ${delivered} are delivered`,
    );
  }

  #delivered({ received, stored, written }: State): number {
    const { hasOutput, hasStore } = this.#options;
    if (hasStore && hasOutput) return Math.min(stored, written);
    return hasStore ? stored : hasOutput ? written : received;
  }

  #settle(state: State): void {
    const waiting = Math.max(0, state.received - this.#delivered(state));
    if (state.waiting.length > 0) state.waited_ms = this.#options.clock.now();
    const settled = state.waiting.splice(0, Math.max(0, state.waiting.length - waiting));
    for (const bytes of settled) this.#pendingBytes -= bytes;
  }

  /** What waits stays bounded, but for one read of each session. */
  #checkMemory(): void {
    const { maxPendingBytes = MAX_PENDING_BYTES } = this.#options;
    const most = 2 * maxPendingBytes;
    if (this.#pendingBytes <= most) return;
    let reads = 0;
    for (const { sender, waiting } of this.#states.values()) {
      if (waiting.length > 0) reads += sender.readBytes;
    }
    expect(
      this.#pendingBytes <= most + reads,
      () =>
        `${this.#pendingBytes} bytes wait for delivery; expected ${most} + ${reads} at the most`,
    );
  }

  #state(session: string): State {
    const state = this.#states.get(session);
    expect(state !== undefined, () => `session ${session}, which nobody has begun`);
    return state;
  }
}
