/**
 * Signs of life of a server to a client that hears nothing else: it is held, that is, not read, or its heartbeats
 * wait behind data that cannot be confirmed yet.
 *
 * @module
 */
import type { Clock, Timer } from "../platform/clock.ts";
import { TurnLimiter } from "../platform/turns.ts";
import type { SessionConfig } from "../session/options.ts";
import { HOLD_AFTER_MS } from "../store/hold_watch.ts";

/**
 * How often, in milliseconds, a sign of life is sent at most: the client's thresholds may be anything, also 0, and each
 * sign is an event here.
 */
export const SHORTEST_INTERVAL_MS = 10;

/** A session, as {@linkcode Assurance} sees it. */
export interface AssuredSession {
  /** When the last data message was received, in monotonic milliseconds. */
  readonly lastData_ms: number;
  /** Whether it is not to be read now. */
  readonly isHeld: boolean;
  /** Sends a sign of life. */
  assure(): void;
}

/** Sends signs of life at an interval, from its start to its stop. */
export class Assurance {
  readonly #clock: Clock;
  readonly #session: AssuredSession;
  readonly #interval_ms: number;
  readonly #timer: Timer;
  #isRunning = false;
  /** When data had last been received as the last sign of life was due. */
  #lastData_ms?: number;
  /** Ends a wait of the hold; `undefined` while the session is not held. */
  #release?: () => void;

  /** Makes one that is stopped. The interval is a quarter of the smallest threshold of both sides, within bounds. */
  constructor(
    { clock, timers }: Pick<SessionConfig, "clock" | "timers">,
    clientThreshold_ms: number,
    session: AssuredSession,
  ) {
    const { data_threshold_ms, heart_beat_interval_ms, heart_beat_threshold_ms } = timers;
    const threshold_ms = Math.min(data_threshold_ms, heart_beat_threshold_ms, clientThreshold_ms);
    this.#clock = clock;
    this.#session = session;
    const interval_ms = Math.min(threshold_ms / 4, heart_beat_interval_ms);
    this.#interval_ms = Math.max(interval_ms, SHORTEST_INTERVAL_MS);
    this.#timer = clock.timer(() => this.#send());
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

  /** Whether the session is held. */
  get isHolding(): boolean {
    return this.#release !== undefined;
  }

  /** Ends both: the session has ended. */
  end(): void {
    this.stop();
    this.release();
  }

  /** Has the hold look whether the session is still to be held. */
  release(): void {
    this.#release?.();
  }

  /**
   * Waits as long as the session is held, for room, and sends signs of life meanwhile. Calls `onLong` once if it
   * takes {@linkcode HOLD_AFTER_MS}.
   */
  async hold(room: () => Promise<void>, onLong: () => void): Promise<void> {
    this.start();
    const long = this.#clock.timer(onLong);
    long.set(this.#clock.now() + HOLD_AFTER_MS);
    while (this.#session.isHeld) {
      const ended = new Promise<void>((resolve) => this.#release = resolve);
      await Promise.race([room(), ended]);
      // All are released at once, and what each has read would come in one piece.
      await TurnLimiter.ofReads(this.#clock).turn();
    }
    this.#release = undefined;
    long.clear();
    this.stop();
  }

  /**
   * Sends one, unless the client is read and has sent no data since the last one: what it sends then waits behind
   * none, and is answered.
   */
  #send(): void {
    const { lastData_ms } = this.#session;
    this.#isRunning = this.isHolding || lastData_ms !== this.#lastData_ms;
    if (!this.#isRunning) return;
    this.#lastData_ms = lastData_ms;
    this.#session.assure();
    this.#setTimer();
  }

  #setTimer(): void {
    this.#timer.set(this.#clock.now() + this.#interval_ms);
  }
}
