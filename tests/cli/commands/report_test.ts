import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseReportArguments, reportHelp } from "../../../lib/cli/commands/report.ts";
import { UsageError } from "../../../lib/platform/errors.ts";

Deno.test("parseReportArguments() takes files and options in any order", () => {
  assertEquals(parseReportArguments(["a", "--json", "b", "--html", "x.html", "c"]), {
    files: ["a", "b", "c"],
    html: "x.html",
    json: true,
    since_ms: undefined,
    until_ms: undefined,
  });
  // Names that look like numbers are names.
  const parsed = parseReportArguments(["007", "--html=8"]);
  assert(parsed !== "help");
  assertEquals([parsed.files, parsed.html], [["007"], "8"]);
  assertEquals(parseReportArguments(["a", "-h"]), "help");
});

Deno.test("parseReportArguments() takes times as in the report, in the log, and in ISO 8601", () => {
  const since = (text: string) => {
    const parsed = parseReportArguments(["a", "--since", text]);
    assert(parsed !== "help");
    return new Date(parsed.since_ms!).toISOString();
  };
  assertEquals(since("2026-11-27"), "2026-11-27T00:00:00.000Z");
  assertEquals(since("2026-11-27T06:30"), "2026-11-27T06:30:00.000Z");
  assertEquals(since("2026-11-27 06:30:15.25"), "2026-11-27T06:30:15.250Z");
  assertEquals(since("2026-11-27 06:43:42,686+0100"), "2026-11-27T05:43:42.686Z");
  assertEquals(since("2026-11-27T06:30:15Z"), "2026-11-27T06:30:15.000Z");
});

Deno.test("parseReportArguments() says what is wrong", () => {
  const fails = (args: string[], message: string) => {
    assertEquals(assertThrows(() => parseReportArguments(args), UsageError).message, message);
  };
  fails([], "no recording is given; expected report [options] RECORDING…");
  fails(["--jsn", "a"], "--jsn: unknown option of report; did you mean --json?");
  fails(["-x", "a"], "-x: unknown option of report");
  fails(["a", "--html"], "--html: needs a value, such as --html report.html");
  fails(["a", "--html", "x", "--html", "y"], "--html: given twice; once is enough");
  fails(
    ["a", "--since", "yesterday"],
    "--since yesterday: expected a time such as 2026-11-27, 2026-11-27T06:30 or " +
      "2026-11-27T06:30:15.250+01:00",
  );
  fails(
    ["a", "--until", "2026-13-01"],
    "--until 2026-13-01: expected a time such as 2026-11-27, 2026-11-27T06:30 or " +
      "2026-11-27T06:30:15.250+01:00",
  );
  fails(["a", "--since", "2026-11-28", "--until", "2026-11-27"], "--since is after --until");
});

Deno.test("reportHelp() has every option and exit status, in 88 columns", () => {
  const help = reportHelp("client");
  for (const word of ["--html", "--json", "--since", "--until", "--help", "RECORDING", "0", "2"]) {
    assert(help.includes(word), word);
  }
  for (const line of help.split("\n")) assert(line.length <= 88, line);
});
