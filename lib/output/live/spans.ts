/**
 * Lines of styled text that are never wider than a terminal.
 *
 * @module
 */
import { printable } from "../../wire/quote.ts";

/** How a text stands out. */
export type Style = "good" | "doubtful" | "bad" | "strong" | "faint";

/** A text in one style, or as it is. */
export type Span = readonly [text: string, style?: Style];

/** A line as it is written, and how many columns it takes. */
export interface Line {
  /** Its characters, with what styles them. */
  readonly text: string;
  /** How many columns it takes. */
  readonly width: number;
}

/** The parameters of SGR (ECMA-48, section 8.3.117). */
const SGR: Readonly<Record<Style, string>> = {
  good: "32",
  doubtful: "33",
  bad: "1;31",
  strong: "1",
  faint: "2",
};

/** What takes two columns: the wide characters of East Asia, and emoji (Unicode's annex 11). */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{17000}-\u{18dff}\u{1f1e6}-\u{1f1ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

/** What is put on the character before it. */
const COMBINING = /[\p{Mn}\p{Me}\u1160-\u11ff]/u;

/** How many columns a printable text takes. */
export function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) {
    width += COMBINING.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  }
  return width;
}

/** A text of at most so many columns, with `…` at its end if it was longer. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let kept = "";
  let width = 0;
  for (const character of text) {
    width += widthOf(character);
    if (width > columns - 1) break;
    kept += character;
  }
  return columns < 1 ? "" : `${kept}…`;
}

/** A text of exactly so many columns. */
export function fitted(text: string, columns: number): string {
  const short = cut(printable(text), columns);
  return short + " ".repeat(columns - widthOf(short));
}

/** A line of spans, cut at so many columns. */
export function lineOf(spans: readonly Span[], columns: number, hasColours: boolean): Line {
  let text = "";
  let width = 0;
  for (const [raw, style] of spans) {
    const shown = cut(printable(raw), columns - width);
    if (shown === "") continue;
    text += hasColours && style ? `\x1b[${SGR[style]}m${shown}\x1b[0m` : shown;
    width += widthOf(shown);
  }
  return { text, width };
}

const BETWEEN: Span = [" · ", "faint"];

/** As few lines of spans as it takes, in their order, a dot between them; empty spans are left out. */
export function flowed(spans: readonly Span[], columns: number, hasColours: boolean): Line[] {
  const lines: Span[][] = [];
  let free = 0;
  for (const span of spans.filter(([text]) => text !== "")) {
    const width = widthOf(printable(span[0]));
    const needed = BETWEEN[0].length + width;
    const last = lines.at(-1);
    if (last && needed <= free) last.push(BETWEEN, span);
    else lines.push([span]);
    free = last && needed <= free ? free - needed : columns - width;
  }
  return lines.map((each) => lineOf(each, columns, hasColours));
}
