/**
 * Recordings for tests: in memory, and as read from a file.
 *
 * @module
 */
import { Recording, Thinning } from "../../lib/evidence/recording/recording.ts";
import type { Clock } from "../../lib/platform/clock.ts";

/** A line of a recording. */
export interface RecordedLine {
  event: string;
  session: string | null;
  wall_ms: number;
  mono_us: number;
  frame?: string;
  n?: number;
  seq?: number;
  connection?: number;
  [field: string]: unknown;
}

/** A recording in memory. */
export class MemoryRecording {
  readonly recording: Recording;
  #text = "";

  /** Creates one; by default it records all that healthy sessions do. */
  constructor(clock: Clock, lines_per_s = 1_000_000) {
    const thinning = new Thinning({ lines_per_s });
    const write = (lines: string) => void (this.#text += lines);
    this.recording = new Recording({ thinning, clock, write });
  }

  /** Its lines so far. */
  get lines(): RecordedLine[] {
    this.recording.flush();
    return linesOf(this.#text);
  }

  /** Its lines as `time what`, in order of time: a frame as `> DATA 1` (sent), or `< CONFIRM 1`. */
  get story(): string[] {
    return this.lines.toSorted((a, b) => a.mono_us - b.mono_us).map(told);
  }

  /** The frames among these. */
  get frames(): string[] {
    return this.story.filter((line) => / [<>] /.test(line));
  }
}

function told({ event, frame, mono_us, n, seq }: RecordedLine): string {
  const way = event === "frame_sent" ? ">" : event === "frame_received" ? "<" : undefined;
  const what = way === undefined ? event : `${way} ${frame}`;
  return [mono_us / 1_000, what, n ?? seq].filter((each) => each !== undefined).join(" ");
}

/** The lines of a text, each of which has an end. */
export function linesOf(text: string): RecordedLine[] {
  const lines = text.split("\n");
  const rest = lines.pop();
  if (rest !== "") throw new Error(`the last line is not complete: ${rest}`);
  return lines.map((line) => JSON.parse(line));
}
