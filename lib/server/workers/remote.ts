/**
 * Delivery and event sink of a worker: both forward to the main thread.
 *
 * @module
 */
import { Recording, Thinning } from "../../evidence/recording/recording.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Event, EventSink } from "../../session/events.ts";
import type { Delivery, Recipient } from "../../store/delivery.ts";
import type { Entry } from "../../store/store.ts";
import type { HoldReason } from "../../wire/protocol.ts";
import type { FromWorker, WorkerRecording } from "./messages.ts";

/** Options for {@linkcode RemoteDelivery}. */
export interface RemoteDeliveryOptions {
  /** Whether sessions outlive this process. */
  isDurable: boolean;
  /** Sends a message to the main thread. */
  send: (message: FromWorker) => void;
  /** Sends a request to the main thread; resolves when that has replied. */
  request: (message: (call: number) => FromWorker) => Promise<void>;
}

/** Delivers data messages through the main thread. */
export class RemoteDelivery implements Delivery {
  /** Whether sessions outlive this process. */
  readonly isDurable: boolean;
  /** The share of a session, as the main thread has it for all workers together. */
  share: number = Number.POSITIVE_INFINITY;
  /** Whether nothing more can be delivered. */
  hasFailed = false;
  readonly #options: RemoteDeliveryOptions;
  /** Recipients with undelivered data messages, and the last one of each, by the recipient's number. */
  readonly #pending = new Map<number, { recipient: Recipient; last: number }>();
  readonly #numbers = new WeakMap<Recipient, number>();
  #lastNumber = 0;
  #room = Promise.withResolvers<void>();

  /** Creates a delivery with nothing under way. */
  constructor(options: RemoteDeliveryOptions) {
    this.#options = options;
    this.isDurable = options.isDurable;
  }

  room(): Promise<void> {
    return this.share === Infinity ? Promise.resolve() : this.#room.promise;
  }

  /** Sets the share; once there is none any more, nobody waits. */
  setShare(share: number): void {
    this.share = share;
    if (share !== Infinity) return;
    this.#room.resolve();
    this.#room = Promise.withResolvers();
  }

  message(recipient: Recipient, message: Entry & { kind: "message" }): void {
    if (this.hasFailed) return;
    let number = this.#numbers.get(recipient);
    if (number === undefined) this.#numbers.set(recipient, number = ++this.#lastNumber);
    this.#pending.set(number, { recipient, last: message.seq });
    // Posting copies the whole buffer of a payload, which other payloads may share.
    const own = { ...message, payload: message.payload.slice() };
    this.#options.send({ kind: "deliver", recipient: number, message: own });
  }

  note(entry: Entry): void {
    if (this.isDurable) this.#options.send({ kind: "store", entry });
  }

  async keep(entry: Entry): Promise<void> {
    await this.#options.request((call) => ({ kind: "store_and_reply", call, entry }));
  }

  async flushed(): Promise<void> {
    await this.#options.request((call) => ({ kind: "flush", call }));
  }

  /** Reports to a recipient that everything up to `seq` is delivered: so many bytes more. */
  onDelivered(number: number, seq: number, bytes: number): void {
    const pending = this.#pending.get(number);
    if (pending?.last === seq) this.#pending.delete(number);
    pending?.recipient.delivered(seq, bytes);
  }

  /** Notifies a recipient that its data messages have been waiting, for this. */
  onHeld(number: number, reason: HoldReason): void {
    this.#pending.get(number)?.recipient.held?.(reason);
  }

  /** Records that nothing more can be delivered. */
  fail(): void {
    this.hasFailed = true;
    this.setShare(Infinity);
    this.#pending.clear();
  }
}

/** How many events of a worker may be unacknowledged: a tenth of a second's worth. */
export const MAX_UNACKNOWLEDGED = 8_192;

/** How far the wall clock may have stepped, in milliseconds, between the starts of two threads, unnoticed. */
const START_LIMIT_MS = 1_000;

/** How the workers of a server record; `undefined` if it is not recorded. */
export function workerRecording(
  { clock, sink, workers }: { clock: Clock; sink: EventSink; workers: number },
): WorkerRecording | undefined {
  const lines_per_s = sink.recording?.thinning.lines_per_s;
  if (lines_per_s === undefined) return undefined;
  const now_ms = clock.now();
  return { lines_per_s, threads: workers, origin_ms: clock.origin_ms ?? 0, now_ms };
}

/** Records through the main thread, with its time. */
export function remoteRecording(
  { now_ms, origin_ms, ...thinning }: WorkerRecording,
  clock: Clock,
  send: (message: FromWorker) => void,
): Recording {
  // The wall clock may have been set between the starts of the two threads.
  const least_ms = now_ms - clock.now();
  const ahead_ms = (clock.origin_ms ?? origin_ms) - origin_ms;
  const isSure = ahead_ms >= least_ms && ahead_ms < least_ms + START_LIMIT_MS;
  return new Recording({
    thinning: new Thinning(thinning),
    write: (lines) => send({ kind: "recorded", lines }),
    clock,
    ahead_ms: isSure ? ahead_ms : least_ms,
  });
}

/** Emits events through the main thread. */
export class RemoteSink implements EventSink {
  readonly wantsMessages: boolean;
  readonly recording?: Recording;
  readonly #send: (message: FromWorker) => void;
  #unacknowledged = 0;
  #waiting: (() => void)[] = [];

  /** Creates a sink; `send` sends a message to the main thread. */
  constructor(
    wantsMessages: boolean,
    send: (message: FromWorker) => void,
    recording?: Recording,
  ) {
    this.wantsMessages = wantsMessages;
    this.#send = send;
    this.recording = recording;
  }

  emit(event: Event): void {
    this.#unacknowledged++;
    this.#send({ kind: "event", event });
  }

  room(): Promise<void> | undefined {
    if (this.#unacknowledged <= MAX_UNACKNOWLEDGED) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Records that the main thread has processed so many events. */
  acknowledge(count: number): void {
    this.#unacknowledged -= count;
    if (this.#unacknowledged > MAX_UNACKNOWLEDGED) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
