/**
 * A block of lines below those that scroll: what is written to a terminal so that it changes in place.
 *
 * @module
 */
import type { Footer } from "../line_output.ts";
import type { Line } from "./spans.ts";

/** Erases from the cursor to the end of the screen (ECMA-48, section 8.3.39). */
const ERASE_BELOW = "\x1b[J";

/** Erases from the cursor to the end of its line (ECMA-48, section 8.3.41). */
const ERASE_REST = "\x1b[K";

/**
 * The block, and what the terminal shows of it. The cursor rests at the start of the line below: whatever else is
 * written there, by a shell for example, spoils nothing.
 */
export class Block implements Footer {
  /** What is to be shown. */
  #lines: readonly Line[] = [];
  /** What is shown. */
  #shown: readonly Line[] = [];
  /** The width of the terminal when it was last known. */
  #columns = Infinity;
  /** Whether the terminal has rearranged what is shown. */
  #isMoved = false;

  /** Shows these lines from the next write on, instead of those before; none: erases them. */
  show(lines: readonly Line[]): void {
    this.#lines = lines;
  }

  /** Takes note of the terminal's width. */
  resize(columns: number): void {
    if (columns === this.#columns) return;
    this.#columns = columns;
    this.#isMoved = true;
  }

  /** Leaves what is shown where it stands: the cursor is elsewhere now, and the next block stands there. */
  leave(): void {
    this.#shown = [];
  }

  /** The text that erases the block, writes lines in its place, and the block below them. */
  around(lines: string): string {
    const isInPlace = lines === "" && !this.#isMoved;
    if (isInPlace && this.#isUnchanged()) return "";
    const text = isInPlace ? this.#changes() : this.#whole(lines);
    this.#shown = this.#lines;
    this.#isMoved = false;
    return text;
  }

  #isUnchanged(): boolean {
    return this.#lines.length === this.#shown.length &&
      this.#lines.every(({ text }, at) => text === this.#shown[at]!.text);
  }

  /** Writes the lines that are new over those that are shown. */
  #changes(): string {
    const lines = this.#lines.map(({ text }, at) =>
      `${text === this.#shown[at]?.text ? "" : text + ERASE_REST}\r\n`
    );
    return `${up(this.#shown.length)}${lines.join("")}${ERASE_BELOW}`;
  }

  #whole(lines: string): string {
    // A terminal wraps what has become too long for it.
    const rows = this.#shown.reduce(
      (sum, { width }) => sum + Math.max(1, Math.ceil(width / this.#columns)),
      0,
    );
    const erased = this.#shown.length === 0 ? "" : up(rows) + ERASE_BELOW;
    return `${erased}${lines}${this.#lines.map(({ text }) => `${text}\r\n`).join("")}`;
  }
}

/** Moves the cursor to the start of the line so many lines above (ECMA-48, section 8.3.22). */
function up(lines: number): string {
  return lines === 0 ? "\r" : `\r\x1b[${lines}A`;
}
