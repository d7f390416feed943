/**
 * Refuses options and settings that exclude each other.
 *
 * @module
 */
import { recordingFiles } from "../output/recording_file.ts";
import { UsageError } from "../platform/errors.ts";
import { ownsPath } from "../store/sqlite/schema.ts";
import type { Role } from "../wire/protocol.ts";
import type { CommandLine } from "./args.ts";
import { KEYS, type Settings } from "./settings.ts";

/** The output must not be the store, nor a file that SQLite keeps beside it. */
function refuseSharedFile({ output, store }: Settings): void {
  if (output === "" || store === "" || !ownsPath(absolute(store), absolute(output))) return;
  throw new UsageError(
    `--output ${output}: that is the store, or a file that belongs to it; give --output its own`,
  );
}

/** A recording, whose files are renamed, must have files of its own. */
function refuseSharedRecording({ output, record, store }: Settings): void {
  if (record === "") return;
  if (record === "-") {
    throw new UsageError("--record -: a recording is a file, which is rotated; name one");
  }
  const other = [...store === "" ? [] : ["store"], ...output === "" ? [] : ["output"]]
    .find((key) =>
      recordingFiles(absolute(record)).some((file) =>
        key === "store" ? ownsPath(absolute(store), file) : absolute(output) === file
      )
    );
  if (other === undefined) return;
  throw new UsageError(
    `--record ${record}: that is the ${other}, or would replace it when it is rotated; give --record ` +
      "its own",
  );
}

function absolute(name: string): string {
  return new URL(encodeURI(name), new URL(`file://${Deno.cwd()}/`)).pathname;
}

/**
 * Checks the settings and options of a command against each other.
 *
 * @throws {UsageError} If two of them exclude each other, or one has no effect without another.
 */
export function refuseConflicts(
  role: Role,
  settings: Settings,
  commandLine: CommandLine,
): void {
  refuseSharedRecording(settings);
  if (settings.original && settings.key_file !== "") {
    throw new UsageError(
      "--original and --key-file: the original program knows no keys, so it could not come in, nor prove " +
        "itself; leave one out, in the file as well (original = false)",
    );
  }
  if (role === "client") return refuseClientConflicts(settings, commandLine);
  if (commandLine.json && settings.output === "-") {
    throw new UsageError("--json and --output -: both write to stdout; give --output a file");
  }
  refuseSharedFile(settings);
}

/** Why a setting has no effect on the lines of stdin. */
const WITH_STDIN = {
  message: "each data message is a line of stdin, and there is no other text to send",
  data_interval: "each line of stdin is sent as soon as it is read, not at an interval",
};

/** What the original program's protocol lacks. */
const ORIGINAL_LACKS: Readonly<Record<string, string>> = {
  "--stdin": "its data messages have one fixed text, so it cannot carry lines",
  "--reconnect": "its sessions have no id, so they cannot be resumed",
  "--window": "its data messages have no numbers, so only one may be unconfirmed at a time",
};

function refuseClientConflicts(settings: Settings, commandLine: CommandLine): void {
  const { ramp, sessions, settings: flags, stdin } = commandLine;
  if (sessions !== undefined && stdin) {
    throw new UsageError(
      "--sessions and --stdin: the lines of stdin are sent in one session, each once; leave one out",
    );
  }
  // In a file, they may be meant for runs without --stdin.
  const unused = (["message", "data_interval"] as const).find((key) => flags[key] !== undefined);
  if (stdin && unused) {
    throw new UsageError(
      `--stdin and --${KEYS[unused].flag}: ${WITH_STDIN[unused]}; leave one out`,
    );
  }
  if (flags.reconnect_limit !== undefined && !settings.reconnect) {
    throw new UsageError(
      "--reconnect-limit: limits how often the client reconnects; give --reconnect, too",
    );
  }
  if (ramp !== undefined && sessions === undefined) {
    throw new UsageError("--ramp: spreads the starts of several sessions; give --sessions, too");
  }
  if (!settings.original) return;
  const unsupported = stdin
    ? "--stdin"
    : settings.reconnect
    ? "--reconnect"
    : settings.window > 1
    ? "--window"
    : undefined;
  if (unsupported === undefined) return;
  throw new UsageError(
    `--original and ${unsupported}: the server runs the original program; ` +
      `${ORIGINAL_LACKS[unsupported]}; leave one out`,
  );
}

/**
 * Warns of the settings of a command that do not fit each other, though they can be used.
 *
 * @returns A sentence for each.
 */
export function warningsOf(role: Role, settings: Settings, { stdin }: CommandLine): string[] {
  const { data_interval, data_threshold } = settings;
  if (role === "server" || stdin || data_interval < data_threshold) return [];
  return [
    `data_interval ${data_interval} s is not below data_threshold ${data_threshold} s: a server with ` +
    "the same data_threshold falls silent between data messages, and sends heartbeats; make " +
    "data_interval smaller, or data_threshold larger on the server",
  ];
}
