/**
 * Lines to stdout and stderr that never hold up the program: a terminal that is stopped, or a reader
 * that is slow, costs lines, not heartbeats.
 *
 * @module
 */
import { type Clock, systemClock } from "./clock.ts";
import { Changes, Deadline, sleep } from "./wait.ts";

/** How many bytes may wait for a slow reader. */
const MAX_WAITING_BYTES = 4_194_304;

/** How long, in milliseconds, the end of the program waits for a slow reader. */
const FLUSH_LIMIT_MS = 1_000;

/** How long, in milliseconds, to wait for a slow reader of an output that does not block. */
const RETRY_MS = 10;

/** Where lines go: `Deno.stdout`, `Deno.stderr`. */
export interface LineSink {
  /** Writes some of the bytes: how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** Writes lines in order, in the background. */
export class LineOutput {
  readonly #sink: LineSink;
  readonly #clock: Clock;
  readonly #onLoss: (text: string) => void;
  readonly #changes = new Changes();
  readonly #encoder = new TextEncoder();
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #lost = 0;
  #broken = false;
  #writing = false;

  /** Makes an output; `onLoss` is told, in words, when lines are lost. */
  constructor(sink: LineSink, onLoss: (text: string) => void, clock: Clock = systemClock) {
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
        let rest = lines;
        while (rest.length > 0) rest = rest.subarray(await this.#writeSome(rest));
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

  /** A sink that does not block says so when its reader is slow: tries again in a while. */
  async #writeSome(bytes: Uint8Array): Promise<number> {
    try {
      return await this.#sink.write(bytes);
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      using pause = new Deadline(this.#clock);
      pause.moveTo(this.#clock.now() + RETRY_MS);
      await sleep(pause);
      return 0;
    }
  }

  #take(): Uint8Array {
    const lines = new Uint8Array(this.#waitingBytes);
    let at = 0;
    for (const line of this.#waiting) {
      lines.set(line, at);
      at += line.length;
    }
    this.#waiting = [];
    this.#waitingBytes = 0;
    return lines;
  }
}
