/**
 * Checks what is in the outputs of a server, over all its processes and whatever becomes of the files: each
 * has messages in the order of the store, once; none is in no output when a server listens; what a new
 * file or a pipe has again is little.
 *
 * @module
 */
import type { EntryOf } from "../../lib/store/store.ts";
import type { VirtualClock } from "../support/virtual_clock.ts";
import type { Deliveries } from "./deliveries.ts";
import type { ModelFile } from "./files_model.ts";
import type { SimulatedProcess } from "./process.ts";
import type { Disk } from "./store_model.ts";
import { expect, expectSame } from "./violation.ts";

/** How long, in milliseconds, what is written may not be recorded, on devices that take no time. */
const UNRECORDED_MS = 5_000;

const LF = 0x0a;

const decoder = new TextDecoder();

/** What {@linkcode OutputCheck} is made of. */
export interface OutputCheckOptions {
  clock: VirtualClock;
  deliveries: Deliveries;
  /** The store; without one, an output has whole lines, and nothing becomes of it. */
  disk?: Disk;
}

/** The lines of a file. */
interface Lines {
  /** The number of the first message in it. */
  readonly first: number;
  /** Where each line ends, in bytes. */
  readonly ends: number[];
  length: number;
}

/** Watches the outputs of one server. */
export class OutputCheck {
  readonly #options: OutputCheckOptions;
  readonly #lines = new Map<ModelFile, Lines>();
  /** In how many files each message is, by number. */
  readonly #copies: number[] = [0];
  /** Every message up to this one is in an output. */
  #writtenUpTo = 0;
  /** Up to which message each output must be known to be written, when it is opened again. */
  readonly #recorded = new Map<string, number>();
  /** What the process under way has written, and when. */
  #log: { readonly at_ms: number; readonly number: number }[] = [];

  constructor(options: OutputCheckOptions) {
    this.#options = options;
  }

  /** Bytes were appended to a file. */
  written(file: ModelFile, bytes: Uint8Array): void {
    const { deliveries, disk } = this.#options;
    if (!disk) {
      const lines = decoder.decode(bytes).split("\n").slice(0, -1);
      return lines.forEach((line) => deliveries.writtenLine(line));
    }
    const lines = this.#lines.get(file) ?? this.#begin(file, disk);
    for (let rest = bytes; rest.length > 0;) {
      const number = lines.first + lines.ends.length;
      const message = disk.messages[number - 1];
      expect(message !== undefined, () => `${file.path} has ${number} lines, more than are stored`);
      const from = lines.length - (lines.ends.at(-1) ?? 0);
      const { payload } = message;
      const count = Math.min(payload.length + 1 - from, rest.length);
      for (let at = 0; at < count; at++) {
        const expected = payload[from + at] ?? LF;
        expectSame(rest[at], expected, () => `byte ${from + at} of ${number} in ${file.path}`);
      }
      rest = rest.subarray(count);
      lines.length += count;
      if (from + count > payload.length) this.#complete(lines, number, message);
    }
  }

  /** A file lost what was behind its new length. */
  cut(file: ModelFile): void {
    const lines = this.#lines.get(file);
    if (!lines) return;
    lines.length = file.length;
    while ((lines.ends.at(-1) ?? 0) > file.length) {
      lines.ends.pop();
      const number = lines.first + lines.ends.length;
      if (--this.#copies[number]! === 0) {
        this.#writtenUpTo = Math.min(this.#writtenUpTo, number - 1);
      }
    }
  }

  /** A process has opened its output, and is about to listen. */
  opened(path: string): void {
    const { disk } = this.#options;
    if (!disk) return;
    const stored = disk.messages.length;
    expect(
      this.#writtenUpTo === stored,
      () => `messages ${this.#writtenUpTo + 1} to ${stored} are stored, and in no output`,
    );
    this.#recorded.set(path, stored);
  }

  /**
   * A process that had this output is no more. What it wrote long enough ago is recorded, by devices that
   * took so long over anything.
   */
  ended(path: string, process: SimulatedProcess, slowest_ms: number): void {
    const until_ms = this.#options.clock.now() - UNRECORDED_MS - 4 * slowest_ms;
    const last = this.#log.findLast(({ at_ms }) => at_ms <= until_ms);
    this.#log = [];
    if (!last || !process.ranSince(until_ms)) return;
    this.#recorded.set(path, Math.max(last.number, this.#recorded.get(path) ?? 0));
  }

  /** Finds with which message a file begins: where the store knows its output to end. */
  #begin(file: ModelFile, disk: Disk): Lines {
    const { path } = file;
    const { position, start } = disk.position(path);
    const first = 1 + (position?.number ?? start);
    const recorded = this.#recorded.get(path) ?? Math.max(0, ...this.#recorded.values());
    expect(
      first > recorded,
      () => `${path} begins with message ${first}; that up to ${recorded} are written is known`,
    );
    const lines = { first, ends: [], length: 0 };
    this.#lines.set(file, lines);
    return lines;
  }

  #complete(lines: Lines, number: number, { seq, session }: EntryOf<"message">): void {
    const { clock, deliveries } = this.#options;
    lines.ends.push(lines.length);
    this.#log.push({ at_ms: clock.now(), number });
    this.#copies[number] = 1 + (this.#copies[number] ?? 0);
    while (this.#copies[this.#writtenUpTo + 1]) this.#writtenUpTo++;
    deliveries.written(session, seq);
  }
}
