/**
 * Compares the server with its alternatives in the same run, and prints the table of `docs/performance.md`, which says how to read it.
 *
 * Usage: deno task bench [FIGURE…] [--against=FOLDER] [--flags=FLAGS]
 *
 * Without figures it measures all of them, in about twelve minutes. `--against` names another checkout, such
 * as the state before a change, to measure in turn with this one. `--flags` go to Deno, such as `--cpu-prof`.
 *
 * @module
 */
import { memory, processor } from "./crowd.ts";
import { detection } from "./detection.ts";
import { describeMachine, hasProc, openFileLimit } from "./machine.ts";
import { peersHere, pulsewire, pulsewireIn } from "./peers.ts";
import { pinThis } from "./process.ts";
import { report } from "./report.ts";
import type { Bench } from "./rounds.ts";
import { scrape } from "./scrape.ts";
import { durable, recorded, roundTrip, throughput, workers } from "./speed.ts";
import { startup } from "./startup.ts";
import { Table } from "./table.ts";
import { buildTools, type Tools } from "./tools.ts";
import { watched } from "./watched.ts";

/** A requirement of a figure. */
type Need = "C generator" | "/proc" | "10,000 files";

const FIGURES: Readonly<Record<string, [(bench: Bench) => Promise<void>, ...needs: Need[]]>> = {
  throughput: [throughput],
  roundtrip: [roundTrip],
  memory: [memory, "C generator", "/proc", "10,000 files"],
  processor: [processor, "C generator", "/proc", "10,000 files"],
  detection: [detection, "C generator", "10,000 files"],
  scrape: [scrape, "C generator", "10,000 files"],
  watched: [watched, "C generator", "/proc", "10,000 files"],
  store: [durable],
  workers: [workers],
  record: [recorded],
  report: [report],
  startup: [startup],
};

/** The message for each requirement that is not met. */
async function unmetNeeds(tools: Tools): Promise<ReadonlyMap<Need, string>> {
  const unmet = new Map<Need, string>();
  if (!tools.inC) unmet.set("C generator", "needs Linux and a C compiler, cc");
  if (!await hasProc()) unmet.set("/proc", "needs /proc");
  const files = await openFileLimit();
  if (files < 10_100) unmet.set("10,000 files", `needs 10,100 open files; ulimit -Hn is ${files}`);
  return unmet;
}

function option(name: string): string | undefined {
  return Deno.args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

const figures = Deno.args.filter((arg) => !arg.startsWith("--"));
const unknown = figures.find((figure) => !(figure in FIGURES));
if (unknown !== undefined) {
  console.error(`unknown figure ${unknown}; there are ${Object.keys(FIGURES).join(", ")}`);
  Deno.exit(2);
}
const against = option("against");
if (against !== undefined && !isFolder(against)) {
  console.error(`there is no folder ${against}; --against names another checkout`);
  Deno.exit(2);
}

await using tools = await buildTools();
console.log((await describeMachine()).join("\n"));
await pinThis();
const peers = await peersHere(console.log);
const flags = option("flags")?.split(" ");
const subjects = [
  flags ? pulsewireIn(Deno.cwd(), pulsewire.name, flags) : pulsewire,
  ...(against ? [pulsewireIn(Deno.realPathSync(against), "the other")] : []),
];
const unmet = await unmetNeeds(tools);
console.log();
const table = new Table([...subjects, ...peers].map(({ name }) => name));
for (const figure of figures.length > 0 ? figures : Object.keys(FIGURES)) {
  const [measure, ...needs] = FIGURES[figure]!;
  const missing = needs.find((need) => unmet.has(need));
  if (missing) table.skip(figure, unmet.get(missing)!);
  else await measure({ table, tools, subjects, peers });
}
