/**
 * Runs the tests: of files or folders, if some are named; else all of them, first those that may run
 * at the same time, then those that measure times or memory. Its first argument may be an option for
 * `deno test`. At the end it repeats which tests this machine could not run, and why.
 *
 * @module
 */

/** What others would disturb by keeping the machine busy. */
const ALONE = [
  "tests/network",
  "tests/process/endurance_test.ts",
  "tests/process/original_client_test.ts",
  "tests/process/original_peers_test.ts",
  "tests/process/original_server_test.ts",
  "tests/process/peer_fault_test.ts",
];

/** More than there are cores: tests of real processes mostly wait. */
const JOBS = Math.max(4, 2 * navigator.hardwareConcurrency);

async function run(args: string[], env: Record<string, string> = {}): Promise<boolean> {
  const options = Deno.args.filter((each) => each.startsWith("--"));
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["test", ...options, "-P=test", ...args],
    env: { PULSEWIRE_SKIPPED: skipped, ...env },
    stdin: "null",
  }).spawn().status;
  return success;
}

const skipped = await Deno.makeTempFile();
const named = Deno.args.filter((each) => !each.startsWith("--"));
const results = named.length > 0 ? [await run(named)] : [
  await run(["--parallel", `--ignore=${ALONE}`], { DENO_JOBS: `${JOBS}` }),
  await run(ALONE),
];
console.log(await Deno.readTextFile(skipped));
await Deno.remove(skipped);
if (!results.every(Boolean)) Deno.exit(1);
