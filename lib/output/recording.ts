/**
 * Opens a recording, so thinned that its files last for a night of any number of healthy sessions.
 *
 * @module
 */
import {
  LINES_PER_EXCHANGE,
  powerOfTwo,
  Recording,
  Thinning,
} from "../evidence/recording/recording.ts";
import type { Clock } from "../platform/clock.ts";
import { type Random, randomId } from "../platform/secrets.ts";
import type { EventFields } from "../session/events.ts";
import { jsonLine } from "../wire/quote.ts";
import { KEPT_RECORDINGS, RecordingFile } from "./recording_file.ts";

/** The night that all files together must hold, however many sessions there are, in seconds. */
const NIGHT_S = 12 * 3_600;

/** What healthy sessions may take of the files: the rest is for beginnings, ends and outages. */
const HEALTHY_SHARE = 0.6;

/** What a line takes, about, in bytes. */
const LINE_BYTES = 170;

/** How much of a text among the settings stands in `started`: a data message may have megabytes. */
const MAX_SETTING = 1_024;

/** And how many entries of a list. */
const MAX_ENTRIES = 16;

type Setting = EventFields["started"]["settings"][string];

/** Options for {@linkcode openRecording}. */
export interface OpenRecordingOptions {
  /** The newest file. */
  path: string;
  /** The size of a file in bytes. */
  maxBytes: number;
  /** The fields of the process's first event, which begin each file. */
  started: EventFields["started"];
  /** Receives a sentence when lines are lost. */
  report: (text: string) => void;
  /** Time. */
  clock: Clock;
  /** Fills bytes with randomness, for the id of this run. */
  random: Random;
}

/** A recording that is open. */
export interface OpenRecording {
  /** Takes what is recorded. */
  readonly recording: Recording;
  /** Its files. */
  readonly file: RecordingFile;
}

/**
 * Opens a recording.
 *
 * @throws {UsageError} If its file cannot be written, or another process records to it.
 */
export async function openRecording(options: OpenRecordingOptions): Promise<OpenRecording> {
  const { clock, maxBytes, path, random, report, started } = options;
  const run = randomId(random);
  const settings = Object.entries(started.settings).map(([key, value]) => [key, shortened(value)]);
  const fields = { ...started, settings: Object.fromEntries(settings), run };
  const head = (file: number) => {
    const wall_ms = clock.wallTime();
    const time = new Date(wall_ms).toISOString();
    const mono_us = Math.round(clock.now() * 1_000);
    return jsonLine({ time, event: "started", session: null, wall_ms, mono_us, ...fields, file });
  };
  const file = await RecordingFile.open({ path, maxBytes, head, report, clock });
  const thinning = new Thinning({ lines_per_s: healthyLines_per_s(maxBytes) });
  const recording = new Recording({ thinning, clock, write: (lines) => file.write(lines) });
  return { recording, file };
}

function shortened(value: Setting): Setting {
  if (typeof value === "object") {
    return value.slice(0, MAX_ENTRIES).map((each) => `${shortened(each)}`);
  }
  const isLong = typeof value === "string" && value.length > MAX_SETTING;
  return isLong ? `${value.slice(0, MAX_SETTING)}…` : value;
}

/** How many lines a second may be recorded of healthy sessions. */
function healthyLines_per_s(maxBytes: number): number {
  return HEALTHY_SHARE * KEPT_RECORDINGS * maxBytes / (NIGHT_S * LINE_BYTES);
}

/** What decides how long the files of a recording last. */
export interface RecordingLoad {
  /** The size of a file in bytes. */
  maxBytes: number;
  /** How many sessions there are. */
  sessions: number;
  /** From one data message of each to the next, in seconds; `undefined` if that is not known. */
  interval_s?: number;
}

/** Says where is recorded, and how long the files will last; of a search for idle timeouts, long enough. */
export function recordingText(path: string, load?: RecordingLoad): string {
  if (!load) return `recording to ${path}`;
  const { interval_s, sessions } = load;
  const many = sessions === 1 ? "1 session" : `${sessions} sessions`;
  const rate = interval_s === undefined
    ? "however much is sent"
    : `a data message every ${interval_s} s`;
  return `recording to ${path}; with ${many}, ${rate}, and all well, ${lastingText(load)}`;
}

/** How long the files of a recording last while all is well, for people. */
export function lastingText({ interval_s, maxBytes, sessions }: RecordingLoad): string {
  const thinning = new Thinning({ lines_per_s: healthyLines_per_s(maxBytes) });
  thinning.sessions = sessions;
  const least_s = thinning.interval_us / 1_000_000;
  const kept_s = interval_s === undefined ? least_s : interval_s * powerOfTwo(least_s / interval_s);
  const bytes_per_s = sessions * LINES_PER_EXCHANGE * LINE_BYTES / kept_s;
  const hours = Math.round(KEPT_RECORDINGS * maxBytes / bytes_per_s / 3_600);
  const days = Math.round(hours / 24);
  const time = days < 3 ? `${hours} hours` : days < 730 ? `${days} days` : "more than a year";
  return `its ${KEPT_RECORDINGS} files of ${maxBytes / 1_048_576} MiB last about ${time}`;
}
