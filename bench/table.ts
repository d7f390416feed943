/**
 * The table of figures: printed row by row, as they are measured, in Markdown.
 *
 * @module
 */

/** One row: a figure, its value for each column that has one, and how it stands. */
export interface Row {
  /** What was measured. */
  figure: string;
  /** Values, with their units, by the names of the columns. */
  values: Readonly<Record<string, string>>;
  /** How the first column compares, and with what. */
  ratio?: string;
  /** What is wanted of the ratio, or of the value where there is none. */
  goal?: string;
}

const FIGURE_WIDTH = 66;
const VALUE_WIDTH = 11;
const RATIO_WIDTH = 23;

/** Prints rows under a head. */
export class Table {
  readonly #columns: readonly string[];

  /** Prints the head of a table with a column for each of these names. */
  constructor(columns: readonly string[]) {
    this.#columns = columns;
    this.#print("figure", columns, "ratio", "goal", " ");
    this.#print("", columns.map(() => ""), "", "", "-");
  }

  /** Prints a row. */
  row({ figure, values, ratio = "", goal = "" }: Row): void {
    this.#print(figure, this.#columns.map((column) => values[column] ?? ""), ratio, goal, " ");
  }

  /** Says that a figure was not measured, and why. */
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

/** The value in the middle. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value that so large a part of all do not exceed. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN;
}

/** A number for people: as many digits as say something. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return "-";
  const places = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en", {
    minimumFractionDigits: places,
    maximumFractionDigits: places,
  });
}
