/**
 * Refuses options and settings that exclude each other.
 *
 * @module
 */
import { recordingFiles } from "../output/recording_file.ts";
import { UsageError } from "../platform/errors.ts";
import { isWildcard, reachOf } from "../platform/net/reach.ts";
import { ownsPath } from "../store/sqlite/schema.ts";
import type { Role } from "../wire/protocol.ts";
import type { CommandLine } from "./args.ts";
import { webAddress } from "./check.ts";
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
  // In a URL, a query or a fragment would begin at these.
  const path = encodeURI(name).replace(/[?#]/g, encodeURIComponent);
  return new URL(path, new URL(`file://${Deno.cwd()}/`)).pathname;
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
  if (commandLine.quiet && commandLine.verbose) {
    throw new UsageError(
      "--quiet and --verbose: one asks for less, the other for more; leave one out",
    );
  }
  refuseSharedRecording(settings);
  refuseOpenWeb(settings);
  refuseTlsConflicts(role, settings, commandLine);
  // A server's file says `original = true` by default: then keys switch it off.
  const asksForOriginal = role === "client" ? settings.original : commandLine.settings.original;
  if (asksForOriginal && settings.key_file !== "") {
    throw new UsageError(
      "--original and --key-file: the original program knows no keys, so it could not come in, nor prove " +
        "itself; leave one out",
    );
  }
  if (role === "client") return refuseClientConflicts(settings, commandLine);
  if (commandLine.json && settings.output === "-") {
    throw new UsageError("--json and --output -: both write to stdout; give --output a file");
  }
  refuseSharedFile(settings);
  refuseSharedPort(settings);
}

/** Off this host, whoever asks for the web page must show a key. */
function refuseOpenWeb({ web, web_key_file }: Settings): void {
  if (web === "" && web_key_file !== "") {
    throw new UsageError("web_key_file: has no effect without a web page; give --web, too");
  }
  const address = webAddress(web);
  if (!address || web_key_file !== "" || reachOf(address.host) === "host") return;
  throw new UsageError(
    `--web ${web}: others than this host could see the page; give --web-key-file, too, or leave the host ` +
      `out: --web ${address.port}`,
  );
}

/** The web page and the sessions must have ports of their own. */
function refuseSharedPort({ host, port, web }: Settings): void {
  const page = webAddress(web);
  if (!page || port === 0 || page.port !== port) return;
  if (page.host !== host && !isWildcard(page.host) && !isWildcard(host)) return;
  throw new UsageError(`--web ${web}: the sessions have port ${port}; give --web another`);
}

/** TLS takes a certificate and its key together, and the original program speaks none. */
function refuseTlsConflicts(
  role: Role,
  settings: Settings,
  { settings: flags }: CommandLine,
): void {
  const { original, tls, tls_cert, tls_client_ca, tls_key } = settings;
  const isOn = role === "client" ? tls : tls_cert !== "";
  const without = role === "client" && !tls &&
    (["tls_ca", "tls_server_name", "tls_cert", "tls_key"] as const).find((key) => settings[key]);
  if (without) throw new UsageError(`${without}: has no effect without TLS; give --tls, too`);
  if ((tls_cert === "") !== (tls_key === "")) {
    const [given, missing] = tls_key === "" ? ["tls_cert", "tls-key"] : ["tls_key", "tls-cert"];
    throw new UsageError(
      `${given}: takes a certificate and its private key; give --${missing}, too`,
    );
  }
  if (role === "client" && tls_cert !== "" && settings.tls_ca === "") {
    throw new UsageError(
      "tls_cert: a client with a certificate of its own takes the server's authority from tls_ca alone; " +
        "give --tls-ca, too",
    );
  }
  if (role === "server" && tls_client_ca !== "" && !isOn) {
    throw new UsageError(
      "tls_client_ca: has no effect without TLS; give --tls-cert and --tls-key, too",
    );
  }
  // A server's file says `original = true` by default: then TLS switches it off.
  const asksForOriginal = role === "client" ? original : flags.original;
  if (isOn && asksForOriginal) {
    throw new UsageError(
      `--original and ${
        role === "client" ? "--tls" : "tls_cert"
      }: the original program speaks no ` +
        "TLS; leave one out",
    );
  }
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

/** What makes no sense with a search, and why. */
const WITH_SEARCH: Readonly<Record<string, string>> = {
  stdin: "a search sends no data messages",
  sessions: "a search opens as many sessions as it needs, --probes at a time",
  count: "a search sends no data messages",
  duration: "a search ends when it has found what it can; Ctrl-C ends it before",
};

/** How many sessions may be idle at a time: as many as the results of which a server keeps. */
const MOST_PROBES = 1_000;

function refuseSearchConflicts(settings: Settings, commandLine: CommandLine): void {
  const own = ["up-to", "precision", "probes", "from-record", "soak"] as const;
  if (!commandLine["find-idle-timeout"]) {
    const unused = own.find((flag) => commandLine[flag]);
    if (unused === undefined) return;
    throw new UsageError(
      `--${unused}: is for a search for idle timeouts; give --find-idle-timeout, too`,
    );
  }
  const other = (["stdin", "sessions", "count", "duration"] as const)
    .find((flag) => commandLine[flag]);
  if (other) {
    throw new UsageError(
      `--find-idle-timeout and --${other}: ${WITH_SEARCH[other]}; leave one out`,
    );
  }
  if (settings.original) {
    throw new UsageError(
      "--find-idle-timeout and --original: the original program's sessions cannot be idle; leave one out",
    );
  }
  if (commandLine.live || commandLine.settings.web !== undefined) {
    const flag = commandLine.live ? "live" : "web";
    throw new UsageError(
      `--find-idle-timeout and --${flag}: a search shows its progress itself, and no sessions; leave one out`,
    );
  }
  const { precision = 0, probes = 1, "up-to": upTo = Infinity } = commandLine;
  if (probes > MOST_PROBES) {
    throw new UsageError(`--probes ${probes}: expected a whole number from 1 to ${MOST_PROBES}`);
  }
  if (precision >= upTo) {
    throw new UsageError(
      `--precision ${precision} and --up-to ${upTo}: nothing is left to search; make the precision smaller`,
    );
  }
}

function refuseClientConflicts(settings: Settings, commandLine: CommandLine): void {
  refuseSearchConflicts(settings, commandLine);
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

/** Which of the standard streams are a terminal; of stderr, whether it is one that a live view can use. */
export type Terminals = Readonly<Record<"stdin" | "stdout" | "stderr", boolean>>;

/**
 * Whether a live view is shown: on a terminal that nothing else uses, unless it is turned off.
 *
 * @throws {UsageError} If it is asked for, and something else uses the same terminal.
 */
export function showsLiveView(
  { output }: Settings,
  { json, live, stdin }: CommandLine,
  at: Terminals,
): boolean {
  if (live === false || !at.stderr) return false;
  const [other, stream] = at.stdout && json
    ? ["--json", "stdout"]
    : at.stdout && output === "-"
    ? ["--output -", "stdout"]
    : at.stdin && stdin
    ? ["--stdin", "stdin"]
    : [];
  if (other === undefined) return true;
  if (!live) return false;
  throw new UsageError(
    `--live and ${other}: both use this terminal; redirect ${stream}, or leave one out`,
  );
}
