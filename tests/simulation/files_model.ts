/**
 * The files that a server's output may be: they outlive every process, take their time, are moved away and
 * filled up, and are left as a crash in the middle of a write may leave them.
 *
 * @module
 */
import { concat } from "../../lib/platform/bytes.ts";
import type { AppendFile, Files } from "../../lib/store/files.ts";
import { Device, type DeviceOptions } from "./device.ts";
import type { OutputCheck } from "./output_check.ts";
import type { SimulatedProcess } from "./process.ts";
import { expect, guard } from "./violation.ts";

/** The only path that is a pipe. */
export const PIPE = "pipe";

/** Where the first output is. */
export const FIRST_FILE = "out-1";

/** How long, in milliseconds, a pipe has no reader at the most. */
const READER_LIMIT_MS = 10_000;

const LF = 0x0a;

/** What {@linkcode OutputFiles} is made of. */
export interface OutputFilesOptions extends DeviceOptions {
  check: OutputCheck;
}

/** A file, or what went through a pipe from its opening on. */
export class ModelFile {
  /** Its length in bytes. */
  length = 0;
  /** How much of it a loss of power leaves. */
  synced = 0;
  #chunks: Uint8Array[] = [];

  /** Makes an empty one. */
  constructor(readonly path: string, readonly ino: number) {}

  /** Whether it can be read again. */
  get isRegular(): boolean {
    return this.path !== PIPE;
  }

  /** Adds bytes at its end. */
  append(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.length += bytes.length;
  }

  /** Some of its bytes. */
  read(from: number, length: number): Uint8Array {
    let first = this.#chunks.length;
    let start = this.length;
    while (start > from) start -= this.#chunks[--first]!.length;
    return concat(this.#chunks.slice(first)).subarray(from - start, from - start + length);
  }

  /** Loses what is behind a length. */
  cut(length: number): void {
    if (length === this.length) return;
    this.#chunks = [this.read(0, length)];
    this.length = length;
  }
}

interface Write {
  readonly file: ModelFile;
  readonly bytes: Uint8Array;
}

/** The files that one server's output may be. */
export class OutputFiles extends Device<Write> {
  /** Where the output of the next process is. */
  path = FIRST_FILE;
  /** How many bytes still fit on the disk. */
  room = Infinity;
  /** Whether the output of the process that has it open has not been opened in full. */
  isOpening = false;
  /** When the process that has it open was given an error. */
  failed_ms?: number;
  readonly #check: OutputCheck;
  readonly #byPath = new Map<string, ModelFile>();
  readonly #all: ModelFile[] = [];

  constructor(options: OutputFilesOptions) {
    super(options);
    this.#check = options.check;
  }

  /** The files as a process sees them that opens its output. */
  open(process: SimulatedProcess): Files {
    this.failed_ms = undefined;
    this.isOpening = true;
    this.usedAnew();
    const inTime = <T>(latency_ms: number, result: () => T) =>
      new Promise<T>((resolve) =>
        this.after(latency_ms, () => process.whenRunning(() => resolve(result())))
      );
    const open = (file: ModelFile): AppendFile => ({
      state: () => Promise.resolve(stateOf(file)),
      read: (from, length) => Promise.resolve(file.read(from, length)),
      write: (bytes) => this.#write(process, { file, bytes }),
      sync: () => {
        const { length } = file;
        const synced = () => void (file.synced = Math.max(file.synced, length));
        return inTime(this.drawOtherLatency(), synced);
      },
      close: () => {},
    });
    return {
      realPath: (path) => Promise.resolve(path),
      state: (path) => {
        const file = path === PIPE ? new ModelFile(path, 0) : this.#byPath.get(path);
        return Promise.resolve(file && stateOf(file));
      },
      openRegular: (path) =>
        inTime(
          this.drawOtherLatency(),
          () => open(this.#byPath.get(path) ?? this.#create(path)),
        ),
      openPipe: (path) =>
        inTime(this.outputRandom.below(READER_LIMIT_MS), () => open(this.#create(path))),
    };
  }

  /** Moves the file of the output away. */
  move(): void {
    this.#byPath.delete(this.path);
  }

  /** The process is no more: some of what was under way is there, and without power what was synced. */
  crash(how: "killed" | "powered off"): void {
    const { bytes = new Uint8Array(), file } = this.cutOff() ?? {};
    const ends = [...bytes.keys()].filter((at) => bytes[at] === LF);
    const lines = this.random.below(ends.length + 1);
    if (file) {
      const length = this.hasOutputFaults
        ? this.outputRandom.below(Math.min(bytes.length, this.room) + 1)
        : lines === 0
        ? 0
        : ends[lines - 1]! + 1;
      this.#append(file, bytes.subarray(0, length));
    }
    if (how === "killed" || !this.hasOutputFaults) return;
    for (const file of this.#all) {
      if (!file.isRegular || file.synced === file.length) continue;
      file.cut(this.outputRandom.between(file.synced, file.length));
      this.#check.cut(file);
    }
  }

  #create(path: string): ModelFile {
    const file = new ModelFile(path, this.#all.length);
    this.#all.push(file);
    if (file.isRegular) this.#byPath.set(path, file);
    return file;
  }

  #write(process: SimulatedProcess, write: Write): Promise<number> {
    const { bytes, file } = write;
    guard(this.clock, () => {
      expect(!process.dead && !this.underWay, () => "two appends at once");
    });
    const latency_ms = this.isOpening ? this.drawOtherLatency() : this.drawLatency();
    return new Promise((resolve, reject) => {
      this.begin(write, latency_ms, () => {
        const count = Math.min(bytes.length, this.room);
        this.#append(file, bytes.subarray(0, count));
        process.whenRunning(() => {
          const isAway = file.isRegular && this.#byPath.get(file.path) !== file;
          const isFull = count === 0 && bytes.length > 0;
          if (isAway || isFull) this.failed_ms ??= this.clock.now();
          if (isFull) reject(new Error("no space is left"));
          else resolve(count);
        });
      });
    });
  }

  #append(file: ModelFile, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.room -= bytes.length;
    file.append(bytes);
    guard(this.clock, () => this.#check.written(file, bytes));
  }
}

function stateOf({ ino, isRegular, length }: ModelFile) {
  return { isRegular, dev: 1, ino, size: length };
}
