/**
 * The screen of a terminal: what it shows after the bytes that it was sent.
 *
 * @module
 */
import type { ByteSink } from "../../lib/platform/bytes.ts";

/** A line control, a control sequence of ECMA-48 (ESC, the only other control here, and `[`), or a character. */
const PART = /[\r\n]|\p{Cc}\[([\d;]*)([A-Za-z])|\P{Cc}/uy;

/** A screen with what has scrolled out of it; every character takes one column. Throws at what it does not know. */
export class Screen implements ByteSink {
  /** Each write, as text. */
  readonly writes: string[] = [];
  /** All lines, of which the last `rows` are on the screen. */
  #lines: string[][] = [[]];
  #row = 0;
  #column = 0;
  #columns: number;
  readonly #rows: number;
  #blocked?: PromiseWithResolvers<void>;

  constructor(columns: number, rows: number) {
    this.#columns = columns;
    this.#rows = rows;
  }

  /** All lines, without spaces at their ends, and without empty ones at the end. */
  get text(): string {
    return this.#lines.map((line) => line.join("").trimEnd()).join("\n").trimEnd();
  }

  /** Where the cursor is: its row on the screen and its column, from 0. */
  get cursor(): readonly [row: number, column: number] {
    return [this.#row - this.#top, this.#column];
  }

  /** Takes nothing more until `go`. */
  stop(): void {
    this.#blocked = Promise.withResolvers();
  }

  /** Takes all again. */
  go(): void {
    this.#blocked?.resolve();
    this.#blocked = undefined;
  }

  async write(bytes: Uint8Array): Promise<number> {
    const text = new TextDecoder().decode(bytes);
    await this.#blocked?.promise;
    this.writes.push(text);
    this.show(text);
    return bytes.length;
  }

  /** Makes it narrower or wider: lines that are too long are wrapped, as terminals of today do. */
  resize(columns: number): void {
    this.#columns = columns;
    const above = this.#lines.slice(0, this.#row).flatMap((line) => this.#wrapped(line));
    this.#lines = [
      ...above,
      ...this.#lines.slice(this.#row).flatMap((line) => this.#wrapped(line)),
    ];
    this.#row = above.length;
    this.#column = 0;
  }

  /** Shows what a program or a person writes. */
  show(text: string): void {
    PART.lastIndex = 0;
    while (PART.lastIndex < text.length) {
      const at = PART.lastIndex;
      const part = PART.exec(text);
      if (!part) throw new Error(`unknown to a screen: ${JSON.stringify(text.slice(at, at + 12))}`);
      if (part[2]) this.#control(part[2], part[1]!);
      else if (part[0] === "\r") this.#column = 0;
      // The terminal's driver puts a carriage return before it (ONLCR).
      else if (part[0] === "\n") this.#newLine();
      else this.#character(part[0]);
    }
  }

  get #top(): number {
    return Math.max(0, this.#lines.length - this.#rows);
  }

  #wrapped(line: string[]): string[][] {
    const text = line.join("").trimEnd();
    const count = Math.max(1, Math.ceil([...text].length / this.#columns));
    return Array.from(
      { length: count },
      (_, at) => [...text].slice(at * this.#columns, (at + 1) * this.#columns),
    );
  }

  #character(character: string): void {
    if (this.#column === this.#columns) this.#newLine();
    const line = this.#lines[this.#row]!;
    while (line.length < this.#column) line.push(" ");
    line[this.#column++] = character;
  }

  #newLine(): void {
    this.#row++;
    this.#column = 0;
    if (this.#row === this.#lines.length) this.#lines.push([]);
  }

  /** As tmux does: what is erased as a whole has scrolled away. */
  #keep(): void {
    const shown = this.#lines.slice(this.#top);
    const last = shown.findLastIndex((line) => line.join("").trimEnd() !== "");
    this.#lines.splice(this.#top, 0, ...shown.slice(0, last + 1).map((line) => [...line]));
    this.#row += last + 1;
  }

  #control(command: string, parameters: string): void {
    if (command === "m") return;
    const line = this.#lines[this.#row]!;
    if (command === "A") this.#row = Math.max(this.#top, this.#row - Number(parameters));
    else if (command === "K" && parameters === "") {
      line.length = Math.min(line.length, this.#column);
    } else if (command === "J" && parameters === "") {
      if (this.#row === this.#top && this.#column === 0) this.#keep();
      line.length = Math.min(line.length, this.#column);
      // The lines below are there, and empty.
      for (let row = this.#row + 1; row < this.#lines.length; row++) this.#lines[row] = [];
    } else if (command === "M") {
      // Empty lines come in from below.
      const deleted = this.#lines.splice(this.#row, Number(parameters));
      this.#lines.push(...deleted.map(() => []));
    } else throw new Error(`unknown to a screen: CSI ${parameters}${command}`);
  }
}
