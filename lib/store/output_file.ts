/**
 * Appends each message as one line to a regular file, a named pipe or stdout.
 *
 * @module
 */
import { type ByteSink, joinLines, writeAll } from "../platform/bytes.ts";
import { type Clock, systemClock } from "../platform/clock.ts";
import { warnIfSlow } from "../platform/deadline.ts";
import { writeErrorText } from "../platform/errors.ts";
import { type AppendFile, type Files, systemFiles } from "./files.ts";
import { type MessageOutput, OutputError } from "./store.ts";

/** The name of stdout. */
export const STDOUT = "-";

/** Warns when a named pipe has had no reader for so long, in milliseconds. */
const READER_WARN_AFTER_MS = 1_000;

/** Warns when a write has taken so long, in milliseconds. */
const WRITE_WARN_AFTER_MS = 2_000;

const NEWLINE = 0x0a;

/** Options for opening an output. */
export interface OutputOptions {
  /** Called with a sentence for the user when opening or a write is slow. */
  tell?: (text: string) => void;
  /** Time. */
  clock?: Clock;
  /** The files of the machine. */
  files?: Files;
}

/**
 * Opens an output to append to, and creates the file if it does not exist; `-` is stdout. Opening a
 * named pipe waits for a reader.
 *
 * @throws {OutputError}
 */
export async function openOutput(
  path: string,
  options: OutputOptions = {},
): Promise<MessageOutput> {
  const output = await OutputFile.open(path, options);
  if (await output.endLine()) options.tell?.(cutOffText(path));
  return output;
}

/** Reports that the last line of an output was incomplete. */
export function cutOffText(path: string): string {
  return `the last line of the output ${path} was incomplete, as a kill or a full disk leaves it; ` +
    `it was ended, and new messages follow`;
}

/** What an output writes to, and closes if it can be closed. */
interface OutputSink extends ByteSink {
  close?(): void;
}

/** It stays open when its output is closed. */
const stdout: OutputSink = { write: (bytes) => Deno.stdout.write(bytes) };

/** Where a regular file is, and what must be true of it as long as it is used. */
interface Place {
  readonly path: string;
  readonly dev: number;
  readonly ino: number | null;
  /** Its length after the last write. */
  length: number;
}

/** An open output. After an error, every later use throws the same one. */
export class OutputFile implements MessageOutput {
  readonly #name: string;
  readonly #sink: OutputSink;
  readonly #file?: AppendFile;
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #tell: (text: string) => void;
  readonly #closed = new AbortController();
  #place?: Place;
  #failure?: OutputError;

  /** Makes an output that writes to a sink; `file` is the same file if it is a regular one. */
  constructor(
    name: string,
    sink: OutputSink,
    file?: AppendFile,
    { clock = systemClock, files = systemFiles, tell = () => {} }: OutputOptions = {},
  ) {
    this.#name = name === STDOUT ? "to stdout" : `the output ${name}`;
    this.#sink = sink;
    this.#file = file;
    this.#files = files;
    this.#clock = clock;
    this.#tell = tell;
  }

  /**
   * Opens an output.
   *
   * @throws {OutputError}
   */
  static async open(path: string, options: OutputOptions = {}): Promise<OutputFile> {
    if (path === STDOUT) return new OutputFile(path, stdout, undefined, options);
    const { clock = systemClock, files = systemFiles } = options;
    try {
      const { isRegular = true } = await files.state(path) ?? {};
      if (!isRegular) {
        return new OutputFile(path, await openPipe(path, options), undefined, options);
      }
      const file = await files.openRegular(path, clock);
      const output = new OutputFile(path, file, file, options);
      const { dev, ino, size } = await file.state();
      output.#place = { path, dev, ino, length: size };
      return output;
    } catch (error) {
      throw new OutputError(`cannot open the output ${path}: ${writeErrorText(error)}`);
    }
  }

  /** Whether it is a regular file, which has a length and can be read again. */
  get isRegular(): boolean {
    return this.#file !== undefined;
  }

  async append(payloads: readonly Uint8Array[]): Promise<void> {
    await this.write(joinLines(payloads));
  }

  /** Appends bytes; a regular file must still be in its place after that. */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#use("write", async () => {
      await this.#writeAll(bytes);
      await this.#checkInPlace(bytes.length);
    });
  }

  /**
   * Ends the last line of a regular file, if a kill or a full disk has cut it off; whether that was
   * so.
   */
  async endLine(): Promise<boolean> {
    const size = await this.size();
    if (size === 0) return false;
    const [last] = await this.read(size - 1, 1);
    if (last === NEWLINE) return false;
    await this.write(Uint8Array.of(NEWLINE));
    return true;
  }

  /** The length of a regular file in bytes; 0 for anything else. */
  async size(): Promise<number> {
    return await this.#use("write", async () => (await this.#file?.state())?.size ?? 0);
  }

  /** The same after the last write, without asking the system. */
  get length(): number {
    return this.#place?.length ?? 0;
  }

  /** Reads bytes of a regular file: fewer than `length` only at its end. */
  async read(from: number, length: number): Promise<Uint8Array> {
    return await this.#use("read", () => this.#file!.read(from, length));
  }

  /** Syncs to the disk what a regular file has, also after an error. */
  async sync(): Promise<void> {
    await this.#try("write", async () => await this.#file?.sync());
  }

  close(): Promise<void> {
    if (!this.#closed.signal.aborted) this.#sink.close?.();
    this.#closed.abort(new OutputError(`cannot write ${this.#name}: it is closed`));
    return Promise.resolve();
  }

  /** Writes bytes, and warns if nobody takes them. */
  async #writeAll(bytes: Uint8Array): Promise<void> {
    const clock = this.#clock;
    const began_ms = clock.now();
    let isLate = false;
    const warn = () => {
      isLate = true;
      const cause = this.#file ? "its disk is slow" : "its reader has stopped, or is slow";
      this.#tell(
        `writing ${this.#name} has taken ${WRITE_WARN_AFTER_MS / 1000} s: ${cause}; nothing is ` +
          `confirmed until it is done`,
      );
    };
    const writing = writeAll(this.#sink, bytes, { clock, signal: this.#closed.signal });
    await warnIfSlow(writing, { clock, warnAfter_ms: WRITE_WARN_AFTER_MS, warn });
    const took_s = (clock.now() - began_ms) / 1000;
    if (isLate) this.#tell(`writing ${this.#name} was done after ${took_s.toFixed(1)} s`);
  }

  /** Writes to a file that was moved away or deleted succeed: they must not be confirmed. */
  async #checkInPlace(written: number): Promise<void> {
    const place = this.#place;
    if (!place) return;
    const { dev, ino, size } = await this.#files.state(place.path) ?? {};
    const isSame = dev === place.dev && ino === place.ino;
    if (isSame && size! >= place.length + written) return void (place.length = size!);
    throw new Error(
      "it was deleted, moved, replaced or cut while this server used it; leave it alone while a " +
        "server runs, and start again",
    );
  }

  async #use<Result>(use: "read" | "write", work: () => Promise<Result>): Promise<Result> {
    if (this.#failure) throw this.#failure;
    return await this.#try(use, work);
  }

  async #try<Result>(use: "read" | "write", work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      this.#failure ??= error instanceof OutputError
        ? error
        : new OutputError(`cannot ${use} ${this.#name}: ${writeErrorText(error)}`);
      throw this.#failure;
    }
  }
}

async function openPipe(
  path: string,
  { clock = systemClock, files = systemFiles, tell = () => {} }: OutputOptions,
): Promise<AppendFile> {
  return await warnIfSlow(files.openPipe(path), {
    clock,
    warnAfter_ms: READER_WARN_AFTER_MS,
    warn: () =>
      tell(
        `nobody reads the output ${path}, a pipe: waiting for a reader before the server listens`,
      ),
  });
}
