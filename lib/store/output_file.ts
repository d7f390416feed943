/**
 * The file to which the server appends each message as one line: a regular file, a pipe, stdout.
 *
 * @module
 */
import { type ByteSink, joinLines, writeAll } from "../platform/bytes.ts";
import { type Clock, systemClock } from "../platform/clock.ts";
import { sleep } from "../platform/condition.ts";
import { Deadline, warnIfSlow } from "../platform/deadline.ts";
import { writeErrorText } from "../platform/errors.ts";
import { type MessageOutput, OutputError } from "./store.ts";

/** The name of stdout. */
export const STDOUT = "-";

/** How long, in milliseconds, a pipe may have no reader before that is told. */
const READER_WARN_AFTER_MS = 1_000;

/** How long, in milliseconds, another server may take to let go of an output. */
const LOCK_PATIENCE_MS = 1_000;

const NEWLINE = 0x0a;

/** Options for {@linkcode openOutput}. */
export interface OutputOptions {
  /** Told, in words, that the output keeps everyone waiting. */
  tell?: (text: string) => void;
  /** Time. */
  clock?: Clock;
}

/**
 * Opens an output to append to, and makes the file if it is not there; `-` is stdout. A pipe with a
 * name is opened once it has a reader.
 *
 * @throws {OutputError} What is wrong, in one sentence.
 */
export async function openOutput(
  path: string,
  options: OutputOptions = {},
): Promise<MessageOutput> {
  const output = await OutputFile.open(path, options);
  await output.endLine();
  return output;
}

/** An output, open to append to. */
export class OutputFile implements MessageOutput {
  readonly #name: string;
  readonly #sink: ByteSink;
  readonly #file?: Deno.FsFile;
  readonly #clock: Clock;
  readonly #closed = new AbortController();
  #failure?: OutputError;

  /** Makes an output; `file` is the regular file that it is, if it is one. */
  constructor(name: string, sink: ByteSink, file?: Deno.FsFile, clock: Clock = systemClock) {
    this.#name = name === STDOUT ? "to stdout" : `the output ${name}`;
    this.#sink = sink;
    this.#file = file;
    this.#clock = clock;
  }

  /** Opens an output. */
  static async open(path: string, options: OutputOptions = {}): Promise<OutputFile> {
    if (path === STDOUT) return new OutputFile(path, Deno.stdout);
    try {
      const isRegular = await isRegularOrNew(path);
      const file = await (isRegular ? openRegular(path, options) : openPipe(path, options));
      return new OutputFile(path, file, isRegular ? file : undefined);
    } catch (error) {
      throw new OutputError(`cannot open the output ${path}: ${writeErrorText(error)}`);
    }
  }

  /** Whether it is a regular file: it has a length, and keeps what is written to it. */
  get isRegular(): boolean {
    return this.#file !== undefined;
  }

  async append(payloads: readonly Uint8Array[]): Promise<void> {
    await this.write(joinLines(payloads));
  }

  /** Appends bytes. */
  async write(bytes: Uint8Array): Promise<void> {
    const options = { clock: this.#clock, signal: this.#closed.signal };
    await this.#use("write", () => writeAll(this.#sink, bytes, options));
  }

  /** Ends the last line of a regular file, if it has no end: it was cut off by a kill or a full disk. */
  async endLine(): Promise<void> {
    const size = await this.size();
    if (size === 0) return;
    const [last] = await this.read(size - 1, 1);
    if (last !== NEWLINE) await this.write(Uint8Array.of(NEWLINE));
  }

  /** The length of a regular file; 0 of anything else. */
  async size(): Promise<number> {
    return await this.#use("write", async () => this.#file ? (await this.#file.stat()).size : 0);
  }

  /** Bytes of a regular file: so many from there on, or as many as there are. */
  async read(from: number, length: number): Promise<Uint8Array> {
    return await this.#use("read", async () => {
      const bytes = new Uint8Array(length);
      await this.#file!.seek(from, Deno.SeekMode.Start);
      let at = 0;
      while (at < length) {
        const count = await this.#file!.read(bytes.subarray(at));
        if (count === null) break;
        at += count;
      }
      return bytes.subarray(0, at);
    });
  }

  /** Resolves once a regular file survives a loss of power. */
  async sync(): Promise<void> {
    await this.#use("write", async () => await this.#file?.syncData());
  }

  close(): Promise<void> {
    if (!this.#closed.signal.aborted && this.#sink instanceof Deno.FsFile) this.#sink.close();
    this.#closed.abort(new OutputError(`cannot write ${this.#name}: it is closed`));
    return Promise.resolve();
  }

  /** Uses the file; the first error is that of all later uses. */
  async #use<Result>(use: "read" | "write", work: () => Promise<Result>): Promise<Result> {
    if (this.#failure) throw this.#failure;
    try {
      return await work();
    } catch (error) {
      this.#failure = error instanceof OutputError
        ? error
        : new OutputError(`cannot ${use} ${this.#name}: ${writeErrorText(error)}`);
      throw this.#failure;
    }
  }
}

/** Opens a file for this server alone, as long as this process lives. */
async function openRegular(
  path: string,
  { clock = systemClock }: OutputOptions,
): Promise<Deno.FsFile> {
  const file = await Deno.open(path, { append: true, create: true, read: true });
  if (await lock(file, clock)) return file;
  file.close();
  throw new OutputError("another server appends to it; give each server a file of its own");
}

/** Keeps out whoever asks for this lock, and nobody else; false if another program has it. */
async function lock(file: Deno.FsFile, clock: Clock): Promise<boolean> {
  // There a lock would keep readers out, too.
  if (Deno.build.os === "windows") return true;
  using limit = new Deadline(clock);
  limit.moveTo(clock.now() + LOCK_PATIENCE_MS, { again_ms: LOCK_PATIENCE_MS });
  // A file system without locks cannot say that another program has one.
  const locked = file.lock(true).then(() => true, () => true);
  return await Promise.race([locked, sleep(limit).then(() => false)]);
}

/** The system lets a pipe with a name be opened once it has a reader. */
async function openPipe(
  path: string,
  { clock = systemClock, tell = () => {} }: OutputOptions,
): Promise<Deno.FsFile> {
  return await warnIfSlow(Deno.open(path, { append: true }), {
    clock,
    warnAfter_ms: READER_WARN_AFTER_MS,
    warn: () =>
      tell(
        `nobody reads the output ${path}, a pipe: waiting for a reader; nothing listens until then`,
      ),
  });
}

async function isRegularOrNew(path: string): Promise<boolean> {
  try {
    const { isFile, isDirectory } = await Deno.stat(path);
    return isFile || isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}
