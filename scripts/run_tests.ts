/**
 * Runs the tests: of files or folders, if some are named; else all of them, first those that may keep
 * every core busy, then those that measure how late processes are. At the end it repeats which tests this
 * machine could not run, and why.
 *
 * @module
 */

/** What measures how late real processes are, the longest first, and so does not run beside what keeps the cores busy. */
const MEASURING = [
  "tests/network/evidence_test.ts",
  "tests/process/original_peers_test.ts",
  "tests/process/peer_fault_test.ts",
  "tests/process/original_steps_test.ts",
  "tests/network/resume_test.ts",
  "tests/network/faults_test.ts",
  "tests/process/original_server_test.ts",
  "tests/process/original_migration_test.ts",
  "tests/process/original_client_test.ts",
  "tests/process/demo_test.ts",
  "tests/network/causes_test.ts",
  "tests/process/command_crowd_test.ts",
];

/** What takes longest, and so starts first: the rest runs beside it. */
const LONG = [
  "tests/network/idle_timeout_test.ts",
  "tests/simulation",
  "tests/process/overload_test.ts",
  "tests/process/endurance_test.ts",
  "tests/process/siege_test.ts",
  "tests/process/command_workers_test.ts",
  "tests/original",
];

/** What runs with the tests of the executables, `deno task test:executables`. */
const COMPILING = "tests/process/compile_test.ts";

/** More files at a time than there are cores: tests of real processes mostly wait. */
const JOBS = Math.max(6, 2 * navigator.hardwareConcurrency);

async function run(args: string[], env: Record<string, string> = {}): Promise<boolean> {
  const std = Deno.env.get("STD");
  const { success } = await new Deno.Command(Deno.execPath(), {
    // `deno task check` checks the types.
    args: ["test", "--no-check", ...(std ? [std] : []), "-P=test", ...args],
    env: { PULSEWIRE_SKIPPED: skipped, ...env },
    stdin: "null",
  }).spawn().status;
  return success;
}

/** The test files below a folder. */
function testFiles(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ isDirectory, name }) => {
    const path = `${folder}/${name}`;
    if (isDirectory) return testFiles(path);
    return name.endsWith("_test.ts") ? [path] : [];
  });
}

function exists(path: string): boolean {
  try {
    return Boolean(Deno.statSync(path));
  } catch {
    return false;
  }
}

const isIn = (places: readonly string[]) => (file: string) =>
  places.some((place) => file === place || file.startsWith(`${place}/`));
const files = testFiles("tests").filter((file) => file !== COMPILING);
const inPlace = (place: string) => files.filter(isIn([place]));
const isMeasuring = isIn(MEASURING);
const isLong = isIn(LONG);
// Named one by one, because with folders `--ignore` leaves nothing out.
const others = files.filter((file) => !isMeasuring(file) && !isLong(file));

const named = Deno.args;
const missing = named.find((each) => !exists(each));
if (missing !== undefined) {
  console.error(`there is no test ${missing}: name files or folders, such as tests/session`);
  Deno.exit(2);
}
const skipped = await Deno.makeTempFile();
const results = named.length > 0 ? [await run(named)] : [
  await run(["--parallel", ...LONG.flatMap(inPlace), ...others], { DENO_JOBS: `${JOBS}` }),
  await run(["--parallel", ...MEASURING], { DENO_JOBS: "4" }),
];
console.log(await Deno.readTextFile(skipped));
await Deno.remove(skipped);
if (!results.every(Boolean)) Deno.exit(1);
