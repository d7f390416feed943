/**
 * Notices data messages that have been waiting for delivery for some time, so that whoever waits for their
 * confirmations knows what for.
 *
 * @module
 */
import type { Clock, Timer } from "../platform/clock.ts";
import type { HoldReason } from "../wire/protocol.ts";
import type { Recipient, Waiting } from "./queue.ts";

/** How long, in milliseconds, a data message may wait before its recipient is notified. */
export const HOLD_AFTER_MS = 1_000;

/** How often, in milliseconds, that is checked: what waits is noticed within 1.5 s. */
export const HOLD_CHECK_MS = 500;

/** Notifies recipients whose data messages wait, once until the next is delivered. */
export class HoldWatch {
  readonly #clock: Clock;
  readonly #queues: () => Waiting[];
  readonly #reasonOf: (queue: Waiting) => HoldReason;
  readonly #timer: Timer;
  readonly #held = new Set<Recipient>();
  #isRunning = false;

  /** Makes a watch on these queues, each of which waits for something. */
  constructor(clock: Clock, queues: () => Waiting[], reasonOf: (queue: Waiting) => HoldReason) {
    this.#clock = clock;
    this.#queues = queues;
    this.#reasonOf = reasonOf;
    this.#timer = clock.timer(() => this.#check());
  }

  /** Something waits: watches, if it does not do so. */
  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#timer.set(this.#clock.now() + HOLD_CHECK_MS);
  }

  /** Nothing waits any more. */
  stop(): void {
    this.#isRunning = false;
    this.#timer.clear();
    this.#held.clear();
  }

  /** Data messages of this recipient are delivered. */
  delivered(recipient: Recipient): void {
    this.#held.delete(recipient);
  }

  #check(): void {
    this.#isRunning = false;
    const late_ms = this.#clock.now() - HOLD_AFTER_MS;
    for (const queue of this.#queues()) {
      for (const recipient of queue.recipients) {
        if (!recipient.held || this.#held.has(recipient)) continue;
        // Once everybody is notified, the next message starts the watch again.
        if (queue.since_ms > late_ms) {
          this.start();
          break;
        }
        this.#held.add(recipient);
        recipient.held(this.#reasonOf(queue));
      }
    }
  }
}
