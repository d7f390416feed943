/**
 * Checks the files and folders that a command would write: whether it can, and whether there is room.
 * Nothing is made or changed.
 *
 * @module
 */
import { statfsSync } from "node:fs";
import { recordingFiles } from "../../output/recording_file.ts";
import { KEPT_LOG_FILES, MAX_LOG_BYTES } from "../../output/log.ts";
import { writeErrorText } from "../../platform/errors.ts";
import { type FileUser, fileUser, mayMakeIn } from "../../platform/proc.ts";
import { lockFile } from "../../store/file_lock.ts";
import { STDOUT } from "../../store/output_file.ts";
import { inspectStore } from "../../store/sqlite/inspect.ts";
import { StoreError } from "../../store/store.ts";
import type { Role } from "../../wire/protocol.ts";
import type { Settings } from "../settings.ts";
import { about, type Finding } from "./findings.ts";

/** What is known of this machine's disks, and of who uses them. */
export interface Disks {
  /** How many bytes may still be written to the disk of a folder; `undefined` if that is not known. */
  freeBytes(folder: string): number | undefined;
  /** As whom this process uses files; `undefined` if that is not known. */
  user(): Promise<FileUser | undefined>;
}

/** The disks of this machine. */
export const systemDisks: Disks = {
  freeBytes(folder) {
    try {
      // A query, since without the permission the call would prompt for it on a terminal.
      const { state } = Deno.permissions.querySync({ name: "sys", kind: "statfs" });
      if (state !== "granted") return undefined;
      const { bavail, bsize } = statfsSync(folder);
      return Number(bavail) * Number(bsize);
    } catch {
      return undefined;
    }
  },
  user: fileUser,
};

const BYTES_OF_MIB = 1_048_576;

/** With less than that, the disk of a store or an output is soon full. */
const SCARCE_BYTES = 100 * BYTES_OF_MIB;

/** What the log files take at most: three, with those that were rotated. */
const LOG_BYTES = 3 * (1 + KEPT_LOG_FILES) * MAX_LOG_BYTES;

const LOG_LEVELS = ["info", "warning", "error"];

/** Checks what a command would write. */
export async function fileFindings(
  role: Role,
  settings: Settings,
  disks: Disks = systemDisks,
): Promise<Finding[]> {
  const { log_dir, output, record, store } = settings;
  const isServer = role === "server";
  const findings = [
    ...isServer && store !== "" ? [storeFindings(store, disks)] : [],
    ...isServer && output !== "" ? [outputFindings(output, disks)] : [],
    ...log_dir !== "" ? [logFindings(role, log_dir, disks)] : [],
    ...record !== "" ? [recordFindings(settings, disks)] : [],
  ];
  return (await Promise.all(findings)).flat();
}

async function storeFindings(store: string, disks: Disks): Promise<Finding[]> {
  const { error, ok, warning } = about("store");
  try {
    const state = await inspectStore(store);
    if (state === "in use") return [warning(inUse(store))];
    const text = {
      new: `${store}, which would be made`,
      store,
      older: `${store}, which would be upgraded`,
    };
    const folder = await folderFindings("store", folderOf(store), SCARCE_BYTES, disks);
    return [ok(text[state]), ...folder];
  } catch (cause) {
    if (cause instanceof StoreError) return [error(cause.message)];
    throw cause;
  }
}

async function outputFindings(output: string, disks: Disks): Promise<Finding[]> {
  const { error, ok, warning } = about("output");
  if (output === STDOUT) return [ok("stdout")];
  const state = await fileState(output);
  if (typeof state !== "string") {
    return [error(`cannot open the output ${output}: ${state.problem}`)];
  }
  switch (state) {
    case "new":
      return [
        ok(`${output}, which would be made`),
        ...await folderFindings("output", folderOf(output), SCARCE_BYTES, disks),
      ];
    case "file":
      return [ok(output), ...spaceFindings("output", output, SCARCE_BYTES, disks)];
    case "pipe":
      return [ok(`${output}, a named pipe: the server would wait for a reader`)];
    case "in use":
      return [warning(inUse(output))];
  }
}

async function recordFindings(
  { record, record_max_mb }: Settings,
  disks: Disks,
): Promise<Finding[]> {
  const { error, ok, warning } = about("record");
  const state = await fileState(record);
  if (typeof state !== "string") return [error(`cannot record to ${record}: ${state.problem}`)];
  if (state === "pipe") return [error(`cannot record to ${record}: it is no regular file`)];
  if (state === "in use") return [warning(`another process records to ${record}`)];
  const files = recordingFiles(record);
  const there = files.reduce((sum, file) => sum + sizeOf(file), 0);
  const needed = files.length * record_max_mb * BYTES_OF_MIB - there;
  return [
    ok(`${record}, and ${files.length - 1} older files, of ${record_max_mb} MiB each`),
    ...await folderFindings("record", folderOf(record), needed, disks),
  ];
}

async function logFindings(role: Role, folder: string, disks: Disks): Promise<Finding[]> {
  const { error, ok } = about("log_dir");
  const files = LOG_LEVELS.map((level) => `${folder}/${role}_${level}.log`);
  for (const file of files) {
    const state = await fileState(file);
    if (typeof state === "string") continue;
    return [error(`cannot write the log file ${file}: ${state.problem}`)];
  }
  const there = nearestThere(folder);
  const text = there === folder ? folder : `${folder}, which would be made`;
  return [ok(text), ...await folderFindings("log_dir", there, LOG_BYTES, disks)];
}

function inUse(path: string): string {
  return `${path} is in use, perhaps by the server that this one is to replace; two cannot share it`;
}

/** What is at the path of a file that is to be appended to. */
type FileState = "new" | "file" | "pipe" | "in use" | { readonly problem: string };

async function fileState(path: string): Promise<FileState> {
  try {
    const info = Deno.statSync(path);
    // To open a named pipe would end it for its reader.
    if (!info.isFile && !info.isDirectory) return "pipe";
    using file = Deno.openSync(path, { append: true });
    // A lock is mandatory there.
    return Deno.build.os === "windows" || await lockFile(file) ? "file" : "in use";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "new";
    return { problem: writeErrorText(error) };
  }
}

/** Checks a folder in which files would be made, with room for so many bytes. */
async function folderFindings(
  topic: string,
  folder: string,
  bytes: number,
  disks: Disks,
): Promise<Finding[]> {
  const { error, warning } = about(topic);
  try {
    const info = Deno.statSync(folder);
    if (!info.isDirectory) return [error(`${folder} is not a folder`)];
    const user = await disks.user();
    const mayMake = user === undefined || mayMakeIn(info, user);
    return [
      ...mayMake ? [] : [warning(`this user may not make files in ${folder}, by its mode`)],
      ...spaceFindings(topic, folder, bytes, disks),
    ];
  } catch (cause) {
    return [error(`the folder ${folder} cannot be used: ${writeErrorText(cause)}`)];
  }
}

/** Warns if the disk of a file or folder has not so many bytes left. */
function spaceFindings(topic: string, path: string, bytes: number, disks: Disks): Finding[] {
  const free = disks.freeBytes(path);
  if (free === undefined || free >= bytes) return [];
  const { error, warning } = about(topic);
  if (free === 0) return [error(`no space is left on the disk of ${path}`)];
  const [left, wanted] = [free, bytes].map((each) => Math.ceil(each / BYTES_OF_MIB));
  return [warning(`${left} MiB are left on the disk of ${path}; ${wanted} would do`)];
}

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}

/** The folder of a file. */
function folderOf(path: string): string {
  const [, folder = ""] = /^(.*[/\\])?/s.exec(path)!;
  return folder === "" ? "." : folder.replace(/(?<=.)[/\\]$/, "");
}

/** A folder, or that of those around it that is there. */
function nearestThere(folder: string): string {
  for (let path = folder;; path = folderOf(path)) {
    try {
      Deno.statSync(path);
      return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound) || path === "." || path === "/") return path;
    }
  }
}
