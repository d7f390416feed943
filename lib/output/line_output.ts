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
import { UsageError, writeErrorText } from "../platform/errors.ts";

/** How many characters a slow reader may leave pending. */
const MAX_PENDING = 4_194_304;

/** How many, before a line is left out that is to be kept: the ends of some ten thousand sessions. */
const MAX_PENDING_KEPT = 33_554_432;

/** How many bytes are written at once: as many as a pipe takes, so that it shows whether its reader reads. */
const BYTES_PER_WRITE = 65_536;

/**
 * How long, in milliseconds, the program waits at its end for a reader that takes nothing. When hundreds of TLS
 * connections are closed at once, Deno itself writes nothing for a second: that takes all of its blocking threads.
 */
const FLUSH_IDLE_MS = 3_000;

/** How long, in milliseconds, it waits for one that does. */
const FLUSH_LIMIT_MS = 10_000;

/** What stands below the lines on a terminal. */
export interface Footer {
  /**
   * What to write instead of lines, each with its end, so that it stands below them; without lines, what has
   * changed of it. Called only when that is written at once.
   */
  around(lines: string): string;
}

/** Writes lines in order, in the background. */
export class LineOutput {
  /** What stands below the lines. */
  footer?: Footer;
  readonly #sink: ByteSink;
  readonly #clock: Clock;
  readonly #onLoss: (text: string) => void;
  readonly #changes = new Condition();
  readonly #encoder = new TextEncoder();
  /** Encoded together when they are written: thousands of lines may come at once. */
  #pending: string[] = [];
  #pendingLength = 0;
  #lost = 0;
  #leftOut = 0;
  #broken = false;
  /** Whether lines wait for others, to be written with them. */
  #isGathering = false;
  /** What is being written; `undefined` if nothing is. */
  #unwritten?: Uint8Array;

  /** Creates an output; `onLoss` receives a sentence when lines are lost. */
  constructor(sink: ByteSink, onLoss: (text: string) => void, clock: Clock = systemClock) {
    this.#sink = sink;
    this.#onLoss = onLoss;
    this.#clock = clock;
  }

  /** How many lines have been left out. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /** Writes a line without waiting; one that is to be kept is left out only far later than others. */
  write(line: string, { isKept } = { isKept: false }): void {
    if (this.#broken) return;
    const length = line.length + 1;
    if (this.#pendingLength + length > (isKept ? MAX_PENDING_KEPT : MAX_PENDING)) {
      this.#leftOut++;
      if (this.#lost++ === 0) {
        this.#onLoss("its reader is too slow; lines are being left out; sessions go on");
      }
      return;
    }
    this.#pending.push(line);
    this.#pendingLength += length;
    if (!this.#unwritten && !this.#isGathering) this.#writeAll();
  }

  /** Writes the lines of a callback together: the first would else be written alone, and the others after it. */
  together(writeLines: () => void): void {
    this.#isGathering = true;
    try {
      writeLines();
    } finally {
      this.#isGathering = false;
      if (!this.#unwritten && this.#pending.length > 0) this.#writeAll();
    }
  }

  /** Writes what has changed of the footer; while something is being written, after that. */
  refresh(): void {
    if (!this.#broken && !this.#unwritten) this.#writeAll();
  }

  /** Waits until all is written, as long as its reader takes something every three seconds, for at most ten. */
  async flush(): Promise<void> {
    using limit = new Deadline(this.#clock);
    const latest_ms = this.#clock.now() + FLUSH_LIMIT_MS;
    while (this.#unwritten) {
      const before = this.#unwritten;
      limit.moveTo(Math.min(latest_ms, this.#clock.now() + FLUSH_IDLE_MS));
      const hasMoved = await this.#changes.until(() => this.#unwritten !== before, limit);
      if (!hasMoved) break;
    }
    if (!this.#unwritten) return;
    const lines = this.#pending.length + this.#unwritten.filter((byte) => byte === NEWLINE).length;
    this.#onLoss(`its reader has left ${lines} lines unread at the end`);
  }

  async #writeAll(): Promise<void> {
    try {
      for (let lines = this.#take(); lines.length > 0; lines = this.#take()) {
        await this.#writeLines(lines);
        if (this.#lost > 0) this.#onLoss(`lines left out: ${this.#lost}`);
        this.#lost = 0;
      }
    } catch (error) {
      // The reader has closed, as after `| head`: the sessions continue without output.
      this.#broken = true;
      this.#pending = [];
      this.#onLoss(`${writeErrorText(error)}; sessions go on`);
    }
    this.#unwritten = undefined;
    this.#changes.notify();
  }

  async #writeLines(lines: Uint8Array): Promise<void> {
    for (let at = 0; at < lines.length; at += BYTES_PER_WRITE) {
      this.#unwritten = lines.subarray(at);
      this.#changes.notify();
      const part = lines.subarray(at, at + BYTES_PER_WRITE);
      await writeAll(this.#sink, part, { clock: this.#clock });
    }
  }

  #take(): Uint8Array {
    const lines = this.#pending;
    this.#pending = [];
    this.#pendingLength = 0;
    const text = lines.length === 0 ? "" : lines.join("\n") + "\n";
    return this.#encoder.encode(this.footer?.around(text) ?? text);
  }
}

const NEWLINE = 10;

/**
 * Writes a text that is all that was asked for, such as a new key, unless its reader has gone, as after `| head`.
 *
 * @throws {UsageError} If it cannot be written, as on a full disk.
 */
export async function writeText(
  stdout: ByteSink,
  text: string,
  clock: Clock = systemClock,
): Promise<void> {
  try {
    await writeAll(stdout, new TextEncoder().encode(text), { clock });
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return;
    throw new UsageError(`stdout: ${writeErrorText(error)}`);
  }
}
