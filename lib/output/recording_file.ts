/**
 * The files of a recording: lines of JSON, complete whatever ends the process, in five files that rotate.
 * Written in the background: a slow or full disk costs lines, not heartbeats.
 *
 * @module
 */
import type { Clock, Timer } from "../platform/clock.ts";
import { Condition } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";
import { UsageError, writeErrorText } from "../platform/errors.ts";
import { lockFile } from "../store/file_lock.ts";

/** How many files are kept together. */
export const KEPT_RECORDINGS = 5;

/** The files of a recording, the newest first. */
export function recordingFiles(path: string): string[] {
  return Array.from({ length: KEPT_RECORDINGS }, (_, age) => age === 0 ? path : `${path}.${age}`);
}

/** How many characters may wait to be written. */
const MAX_PENDING = 16_777_216;

/** How many characters are written at once, if a line is not longer. */
const PIECE = 65_536;

/** After a failure, and to see whether the file is still in its place: so long, in milliseconds. */
const AGAIN_AFTER_MS = 1_000;

/** How long, in milliseconds, the program waits for a slow disk at its end. */
const CLOSE_LIMIT_MS = 1_000;

/** Options for {@linkcode RecordingFile.open}. */
export interface RecordingFileOptions {
  /** The newest file; older ones have `.1` to `.4` behind its name. */
  path: string;
  /** A file is rotated before it grows beyond this size. */
  maxBytes: number;
  /** Gives the first line of a file, by its number in this run of the process. */
  head: (file: number) => string;
  /** Receives a sentence when lines are lost. */
  report: (text: string) => void;
  /** Time. */
  clock: Clock;
}

/** Writes a recording; no failure after the start ends or holds up anything else. */
export class RecordingFile {
  readonly #options: RecordingFileOptions;
  readonly #encoder = new TextEncoder();
  readonly #changes = new Condition();
  #file?: Deno.FsFile;
  /** What the file is, to see whether it was moved. */
  #info?: Deno.FileInfo;
  /** The length up to which it has complete lines. */
  #length = 0;
  #headLength = 0;
  #number = 0;
  #checked_ms = -Infinity;
  #pending: string[] = [];
  #pendingLength = 0;
  #isWriting = false;
  #isClosed = false;
  #isBroken = false;
  /** Set after a failure. */
  readonly #again: Timer;
  #isWaiting = false;
  /** How many lines it lacks, and how many of them since the present failure. */
  #lostInAll = 0;
  #lost = 0;

  private constructor(options: RecordingFileOptions) {
    this.#options = options;
    this.#again = options.clock.timer(() => this.#tryAgain());
  }

  /**
   * Opens the newest file; one that is there becomes the second newest.
   *
   * @throws {UsageError} If it cannot be written, or another process records to it.
   */
  static async open(options: RecordingFileOptions): Promise<RecordingFile> {
    const recording = new RecordingFile(options);
    try {
      await recording.#check();
    } catch (error) {
      recording.#file?.close();
      throw new UsageError(`cannot record to ${options.path}: ${failureText(error)}`);
    }
    return recording;
  }

  /** Writes whole lines, each with its end, without waiting. */
  write(text: string): void {
    if (this.#isClosed) return;
    if (this.#pendingLength + text.length > MAX_PENDING) {
      const lost = linesIn(text);
      this.#lost += lost;
      this.#lostInAll += lost;
      return this.#fail("its disk is too slow");
    }
    this.#pending.push(...piecesOf(text));
    this.#pendingLength += text.length;
    if (!this.#isWriting && !this.#isWaiting) this.#writeAll();
  }

  /** Opens the file anew if it was moved away; what is being written goes to the old one. */
  reopen(): void {
    this.#checked_ms = -Infinity;
    this.#tryAgain();
  }

  /** Writes what waits at once, in the last moment of a process. */
  flushSync(): void {
    try {
      // The first piece is being written, if any is.
      const rest = this.#pending.slice(this.#isWriting ? 1 : 0).join("");
      this.#file?.writeSync(this.#encoder.encode(rest));
      this.#pending = [];
    } catch {
      // The process ends with a report of what matters more.
    }
  }

  /** Waits until all is written, for at most a second; closes the file, and reports what it lacks. */
  async close(): Promise<void> {
    const { clock, path, report } = this.#options;
    this.#isClosed = true;
    this.#tryAgain();
    using limit = new Deadline(clock);
    limit.moveTo(clock.now() + CLOSE_LIMIT_MS);
    await this.#changes.until(() => !this.#isWriting, limit);
    const lost = this.#lostInAll + linesIn(this.#pending.join(""));
    if (lost > 0) report(`${path} lacks lines that could not be written: ${lost}`);
    this.#pending = [];
    this.#file?.close();
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    try {
      let piece: string | undefined;
      do {
        await this.#check();
        piece = this.#pending[0];
        if (piece === undefined) continue;
        await this.#append(this.#encoder.encode(piece));
        // At the end of the process, all are dropped at once.
        if (this.#pending[0] === piece) this.#pending.shift();
        this.#pendingLength -= piece.length;
      } while (piece !== undefined || this.#checked_ms === -Infinity);
      this.#recovered();
    } catch (error) {
      this.#checked_ms = -Infinity;
      this.#fail(failureText(error));
      this.#isWaiting = true;
      if (!this.#isClosed) this.#again.set(this.#options.clock.now() + AGAIN_AFTER_MS);
    }
    this.#isWriting = false;
    this.#changes.notify();
  }

  #tryAgain(): void {
    this.#again.clear();
    this.#isWaiting = false;
    if (!this.#isWriting) this.#writeAll();
  }

  /** Opens the file if it is not open, or, as seen once a second, not in its place any more. */
  async #check(): Promise<void> {
    const { clock, path } = this.#options;
    if (clock.now() < this.#checked_ms + AGAIN_AFTER_MS) return;
    this.#checked_ms = clock.now();
    const there = await statIfThere(path);
    const info = this.#info;
    if (this.#file && there && there.dev === info?.dev && there.ino === info.ino) {
      this.#length = Math.min(this.#length, there.size);
    } else {
      if (there && there.size > 0) await this.#shift(there);
      await this.#open();
    }
    if (this.#length === 0) await this.#begin();
  }

  async #open(): Promise<void> {
    const { path } = this.#options;
    const file = await openLocked(path);
    this.#file?.close();
    this.#file = file;
    this.#info = await Deno.stat(path);
    this.#length = this.#info.size;
  }

  /** Renames the files: each becomes one older, and the oldest is gone. */
  async #shift(there?: Deno.FileInfo): Promise<void> {
    const { path } = this.#options;
    // Not one to which another process records.
    if (there) (await openLocked(path)).close();
    const files = recordingFiles(path);
    for (let age = files.length - 1; age > 0; age--) {
      await Deno.rename(files[age - 1]!, files[age]!).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
    }
  }

  /** Writes the first line. */
  async #begin(): Promise<void> {
    const line = this.#options.head(this.#number + 1);
    await this.#appendWhole(this.#encoder.encode(`${line}\n`));
    this.#headLength = this.#length;
    this.#number++;
  }

  /** Appends lines, to a new file if they would make this one too large. */
  async #append(bytes: Uint8Array): Promise<void> {
    const length = this.#length + bytes.length;
    if (length > this.#options.maxBytes && this.#length > this.#headLength) {
      await this.#shift();
      await this.#open();
      await this.#begin();
    }
    await this.#appendWhole(bytes);
  }

  /** Appends lines, all or none. */
  async #appendWhole(bytes: Uint8Array): Promise<void> {
    const file = this.#file!;
    let done = 0;
    try {
      while (done < bytes.length) done += await file.write(bytes.subarray(done));
    } catch (error) {
      if (done > 0) await file.truncate(this.#length).catch(() => this.#abandon());
      throw error;
    }
    this.#length += done;
  }

  /** Closes a file that ends within a line: the next one is a new one. */
  #abandon(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #fail(text: string): void {
    const { path, report } = this.#options;
    if (!this.#isBroken) {
      report(`cannot write the recording ${path}: ${text}; the sessions go on`);
    }
    this.#isBroken = true;
  }

  #recovered(): void {
    const { path, report } = this.#options;
    if (this.#isBroken) report(`${path} is written again; lines lost: ${this.#lost}`);
    this.#isBroken = false;
    this.#lost = 0;
  }
}

function linesIn(text: string): number {
  return text.split("\n").length - 1;
}

/** Cuts lines into pieces of whole lines. */
function* piecesOf(text: string): Generator<string> {
  for (let from = 0; from < text.length;) {
    const cut = text.length - from <= PIECE
      ? text.length
      : text.lastIndexOf("\n", from + PIECE) + 1;
    const to = cut > from ? cut : text.indexOf("\n", from) + 1;
    yield text.slice(from, to);
    from = to;
  }
}

/** Opens a regular file to append to, and locks it until it is closed. */
async function openLocked(path: string): Promise<Deno.FsFile> {
  const there = await statIfThere(path);
  // Opening a named pipe would stand still.
  if (there && !there.isFile && !there.isDirectory) throw new UsageError("it is no regular file");
  const file = await Deno.open(path, { append: true, create: true });
  // A lock is mandatory there: it would keep readers out, too.
  if (Deno.build.os === "windows" || await lockFile(file)) return file;
  file.close();
  throw new UsageError("another process records to it; give each process a file of its own");
}

function failureText(error: unknown): string {
  return error instanceof UsageError ? error.message : writeErrorText(error);
}

async function statIfThere(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
