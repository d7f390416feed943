/**
 * Where a worker's events go: to the main thread, no faster than that can tell them.
 *
 * @module
 */
import type { Event, EventSink } from "./events.ts";
import type { FromWorker } from "./worker_messages.ts";

/** How many events of a worker may be on their way: a tenth of a second's worth. */
export const MAX_UNTOLD = 8_192;

/** Hands on events. */
export class WorkerSink implements EventSink {
  /** Whether the events of every data message are wanted. */
  readonly wantsMessages: boolean;
  readonly #say: (message: FromWorker) => void;
  #untold = 0;
  #waiting: (() => void)[] = [];

  /** Makes it of the way to the main thread. */
  constructor(wantsMessages: boolean, say: (message: FromWorker) => void) {
    this.wantsMessages = wantsMessages;
    this.#say = say;
  }

  /** Takes one event. */
  emit(event: Event): void {
    this.#untold++;
    this.#say({ kind: "event", event });
  }

  /** Resolves when there is room for more events; nothing if there is. */
  room(): Promise<void> | undefined {
    if (this.#untold <= MAX_UNTOLD) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Hears that so many events have been told. */
  told(count: number): void {
    this.#untold -= count;
    if (this.#untold > MAX_UNTOLD) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
