/**
 * Why a file could not be opened for writing, or written, in words for a person, with what to do.
 *
 * @module
 */
import { fileErrorText } from "./file_error.ts";

/** By the system's name for the error. */
const TEXTS: Readonly<Record<string, string>> = {
  ENOSPC: "no space is left on its disk; make room, and start again",
  EDQUOT: "the quota of this user is used up; make room, and start again",
  EFBIG: "it has become as large as a file may be here; start a new one",
  EROFS: "it is on a file system that is read-only; name a file on another one",
  EISDIR: "it is a folder; name a file in it",
  EACCES: "this user may not write it; give the right to, or name another file",
  EPERM: "this user may not write it; give the right to, or name another file",
  EPIPE: "its reader is gone",
  ENOENT: "there is no such folder; make it first",
  ENOTDIR: "what stands before its last part is not a folder; name a file in a folder",
};

/** The reason that an error of the file system stands for, of a file to be written. */
export function writeErrorText(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return TEXTS[code] ?? fileErrorText(error);
}
