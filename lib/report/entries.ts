/**
 * The entries of a recording: parsed lines, and what is known of the run of the process that wrote them.
 *
 * @module
 */
import { WallClock } from "../evidence/wall_clock.ts";
import { UsageError } from "../platform/errors.ts";
import type { Role } from "../wire/protocol.ts";
import { printable } from "../wire/quote.ts";
import { ENOUGH, forEachLine } from "./lines.ts";

/** One line of a recording. */
export interface Entry {
  /** The event's name. */
  readonly event: string;
  /** The session's id; `null` where there is none. */
  readonly session: string | null;
  /** When it was, by the wall clock, in milliseconds since 1970. */
  readonly wall_ms: number;
  /** When it was, by the monotonic clock, in microseconds. */
  readonly mono_us: number;
  /** The event's own fields. */
  readonly [field: string]: unknown;
}

/** Beyond any clock, and so little that sums of two such times are dates, too. */
const MAX_TIME_MS = 2 ** 51;

/** What a line, or a value in it, has; the types are not known. */
export type Fields = Readonly<Record<string, unknown>>;

/** Parses a line that may be damaged; `undefined` if it is no object. */
export function parseFields(line: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? value as Fields : undefined;
  } catch {
    return undefined;
  }
}

/** Parses a line; `undefined` if it is none of a recording. */
export function parseEntry(line: string): Entry | undefined {
  const fields = parseFields(line);
  if (!fields) return undefined;
  const { event, mono_us, session, wall_ms } = fields;
  const isWhole = typeof event === "string" && isTime(wall_ms, MAX_TIME_MS) &&
    isTime(mono_us, 1_000 * MAX_TIME_MS) && (session === null || typeof session === "string");
  return isWhole ? fields as Entry : undefined;
}

function isTime(value: unknown, most: number): value is number {
  return typeof value === "number" && Math.abs(value) < most;
}

/** A whole number that counts something; `null` if there is none of that name. */
export function countIn(fields: Fields, field: string): number | null {
  const value = fields[field];
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

/** A duration, in the unit that its name has; `null` if there is none of that name. */
export function durationIn(fields: Fields, field: string): number | null {
  const value = fields[field];
  return isTime(value, MAX_TIME_MS) && value >= 0 ? value : null;
}

/** A text; empty if there is none of that name. */
export function textIn(fields: Fields, field: string): string {
  const value = fields[field];
  return typeof value === "string" ? value : "";
}

/** A file of a run. */
export interface RecordingFile {
  /** Where it is. */
  readonly path: string;
  /** Which one of its run: 1 for the first. */
  readonly number: number;
  /** How many lines it has. */
  lines: number;
  /** How many of them are damaged. */
  damaged: number;
  /** Whether another recording follows these lines, as after `cat`; it is not read. */
  hasAnother: boolean;
}

/** One run of a process, and its files in order. */
export class Run {
  /** The id of the run, in all of its files. */
  readonly id: string;
  /** Which side it is. */
  readonly role: Role;
  /** The name of its host. */
  readonly host: string;
  /** The id of its process. */
  readonly pid: number;
  /** The version of the program. */
  readonly version: string;
  /** The settings that it had. */
  readonly settings: Fields;
  /** Its files, in order. */
  readonly files: RecordingFile[] = [];
  /** Its wall clock against its monotonic one. */
  readonly wall = new WallClock();
  /** The first and the last moment that it recorded, in milliseconds of its monotonic clock. */
  first_ms: number = Infinity;
  /** The last moment that it recorded. */
  last_ms: number = -Infinity;

  /** Takes what the first line of a file says. */
  constructor(started: Entry) {
    this.id = textIn(started, "run");
    this.role = started.role as Role;
    this.host = printable(textIn(started, "host")) || "?";
    this.pid = countIn(started, "pid") ?? 0;
    this.version = printable(textIn(started, "version"));
    const { settings } = started;
    this.settings = typeof settings === "object" && settings !== null ? settings as Fields : {};
  }

  /** A duration among its settings, in milliseconds; `null` if it has none of that name. */
  setting_ms(key: string): number | null {
    const value = durationIn(this.settings, key);
    return value === null ? null : value * 1_000;
  }

  /** When something was, by its wall clock, in milliseconds; `NaN` if that is not known. */
  wallAt(mono_ms: number): number {
    return mono_ms + (this.wall.distance_ms(mono_ms)?.[0] ?? NaN);
  }

  /** Passes each entry of its files, in the order of their lines; counts what is damaged the first time. */
  forEachEntry(
    take: (entry: Entry, line: string) => void,
    wants?: (line: string) => boolean,
  ): void {
    for (const file of this.files) {
      if (!wants) {
        this.#readFirst(file, take);
        continue;
      }
      let lines = 0;
      forEachLine(file.path, (line) => {
        if (file.hasAnother && lines++ === file.lines) return ENOUGH;
        const entry = wants(line) ? parseEntry(line) : undefined;
        if (entry) take(entry, line);
      });
    }
  }

  #readFirst(file: RecordingFile, take: (entry: Entry, line: string) => void): void {
    let last = file.number;
    const { cutOff } = forEachLine(file.path, (line) => {
      const entry = parseEntry(line);
      if (entry?.event === "started" && file.lines > 0) {
        // The next file of the run may follow. Another side's events would be taken for this side's.
        const number = fileNumber(entry);
        file.hasAnother = textIn(entry, "run") !== this.id || number <= last;
        if (file.hasAnother) return ENOUGH;
        last = number;
      }
      file.lines++;
      if (entry) take(entry, line);
      else file.damaged++;
    });
    if (cutOff) file.damaged++;
  }
}

/** Which file of its run begins with this `started`: 1 for the first. */
function fileNumber(started: Entry): number {
  return countIn(started, "file") || 1;
}

/** What the files that were given are. */
export interface Opened {
  /** The runs, in the order of their first files. */
  readonly runs: Run[];
  /** What is wrong with files, in sentences. */
  readonly notes: string[];
}

/**
 * Looks at the first line of each file.
 *
 * @throws {UsageError} If a file cannot be read, or none is a recording.
 */
export function openRecordings(paths: readonly string[]): Opened {
  const runs = new Map<string, Run>();
  const notes: string[] = [];
  const wrong: string[] = [];
  for (const path of paths) {
    const started = firstEntry(path);
    if (typeof started === "string") {
      wrong.push(`${path} ${started}`);
      continue;
    }
    const run = new Run(started);
    const number = fileNumber(started);
    const known = runs.get(run.id) ?? run;
    const file = { path, number, lines: 0, damaged: 0, hasAnother: false };
    const same = known.files.findIndex((file) => file.number === number);
    if (same < 0) known.files.push(file);
    else notes.push(keepLonger(known.files, same, file));
    runs.set(run.id, known);
  }
  if (runs.size === 0) throw new UsageError(wrong.join("\n"));
  notes.push(...wrong.map((each) => `${each}; it is left out`));
  for (const run of runs.values()) noteMissing(run, notes);
  return { runs: [...runs.values()], notes };
}

/** Keeps the longer one of two copies: the other may be of a time when the run went on. Says which is left out. */
function keepLonger(files: RecordingFile[], at: number, file: RecordingFile): string {
  const size = ({ path }: RecordingFile) => Deno.statSync(path).size;
  const known = files[at]!;
  const [kept, left] = size(file) > size(known) ? [file, known] : [known, file];
  files[at] = kept;
  return `${left.path} is file ${left.number} of the same run as ${kept.path}; it is left out`;
}

/** The `started` of a file, or what is wrong with the file. */
function firstEntry(path: string): Entry | string {
  let first: string | undefined;
  forEachLine(path, (line) => {
    first = line;
    return ENOUGH;
  });
  if (first === undefined) return "has no complete line";
  const entry = parseEntry(first);
  if (!entry) {
    return first.startsWith('{"time":')
      ? "has no monotonic times: it is what --json writes; a report needs what --record writes"
      : "is no recording: its first line is not that of one";
  }
  if (entry.event !== "started") return "does not begin with started: its beginning is missing";
  const isRole = entry.role === "client" || entry.role === "server";
  if (!isRole || textIn(entry, "run") === "") return "does not say which side and run it is of";
  return entry;
}

/** Sorts the files of a run, and notes which of them are missing. */
function noteMissing({ files }: Run, notes: string[]): void {
  files.sort((a, b) => a.number - b.number);
  let next = 1;
  for (const { number, path } of files) {
    if (number > next) {
      const which = number === next + 1 ? `file ${next}` : `files ${next} to ${number - 1}`;
      notes.push(`${which} of the run of ${path} are not among the recordings`.replace(
        /^(file \d+ .*) are /,
        "$1 is ",
      ));
    }
    next = number + 1;
  }
}
