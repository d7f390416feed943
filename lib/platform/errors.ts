/**
 * Errors whose message is a sentence for the user, and such sentences for file system errors.
 *
 * @module
 */

/** An error that the user can fix. Its message is one sentence: what, where, and what would be right. */
export abstract class UserError extends Error {}

/** Wrong use or configuration. */
export class UsageError extends UserError {
  /** The name of this kind of error. */
  override readonly name = "UsageError";
}

/** The text for an error that is a defect of this program, with its stack; `effect` is what it led to. */
export function defectText(error: unknown, effect = ""): string {
  return `a defect of this program${effect}: ${error instanceof Error ? error.stack : error}`;
}

/** Describes a file system error for the user. */
export function fileErrorText(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder, not a file";
  if (error instanceof Deno.errors.AlreadyExists) return "there is a file of that name";
  if (error instanceof Deno.errors.PermissionDenied) return "this user may not use it";
  if (error instanceof Deno.errors.NotCapable) {
    return "the system's own folders and devices cannot be used";
  }
  return error instanceof Error ? error.message : String(error);
}

/** By error code. */
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

/** Describes the error of a file that is opened for writing or written. */
export function writeErrorText(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return TEXTS[code] ?? fileErrorText(error);
}
