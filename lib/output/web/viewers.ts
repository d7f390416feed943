/**
 * Sends server-sent events (HTML Living Standard, section 9.2) to all who look on: the same bytes to each, soon
 * after something changed, and from time to time all the same.
 *
 * @module
 */
import type { Clock, Timer } from "../../platform/clock.ts";
import type { HttpStream } from "../../platform/net/http/http.ts";
import { BusyError, SHARE } from "./budget.ts";

/** How far apart, in milliseconds, events are at least. */
export const LEAST_INTERVAL_MS = 1_000;

/** How far apart they are while nothing changes. */
export const CALM_INTERVAL_MS = 2_000;

/** How far apart they are at most, however long it takes to make one. */
const MOST_INTERVAL_MS = 10_000;

/** How many may look on: some connections are left for other requests. */
const MAX_VIEWERS = 200;

/** Options for {@linkcode Viewers}. */
export interface ViewersOptions {
  /** Time. */
  readonly clock: Clock;
  /** Makes the data of an event. */
  readonly makeData: () => Promise<Uint8Array | undefined>;
  /** Called before each event: returns how long it took, in milliseconds, to make all documents since the last. */
  readonly renew: () => number;
  /** Reports what `makeData` threw, which is a defect. */
  readonly onDefect: (error: unknown) => void;
}

/** Those who look on. */
export class Viewers {
  readonly #options: ViewersOptions;
  readonly #streams = new Set<HttpStream>();
  readonly #timer: Timer;
  #last_ms = -Infinity;
  #least_ms = LEAST_INTERVAL_MS;
  #isSending = false;
  /** Whether something changed while the last event was made. */
  #hasChanged = false;

  /** Has nobody look on yet. */
  constructor(options: ViewersOptions) {
    this.#options = options;
    this.#timer = options.clock.timer(() => void this.#send());
  }

  /** Whether one more may look on. */
  get hasRoom(): boolean {
    return this.#streams.size < MAX_VIEWERS;
  }

  /** Sends events to a stream, from now until it is closed. */
  add(stream: HttpStream): void {
    this.#streams.add(stream);
    stream.closed.then(() => {
      this.#streams.delete(stream);
      if (this.#streams.size === 0) this.#timer.clear();
    });
    // What was made for others within the last second is still there.
    void this.#greet(stream);
    if (this.#streams.size === 1) this.#sendBy(this.#options.clock.now() + CALM_INTERVAL_MS);
  }

  /** Something changed: an event is due as soon as the last one is old enough. */
  changed(): void {
    this.#hasChanged = true;
    if (this.#streams.size > 0) this.#sendBy(this.#last_ms + this.#least_ms);
  }

  /** Sends nothing any more. */
  close(): void {
    this.#timer.clear();
    this.#streams.clear();
  }

  #sendBy(at_ms: number): void {
    if (!this.#isSending) this.#timer.set(Math.max(at_ms, this.#options.clock.now()));
  }

  async #greet(stream: HttpStream): Promise<void> {
    const event = await this.#makeEvent();
    if (event) stream.write(event);
  }

  async #send(): Promise<void> {
    const { clock, renew } = this.#options;
    const spent_ms = renew();
    this.#least_ms = Math.min(Math.max(LEAST_INTERVAL_MS, SHARE * spent_ms), MOST_INTERVAL_MS);
    this.#isSending = true;
    this.#hasChanged = false;
    this.#last_ms = clock.now();
    const event = await this.#makeEvent();
    this.#isSending = false;
    // A stream that has not taken the last one gets the next one that comes after it has.
    if (event) { for (const stream of this.#streams) stream.write(event); }
    if (this.#streams.size === 0) return;
    const interval_ms = this.#hasChanged ? this.#least_ms : CALM_INTERVAL_MS;
    this.#sendBy(this.#last_ms + Math.max(interval_ms, this.#least_ms));
  }

  async #makeEvent(): Promise<Uint8Array | undefined> {
    try {
      const data = await this.#options.makeData();
      if (!data) return undefined;
      const event = new Uint8Array(START.length + data.length + END.length);
      event.set(START);
      event.set(data, START.length);
      event.set(END, START.length + data.length);
      return event;
    } catch (error) {
      // Whoever asks for too much else delays the event, too.
      if (!(error instanceof BusyError)) this.#options.onDefect(error);
      return undefined;
    }
  }
}

const encoder = new TextEncoder();
const START = encoder.encode("data: ");
const END = encoder.encode("\n\n");
