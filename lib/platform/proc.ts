/**
 * Files of Linux under `/proc`. Deno opens none of them without all permissions, so that a child `cat` reads
 * them.
 *
 * @module
 */

/** Reads a file under `/proc`; `undefined` where there is none, or no permission to run `cat`. */
export async function readProc(path: string): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  try {
    // A query, since without a permission the command would prompt for it on a terminal.
    const { state } = await Deno.permissions.query({ name: "run", command: "cat" });
    if (state !== "granted") return undefined;
    const { stdout, success } = await new Deno.Command("cat", {
      args: [path],
      clearEnv: true,
      stdin: "null",
      stderr: "null",
    }).output();
    return success ? new TextDecoder().decode(stdout) : undefined;
  } catch {
    return undefined;
  }
}
