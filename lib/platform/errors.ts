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

/** Something cannot be listened on. */
export class ListenError extends UserError {
  /** The name of this kind of error. */
  override readonly name = "ListenError";
}

/** The text for an error that is a defect of this program, with its stack; `effect` is what it led to. */
export function defectText(error: unknown, effect = ""): string {
  return `a defect of this program${effect}: ${error instanceof Error ? error.stack : error}`;
}

/** The numbers of codes that Deno gives no name: of the errors of 2.9, every second one. */
const NUMBERS: Readonly<Record<string, string>> = {
  linux: "4 EINTR 6 ENXIO 19 ENODEV 23 ENFILE 26 ETXTBSY 27 EFBIG 29 ESPIPE 38 ENOSYS 63 ENOSR " +
    "64 ENONET 71 EPROTO 75 EOVERFLOW 84 EILSEQ 89 EDESTADDRREQ 91 EPROTOTYPE 92 ENOPROTOOPT " +
    "95 EOPNOTSUPP 96 EPFNOSUPPORT 100 ENETDOWN 102 ENETRESET 108 ESHUTDOWN 112 EHOSTDOWN " +
    "115 EINPROGRESS 116 ESTALE 117 EUCLEAN 121 EREMOTEIO 122 EDQUOT 123 ENOMEDIUM",
  darwin: "4 EINTR 6 ENXIO 19 ENODEV 23 ENFILE 26 ETXTBSY 27 EFBIG 29 ESPIPE 36 EINPROGRESS " +
    "39 EDESTADDRREQ 41 EPROTOTYPE 42 ENOPROTOOPT 45 EOPNOTSUPP 46 EPFNOSUPPORT 50 ENETDOWN " +
    "52 ENETRESET 58 ESHUTDOWN 64 EHOSTDOWN 69 EDQUOT 70 ESTALE 78 ENOSYS 84 EOVERFLOW " +
    "92 EILSEQ 98 ENOSR 100 EPROTO 102 EOPNOTSUPP",
  windows: "10036 EINPROGRESS 10039 EDESTADDRREQ 10041 EPROTOTYPE 10042 ENOPROTOOPT " +
    "10045 EOPNOTSUPP 10050 ENETDOWN 10052 ENETRESET 10064 EHOSTDOWN",
};

/**
 * The operating system's code of an error, such as `ECONNRESET`; `undefined` if it is none of the system's.
 *
 * Where Deno gives it no name, only its number is known, which stands behind the message: `(os error 92)`.
 * Any other number is given as `errno 77`.
 */
export function errorCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const named = "code" in error ? error.code : undefined;
  if (typeof named === "string") return named === "ENOTSUP" ? "EOPNOTSUPP" : named;
  const number = /\(os error (\d+)\)/.exec(error.message)?.[1];
  if (number === undefined) return undefined;
  const words = ` ${NUMBERS[Deno.build.os] ?? ""} `;
  const known = new RegExp(` ${number} (E\\w+) `).exec(words)?.[1];
  // On Windows a failed name look-up has a number, too.
  return known ?? (Deno.build.os === "windows" ? undefined : `errno ${number}`);
}

/** What is said of an error of a file that is read, and of one that is written. */
type FileErrorTexts = readonly [reading: string, writing: string];

/** Finds the first row of a table that is for an error code: its first cell has codes with spaces between. */
export function rowFor<Row extends readonly [codes: string, ...rest: readonly unknown[]]>(
  table: readonly Row[],
  code: string,
): Row | undefined {
  return table.find(([codes]) => codes.split(" ").includes(code));
}

const OTHER_FILE_SYSTEM = "name a file on another one";

/**
 * By error codes: what is the case, and what to do about it where the program writes the file. Rows, since an object
 * of them all would be made at each start, and most runs have no error.
 */
const FILE_ERRORS: readonly (readonly [codes: string, what: string, fix?: string])[] = [
  ["ENOSPC", "no space is left on its disk", "make room, and start again"],
  ["EDQUOT", "the quota of this user is used up", "make room, and start again"],
  ["EFBIG EOVERFLOW", "it has become as large as a file may be here", "start a new one"],
  ["EROFS", "it is on a file system that is read-only", OTHER_FILE_SYSTEM],
  ["ENOTDIR", "what stands before its last part is not a folder", "name a file in a folder"],
  ["EEXIST", "there is a file of that name", "name another one"],
  ["ELOOP", "its symbolic links lead round in a circle", "name the file itself"],
  ["ENAMETOOLONG", "its name, or a part of it, is too long", "give it a shorter one"],
  ["EINVAL EILSEQ", "its file system does not take that name or use", "name another file"],
  ["EBUSY ETXTBSY", "another program keeps it to itself", "name another file"],
  ["EOPNOTSUPP ENOSYS ESPIPE", "its file system cannot do that", OTHER_FILE_SYSTEM],
  ["EPIPE", "its reader is gone"],
  ["EMFILE", "this process has as many files open as it may; see ulimit -n"],
  ["ENFILE", "this host has as many files open as it may; see sysctl fs.file-max"],
  ["ENOMEM ENOBUFS", "this host has no memory left for it"],
  ["ENXIO ENODEV ENOMEDIUM", "its device, or the reader that it needs, is not there"],
  ["EIO EUCLEAN EREMOTEIO", "its disk, or the driver of that, failed; see dmesg"],
  ["EAGAIN EINTR", "the system did not carry out the call for the moment"],
  [
    "ESTALE ENOTCONN ETIMEDOUT EHOSTDOWN EHOSTUNREACH ECONNREFUSED ECONNRESET ENETUNREACH",
    "it is on a network file system that has lost its server",
  ],
  ["EBADF EFAULT EDESTADDRREQ", "it was used wrongly, which is a defect of this program"],
];

/** By error codes, where a file that is read and one that is written differ. */
const BOTH_WAYS: readonly (readonly [codes: string, reading: string, writing: string])[] = [
  ["ENOENT", "there is no such file", "there is no such folder; make it first"],
  ["EISDIR", "it is a folder, not a file", "it is a folder; name a file in it"],
  [
    "EACCES EPERM",
    "this user may not use it",
    "this user may not write it; give the right to, or name another file",
  ],
];

function knownTexts(code: string): FileErrorTexts | undefined {
  const both = rowFor(BOTH_WAYS, code);
  if (both) return [both[1], both[2]];
  const row = rowFor(FILE_ERRORS, code);
  if (!row) return undefined;
  const [, what, fix] = row;
  return [what, fix === undefined ? what : `${what}; ${fix}`];
}

function fileErrorTexts(error: unknown): FileErrorTexts {
  const code = errorCodeOf(error) ?? "";
  const known = knownTexts(code);
  if (known) return known;
  if (error instanceof Deno.errors.NotFound) return knownTexts("ENOENT")!;
  if (error instanceof Deno.errors.IsADirectory) return knownTexts("EISDIR")!;
  if (error instanceof Deno.errors.AlreadyExists) return knownTexts("EEXIST")!;
  if (error instanceof Deno.errors.PermissionDenied) return knownTexts("EACCES")!;
  if (error instanceof Deno.errors.NotCapable) {
    const text = "the system's own folders and devices cannot be used";
    return [text, text];
  }
  const report = error instanceof Error ? error.message : String(error);
  const text = code === "" ? report : `the system reports ${code}: ${report}`;
  return [text, text];
}

/** Describes the error of a file or folder, for the user. */
export function fileErrorText(error: unknown): string {
  return fileErrorTexts(error)[0];
}

/** Describes the error of a file that is opened for writing or written, and what to do about it. */
export function writeErrorText(error: unknown): string {
  return fileErrorTexts(error)[1];
}
