/**
 * Runs this Deno for the scripts that make something of the sources.
 *
 * @module
 */

/**
 * Runs Deno quietly, with the packages that the task chose.
 *
 * @param args What it is to do, and the options of that; the option for the packages follows the first.
 * @returns What it said, without its own stack trace, if it failed.
 */
export async function runDeno(
  [command, ...args]: readonly [string, ...string[]],
  env: Record<string, string> = {},
): Promise<string | undefined> {
  const std = Deno.env.get("STD");
  const { stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: [command, "--quiet", ...std ? [std] : [], ...args],
    env,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (success) return undefined;
  return new TextDecoder().decode(stderr).replace(/\n+Stack backtrace:[^]*/, "").trim();
}
