/**
 * The data messages to an original server: one in flight at a time, and none numbered.
 *
 * @module
 */
import { nextOnGrid } from "../platform/deadline.ts";
import type { Ledger } from "../session/ledger.ts";
import type { Timers } from "../session/timers.ts";

/** Knows when the next data message goes out, and by when it is to be confirmed. */
export class PendingMessage {
  /** When the one in flight was sent, or else the last one, in monotonic milliseconds. */
  sent_ms = 0;
  readonly #ledger: Ledger;
  readonly #timers: Timers;
  readonly #count?: number;
  #next_ms: number;

  /** Makes one that sends first at `first_ms`, and so many messages in all; for ever without a count. */
  constructor(ledger: Ledger, timers: Timers, first_ms: number, count?: number) {
    this.#ledger = ledger;
    this.#timers = timers;
    this.#count = count;
    this.#next_ms = first_ms;
  }

  /** Whether every data message sent is confirmed. */
  get allConfirmed(): boolean {
    return this.#ledger.confirmedUpTo === this.#ledger.dataSent;
  }

  /** Whether as many data messages as were asked for are confirmed. */
  get done(): boolean {
    return this.#ledger.confirmedUpTo === this.#count;
  }

  /** When the next may go out; `Infinity` while one is in flight, or none is left. */
  get next_ms(): number {
    return this.allConfirmed && !this.done ? this.#next_ms : Infinity;
  }

  /** By when the confirmation of the one in flight is due; `Infinity` if none is. */
  get due_ms(): number {
    return this.allConfirmed ? Infinity : this.sent_ms + this.#timers.data_threshold_ms;
  }

  /** Counts the next one as sent: on its grid, or off it after an outage. */
  send(now_ms: number): void {
    this.#next_ms = nextOnGrid(this.#next_ms, now_ms, this.#timers.data_interval_ms);
    this.#ledger.dataSent++;
    this.sent_ms = now_ms;
  }

  /** Counts the one in flight as sent again. */
  sendAgain(now_ms: number): void {
    this.#next_ms = now_ms + this.#timers.data_interval_ms;
    this.sent_ms = now_ms;
  }
}
