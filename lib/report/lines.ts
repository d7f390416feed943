/**
 * Reads the lines of a recording, one after the other, in constant memory.
 *
 * @module
 */
import { fileErrorText, UsageError } from "../platform/errors.ts";

/** What is read at once, in bytes. */
const PIECE_BYTES = 262_144;

/** A line longer than this is none of a recording. */
const MAX_LINE_BYTES = 4_194_304;

/** How the lines of a file ended. */
export interface LinesEnd {
  /** Whether the last line has no end: its writer was killed, or the file was cut off. */
  readonly cutOff: boolean;
}

/** Returned by a reader of lines that needs no more of them. */
export const ENOUGH = Symbol("enough");

/**
 * Passes each complete line of a file to a function, which may return {@linkcode ENOUGH}.
 *
 * @throws {UsageError} If the file cannot be read.
 */
export function forEachLine(path: string, take: (line: string) => unknown): LinesEnd {
  try {
    using file = Deno.openSync(path);
    return readLines(file, take);
  } catch (error) {
    if (!(error instanceof Error) || !isOfSystem(error)) throw error;
    throw new UsageError(`${path}: cannot be read: ${fileErrorText(error)}`);
  }
}

function isOfSystem(error: Error): boolean {
  return "code" in error || /\(os error \d+\)/.test(error.message) ||
    error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied;
}

function readLines(file: Deno.FsFile, take: (line: string) => unknown): LinesEnd {
  const decoder = new TextDecoder();
  const piece = new Uint8Array(PIECE_BYTES);
  /** What has been read of a line that is longer than the piece. */
  let begun = new Uint8Array(0);
  let isTooLong = false;
  for (let size = file.readSync(piece); size !== null; size = file.readSync(piece)) {
    const end = piece.subarray(0, size).lastIndexOf(10) + 1;
    const rest = piece.slice(end, size);
    if (end === 0) {
      isTooLong ||= begun.length + size > MAX_LINE_BYTES;
      begun = isTooLong ? new Uint8Array(0) : joined(begun, rest);
      continue;
    }
    const text = decoder.decode(joined(begun, piece.subarray(0, end - 1)));
    begun = rest;
    // The end of a line that is too long is passed on, and is no JSON.
    isTooLong = false;
    for (const line of text.split("\n")) if (take(line) === ENOUGH) return { cutOff: false };
  }
  return { cutOff: begun.length > 0 || isTooLong };
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
