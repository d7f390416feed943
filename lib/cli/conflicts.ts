/**
 * Options that exclude each other.
 *
 * @module
 */
import { UsageError } from "../platform/errors.ts";
import { ownsPath } from "../store/sqlite/schema.ts";
import type { Role } from "../wire/protocol.ts";
import type { CommandLine } from "./args.ts";
import { KEYS, type Settings } from "./settings.ts";

/** The store's own files, and those that SQLite keeps beside it, are no place for the output. */
function refuseSharedFile({ output, store }: Settings): void {
  if (output === "" || store === "") return;
  const folder = new URL(`file://${Deno.cwd()}/`);
  const path = (name: string) => new URL(encodeURI(name), folder).pathname;
  if (!ownsPath(path(store), path(output))) return;
  throw new UsageError(
    `--output ${output}: that is the store, or a file that belongs to it; give --output its own`,
  );
}

/** Refuses what cannot be had together. */
export function refuseContradictions(
  role: Role,
  settings: Settings,
  commandLine: CommandLine,
): void {
  if (role === "client") return refuseContradictionsOfClient(settings, commandLine);
  if (commandLine.json && settings.output === "-") {
    throw new UsageError("--json and --output -: both write to stdout; give --output a file");
  }
  refuseSharedFile(settings);
}

function refuseContradictionsOfClient(settings: Settings, commandLine: CommandLine): void {
  const { ramp, sessions, settings: flags, stdin } = commandLine;
  if (sessions !== undefined && stdin) {
    throw new UsageError("--sessions and --stdin: the lines of stdin are for one session");
  }
  // A file may give them for other times.
  const unused = (["message", "data_interval"] as const).find((key) => flags[key] !== undefined);
  if (stdin && unused) {
    const why = "the data messages are the lines of stdin, sent as they come";
    throw new UsageError(`--stdin and --${KEYS[unused].flag}: ${why}`);
  }
  if (flags.reconnect_limit !== undefined && !settings.reconnect) {
    throw new UsageError(
      "--reconnect-limit: limits how often to dial again; give --reconnect, too",
    );
  }
  if (ramp !== undefined && sessions === undefined) {
    throw new UsageError("--ramp: spreads the starts of several sessions; give --sessions, too");
  }
  if (!settings.original) return;
  const unknown = stdin
    ? "--stdin"
    : settings.reconnect
    ? "--reconnect"
    : settings.window > 1
    ? "--window"
    : undefined;
  if (unknown === undefined) return;
  throw new UsageError(`--original and ${unknown}: the original's data messages have no numbers`);
}
