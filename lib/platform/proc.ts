/**
 * Files of Linux under `/proc`. Deno opens none of them without all permissions, so that a child `cat` reads
 * them.
 *
 * @module
 */

/**
 * Reads files under `/proc`; `undefined` where one is missing, or without permission to run `cat`. The child is
 * started before this returns: `/proc/self` is the child, which inherits what this process had by then.
 */
export async function readProc(...paths: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout, success } = await startCat(paths)?.output() ?? {};
    return success ? new TextDecoder().decode(stdout) : undefined;
  } catch {
    return undefined;
  }
}

/** What {@linkcode ownState} has begun to read. */
let reading: Promise<string | undefined> | undefined;

/** The state and the limits that this process was started with; read once, since a child takes 2 ms to start. */
function ownState(): Promise<string | undefined> {
  return reading ??= readProc("/proc/self/status", "/proc/self/limits");
}

/** As {@linkcode readProc}, as the files come; of those that are missing there is nothing. */
export function streamProc(paths: readonly string[]): ReadableStream<Uint8Array> | undefined {
  return startCat(paths)?.stdout;
}

/** Whether files under `/proc` can be read here; a read may fail all the same. */
export function mayReadProc(): boolean {
  if (Deno.build.os !== "linux") return false;
  // A query, since without a permission the command would prompt for it on a terminal.
  return Deno.permissions.querySync({ name: "run", command: "cat" }).state === "granted";
}

function startCat(paths: readonly string[]): Deno.ChildProcess | undefined {
  if (!mayReadProc()) return undefined;
  try {
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
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(await ownState() ?? "")?.[1];
  return mask !== undefined && ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
}

/** As whom this process uses files, on Linux. */
export interface FileUser {
  /** Its user. */
  readonly uid: number;
  /** Its groups. */
  readonly groups: readonly number[];
  /** Whether it may write what its user and groups may not, as root usually may. */
  readonly overrides: boolean;
}

/** The bit of the capability to write any file, CAP_DAC_OVERRIDE. */
const DAC_OVERRIDE = 1n;

/** As whom this process uses files; `undefined` where that is not known. */
export async function fileUser(): Promise<FileUser | undefined> {
  const status = await ownState();
  if (status === undefined) return undefined;
  const words = (name: string) =>
    new RegExp(`^${name}:[ \\t]*(.*)$`, "m").exec(status)?.[1]?.trim().split(/\s+/) ?? [];
  // The last of the four of each is the one for files.
  const [uid, gid] = [words("Uid"), words("Gid")].map((each) => Number(each[3]));
  const capabilities = BigInt(`0x${words("CapEff")[0] || "0"}`);
  if (uid === undefined || gid === undefined) return undefined;
  const overrides = (capabilities >> DAC_OVERRIDE & 1n) === 1n;
  return { uid, groups: [gid, ...words("Groups").map(Number)], overrides };
}

/** Whether a user may make files in a folder, by the bits of its mode; access lists may say otherwise. */
export function mayMakeIn(folder: Deno.FileInfo, { groups, overrides, uid }: FileUser): boolean {
  const { gid, mode, uid: owner } = folder;
  if (overrides || mode === null) return true;
  const shift = owner === uid ? 6 : gid !== null && groups.includes(gid) ? 3 : 0;
  // To write and to search it.
  return (mode >> shift & 0o3) === 0o3;
}

/** How many files this process may have open; `undefined` where that is not known. */
export async function openFilesLimit(): Promise<number | undefined> {
  const limit = /^Max open files +(\d+)/m.exec(await ownState() ?? "")?.[1];
  return limit === undefined ? undefined : Number(limit);
}
