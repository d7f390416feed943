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
export function residentBytes(pid: number): Promise<number | undefined> {
  return bytesOf(pid, "VmRSS");
}

/** How many bytes of memory a process has had in use at most (VmHWM). */
export async function peakBytes(pid: number): Promise<number> {
  return await bytesOf(pid, "VmHWM") ?? NaN;
}

async function bytesOf(pid: number, field: "VmHWM" | "VmRSS"): Promise<number | undefined> {
  // Deno itself lets nobody read there who may not do everything.
  const { stdout } = await new Deno.Command("cat", {
    args: [`/proc/${pid}/status`],
    stderr: "null",
  }).output();
  const pattern = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m");
  const kilobytes = pattern.exec(new TextDecoder().decode(stdout))?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}
