/**
 * The files that an output may be: an interface, so that tests replace them, and those of the machine.
 *
 * @module
 */
import type { ByteSink } from "../platform/bytes.ts";
import type { Clock } from "../platform/clock.ts";
import { lockFile } from "./file_lock.ts";

/** What a path leads to. */
export interface FileState {
  /** Whether it is a regular file, which has a length and can be read again, or a folder. */
  readonly isRegular: boolean;
  /** With `ino`, what tells it from every other file. */
  readonly dev: number;
  /** With `dev`, what tells it from every other file; `null` where there is no such number. */
  readonly ino: number | null;
  /** Its length in bytes. */
  readonly size: number;
}

/** A file, or a pipe, that is open to append to. */
export interface AppendFile extends ByteSink {
  /** What it is now. */
  state(): Promise<FileState>;
  /** Reads bytes of a regular file: fewer than `length` only at its end. */
  read(from: number, length: number): Promise<Uint8Array>;
  /** Syncs to the disk what was written to a regular file. */
  sync(): Promise<void>;
  /** Closes it. */
  close(): void;
}

/** The files of a machine. Errors are those of the operating system. */
export interface Files {
  /** What is at a path; `undefined` if nothing is. */
  state(path: string): Promise<FileState | undefined>;
  /** The path without links. */
  realPath(path: string): Promise<string>;
  /** Opens a regular file, created if there is none, and locks it until it is closed. */
  openRegular(path: string, clock: Clock): Promise<AppendFile>;
  /** Opens a named pipe, once it has a reader. */
  openPipe(path: string): Promise<AppendFile>;
}

/** The files of this machine. */
export const systemFiles: Files = {
  async state(path) {
    try {
      return stateOf(await Deno.stat(path));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  },

  realPath: (path) => Deno.realPath(path),

  async openRegular(path, clock) {
    const file = await Deno.open(path, { append: true, create: true, read: true });
    // A lock is mandatory there: it would keep readers out, too.
    if (Deno.build.os === "windows" || await lockFile(file, clock)) {
      return new SystemFile(path, file);
    }
    file.close();
    throw new Error("another server appends to it; give each server a file of its own");
  },

  async openPipe(path) {
    return new SystemFile(path, await Deno.open(path, { append: true }));
  },
};

class SystemFile implements AppendFile {
  readonly #path: string;
  readonly #file: Deno.FsFile;

  constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#file.write(bytes);
  }

  async state(): Promise<FileState> {
    // There a descriptor does not show the identity that a path shows.
    const isByPath = Deno.build.os === "windows";
    return stateOf(await (isByPath ? Deno.stat(this.#path) : this.#file.stat()));
  }

  async read(from: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    await this.#file.seek(from, Deno.SeekMode.Start);
    let at = 0;
    while (at < length) {
      const count = await this.#file.read(bytes.subarray(at));
      if (count === null) break;
      at += count;
    }
    return bytes.subarray(0, at);
  }

  sync(): Promise<void> {
    return this.#file.syncData();
  }

  close(): void {
    this.#file.close();
  }
}

function stateOf({ dev, ino, isDirectory, isFile, size }: Deno.FileInfo): FileState {
  return { isRegular: isFile || isDirectory, dev, ino, size };
}
