/**
 * Files that the user may change while the program runs: certificates, keys and lists of addresses. This file
 * reads them, and looks every 10 s whether they have changed; each other file of the room knows one kind.
 *
 * The entry points call it, and pass on what it reads. It must never know what is done with that.
 *
 * @module
 */
import { equal } from "../../platform/bytes.ts";
import type { Clock, Timer } from "../../platform/clock.ts";
import { fileErrorText, UsageError, UserError } from "../../platform/errors.ts";

/** How often the files are looked at, in milliseconds. */
export const WATCH_INTERVAL_MS = 10_000;

/** The largest file that is read, in bytes: such files are small, and a wrong name may lead to any file. */
export const MAX_FILE_BYTES = 16_777_216;

/** What is in a file. */
export interface FileContent {
  /** Its name, as it was given. */
  readonly path: string;
  /** Its bytes. */
  readonly bytes: Uint8Array;
  /** Its permission bits, such as `0o600`; `null` where there are none. */
  readonly mode: number | null;
}

/** Options for {@linkcode WatchedFiles}. */
export interface WatchedFilesOptions {
  /** Files that belong together, such as a certificate and its key: if one changes, all are used again. */
  paths: readonly string[];
  /**
   * Uses what is in the files, in the order of their names; throws {@linkcode UserError}, and changes nothing,
   * if that cannot be used.
   */
  use: (files: readonly FileContent[]) => void;
  /** Logs that a change was taken up, or why it was not. */
  report: (level: "info" | "warning", text: string) => void;
  /** Time. */
  clock: Clock;
}

/**
 * Reads files, and uses them again when they have changed. What cannot be read or used is reported once for
 * each change, and what was used before stays in use.
 */
export class WatchedFiles implements Disposable {
  readonly #options: WatchedFilesOptions;
  readonly #timer: Timer;
  /** What was read last, whether it could be used or not. */
  #last: readonly FileContent[];
  /** Why the files cannot be read, if they cannot. */
  #failure?: string;
  #looking?: Promise<void>;
  #isDisposed = false;

  /**
   * Reads and uses the files.
   *
   * @throws {UserError} If they cannot be read, or not be used.
   */
  constructor(options: WatchedFilesOptions) {
    this.#options = options;
    this.#last = options.paths.map(readFile);
    options.use(this.#last);
    this.#timer = options.clock.timer(() => void this.look());
    if (options.paths.length > 0) this.#setTimer();
  }

  /** Looks whether the files have changed, without waiting for the time to. */
  look(): Promise<void> {
    return this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
      this.#setTimer();
    });
  }

  /** Stops looking at the files. */
  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#timer.clear();
  }

  async #look(): Promise<void> {
    const { paths, report, use } = this.#options;
    const names = paths.join(", ");
    const stays = "; what was read before stays in use";
    try {
      const files = await Promise.all(paths.map(readFileLater));
      if (this.#isDisposed) return;
      const isReadAgain = this.#failure !== undefined;
      this.#failure = undefined;
      if (files.every((file, at) => isSame(file, this.#last[at]!))) {
        if (isReadAgain) report("info", `${names}: can be read again; nothing has changed`);
        return;
      }
      this.#last = files;
      use(files);
      report("info", `${names}: has changed; taken up`);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (this.#isDisposed || error.message === this.#failure) return;
      if (error instanceof UnreadableFile) this.#failure = error.message;
      report("warning", `${error.message}${stays}`);
    }
  }

  #setTimer(): void {
    if (this.#isDisposed) return;
    this.#timer.set(this.#options.clock.now() + WATCH_INTERVAL_MS);
  }
}

/** A file that cannot be read. */
class UnreadableFile extends UsageError {
  constructor(path: string, why: string) {
    super(`cannot read ${path}: ${why}`);
  }
}

function isSame(a: FileContent, b: FileContent): boolean {
  return a.mode === b.mode && equal(a.bytes, b.bytes);
}

/** Reads a file at once; throws `UnreadableFile` if it cannot. */
function readFile(path: string): FileContent {
  try {
    const info = Deno.statSync(path);
    refuse(path, info);
    return contentOf(path, info, Deno.readFileSync(path));
  } catch (error) {
    throw readError(path, error);
  }
}

/** As `readFile`, while everything else goes on. */
async function readFileLater(path: string): Promise<FileContent> {
  try {
    const info = await Deno.stat(path);
    refuse(path, info);
    return contentOf(path, info, await Deno.readFile(path));
  } catch (error) {
    throw readError(path, error);
  }
}

/** Refuses what could take for ever, or all memory. */
function refuse(path: string, { isDirectory, isFile, size }: Deno.FileInfo): void {
  if (isDirectory) throw new UnreadableFile(path, "it is a folder, not a file");
  if (!isFile) throw new UnreadableFile(path, "it is no regular file");
  if (size <= MAX_FILE_BYTES) return;
  throw new UnreadableFile(path, `it is larger than ${MAX_FILE_BYTES / 1_048_576} MiB`);
}

function contentOf(path: string, { mode }: Deno.FileInfo, bytes: Uint8Array): FileContent {
  return { path, bytes, mode: mode === null ? null : mode & 0o7777 };
}

function readError(path: string, error: unknown): UnreadableFile {
  return error instanceof UnreadableFile ? error : new UnreadableFile(path, fileErrorText(error));
}
