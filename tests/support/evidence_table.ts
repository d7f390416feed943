/**
 * Runs the fault table, and prints it.
 *
 * @module
 */
import { type Row, runRow, type Said } from "./evidence_row.ts";

/** How many rows run at a time: each has two processes, which wait for most of it. */
const AT_ONCE = 4 * navigator.hardwareConcurrency;

/** How often a row is run again of which something was not told: a busy machine hides much. */
const AGAIN = 2;

/** What was said of each fault in each of so many runs, in the order of the rows. */
export async function runTable(
  rows: readonly Row[],
  runs: number,
  folder: string,
): Promise<PromiseSettledResult<Said>[][]> {
  const results = rows.map((): PromiseSettledResult<Said>[] => []);
  const waiting = Array.from(
    { length: runs },
    (_, run) => rows.map((row, at) => ({ at, row, run: `${run}` })),
  ).flat().reverse();
  const work = async () => {
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const { at, row, run } = next;
      const [result] = await Promise.allSettled([runRow(row, `${folder}/${at}.${run}`)]);
      results[at]!.push(result!);
      const isRight = result!.status === "fulfilled" && result!.value.wrong.length === 0;
      if (!isRight) keep(`${folder}/${at}.${run}`);
      const isUntold = isRight && result!.value.untold.length > 0;
      const next_run = results[at]!.length;
      if (isUntold && next_run < runs + AGAIN) {
        waiting.unshift({ at, row, run: `again${next_run}` });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
}

/** Keeps the recordings of what went wrong. */
function keep(folder: string): void {
  const kept = Deno.makeTempDirSync({ prefix: "pulsewire_evidence_" });
  for (const { name } of Deno.readDirSync(folder)) {
    Deno.copyFileSync(`${folder}/${name}`, `${kept}/${name}`);
  }
  console.log(`${folder.replace(/.*\//, "row ")}: its recordings are in ${kept}`);
}

const COLUMNS = ["client", "server", "accounts", "cause", "began", "first", "detected"] as const;

const TITLES: Readonly<Record<typeof COLUMNS[number], string>> = {
  client: "the client alone",
  server: "the server alone",
  accounts: "accounts",
  cause: "report: cause",
  began: "began",
  first: "noticed first",
  detected: "detected after ms (predicted)",
};

/** The table for people: what each said, and how often if it is not always the same. */
export function tableText(
  rows: readonly Row[],
  results: readonly (readonly PromiseSettledResult<Said>[])[],
): string {
  const lines = rows.map(({ fault }, at) => {
    const said = results[at]!.flatMap((each) => each.status === "fulfilled" ? [each.value] : []);
    return [fault, ...COLUMNS.map((column) => counted(said, column))];
  });
  const head = ["the fault", ...COLUMNS.map((column) => TITLES[column])];
  return [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

function counted(said: readonly Said[], column: typeof COLUMNS[number]): string {
  const isNumber = column === "first" || column === "detected";
  const texts = said.map((each) => each[column]);
  // Of many runs, the figures differ in all.
  if (isNumber && said.length > 1) return spread(texts);
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  return sorted.map(([text, count]) => sorted.length > 1 ? `${text} ×${count}` : text).join("; ");
}

/** The least and the greatest of each figure in texts of the same words. */
function spread(texts: readonly string[]): string {
  const groups = Map.groupBy(texts, (text) => text.replace(FIGURE, "#"));
  return [...groups].map(([words, group]) => {
    const figures = group.map((text) => (text.match(FIGURE) ?? []).map(Number));
    let at = -1;
    const text = words.replaceAll("#", () => {
      at++;
      const each = figures.map((row) => row[at]!);
      const [least, greatest] = [Math.min(...each), Math.max(...each)];
      return least === greatest ? `${least}` : `${least}…${greatest}`;
    });
    return groups.size > 1 ? `${text} ×${group.length}` : text;
  }).join("; ");
}

const FIGURE = /-?\d+(?:\.\d+)?/g;
