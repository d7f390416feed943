/**
 * Files of Linux under `/proc`. Deno opens none of them without all permissions, so that a child `cat` reads
 * them.
 *
 * @module
 */

/**
 * Reads a file under `/proc`; `undefined` where there is none, or no permission to run `cat`. The child is
 * started before this returns: `/proc/self` is the child, which inherits what this process had by then.
 */
export async function readProc(path: string): Promise<string | undefined> {
  try {
    const { stdout, success } = await startCat([path])?.output() ?? {};
    return success ? new TextDecoder().decode(stdout) : undefined;
  } catch {
    return undefined;
  }
}

/** As {@linkcode readProc}, several files in turn, as they come; of those that are missing there is nothing. */
export function streamProc(paths: readonly string[]): ReadableStream<Uint8Array> | undefined {
  return startCat(paths)?.stdout;
}

function startCat(paths: readonly string[]): Deno.ChildProcess | undefined {
  if (Deno.build.os !== "linux") return undefined;
  try {
    // A query, since without a permission the command would prompt for it on a terminal.
    const { state } = Deno.permissions.querySync({ name: "run", command: "cat" });
    if (state !== "granted") return undefined;
    return new Deno.Command("cat", {
      args: [...paths],
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
  } catch {
    return undefined;
  }
}

/**
 * Whether this process was started to ignore a signal, by its number, as SIGHUP is under `nohup`; false if
 * unknown. To be called before the first signal listener: with one, Deno takes over other signals, too.
 */
export async function ignoresSignal(signal: number): Promise<boolean> {
  const status = await readProc("/proc/self/status");
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(status ?? "")?.[1];
  return mask !== undefined && ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
}
