/**
 * The table of figures: printed row by row, as they are measured, in Markdown.
 *
 * @module
 */

/** A row: a figure, its values by column, and their ratio. */
export interface Row {
  /** What was measured. */
  figure: string;
  /** Values, with their units, by the names of the columns. */
  values: Readonly<Record<string, string>>;
  /** How the first column compares, and with what. */
  ratio?: string;
  /** The goal for the ratio, or for the value if there is no ratio. */
  goal?: string;
}

const FIGURE_WIDTH = 66;
const VALUE_WIDTH = 11;
const RATIO_WIDTH = 23;

/** Prints rows below a heading. */
export class Table {
  readonly #columns: readonly string[];

  /** Prints the heading, with a column for each name. */
  constructor(columns: readonly string[]) {
    this.#columns = columns;
    this.#print("figure", columns, "ratio", "goal", " ");
    this.#print("", columns.map(() => ""), "", "", "-");
  }

  /** Prints a row. */
  row({ figure, values, ratio = "", goal = "" }: Row): void {
    this.#print(figure, this.#columns.map((column) => values[column] ?? ""), ratio, goal, " ");
  }

  /** Prints why a figure was not measured. */
  skip(figure: string, why: string): void {
    this.row({ figure: `skipped: ${figure} (${why})`, values: {} });
  }

  #print(figure: string, values: readonly string[], ratio: string, goal: string, fill: string) {
    const cells = [
      figure.padEnd(FIGURE_WIDTH, fill),
      ...values.map((value) => value.padStart(VALUE_WIDTH, fill)),
      ratio.padEnd(RATIO_WIDTH, fill),
      goal.padEnd(VALUE_WIDTH, fill),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
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
