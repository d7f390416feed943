/**
 * The log on disks that fail, and in folders that cannot be used.
 *
 * @module
 */
import {
  assertEquals,
  assertGreater,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { type Log, MAX_LOG_BYTES } from "../../lib/output/log.ts";
import { UsageError } from "../../lib/platform/errors.ts";
import { withFolder } from "../support/folder.ts";
import { logLines, openTestLog } from "../support/log.ts";
import { testUnless } from "../support/skip.ts";
import { whyNoSmallDisk, withSmallDisk } from "../support/mounted_disk.ts";

/** The message of a line. */
const messageOf = (line: string) => line.split(" || ")[2];

/** Logs warnings, numbered. */
function warn(log: Log, first: number, last = first): void {
  for (let n = first; n <= last; n++) log.line("warning", `w ${n}`, "s");
}

/** Makes a log file that fails when it is written: it is full, and cannot be rotated. */
function makeUnwritable(path: string): void {
  Deno.mkdirSync(`${path}.5/occupied`, { recursive: true });
  Deno.writeTextFileSync(`${path}.4`, "");
  Deno.writeTextFileSync(path, "x".repeat(MAX_LOG_BYTES - 1) + "\n");
}

function makeWritable(path: string): void {
  Deno.removeSync(`${path}.5`, { recursive: true });
}

/** The errors in an output about a log file. */
function errorsAbout(path: string, put: string[]): string[] {
  return put.map((line) => line.split(" || ")).flatMap(([, level, text]) =>
    level === "ERROR" && text!.includes(path) ? [text!.replace(path, "FILE")] : []
  );
}

Deno.test("Log.reopen() reports a file that cannot be opened, and has nothing to do without files", async () => {
  using none = openTestLog();
  assertEquals([none.log.reopen(), await none.put()], [false, []]);
  await withFolder(async (directory) => {
    const path = `${directory}/client_warning.log`;
    using opened = openTestLog({ directory });
    Deno.removeSync(path);
    Deno.mkdirSync(path);
    assertEquals(opened.log.reopen(), true);
    opened.log.line("warning", "lost", null);
    Deno.removeSync(path);
    opened.log.line("warning", "kept", null);
    const told = errorsAbout(path, await opened.put());
    assertMatch(told[0]!, /^cannot write the log file FILE: it is a folder/);
    assertEquals([told.length, told[1]], [2, "FILE is written again; lines lost: 1"]);
  });
});

Deno.test("Log escapes the folder's name in what it reports", async () => {
  await withFolder(async (folder) => {
    const directory = `${folder}/a\u001b[2J || b`;
    makeUnwritable(`${directory}/client_error.log`);
    using opened = openTestLog({ directory });
    opened.log.line("error", "e", null);
    const [, line] = await opened.put();
    assertStringIncludes(line!, "a\\u001b[2J \\u007c| b");
    assertEquals(line!.split(" || ").length, 4);
  });
});

Deno.test("Log tells once of a file that cannot be written, and goes on without it", async () => {
  await withFolder(async (directory) => {
    const path = `${directory}/client_warning.log`;
    makeUnwritable(path);
    using opened = openTestLog({ directory });
    warn(opened.log, 1, 5);

    const put = await opened.put();
    assertEquals(put.length, 6, put.join("\n"));
    const [told, ...more] = errorsAbout(path, put);
    assertMatch(told!, /^cannot write the log file FILE: .+; continuing without it$/);
    assertEquals(more, []);
    assertEquals(logLines(`${directory}/client_info.log`).length, 5, "the others are whole");
  });
});

Deno.test("Log writes a file again as soon as it can, and tells how much is lost", async () => {
  await withFolder(async (directory) => {
    const path = `${directory}/client_warning.log`;
    makeUnwritable(path);
    using opened = openTestLog({ directory });
    warn(opened.log, 1, 3);
    makeWritable(path);
    warn(opened.log, 4, 5);

    assertEquals(logLines(path).map(messageOf), ["w 4", "w 5"]);
    const [, told, ...more] = errorsAbout(path, await opened.put());
    assertMatch(told!, /^FILE is written again; lines lost: 3$/);
    assertEquals(more, []);
    // The last lines say what the files lack, also if that was long ago.
    opened.log.close();
    opened.log.close();
    const [, , total, ...others] = errorsAbout(path, await opened.put());
    assertEquals([total, others], ["FILE lacks lines that could not be written: 3", []]);
  });
});

Deno.test("Log outlives a rotation that fails, and rotates when it can", async () => {
  await withFolder(async (directory) => {
    const path = `${directory}/client_warning.log`;
    makeUnwritable(path);
    using opened = openTestLog({ directory });
    warn(opened.log, 1, 3);
    assertEquals(errorsAbout(path, await opened.put()).length, 1);

    makeWritable(path);
    opened.log.line("warning", "w 4", "s");
    assertEquals(logLines(path).map(messageOf), ["w 4"]);
    assertEquals(Deno.statSync(`${path}.1`).size, MAX_LOG_BYTES);
    assertEquals(errorsAbout(path, await opened.put()).length, 2);
  });
});

testUnless(
  whyNoSmallDisk(),
  "Log outlives a full disk, and only whole lines are in it",
  async () => {
    await withSmallDisk(async ({ folder, enlarge }) => {
      const path = `${folder}/client_info.log`;
      using opened = openTestLog({ directory: folder, level: "warning" });
      // Of a length that no block of the disk ends with, so that the last line does not fit in whole.
      const text = "x".repeat(1009);
      for (let n = 0; n < 80; n++) opened.log.line("info", text, "s");
      const told = await opened.put();
      assertEquals(told.length, 1, told.join("\n"));
      const before = Deno.readTextFileSync(path);

      enlarge();
      opened.log.line("info", "healed", "s");
      opened.log.line("info", "whole", "s");
      const put = await opened.put();
      const lost = Number(/written again; lines lost: (\d+)/.exec(put.at(-1)!)?.[1]);
      assertEquals(put.length, 2, put.join("\n"));
      const whole = before.split("\n").filter((line) => line.endsWith(`${text} || s`)).length;
      assertEquals(whole + lost, 80);
      const lines = logLines(path).map((line) => line.split(" || ").slice(1));
      assertGreater(lines.length, 2);
      assertEquals(lines.slice(-2), [["INFO", "healed", "s"], ["INFO", "whole", "s"]]);
    });
  },
);

/** What cannot be a log folder, made in a folder; and what the sentence about it says. */
const UNUSABLE: readonly [what: string, make: (folder: string) => string, says: RegExp][] = [
  ["a file", (folder) => {
    Deno.writeTextFileSync(`${folder}/file`, "");
    return `${folder}/file`;
  }, /^cannot make the log folder \S+\/file: /],
  ["below a file", (folder) => {
    Deno.writeTextFileSync(`${folder}/file`, "");
    return `${folder}/file/logs`;
  }, /^cannot make the log folder \S+\/logs: /],
  ["one with a folder in the place of a file", (folder) => {
    Deno.mkdirSync(`${folder}/client_warning.log`);
    return folder;
  }, /^cannot write the log file \S+\/client_warning\.log: it is a folder/],
];

for (const [what, make, says] of UNUSABLE) {
  Deno.test(`openLog() throws when the folder is ${what}`, async () => {
    await withFolder((folder) => {
      const directory = make(folder);
      assertMatch(assertThrows(() => openTestLog({ directory }), UsageError).message, says);
    });
  });
}
