/**
 * Writes lines to stdout and stderr without blocking: a stopped terminal or a slow reader costs lines, not
 * heartbeats.
 *
 * @module
 */
import { type ByteSink, writeAll } from "../platform/bytes.ts";
import { type Clock, systemClock } from "../platform/clock.ts";
import { Condition } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";
import { writeErrorText } from "../platform/errors.ts";

/** How many characters a slow reader may leave pending. */
const MAX_PENDING = 4_194_304;

/** How long, in milliseconds, the program waits for a slow reader at its end. */
const FLUSH_LIMIT_MS = 1_000;

/** Writes lines in order, in the background. */
export class LineOutput {
  readonly #sink: ByteSink;
  readonly #clock: Clock;
  readonly #onLoss: (text: string) => void;
  readonly #changes = new Condition();
  readonly #encoder = new TextEncoder();
  /** Encoded together when they are written: thousands of lines may come at once. */
  #pending: string[] = [];
  #pendingLength = 0;
  #lost = 0;
  #broken = false;
  #writing = false;

  /** Creates an output; `onLoss` receives a sentence when lines are lost. */
  constructor(sink: ByteSink, onLoss: (text: string) => void, clock: Clock = systemClock) {
    this.#sink = sink;
    this.#onLoss = onLoss;
    this.#clock = clock;
  }

  /** Writes a line without waiting. */
  write(line: string): void {
    if (this.#broken) return;
    const length = line.length + 1;
    if (this.#pendingLength + length > MAX_PENDING) {
      if (this.#lost++ === 0) this.#onLoss("its reader is too slow; lines are being left out");
      return;
    }
    this.#pending.push(line);
    this.#pendingLength += length;
    if (!this.#writing) this.#writeAll();
  }

  /** Waits until all is written, for at most a second. */
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
      // The reader has closed, as after `| head`: the sessions continue without output.
      this.#broken = true;
      this.#pending = [];
      this.#onLoss(writeErrorText(error));
    }
    this.#writing = false;
    this.#changes.notify();
  }

  #take(): Uint8Array {
    const lines = this.#pending;
    this.#pending = [];
    this.#pendingLength = 0;
    return this.#encoder.encode(lines.length === 0 ? "" : lines.join("\n") + "\n");
  }
}
