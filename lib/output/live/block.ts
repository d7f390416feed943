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

  /** Leaves what is shown where it stands, and shows nothing: the cursor may be elsewhere now. */
  leave(): void {
    this.#lines = this.#shown = [];
  }

  /** The text that erases the block, writes lines in its place, and the block below them. */
  around(lines: string): string {
    const isInPlace = lines === "" && !this.#isMoved;
    if (isInPlace && this.#isUnchanged()) return "";
    const hasBoth = this.#lines.length > 0 && this.#shown.length > 0;
    const text = isInPlace && hasBoth ? this.#changes() : this.#whole(lines);
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
    const erased = rows === 0 ? "" : up(rows) + deleteLines(rows) + ERASE_REST;
    return `${erased}${lines}${this.#lines.map(({ text }) => `${text}\r\n`).join("")}`;
  }
}

/**
 * Deletes so many lines from the cursor's on (ECMA-48, section 8.3.32). Where they are the whole screen, some
 * terminals would keep what is erased in another way among the lines that have scrolled away.
 */
function deleteLines(count: number): string {
  return `\x1b[${count}M`;
}

/** Moves the cursor to the start of the line so many lines above (ECMA-48, section 8.3.22). */
function up(lines: number): string {
  return lines === 0 ? "\r" : `\r\x1b[${lines}A`;
}
