/**
 * Start-up time and size of the compiled server, compared with a compiled program that only reports that it
 * runs.
 *
 * @module
 */
import { freePort } from "../tests/support/ports.ts";
import { outputOf, Process } from "./process.ts";
import { type Bench, printRow } from "./rounds.ts";

const HERE = decodeURIComponent(new URL(".", import.meta.url).pathname);
const ROOT = HERE.replace(/bench\/$/, "");
/** Of each; the median is shown. */
const RUNS = 20;

/** Compiles the server as users do, and the empty program to a folder; false if that fails. */
async function compile(empty: string): Promise<boolean> {
  const deno = Deno.env.get("COMPILE_DENO") ?? Deno.execPath();
  const words = ["compile", "--quiet", "--no-prompt", "--no-config", `--output=${empty}`];
  const isEmpty = await outputOf(deno, ...words, `${HERE}empty.ts`) !== undefined;
  return isEmpty &&
    await outputOf(deno, "task", `--config=${ROOT}deno.json`, "compile") !== undefined;
}

/** The time, in milliseconds, from the start of a program to its first event. */
async function firstEvent_ms(words: readonly string[], event: string): Promise<number> {
  const begin_ms = performance.now();
  await using process = new Process(words[0]!, words, { place: "0" });
  await process.next(event);
  return performance.now() - begin_ms;
}

/** Start-up and size of the compiled server. */
export async function startup(bench: Bench): Promise<void> {
  const server = `${ROOT}dist/pulsewire-server`;
  const empty = `${bench.tools.folder}/empty`;
  if (!await compile(empty)) {
    const why = "deno compile does not work here; see DENORT_BIN and COMPILE_DENO";
    return bench.table.skip("start-up and size of the compiled server", why);
  }
  const name = bench.subjects[0]!.name;
  const times = new Map<string, number[]>([[name, []], ["empty", []]]);
  for (let run = -1; run < RUNS; run++) {
    const words = [server, "127.0.0.1", String(freePort()), "--quiet", "--json"];
    const server_ms = await firstEvent_ms(words, "listening");
    const empty_ms = await firstEvent_ms([empty], "listening");
    // The first run fills the caches.
    if (run < 0) continue;
    times.get(name)!.push(server_ms);
    times.get("empty")!.push(empty_ms);
  }
  printRow(bench, "executable's start until it listens", times, {
    unit: " ms",
    against: "empty",
    goal: "≤ 1.35 ×",
  });
  const [serverSize, emptySize] = [server, empty].map((file) => Deno.statSync(file).size / 1e6);
  bench.table.row({
    figure: "size of the executable",
    values: { [name]: `${serverSize!.toFixed(1)} MB` },
    ratio: `+ ${(serverSize! - emptySize!).toFixed(2)} MB to empty`,
  });
}
