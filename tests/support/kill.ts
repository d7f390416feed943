/**
 * The end of a child process, whether or not it has ended by itself.
 *
 * @module
 */

/**
 * Sends a signal to a child process, unless it has ended. A test cannot ask first: Deno takes note of an
 * end before whoever waits for `status` hears of it, and the output may stay open for longer; `kill()` throws
 * from the first of them on.
 *
 * @returns Whether it was sent.
 */
export function killIfRunning(
  process: Pick<Deno.ChildProcess, "kill">,
  signal: Deno.Signal = "SIGKILL",
): boolean {
  try {
    process.kill(signal);
    return true;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return false;
  }
}
