/**
 * Writes log records to a file that is moved aside when it is full: `RotatingFileHandler` of `log.ts`.
 *
 * @module
 */
import {
  BaseHandler,
  type BaseHandlerOptions,
  type LevelName,
  LogLevels,
  type LogRecord,
} from "./log_handler.ts";

/** What to do about an existing file: append to it, write it anew, or refuse. */
export type LogMode = "a" | "w" | "x";

/** Where to write, and how. */
export interface FileHandlerOptions extends BaseHandlerOptions {
  /** The path of the file. */
  filename: string;
  /**
   * What to do about an existing file: append to it, write it anew, or refuse.
   *
   * @default {"a"}
   */
  mode?: LogMode;
  /**
   * How many bytes may wait to be written; 0: every line is written at once.
   *
   * @default {4096}
   */
  bufferSize?: number;
}

/** Options for {@linkcode RotatingFileHandler}. */
export interface RotatingFileHandlerOptions extends FileHandlerOptions {
  /** How large the file may get. */
  maxBytes: number;
  /** How many full files are kept. */
  maxBackupCount: number;
}

/**
 * Writes to a file. Before a line that would make it larger than `maxBytes`, the file is renamed to
 * `<filename>.1`, the one that had this name to `<filename>.2`, and so on; the last one goes.
 *
 * Lines wait in a buffer until it is full, a record above level ERROR comes, or the process ends of
 * itself.
 */
export class RotatingFileHandler extends BaseHandler {
  readonly #options: RotatingFileHandlerOptions;
  readonly #openOptions: Deno.OpenOptions;
  readonly #encoder = new TextEncoder();
  readonly #buffer: Uint8Array;
  readonly #onUnload = () => this.destroy();
  #waiting = 0;
  #size = 0;
  #file?: Deno.FsFile;

  /** Makes a handler that is yet to be set up. */
  constructor(levelName: LevelName, options: RotatingFileHandlerOptions) {
    super(levelName, options);
    const { mode = "a", bufferSize = 4096 } = options;
    this.#options = { ...options };
    this.#openOptions = mode === "a"
      ? { append: true, create: true }
      : mode === "w"
      ? { write: true, create: true, truncate: true }
      : { write: true, createNew: true };
    this.#buffer = new Uint8Array(bufferSize);
  }

  /**
   * Opens the file. In mode `w` removes the full ones.
   *
   * @throws {Error} If `maxBytes` or `maxBackupCount` is less than 1.
   * @throws {Deno.errors.AlreadyExists} In mode `x`, if the file or a full one exists.
   */
  override setup(): void {
    for (const limit of ["maxBytes", "maxBackupCount"] as const) {
      if (this.#options[limit] >= 1) continue;
      this.destroy();
      throw new Error(`"${limit}" must be >= 1: received ${this.#options[limit]}`);
    }
    this.#file = Deno.openSync(this.#options.filename, this.#openOptions);
    this.#waiting = 0;
    addEventListener("unload", this.#onUnload);
    if (this.#options.mode === "w") this.#removeBackups();
    else if (this.#options.mode === "x") this.#refuseBackups();
    else this.#size = Deno.statSync(this.#options.filename).size;
  }

  /** Writes a record, if it is at or above this handler's level; above ERROR, at once. */
  override handle(logRecord: LogRecord): void {
    super.handle(logRecord);
    if (logRecord.level > LogLevels.ERROR) this.flush();
  }

  /** Writes a line, to the next file if it has no room in this one. */
  override log(msg: string): void {
    const line = this.#encoder.encode(msg + "\n");
    if (this.#size + line.length > this.#options.maxBytes) {
      this.rotateLogFiles();
      this.#size = 0;
    }
    if (this.#waiting + line.length > this.#buffer.length) this.flush();
    if (line.length > this.#buffer.length) {
      writeAll(this.#openFile(), line);
    } else {
      this.#buffer.set(line, this.#waiting);
      this.#waiting += line.length;
    }
    this.#size += line.length;
  }

  /** Writes what waits in the buffer. */
  flush(): void {
    if (!this.#file) return;
    writeAll(this.#file, this.#buffer.subarray(0, this.#waiting));
    this.#waiting = 0;
  }

  /** Moves the files aside, and opens a new one. */
  rotateLogFiles(): void {
    this.flush();
    this.#openFile().close();
    for (let backup = this.#options.maxBackupCount; backup >= 1; backup--) {
      ifFound(() => Deno.renameSync(this.#path(backup - 1), this.#path(backup)));
    }
    this.#file = Deno.openSync(this.#options.filename, this.#openOptions);
  }

  /** Writes what waits in the buffer, and closes the file. */
  override destroy(): void {
    this.flush();
    this.#file?.close();
    this.#file = undefined;
    removeEventListener("unload", this.#onUnload);
  }

  #openFile(): Deno.FsFile {
    if (!this.#file) throw new TypeError("Cannot write to the log file: it is not open");
    return this.#file;
  }

  #removeBackups(): void {
    for (let backup = 1; backup <= this.#options.maxBackupCount; backup++) {
      ifFound(() => Deno.removeSync(this.#path(backup)));
    }
  }

  #refuseBackups(): void {
    for (let backup = 1; backup <= this.#options.maxBackupCount; backup++) {
      if (!ifFound(() => Deno.statSync(this.#path(backup)))) continue;
      this.destroy();
      throw new Deno.errors.AlreadyExists(
        `Backup log file ${this.#path(backup)} already exists`,
      );
    }
  }

  #path(backup: number): string {
    return backup === 0 ? this.#options.filename : `${this.#options.filename}.${backup}`;
  }
}

/** Does something to a file, and says whether it was there. */
function ifFound(action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  let written = 0;
  while (written < bytes.length) written += file.writeSync(bytes.subarray(written));
}
