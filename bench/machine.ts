/**
 * The machine: what it is, and what it says of a process's memory and processor time.
 *
 * @module
 */
import { canPin, outputOf } from "./process.ts";

/** Describes the machine and the tools, one line each. */
export async function describeMachine(): Promise<string[]> {
  const shell = async (command: string) => await outputOf("sh", "-c", command) || "unknown";
  return [
    `date: ${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`,
    `processor: ${navigator.hardwareConcurrency} × ${await shell(
      "sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1",
    )}`,
    `system: ${await shell("uname -srm")}; load average before: ${await shell(
      "cut -d' ' -f1 /proc/loadavg",
    )}`,
    `Deno ${Deno.version.deno} (V8 ${Deno.version.v8}); ${await shell(
      "mosquitto -h | head -1 | grep mosquitto || echo mosquitto not installed",
    )}; ${await shell("cc --version | head -1")}`,
    canPin
      ? "processors: each server pinned to 0, the load generator and this process to 1; both to 0 for the round " +
        "trip; servers with several threads to both"
      : "processors: not pinned (needs taskset and two processors): figures differ from run to run",
  ];
}

/** Whether this machine has /proc, for the memory and processor time of processes. */
export async function hasProc(): Promise<boolean> {
  return await outputOf("cat", "/proc/self/schedstat", "/proc/self/statm") !== undefined;
}

/** The resident set of a process, in bytes. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await outputOf("cat", `/proc/${pid}/status`) ?? "";
  return Number(/^VmRSS:\s*(\d+) kB/m.exec(status)?.[1]) * 1024;
}

/** The processor time of all threads of a process so far, in milliseconds. */
export async function processorTime_ms(pid: number): Promise<number> {
  const threads = await outputOf("sh", "-c", `cat /proc/${pid}/task/*/schedstat`);
  if (threads === undefined) return NaN;
  const ran_ns = threads.split("\n").map((line) => Number(line.split(" ")[0]));
  return ran_ns.reduce((sum, each) => sum + each, 0) / 1e6;
}

/** The limit on open files of a process. */
export async function openFileLimit(): Promise<number> {
  const limit = await outputOf("sh", "-c", "ulimit -Hn");
  return limit === "unlimited" ? Infinity : Number(limit ?? 0);
}
