/**
 * The command `report` of both executables: from its arguments to a report on stdout, and as a page.
 *
 * The room: commands besides the main one, which `../command.ts` is. The entry points call them.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { UsageError, writeErrorText } from "../../platform/errors.ts";
import { pageOf } from "../../report/page/page.ts";
import { makeReport, type Report } from "../../report/report.ts";
import { reportText } from "../../report/text.ts";
import { EXIT, type ExitStatus } from "../../session/close_reason.ts";
import type { Role } from "../../wire/protocol.ts";
import { printable } from "../../wire/quote.ts";
import { didYouMean } from "../check.ts";

/** What the arguments ask for. */
export interface ReportArguments {
  /** The recordings. */
  readonly files: readonly string[];
  /** Where the page is to be written. */
  readonly html?: string;
  /** Whether JSON is asked for, instead of text. */
  readonly json: boolean;
  /** The time that is asked for, in milliseconds since 1970. */
  readonly since_ms?: number;
  /** Its end. */
  readonly until_ms?: number;
}

/** The text of `report --help`. */
export function reportHelp(role: Role): string {
  return `Says what recordings of one or both sides prove: outages, their direction and cause, who
noticed first, the offset of the clocks, and the ledger. --record makes recordings.

Usage: pulsewire-${role} report [options] RECORDING…

  RECORDING       files of one or both sides, in any order; rotated ones, too
  --html FILE     also write the report as one page, which opens anywhere and prints
  --json          write the report to stdout as JSON; docs/report.md has its keys
  --since T       only outages and round trips from T on, such as 2026-11-27T06:30
  --until T       only those up to T; in UTC, if T has no zone such as +01:00
  --help, -h      show the help

Exit status
  0  the report was made
  2  wrong use, or a file that cannot be read or written`;
}

/** Runs the command; errors of its user go to stderr. */
export function reportMain(role: Role, args: readonly string[]): ExitStatus {
  try {
    const parsed = parseReportArguments(args);
    if (parsed === "help") return print(reportHelp(role));
    const { files, html, json, since_ms, until_ms } = parsed;
    if (html !== undefined) refuseRecording(html, files);
    const report = makeReport(files, { since_ms, until_ms });
    if (html !== undefined) writePage(html, report);
    const { document } = report;
    return print(json ? JSON.stringify(document) : reportText(document));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    // It may contain what stands in files and arguments.
    for (const line of error.message.split("\n")) {
      try {
        writeAll(Deno.stderr, `pulsewire-${role}: ${printable(line)}\n`);
      } catch {
        // stderr cannot be written either; the exit status remains.
      }
    }
    return EXIT.usage;
  }
}

const VALUES = ["html", "since", "until"];
const SWITCHES = ["json", "help"];

/**
 * Parses the arguments behind `report`.
 *
 * @throws {UsageError} If one is unknown, lacks its value, is given twice, or has an invalid value.
 */
export function parseReportArguments(args: readonly string[]): ReportArguments | "help" {
  const parsed: Record<string, unknown> & { _: (string | number)[] } = parseArgs([...args], {
    boolean: SWITCHES,
    string: [...VALUES, "_"],
    collect: VALUES,
    alias: { help: "h" },
    unknown: (_word: string, flag?: string) => {
      if (flag === undefined) return;
      const dashes = flag.length === 1 ? "-" : "--";
      const hint = didYouMean(flag, [...VALUES, ...SWITCHES]).replace("mean ", "mean --");
      throw new UsageError(
        `${dashes}${flag}: unknown option of report${flag.length > 1 ? hint : ""}`,
      );
    },
  });
  if (parsed.help) return "help";
  const files = parsed._.map(String);
  if (files.length === 0) {
    throw new UsageError("no recording is given; expected report [options] RECORDING…");
  }
  const [since_ms, until_ms] = ["since", "until"].map((flag) => timeOf(flag, value(flag, parsed)));
  if (since_ms !== undefined && until_ms !== undefined && since_ms > until_ms) {
    throw new UsageError("--since is after --until");
  }
  return { files, html: value("html", parsed), json: parsed.json === true, since_ms, until_ms };
}

function value(flag: string, parsed: Record<string, unknown>): string | undefined {
  const given = parsed[flag];
  const list = Array.isArray(given) ? given : given === undefined ? [] : [given];
  if (list.length > 1) throw new UsageError(`--${flag}: given twice; once is enough`);
  if (list.length === 0) return undefined;
  if (typeof list[0] !== "string" || list[0] === "") {
    const example = flag === "html" ? "report.html" : "2026-11-27T06:30";
    throw new UsageError(`--${flag}: needs a value, such as --${flag} ${example}`);
  }
  return list[0];
}

/** A date, perhaps with a time, as in the report or in the log; perhaps with a zone. */
const TIME =
  /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(?:[.,](\d{1,3})\d*)? ?(Z|[+-]\d\d:?\d\d)?)?$/;

function timeOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, date, time = "00:00", seconds = ":00", fraction = "0", zone = "Z"] = TIME.exec(text) ??
    [];
  const offset = zone.replace(/^([+-]\d\d):?(\d\d)$/, "$1:$2");
  const at_ms = Date.parse(`${date}T${time}${seconds}.${fraction.padEnd(3, "0")}${offset}`);
  if (Number.isFinite(at_ms)) return at_ms;
  throw new UsageError(
    `--${flag} ${text}: expected a time such as 2026-11-27, 2026-11-27T06:30 or ` +
      "2026-11-27T06:30:15.250+01:00",
  );
}

/** Refuses to write the page over a recording. */
function refuseRecording(html: string, files: readonly string[]): void {
  const place = (path: string) => {
    try {
      const { dev, ino } = Deno.statSync(path);
      return ino === null ? path : `${dev} ${ino}`;
    } catch {
      return path;
    }
  };
  if (files.map(place).includes(place(html))) {
    throw new UsageError(`--html ${html}: that is one of the recordings; name another file`);
  }
}

function writePage(path: string, report: Report): void {
  try {
    Deno.writeTextFileSync(path, pageOf(report));
  } catch (error) {
    throw new UsageError(`--html ${path}: cannot be written: ${writeErrorText(error)}`);
  }
}

/**
 * Prints to stdout.
 *
 * @throws {UsageError} If stdout cannot be written, as on a full disk.
 */
function print(text: string): ExitStatus {
  try {
    writeAll(Deno.stdout, `${text}\n`);
  } catch (error) {
    throw new UsageError(`stdout: ${writeErrorText(error)}`);
  }
  return EXIT.asked;
}

/** Writes to the end, unless the reader has gone, as after `| head`. */
function writeAll(output: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += output.writeSync(bytes.subarray(at));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
