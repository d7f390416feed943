/**
 * The log: lines for people on stderr and in three rotating files. Only this file imports the logging
 * package.
 *
 * @module
 */
import {
  BaseHandler,
  getLogger,
  type LevelName,
  type LogRecord,
  RotatingFileHandler,
  setup,
} from "@std/log";
import { fileErrorText, UsageError } from "../platform/errors.ts";
import type { Role } from "../wire/protocol.ts";
import { printable } from "../wire/quote.ts";
import type { EventText, Level } from "./event_text.ts";
import type { LineOutput } from "./line_output.ts";

/** A log file is rotated before it grows beyond this size. */
export const MAX_LOG_BYTES = 1_048_576;

/** How many rotated files are kept of each log file. */
export const KEPT_LOG_FILES = 5;

const LOGGER = "pulsewire";

const LEVEL_NAME: Readonly<Record<Level, LevelName>> = {
  detail: "DEBUG",
  info: "INFO",
  warning: "WARN",
  error: "ERROR",
};

/** Each log file, and from which level on it has lines. */
const FILES = { info: "detail", warning: "warning", error: "error" } as const;

/** Options for {@linkcode openLog}. */
export interface LogOptions {
  /** Which command logs; the log files are named after it. */
  role: Role;
  /** Receives lines for people. */
  output: LineOutput;
  /** The lowest level that is written to the output; the files get all lines. */
  level: Level;
  /** The folder for the log files; empty for no files. */
  directory: string;
  /** Whether the time zone stands behind the time of each line. */
  hasZone: boolean;
}

/** A summary for the log. */
export interface LoggedSummary extends Required<EventText> {
  /** Whether lines of other sessions stand around it. */
  isAmongOthers: boolean;
}

/** The log of a command. */
export interface Log {
  /**
   * Logs a line with an ISO 8601 time, by default the present one. It never throws: a log file that fails
   * later is reported once, and the program continues.
   */
  line(level: Level, text: string, session: string | null, time?: string): void;
  /**
   * Logs a summary: its one line in the files, its several lines on the output, as they are; only the last of
   * them where that takes no more than warnings. Among lines of other sessions, the last is a line like these.
   */
  summary(summary: LoggedSummary, session: string | null, time?: string): void;
  /** Opens the log files anew, after they were moved away; false if there are none. */
  reopen(): boolean;
  /** Closes the log files, and reports how many lines they lack. */
  close(): void;
}

/**
 * Opens the log.
 *
 * @throws {UsageError} If the folder or a file in it cannot be written.
 */
export function openLog(options: LogOptions): Log {
  const { directory, level, output, role } = options;
  const formatter = formatterOf(options);
  const report = (text: string) =>
    output.write(format(stamp(new Date(), options), "ERROR", columnOf(text), null));
  if (directory !== "") makeFolder(directory);
  const files = Object.entries(directory === "" ? {} : FILES).map(([name, from]) =>
    new LogFile(LEVEL_NAME[from], `${directory}/${role}_${name}.log`, { report, formatter })
  );
  const handlers = [new OutputHandler(LEVEL_NAME[level], output, formatter), ...files];
  setup({
    handlers: Object.fromEntries(handlers.map((handler, at) => [`${at}`, handler])),
    loggers: { [LOGGER]: { level: "DEBUG", handlers: handlers.map((_, at) => `${at}`) } },
  });
  const logger = getLogger(LOGGER);
  const log = {
    detail: (text: string, ...about: About) => logger.debug(text, ...about),
    info: (text: string, ...about: About) => logger.info(text, ...about),
    warning: (text: string, ...about: About) => logger.warn(text, ...about),
    error: (text: string, ...about: About) => logger.error(text, ...about),
  };
  return {
    line: (level, text, session, time) => void log[level](columnOf(text), session, time),
    summary: (summary, session, time) =>
      void log[summary.level](columnOf(summary.text), session, time, summary),
    reopen: () => files.filter((file) => file.reopen()).length > 0,
    close: () => files.forEach((file) => file.close()),
  };
}

/** What is logged besides the text: the session, the time if it is not the present one, and a summary. */
type About = [session: string | null, time?: string, summary?: LoggedSummary];

class OutputHandler extends BaseHandler {
  readonly #output: LineOutput;

  constructor(level: LevelName, output: LineOutput, formatter: Formatter) {
    super(level, { formatter });
    this.#output = output;
  }

  override handle(record: LogRecord): void {
    const { args, datetime, level, levelName, loggerName } = record;
    const [, , summary] = args as Partial<About>;
    if (!summary) return super.handle(record);
    const last = summary.lines.at(-1)!;
    if (summary.isAmongOthers) {
      const msg = columnOf(last);
      return super.handle({ args, datetime, level, levelName, loggerName, msg } as LogRecord);
    }
    const lines = this.levelName === "WARN" ? [last] : summary.lines;
    lines.forEach((line) => this.log(printable(line)));
  }

  override log(line: string): void {
    this.#output.write(line);
  }
}

/** A rotating log file that writes each line at once, and recovers from a full disk. */
class LogFile extends RotatingFileHandler {
  readonly #path: string;
  readonly #report: (text: string) => void;
  #broken = false;
  /** How many lines it lacks, and how many of them since the present failure. */
  #lostInAll = 0;
  #lost = 0;

  constructor(
    level: LevelName,
    path: string,
    { formatter, report }: { formatter: Formatter; report: (text: string) => void },
  ) {
    // Without a buffer a line is in the file when `log` returns, whatever ends the process.
    super(level, {
      filename: path,
      maxBytes: MAX_LOG_BYTES,
      maxBackupCount: KEPT_LOG_FILES,
      bufferSize: 0,
      formatter,
    });
    this.#path = path;
    this.#report = report;
  }

  override setup(): void {
    try {
      this.#open();
    } catch (error) {
      throw new UsageError(`cannot write the log file ${this.#path}: ${fileErrorText(error)}`);
    }
  }

  /** Opens the file anew, or makes it, and its folder, if it was moved away; false if that fails. */
  reopen(): boolean {
    this.destroy();
    try {
      makeFolder(this.#path.slice(0, this.#path.lastIndexOf("/")));
      this.#open();
      return true;
    } catch (error) {
      this.#failed(error);
      return false;
    }
  }

  /** Closes the file for good. */
  close(): void {
    this.destroy();
    if (this.#lostInAll === 0) return;
    this.#report(`${this.#path} lacks lines that could not be written: ${this.#lostInAll}`);
    this.#lostInAll = 0;
  }

  override log(line: string): void {
    try {
      if (this.#broken) {
        this.destroy();
        this.#open();
      }
      super.log(line);
    } catch (error) {
      this.#lost++;
      this.#lostInAll++;
      return this.#failed(error);
    }
    if (this.#broken) {
      this.#report(`${this.#path} is written again; lines lost: ${this.#lost}`);
    }
    this.#broken = false;
    this.#lost = 0;
  }

  override destroy(): void {
    try {
      super.destroy();
    } catch {
      // It was not open; the failure to open it has been reported.
    }
  }

  /** Opens the file; starts a new line after one that a full disk or a kill has cut off. */
  #open(): void {
    super.setup();
    if (!endsWithLine(this.#path)) super.log("");
  }

  #failed(error: unknown): void {
    if (!this.#broken) {
      this.#report(
        `cannot write the log file ${this.#path}: ${fileErrorText(error)}; continuing without it`,
      );
    }
    this.#broken = true;
  }
}

function endsWithLine(path: string): boolean {
  using file = Deno.openSync(path);
  const size = file.seekSync(0, Deno.SeekMode.End);
  if (size === 0) return true;
  file.seekSync(-1, Deno.SeekMode.End);
  const last = new Uint8Array(1);
  file.readSync(last);
  return last[0] === 0x0a;
}

function makeFolder(directory: string): void {
  try {
    Deno.mkdirSync(directory, { recursive: true });
  } catch (error) {
    throw new UsageError(`cannot make the log folder ${directory}: ${fileErrorText(error)}`);
  }
}

/** Puts a record of the logging package in a line. */
type Formatter = (record: LogRecord) => string;

function formatterOf(options: Pick<LogOptions, "hasZone">): Formatter {
  // Thousands of lines may be of the same millisecond.
  let last = { time: "", at: "" };
  return ({ args, datetime, levelName, msg }) => {
    const [session, time = datetime.toISOString()] = args as Partial<About>;
    if (time !== last.time) last = { time, at: stamp(new Date(time), options) };
    return format(last.at, levelName, msg, session ?? null);
  };
}

/** A text as a column of a line: text of a peer must neither display as something else, nor add a column. */
function columnOf(text: string): string {
  return printable(text).replace(/\|(?=\|)/g, "\\u007c");
}

/** A line of the log: `2026-11-22 06:43:42,686+0100 || INFO || <message> || <session>`. */
function format(at: string, level: string, text: string, session: string | null): string {
  const name = { WARN: "WARNING", DEBUG: "INFO" }[level] ?? level;
  // A session may have the id `-`, which would look like no session.
  const about = session === "-" ? '"-"' : session ?? "-";
  return `${at} || ${name} || ${text} || ${about}`;
}

/** A local time; the zone is the one at that time: it changes with daylight saving time. */
function stamp(time: Date, { hasZone }: Pick<LogOptions, "hasZone">): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  const milliseconds = String(time.getMilliseconds()).padStart(3, "0");
  return `${date} ${clock},${milliseconds}${hasZone ? zoneOf(time) : ""}`;
}

/** The difference to UTC as ISO 8601 has it: `+0100`. */
function zoneOf(time: Date): string {
  const minutes = -time.getTimezoneOffset();
  const two = (n: number) => String(Math.trunc(Math.abs(n))).padStart(2, "0");
  return `${minutes < 0 ? "-" : "+"}${two(minutes / 60)}${two(minutes % 60)}`;
}
