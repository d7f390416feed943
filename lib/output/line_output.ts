/**
 * Lines to stdout and stderr that never hold up the program: a terminal that is stopped, or a reader
 * that is slow, costs lines, not heartbeats.
 *
 * @module
 */
import { type ByteSink, concat, writeAll } from "../platform/bytes.ts";
import { type Clock, systemClock } from "../platform/clock.ts";
import { Condition } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";

/** How many bytes may wait for a slow reader. */
const MAX_WAITING_BYTES = 4_194_304;

/** How long, in milliseconds, the end of the program waits for a slow reader. */
const FLUSH_LIMIT_MS = 1_000;

/** Writes lines in order, in the background. */
export class LineOutput {
  readonly #sink: ByteSink;
  readonly #clock: Clock;
  readonly #onLoss: (text: string) => void;
  readonly #changes = new Condition();
  readonly #encoder = new TextEncoder();
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #lost = 0;
  #broken = false;
  #writing = false;

  /** Makes an output; `onLoss` is told, in words, when lines are lost. */
  constructor(sink: ByteSink, onLoss: (text: string) => void, clock: Clock = systemClock) {
    this.#sink = sink;
    this.#onLoss = onLoss;
    this.#clock = clock;
  }

  /** Writes a line, without waiting. */
  write(line: string): void {
    if (this.#broken) return;
    const bytes = this.#encoder.encode(line + "\n");
    if (this.#waitingBytes + bytes.length > MAX_WAITING_BYTES) {
      if (this.#lost++ === 0) this.#onLoss("its reader is too slow; lines are being left out");
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (!this.#writing) this.#writeAll();
  }

  /** Waits until all is written, for a second at the most. */
  async flush(): Promise<void> {
    using limit = new Deadline(this.#clock);
    limit.moveTo(this.#clock.now() + FLUSH_LIMIT_MS);
    await this.#changes.until(() => !this.#writing, limit);
  }

  async #writeAll(): Promise<void> {
    this.#writing = true;
    try {
      for (let lines = this.#take(); lines.length > 0; lines = this.#take()) {
        await writeAll(this.#sink, lines, { clock: this.#clock });
        if (this.#lost > 0) this.#onLoss(`lines left out: ${this.#lost}`);
        this.#lost = 0;
      }
    } catch (error) {
      // The reader is gone, as after `| head`. What this program is for goes on.
      this.#broken = true;
      this.#waiting = [];
      this.#onLoss(error instanceof Error ? error.message : String(error));
    }
    this.#writing = false;
    this.#changes.notify();
  }

  #take(): Uint8Array {
    const lines = concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    return lines;
  }
}
