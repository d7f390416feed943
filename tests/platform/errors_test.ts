/**
 * Sentences for file system errors: each text whole.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { errorCodeOf, fileErrorText, writeErrorText } from "../../lib/platform/errors.ts";
import { withFolder } from "../support/folder.ts";

const RIGHT = "give the right to, or name another file";
const LOST = "it is on a network file system that has lost its server";

/** Codes, what is said of a file that is read, and of one that is written; one text is for both. */
const TEXTS: readonly [codes: string, reading: string, writing?: string][] = [
  ["ENOENT", "there is no such file", "there is no such folder; make it first"],
  ["EISDIR", "it is a folder, not a file", "it is a folder; name a file in it"],
  ["EACCES EPERM", "this user may not use it", `this user may not write it; ${RIGHT}`],
  [
    "ENOSPC",
    "no space is left on its disk",
    "no space is left on its disk; make room, and start again",
  ],
  [
    "EDQUOT",
    "the quota of this user is used up",
    "the quota of this user is used up; make room, and start again",
  ],
  [
    "EFBIG EOVERFLOW",
    "it has become as large as a file may be here",
    "it has become as large as a file may be here; start a new one",
  ],
  [
    "EROFS",
    "it is on a file system that is read-only",
    "it is on a file system that is read-only; name a file on another one",
  ],
  [
    "ENOTDIR",
    "what stands before its last part is not a folder",
    "what stands before its last part is not a folder; name a file in a folder",
  ],
  ["EEXIST", "there is a file of that name", "there is a file of that name; name another one"],
  [
    "ELOOP",
    "its symbolic links lead round in a circle",
    "its symbolic links lead round in a circle; name the file itself",
  ],
  [
    "ENAMETOOLONG",
    "its name, or a part of it, is too long",
    "its name, or a part of it, is too long; give it a shorter one",
  ],
  [
    "EINVAL EILSEQ",
    "its file system does not take that name or use",
    "its file system does not take that name or use; name another file",
  ],
  [
    "EBUSY ETXTBSY",
    "another program keeps it to itself",
    "another program keeps it to itself; name another file",
  ],
  [
    "EOPNOTSUPP ENOSYS ESPIPE",
    "its file system cannot do that",
    "its file system cannot do that; name a file on another one",
  ],
  ["EPIPE", "its reader is gone"],
  ["EMFILE", "this process has as many files open as it may; see ulimit -n"],
  ["ENFILE", "this host has as many files open as it may; see sysctl fs.file-max"],
  ["ENOMEM ENOBUFS", "this host has no memory left for it"],
  ["ENXIO ENODEV ENOMEDIUM", "its device, or the reader that it needs, is not there"],
  ["EIO EUCLEAN EREMOTEIO", "its disk, or the driver of that, failed; see dmesg"],
  ["EAGAIN EINTR", "the system did not carry out the call for the moment"],
  ["ESTALE ENOTCONN ETIMEDOUT EHOSTDOWN", LOST],
  ["EHOSTUNREACH ECONNREFUSED ECONNRESET ENETUNREACH", LOST],
  ["EBADF EFAULT EDESTADDRREQ", "it was used wrongly, which is a defect of this program"],
  ["EDOM", "the system reports EDOM: os error n"],
];

for (const [codes, reading, writing = reading] of TEXTS) {
  for (const code of codes.split(" ")) {
    Deno.test(`fileErrorText() and writeErrorText() explain ${code}`, () => {
      const error = Object.assign(new Error("os error n"), { code });
      assertEquals([fileErrorText(error), writeErrorText(error)], [reading, writing]);
    });
  }
}

Deno.test("errorCodeOf() gives the system's code, by its number where Deno has no name for it", () => {
  const named = (code: string) => Object.assign(new Error("x (os error 1)"), { code });
  assertEquals(errorCodeOf(named("ECONNRESET")), "ECONNRESET");
  assertEquals(errorCodeOf(named("ENOTSUP")), "EOPNOTSUPP");
  for (const error of ["x (os error 1)", undefined, new Error("Name or service not known")]) {
    assertEquals(errorCodeOf(error), undefined);
  }
  const numbers: Readonly<Record<string, readonly (readonly [number, string])[]>> = {
    linux: [[23, "ENFILE"], [92, "ENOPROTOOPT"], [100, "ENETDOWN"], [2, "errno 2"]],
    darwin: [[23, "ENFILE"], [42, "ENOPROTOOPT"], [50, "ENETDOWN"], [2, "errno 2"]],
  };
  for (const [number, code] of numbers[Deno.build.os] ?? []) {
    assertEquals(errorCodeOf(new Error(`Some text (os error ${number}): open 'x'`)), code);
  }
});

Deno.test("fileErrorText() goes by the class of an error without a code, else by its message", () => {
  const text = (error: unknown) => [fileErrorText(error), writeErrorText(error)];
  const none = "there is no such file";
  assertEquals(text(new Deno.errors.NotFound()), [none, "there is no such folder; make it first"]);
  const own = "the system's own folders and devices cannot be used";
  assertEquals(text(new Deno.errors.NotCapable()), [own, own]);
  assertEquals([text(new Error("odd")), text("odd")], [["odd", "odd"], ["odd", "odd"]]);
});

Deno.test("fileErrorText() explains what this file system really says", async () => {
  await withFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/file`, "");
    Deno.symlinkSync(`${folder}/loop`, `${folder}/loop`);
    const names = ["none", "", "file/x", "loop", "x".repeat(300)];
    const texts = names.map((name) => {
      try {
        return Deno.readTextFileSync(`${folder}/${name}`);
      } catch (error) {
        return fileErrorText(error);
      }
    });
    assertEquals(texts, [
      "there is no such file",
      "it is a folder, not a file",
      "what stands before its last part is not a folder",
      "its symbolic links lead round in a circle",
      "its name, or a part of it, is too long",
    ]);
  });
});
