/**
 * The log: its lines and its three files.
 *
 * @module
 */
import { assert, assertEquals, assertLessOrEqual, assertMatch } from "@std/assert";
import { KEPT_LOG_FILES, type Log, MAX_LOG_BYTES } from "../../lib/output/log.ts";
import { LEVELS } from "../../lib/output/event_text.ts";
import { withFolder } from "../support/folder.ts";
import { logLines, openTestLog } from "../support/log.ts";

/** A line without its time. */
function content(line: string): string {
  return line.split(" || ").slice(1).join(" || ");
}

const CONTENT = {
  detail: "INFO || d || s",
  info: "INFO || i || s",
  warning: "WARNING || w || s",
  error: "ERROR || e || s",
};

function logOneOfEach(log: Log): void {
  log.line("detail", "d", "s");
  log.line("info", "i", "s");
  log.line("warning", "w", "s");
  log.line("error", "e", "s");
}

Deno.test("Log.line() puts out time, level, message and session, in local time", async () => {
  using opened = openTestLog();
  const before = Date.now();
  opened.log.line("warning", "a message", "5e55");
  const after = Date.now();
  const [line] = await opened.put();
  assertMatch(
    line!,
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}[+-]\d{4} \|\| WARNING \|\| a message \|\| 5e55$/,
  );
  const stamped = line!.slice(0, 28).replace(" ", "T").replace(",", ".");
  const time = Date.parse(stamped.replace(/(?=..$)/, ":"));
  assert(before <= time && time <= after, `${line} is not between ${before} and ${after}`);
});

Deno.test("Log.line() leaves the time zone out if that is asked for", async () => {
  using opened = openTestLog({ hasZone: false });
  const before = Date.now();
  opened.log.line("info", "m", null);
  const after = Date.now();
  const [line] = await opened.put();
  assertMatch(line!, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \|\| INFO \|\| m \|\| -$/);
  // Without a time zone behind it, a date and time is read as local time.
  const time = Date.parse(line!.slice(0, 23).replace(" ", "T").replace(",", "."));
  assert(before <= time && time <= after, `${line} is not between ${before} and ${after}`);
});

Deno.test("Log.line() stamps each line with the zone at its own time, as daylight saving time changes it", async () => {
  const before = Deno.env.get("TZ");
  try {
    for (const [zone, ...expected] of ZONES) {
      Deno.env.set("TZ", zone);
      using opened = openTestLog();
      for (const time of AROUND_A_CHANGE) opened.log.line("info", "m", null, time);
      const stamps = (await opened.put()).map((line) => line.split(" || ")[0]!);
      assertEquals(stamps, expected, zone);
    }
  } finally {
    if (before === undefined) Deno.env.delete("TZ");
    else Deno.env.set("TZ", before);
  }
});

/** The last millisecond of daylight saving time in Europe in 2026, and the one after it. */
const AROUND_A_CHANGE = ["2026-10-25T00:59:59.999Z", "2026-10-25T01:00:00.000Z"];

const ZONES: readonly [zone: string, ...stamps: string[]][] = [
  ["Europe/Berlin", "2026-10-25 02:59:59,999+0200", "2026-10-25 02:00:00,000+0100"],
  ["UTC", "2026-10-25 00:59:59,999+0000", "2026-10-25 01:00:00,000+0000"],
  ["America/St_Johns", "2026-10-24 22:29:59,999-0230", "2026-10-24 22:30:00,000-0230"],
];

Deno.test("Log.line() puts - for no session, and takes any text as it is", async () => {
  using opened = openTestLog();
  const texts = ["a | b", "%s %d", "{}", "ü → 漢", "", "undefined"];
  for (const text of texts) opened.log.line("info", text, null);
  assertEquals((await opened.put()).map(content), texts.map((text) => `INFO || ${text} || -`));
});

Deno.test("Log.line() lets no text or session forge a column, a line or no session", async () => {
  using opened = openTestLog();
  for (const text of ["a || ERROR || b", "a |||| b", "|| a ||", "a\n || b"]) {
    opened.log.line("info", text, "-");
  }
  const lines = (await opened.put()).map((line) => line.split(" || "));
  assertEquals(lines.map(([, ...columns]) => columns), [
    ["INFO", "a \\u007c| ERROR \\u007c| b", '"-"'],
    ["INFO", "a \\u007c\\u007c\\u007c| b", '"-"'],
    ["INFO", "\\u007c| a \\u007c|", '"-"'],
    ["INFO", "a\\u000a \\u007c| b", '"-"'],
  ]);
});

Deno.test("Log.line() puts out the lines from a level up", async () => {
  for (const [at, level] of LEVELS.entries()) {
    using opened = openTestLog({ level });
    logOneOfEach(opened.log);
    const expected = LEVELS.slice(at).map((each) => CONTENT[each]);
    assertEquals((await opened.put()).map(content), expected);
  }
});

const SUMMARY = { text: "all in one", lines: ["--- a ---", "b\u202e", "the last"] };

for (const level of ["detail", "info", "warning"] as const) {
  Deno.test(`Log.summary() puts out lines without prefix, from ${level} on; files have one line`, async () => {
    await withFolder(async (directory) => {
      using opened = openTestLog({ level, directory });
      opened.log.summary({ ...SUMMARY, level: "info", isAmongOthers: false }, "s");
      const shown = ["--- a ---", "b\\u202e", "the last"];
      assertEquals(await opened.put(), level === "warning" ? shown.slice(-1) : shown);
      const logged = logLines(`${directory}/client_info.log`).map(content);
      assertEquals(logged, ["INFO || all in one || s"]);
    });
  });

  Deno.test(`Log.summary() puts out one line of its level among others, from ${level} on`, async () => {
    await withFolder(async (directory) => {
      using opened = openTestLog({ level, directory });
      for (const each of ["info", "warning"] as const) {
        opened.log.summary({ ...SUMMARY, level: each, isAmongOthers: true }, "s");
      }
      const shown = ["INFO || the last || s", "WARNING || the last || s"];
      assertEquals((await opened.put()).map(content), shown.slice(level === "warning" ? 1 : 0));
      const logged = logLines(`${directory}/client_info.log`).map(content);
      assertEquals(logged, ["INFO || all in one || s", "WARNING || all in one || s"]);
    });
  });
}

Deno.test("openLog() makes three files, each from its level up, even if it is to be quiet", async () => {
  await withFolder((folder) => {
    const directory = `${folder}/deep/logs`;
    using opened = openTestLog({ role: "server", level: "warning", directory });
    logOneOfEach(opened.log);
    const names = [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
    assertEquals(names, ["server_error.log", "server_info.log", "server_warning.log"]);
    for (const [file, at] of [["info", 0], ["warning", 2], ["error", 3]] as const) {
      const lines = logLines(`${directory}/server_${file}.log`).map(content);
      assertEquals(lines, LEVELS.slice(at).map((each) => CONTENT[each]), file);
    }
  });
});

Deno.test("Log.line() has the same line in the file as in the output, and at once", async () => {
  await withFolder(async (directory) => {
    using opened = openTestLog({ directory });
    for (let n = 1; n <= 3; n++) {
      opened.log.line("info", `message ${n}`, "s");
      assertEquals(logLines(`${directory}/client_info.log`).length, n);
    }
    assertEquals(logLines(`${directory}/client_info.log`), await opened.put());
  });
});

Deno.test("openLog() appends to the files that are there", async () => {
  await withFolder((directory) => {
    for (const text of ["first run", "second run"]) {
      using opened = openTestLog({ directory });
      opened.log.line("error", text, null);
    }
    const lines = logLines(`${directory}/client_error.log`).map(content);
    assertEquals(lines, ["ERROR || first run || -", "ERROR || second run || -"]);
  });
});

Deno.test("openLog() begins a new line behind one that was cut off", async () => {
  await withFolder((directory) => {
    const path = `${directory}/client_error.log`;
    Deno.writeTextFileSync(path, "a line cut o");
    using opened = openTestLog({ directory });
    opened.log.line("error", "e", null);
    assertEquals(logLines(path).map(content), ["", "ERROR || e || -"]);
  });
});

Deno.test("Log rotates each file before it grows beyond 1 MiB, and keeps five", async () => {
  await withFolder((directory) => {
    using opened = openTestLog({ directory, level: "warning" });
    const filler = "x".repeat(65_000);
    const perFile = Math.floor(MAX_LOG_BYTES / 65_040);
    const count = perFile * (KEPT_LOG_FILES + 3);
    for (let n = 0; n < count; n++) opened.log.line("info", `${n} ${filler}`, "s");

    const path = `${directory}/client_info.log`;
    const names = ["", ".1", ".2", ".3", ".4", ".5"].map((suffix) => path + suffix);
    const there = [...Deno.readDirSync(directory)].map(({ name }) => `${directory}/${name}`);
    assertEquals(there.filter((each) => each.includes("_info.log")).sort(), names);
    // From the oldest file to the newest, every line that is kept, in order, to the last one logged.
    const numbers = names.reverse().flatMap((each) => {
      assertLessOrEqual(Deno.statSync(each).size, MAX_LOG_BYTES);
      return logLines(each).map((line) => Number(/ INFO \|\| (\d+) /.exec(line)?.[1]));
    });
    const first = count - numbers.length;
    assertEquals(numbers, Array.from({ length: numbers.length }, (_, n) => first + n));
    assert(numbers.length >= perFile * KEPT_LOG_FILES, `only ${numbers.length} lines are kept`);
  });
});

Deno.test("Log rotates a file that was nearly full before", async () => {
  await withFolder((directory) => {
    const path = `${directory}/client_error.log`;
    Deno.writeTextFileSync(path, "x".repeat(MAX_LOG_BYTES - 10) + "\n");
    using opened = openTestLog({ directory, level: "warning" });
    opened.log.line("error", "e", null);
    assertEquals(logLines(path).map(content), ["ERROR || e || -"]);
    assertEquals(Deno.statSync(`${path}.1`).size, MAX_LOG_BYTES - 9);
  });
});

Deno.test("Log.reopen() makes the files anew that were moved away, and their folder", async () => {
  await withFolder((folder) => {
    const directory = `${folder}/logs`;
    using opened = openTestLog({ directory });
    opened.log.line("error", "before", null);
    Deno.renameSync(directory, `${folder}/moved`);
    opened.log.line("error", "meanwhile", null);
    assertEquals(opened.log.reopen(), true);
    opened.log.line("error", "after", null);
    for (const level of ["info", "warning", "error"]) {
      const texts = [`${folder}/moved`, directory].map((each) =>
        logLines(`${each}/client_${level}.log`).map((line) => line.split(" || ")[2])
      );
      assertEquals(texts, [["before", "meanwhile"], ["after"]]);
    }
  });
});

Deno.test("Log.close() may be called again", async () => {
  await withFolder((directory) => {
    using opened = openTestLog({ directory });
    opened.log.line("info", "before", null);
    opened.log.close();
    opened.log.close();
    assertEquals(logLines(`${directory}/client_info.log`).map(content), ["INFO || before || -"]);
  });
});
