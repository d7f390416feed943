/**
 * The table of figures: printed row by row, as they are measured, in Markdown.
 *
 * @module
 */

/** A row: a figure, its values by column, and how it compares. */
export interface Row {
  /** What was measured. */
  figure: string;
  /** Values, with their units, by the names of the columns. */
  values: Readonly<Record<string, string>>;
  /** The ratio of the first column, with what it is to. */
  ratio?: string;
  /** The same ratio of the smallest possible server. */
  floor?: string;
  /** The goal: for the ratio if it ends with "×", or for the first column. */
  goal?: string;
}

/** Prints rows below a heading. */
export class Table {
  readonly #columns: readonly string[];

  /** Prints the heading, with a column for each name. */
  constructor(columns: readonly string[]) {
    this.#columns = columns;
    const heading = ["figure", ...columns, "ratio", "floor", "goal", "met"];
    this.#print(heading);
    this.#print(heading.map(() => "---"));
  }

  /** Prints a row. */
  row({ figure, values, ratio = "", floor = "", goal = "" }: Row): void {
    const cells = this.#columns.map((column) => values[column] ?? "");
    const value = goal.endsWith("×") ? ratio : cells[0]!;
    // Nothing is met or missed where a peer is not installed.
    const met = goal === "" || value === "" ? "" : isMet(goal, value) ? "yes" : "no";
    this.#print([figure, ...cells, ratio, floor, goal, met]);
  }

  /** Prints why a figure was not measured. */
  skip(figure: string, why: string): void {
    this.row({ figure: `skipped: ${figure} (${why})`, values: {} });
  }

  #print(cells: readonly string[]) {
    console.log(`| ${cells.join(" | ")} |`);
  }
}

/** Whether a value, which begins with a number, is within a goal. */
function isMet(goal: string, value: string): boolean {
  const [limit, is] = [goal.slice(2), value].map((text) => parseFloat(text.replaceAll(",", "")));
  return goal.startsWith("≤") ? is! <= limit! : is! >= limit!;
}

/** The median. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The quantile for a share from 0 to 1. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN;
}

/** Formats a number with three significant digits or so. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return "-";
  const places = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en", {
    minimumFractionDigits: places,
    maximumFractionDigits: places,
  });
}
