/**
 * How much memory a process has, as the system sees it.
 *
 * @module
 */

/** Why that cannot be found out here; `undefined` if it can. */
export const noProcessMemory = Deno.build.os === "linux"
  ? undefined
  : "the memory of a process is read from /proc, which only Linux has";

/** How many bytes of memory a process has in use (VmRSS); `undefined` when it is gone. */
export async function residentBytes(pid: number): Promise<number | undefined> {
  // Deno itself lets nobody read there who may not do everything.
  const { stdout } = await new Deno.Command("cat", {
    args: [`/proc/${pid}/status`],
    stderr: "null",
  }).output();
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(new TextDecoder().decode(stdout))?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}
