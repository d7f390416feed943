/**
 * The frames and lines about each outage, of one side: a bounded number of each.
 *
 * @module
 */
import { countIn, type Entry, textIn } from "./entries.ts";

/** How many frames of a direction are kept of the time before an outage was noticed, and after that. */
const MAX_BEFORE = 64;
const MAX_AFTER = 256;

/** How many lines of a side are kept. */
const MAX_LINES = 60;

/** A frame about an outage, in milliseconds of the monotonic clock of its run. */
export interface FrameAt {
  /** Its first word. */
  readonly frame: string;
  /** Its number, if it has one. */
  readonly n?: number;
  /** The number of its connection at this side. */
  readonly connection: number;
  /** When it was sent or received. */
  readonly at_ms: number;
}

/** A line of a recording, as it stands there. */
export interface RawLine {
  /** When it was. */
  readonly at_ms: number;
  /** The line. */
  readonly line: string;
}

/** Which entries belong to an outage, in milliseconds of the monotonic clock of their run. */
export interface WindowLimits {
  /** From when on frames belong to it. */
  readonly from_ms: number;
  /** From when on lines are shown. */
  readonly linesFrom_ms: number;
  /** When it was noticed. */
  readonly noticed_ms: number;
  /** Until when what was sent belongs to it. */
  readonly sentTo_ms: number;
  /** Until when what was received does. */
  readonly to_ms: number;
}

/** What one run recorded about one outage of one session. */
export class OutageWindow {
  /** Where the window begins and ends. */
  readonly limits: WindowLimits;
  /** The sizes of data messages, by their numbers. */
  readonly bytes = new Map<number, number>();
  readonly #frames = { frame_sent: new Kept(), frame_received: new Kept() };
  #lines: RawLine[] = [];
  #more = 0;

  /** An empty window. */
  constructor(limits: WindowLimits) {
    this.limits = limits;
  }

  /** The frames that were sent, in order. */
  get sent(): FrameAt[] {
    return this.#frames.frame_sent.all();
  }

  /** The frames that were received, in order. */
  get received(): FrameAt[] {
    return this.#frames.frame_received.all();
  }

  /** The lines, in order. */
  get lines(): readonly RawLine[] {
    return this.#lines.sort((a, b) => a.at_ms - b.at_ms);
  }

  /** How many more there were. */
  get linesLeftOut(): number {
    return this.#more;
  }

  /** Takes an entry of its session that may lie in it. */
  take(entry: Entry, line: string): void {
    const at_ms = entry.mono_us / 1_000;
    const { from_ms, linesFrom_ms, noticed_ms, sentTo_ms, to_ms } = this.limits;
    if (at_ms < from_ms || at_ms > to_ms) return;
    if (at_ms >= linesFrom_ms) {
      if (this.#lines.length < MAX_LINES) this.#lines.push({ at_ms, line: copyOf(line) });
      else this.#more++;
    }
    if (entry.event === "data_sent") {
      this.bytes.set(countIn(entry, "seq") ?? 0, countIn(entry, "bytes") ?? 0);
    }
    if (entry.event !== "frame_sent" && entry.event !== "frame_received") return;
    if (entry.event === "frame_sent" && at_ms > sentTo_ms) return;
    const n = countIn(entry, "n");
    this.#frames[entry.event].add({
      frame: textIn(entry, "frame"),
      ...n !== null && { n },
      connection: countIn(entry, "connection") ?? 0,
      at_ms,
    }, at_ms <= noticed_ms);
  }
}

/** A line without the piece of the file that it was cut from, which would stay in memory with it. */
function copyOf(line: string): string {
  return new TextDecoder().decode(new TextEncoder().encode(line));
}

/** The last frames of the time before, and the first of the time after. */
class Kept {
  #before: FrameAt[] = [];
  readonly #after: FrameAt[] = [];

  add(frame: FrameAt, isBefore: boolean): void {
    if (!isBefore) {
      if (this.#after.length < MAX_AFTER) this.#after.push(frame);
      return;
    }
    if (this.#before.push(frame) >= 4 * MAX_BEFORE) this.#trim();
  }

  all(): FrameAt[] {
    this.#trim();
    return [...this.#before, ...this.#after.sort((a, b) => a.at_ms - b.at_ms)];
  }

  #trim(): void {
    this.#before = this.#before.sort((a, b) => a.at_ms - b.at_ms).slice(-MAX_BEFORE);
  }
}
