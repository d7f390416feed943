/**
 * Explains the errors of SQLite and of its files.
 *
 * @module
 */
import { writeErrorText } from "../../platform/errors.ts";

/** Result codes of SQLite. */
export const SQLITE = {
  BUSY: 5,
  READONLY: 8,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  NOTADB: 26,
} as const;

/** What they mean for a store, by the code. */
export const TEXTS: Readonly<Record<number, string>> = {
  [SQLITE.BUSY]: "another program has it locked; stop that program, and start again",
  [SQLITE.READONLY]: "it is read-only; give this user write permission, or name another file",
  [SQLITE.CORRUPT]: "it is damaged; restore a backup, or name another file",
  [SQLITE.FULL]: "no space is left on its disk; make room, and start again",
  [SQLITE.CANTOPEN]:
    "no files can be created beside it; give this user write permission for its folder",
  [SQLITE.NOTADB]: "it is not an SQLite database; name another file",
};

/** The result code of an error of SQLite; 0 of any other. */
export function codeOf(error: unknown): number {
  return error instanceof Error && "errcode" in error ? Number(error.errcode) & 0xff : 0;
}

/** Explains an error in the use of a store's file, without its name. */
export function textOf(error: unknown): string {
  return TEXTS[codeOf(error)] ?? writeErrorText(error);
}
