/**
 * Signs of life of a server to a client that hears nothing else: it is not read, or its heartbeats wait
 * behind data that cannot be confirmed yet.
 *
 * @module
 */
import type { Clock, Timer } from "../platform/clock.ts";
import type { SessionConfig } from "../session/options.ts";

/** Sends at an interval, from its start to its stop. */
export class Assurance {
  readonly #clock: Clock;
  readonly #interval_ms: number;
  readonly #timer: Timer;
  #isRunning = false;

  /**
   * Makes one that is stopped. `send` is called each quarter of the smallest threshold of both sides, and
   * returns false to stop.
   */
  constructor(
    { clock, timers }: Pick<SessionConfig, "clock" | "timers">,
    clientThreshold_ms: number,
    send: () => boolean,
  ) {
    const { data_threshold_ms, heart_beat_interval_ms, heart_beat_threshold_ms } = timers;
    const threshold_ms = Math.min(data_threshold_ms, heart_beat_threshold_ms, clientThreshold_ms);
    this.#clock = clock;
    this.#interval_ms = Math.min(threshold_ms / 4, heart_beat_interval_ms);
    this.#timer = clock.timer(() => {
      this.#isRunning = send();
      if (this.#isRunning) this.#setTimer();
    });
  }

  /** Sends for the first time after one interval; does nothing if it is running. */
  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#setTimer();
  }

  /** Sends no more. */
  stop(): void {
    this.#isRunning = false;
    this.#timer.clear();
  }

  #setTimer(): void {
    this.#timer.set(this.#clock.now() + this.#interval_ms);
  }
}
