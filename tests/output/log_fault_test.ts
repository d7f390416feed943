/**
 * The log on disks that fail: it tells of it once, goes on without, and is complete again after.
 *
 * @module
 */
import { assertEquals, assertGreater, assertMatch, assertStringIncludes } from "@std/assert";
import { MAX_LOG_BYTES } from "../../lib/output/log.ts";
import { logLines, openTestLog, withFolder } from "../support/log_folder.ts";
import { testUnless, whyNot } from "../support/skip.ts";

/** The lines of an output that tell of a log file. */
function toldOf(path: string, put: string[]): string[] {
  return put.map((line) => line.split(" || ")).flatMap(([, level, text]) =>
    level === "ERROR" && text!.includes(path) ? [text!.replace(path, "FILE")] : []
  );
}

Deno.test("Log tells once of a file that cannot be written, and goes on without it", async () => {
  await withFolder(async (directory) => {
    const path = `${directory}/client_warning.log`;
    Deno.mkdirSync(path);
    using opened = openTestLog({ directory });
    for (let n = 1; n <= 5; n++) opened.log.line("warning", `w ${n}`, "s");

    const put = await opened.put();
    assertEquals(put.length, 6, put.join("\n"));
    const [told, ...more] = toldOf(path, put);
    assertMatch(told!, /^cannot write the log file FILE: .+; continuing without it$/);
    assertEquals(more, []);
    assertEquals(logLines(`${directory}/client_info.log`).length, 5, "the others are whole");
  });
});

Deno.test("Log writes a file again as soon as it can, and tells how much is lost", async () => {
  await withFolder(async (directory) => {
    const path = `${directory}/client_warning.log`;
    Deno.mkdirSync(path);
    using opened = openTestLog({ directory });
    for (let n = 1; n <= 3; n++) opened.log.line("warning", `w ${n}`, "s");
    Deno.removeSync(path);
    for (let n = 4; n <= 5; n++) opened.log.line("warning", `w ${n}`, "s");

    assertEquals(logLines(path).map((line) => line.split(" || ")[2]), ["w 4", "w 5"]);
    const [, told, ...more] = toldOf(path, await opened.put());
    assertMatch(told!, /^FILE is written again; lines lost: 3$/);
    assertEquals(more, []);
  });
});

Deno.test("Log outlives a rotation that fails, and rotates when it can", async () => {
  await withFolder(async (directory) => {
    const path = `${directory}/client_warning.log`;
    Deno.writeTextFileSync(path, "x".repeat(MAX_LOG_BYTES - 1) + "\n");
    Deno.writeTextFileSync(`${path}.4`, "");
    Deno.mkdirSync(`${path}.5/occupied`, { recursive: true });
    using opened = openTestLog({ directory });
    for (let n = 1; n <= 3; n++) opened.log.line("warning", `w ${n}`, "s");
    assertEquals(toldOf(path, await opened.put()).length, 1);

    Deno.removeSync(`${path}.5`, { recursive: true });
    opened.log.line("warning", "w 4", "s");
    assertEquals(logLines(path).map((line) => line.split(" || ")[2]), ["w 4"]);
    assertEquals(Deno.statSync(`${path}.1`).size, MAX_LOG_BYTES);
    assertEquals(toldOf(path, await opened.put()).length, 2);
  });
});

/** A disk of 64 KiB, mounted for as long as it is used. */
async function withSmallDisk(
  use: (disk: { folder: string; enlarge(): void }) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    mount("-t", "tmpfs", "-o", "size=64k", "tmpfs", folder);
    try {
      await use({ folder, enlarge: () => mount("-o", "remount,size=1m", folder) });
    } finally {
      new Deno.Command("umount", { args: [folder] }).outputSync();
    }
  });
}

function mount(...args: string[]): void {
  const failure = whyNot("mount", ...args);
  if (failure !== undefined) throw new Error(failure);
}

function whyNoSmallDisk(): string | undefined {
  // In a mount namespace of its own, so that the trial leaves nothing behind.
  return Deno.build.os === "linux" && Deno.uid() === 0
    ? whyNot("unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt")
    : "to mount a small disk takes Linux and root";
}

testUnless(
  whyNoSmallDisk(),
  "Log outlives a full disk, and only whole lines are in it",
  async () => {
    await withSmallDisk(async ({ folder, enlarge }) => {
      const path = `${folder}/client_info.log`;
      using opened = openTestLog({ directory: folder, quiet: true });
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

const NO_FOLDERS: readonly [what: string, make: (folder: string) => string][] = [
  ["a file", (folder) => {
    Deno.writeTextFileSync(`${folder}/file`, "");
    return `${folder}/file`;
  }],
  ["below a file", (folder) => {
    Deno.writeTextFileSync(`${folder}/file`, "");
    return `${folder}/file/logs`;
  }],
];

for (const [what, make] of NO_FOLDERS) {
  Deno.test(`Log goes on without files when its folder is ${what}, and tells of it once`, async () => {
    await withFolder(async (folder) => {
      const directory = make(folder);
      using opened = openTestLog({ directory });
      const told = await opened.put();
      for (let n = 1; n <= 3; n++) opened.log.line("error", `e ${n}`, "s");
      const lines = (await opened.put()).slice(told.length);
      assertEquals(lines.map((line) => line.split(" || ")[2]), ["e 1", "e 2", "e 3"]);
      assertEquals(told.length, 1, told.join("\n"));
      assertMatch(told[0]!, / \|\| ERROR \|\| cannot make the log folder .* \|\| -$/);
      assertStringIncludes(told[0]!, directory);
    });
  });
}
