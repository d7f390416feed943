/**
 * Compiles both commands to `dist/`; its arguments go to `deno compile`. Both are replaced, or none. With `--otel`
 * they export by OpenTelemetry, which Deno decides when it compiles.
 *
 * The modules of a command are bundled first: to load a hundred of them takes a third of the time until a server
 * listens. Stack traces name the sources all the same, by the source maps beside the bundles.
 *
 * @module
 */
import { TELEMETRY_PACKAGE } from "../lib/output/metrics/meter.ts";
import type { Role } from "../lib/wire/protocol.ts";
import { runDeno } from "./deno.ts";

/** Entry points of threads, which nothing imports; their names differ. */
const THREADS = {
  server: ["lib/store/sqlite/thread.ts", "lib/server/workers/thread_main.ts"],
  client: [],
};

/** The web page, which `deno task page` makes; `lib/output/web/page_files.ts` reads it. */
const PAGE = "dist/page";

/** Where bundles are made: always in the same place, since executables have the paths of their modules in them. */
const BUNDLES = "dist/bundles";

/** A small young generation saves 4 KB for each of 10,000 idle sessions, and costs no throughput. */
const V8_FLAGS = "--v8-flags=--max-semi-space-size=4,--no-maglev-destroy-on-background";

const isExporting = Deno.args.includes("--otel");

/** Bundles a module into a folder, with what it loads only when it needs it beside it. */
function bundle(file: string, folder: string): Promise<string | undefined> {
  const options = ["--platform=deno", "--code-splitting", "--sourcemap=linked"];
  return runDeno(["bundle", ...options, `--outdir=${folder}`, file]);
}

/** Removes the text of the sources from the source maps of a folder: traces need their lines only. */
function thinMaps(folder: string): void {
  for (const { name } of Deno.readDirSync(folder)) {
    if (!name.endsWith(".map")) continue;
    const { sourcesContent: _, ...map } = JSON.parse(Deno.readTextFileSync(`${folder}/${name}`));
    Deno.writeTextFileSync(`${folder}/${name}`, JSON.stringify(map));
  }
}

/**
 * Bundles a command and its threads into a folder. It is the third below the root, as the modules are that look for
 * files beside their own: `../../../dist/page/`, and a thread's `./thread.ts`.
 */
async function bundleAll(role: Role, folder: string): Promise<string | undefined> {
  for (const file of [`${role}.ts`, ...THREADS[role]]) {
    const said = await bundle(file, folder);
    if (said !== undefined) return explainBundle(file, said);
  }
  for (const file of THREADS[role]) {
    const name = file.replace(/^.*\//, "");
    Deno.writeTextFileSync(`${folder}/${name}`, `import "./${name.replace(/ts$/, "js")}";\n`);
  }
  thinMaps(folder);
  // Executables have the times of their files in them.
  for (const { name } of Deno.readDirSync(folder)) Deno.utimeSync(`${folder}/${name}`, 0, 0);
}

/** Compiles a command into a folder; returns what to print if it failed. */
async function compile(role: Role, folder: string): Promise<string | undefined> {
  const bundled = `${BUNDLES}/${role}`;
  const said = await bundleAll(role, bundled) ?? await runDeno([
    "compile",
    "--no-prompt",
    V8_FLAGS,
    ...Deno.args.filter((arg) => arg !== "--otel"),
    ...isExporting ? [`--include=${TELEMETRY_PACKAGE}`] : [],
    `-P=${role}`,
    `--include=${PAGE}`,
    `--include=${bundled}`,
    `--output=${folder}/pulsewire-${role}`,
    `${bundled}/${role}.js`,
  ], isExporting ? { OTEL_DENO: "true" } : {});
  return said && explain(role, said);
}

/** What to print when Deno cannot bundle: a sentence if what it bundles with is missing, otherwise what it said. */
function explainBundle(file: string, said: string): string {
  const isMissing = said.includes("@esbuild");
  return `cannot bundle ${file}: ` +
    (isMissing
      ? "Deno has no esbuild to do it with; connect to the network, so that it can download it"
      : said);
}

/** What to print when Deno cannot compile: a sentence if its base runtime is missing, otherwise what it said. */
function explain(role: string, said: string): string {
  if (
    said.includes("dl.deno.land") || said.includes("DENORT_BIN") || said.includes("find denort")
  ) {
    return `cannot compile ${role}.ts: Deno has no base runtime to put it on; connect to the network, so ` +
      "that Deno can download one, or set DENORT_BIN to the path of a denort of this Deno's version";
  }
  return said;
}

/** Removes the folders of this run, and `dist/` if nothing else is in it. */
function clean(folder: string): void {
  for (const each of [folder, BUNDLES]) Deno.removeSync(each, { recursive: true });
  if ([...Deno.readDirSync("dist")].length === 0) Deno.removeSync("dist");
}

/** Moves files from a folder to `dist/`, all of them or, when one cannot be moved, none. */
function replace(names: readonly string[], folder: string): void {
  const moves: [from: string, to: string][] = [];
  const move = (from: string, to: string) => {
    Deno.renameSync(from, to);
    moves.unshift([from, to]);
  };
  const inDist = new Map([...Deno.readDirSync("dist")].map((each) => [each.name, each]));
  try {
    for (const name of names) {
      if (inDist.get(name)?.isDirectory) throw new Error(`dist/${name} is a folder`);
      if (inDist.has(name)) move(`dist/${name}`, `${folder}/old_${name}`);
      move(`${folder}/${name}`, `dist/${name}`);
    }
  } catch (error) {
    for (const [from, to] of moves) Deno.renameSync(to, from);
    throw error;
  }
}

/** Compiles both; returns the exit status. */
async function main(): Promise<number> {
  let folder: string;
  try {
    Deno.mkdirSync(BUNDLES, { recursive: true });
    // What a run that was killed has left would be put into the executables.
    Deno.removeSync(BUNDLES, { recursive: true });
    Deno.mkdirSync(BUNDLES);
    folder = Deno.makeTempDirSync({ dir: "dist", prefix: "new_" });
  } catch (error) {
    console.error(`cannot write to dist/ in ${Deno.cwd()}: ${(error as Error).message}`);
    return 2;
  }
  // What ends Deno leaves this process to clean up.
  let interrupted = false;
  Deno.addSignalListener("SIGINT", () => interrupted = true);
  try {
    for (const role of ["server", "client"] as const) {
      const said = await compile(role, folder);
      if (interrupted) return 130;
      if (said === undefined) continue;
      console.error(said);
      return 2;
    }
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    replace(names, folder);
    for (const name of names) console.log(`dist/${name}`);
    return 0;
  } catch (error) {
    console.error(`cannot replace what is in dist/: ${(error as Error).message}`);
    return 2;
  } finally {
    clean(folder);
  }
}

Deno.exit(await main());
