/**
 * The options besides the settings, and the exit statuses: each once. The parser, the help text and
 * `docs/settings.md` are made from these tables.
 *
 * @module
 */
import type { ExitStatus } from "../session/close_reason.ts";
import type { Role } from "../wire/protocol.ts";

/** What is known of one option. */
export interface OptionDescription {
  /** What stands for its value in the help; a switch has none. */
  readonly value?: "FILE" | "N" | "NAME" | "S";
  /** Whether `--no-…` turns it off, of a switch that is neither on nor off if it is not given. */
  readonly negatable?: true;
  /** Its one-letter spelling. */
  readonly letter?: string;
  /** What it does, in a line. */
  readonly meaning: string;
  /** What holds if it is not given, where that is not evident. */
  readonly default?: Readonly<Record<Role, string>>;
  /** The only side that has it, if it is one side's. */
  readonly role?: Role;
  /** Where it stands in the help, if not with those of the run. */
  readonly group?: "search" | "output" | "other";
}

/** Every option that is no setting: its flag without the dashes, and what its value is like. */
export const OPTION_TABLE = {
  once: {
    role: "server",
    meaning: "serve one session with one worker, then exit with its outcome",
  },
  stdin: { role: "client", meaning: "send each line of stdin; end when all are confirmed" },
  sessions: {
    role: "client",
    value: "N",
    meaning: "run N sessions at once, with one total",
    default: both("1"),
  },
  ramp: {
    role: "client",
    value: "S",
    meaning: "spread their starts over S seconds",
    default: both("0.001 for each"),
  },
  count: {
    role: "client",
    value: "N",
    meaning: "end when N data messages are confirmed, of each session",
  },
  duration: { value: "S", meaning: "end after S seconds" },
  "find-idle-timeout": {
    role: "client",
    meaning: "search for idle timeouts on the path, and exit",
    group: "search",
  },
  "up-to": {
    role: "client",
    value: "S",
    meaning: "the longest idle time that is tried",
    default: both("2h5m"),
    group: "search",
  },
  precision: {
    role: "client",
    value: "S",
    meaning: "how narrow the result has to be",
    default: both("5s"),
    group: "search",
  },
  probes: {
    role: "client",
    value: "N",
    meaning: "how many sessions are idle at a time",
    default: both("32"),
    group: "search",
  },
  "from-record": {
    role: "client",
    value: "FILE",
    meaning: "go on with the search that FILE is the recording of",
    group: "search",
  },
  soak: {
    role: "client",
    meaning: "then run sessions by what was found, for three timeouts",
    group: "search",
  },
  check: { meaning: "check settings, files and address, say what is unsafe, and exit" },
  live: {
    group: "output",
    negatable: true,
    meaning: "show what is so now, below the lines",
    default: both("on a terminal"),
  },
  json: { group: "output", meaning: "write each event to stdout as one line of JSON" },
  quiet: {
    group: "output",
    letter: "q",
    meaning: "stderr has only warnings, errors, and the summary's last line",
  },
  verbose: {
    group: "output",
    letter: "v",
    meaning: "stderr has data messages and answered heartbeats, too",
  },
  config: {
    group: "other",
    value: "FILE",
    meaning: "read settings from FILE",
    default: {
      server: "server.toml beside the executable",
      client: "client.toml beside the executable",
    },
  },
  "new-key": {
    group: "other",
    value: "NAME",
    meaning: "print a new key of this name for key_file, and exit",
  },
  help: { group: "other", letter: "h", meaning: "show the help" },
  version: { group: "other", letter: "V", meaning: "show the version" },
} as const satisfies Record<string, OptionDescription>;

/** What is known of every option that is no setting, by its flag without the dashes. */
export const OPTIONS: Readonly<Record<string, OptionDescription>> = OPTION_TABLE;

/** The values of the options on a command line: of a switch, whether it is on. */
export type OptionValues = {
  -readonly [Flag in keyof typeof OPTION_TABLE]: typeof OPTION_TABLE[Flag] extends
    { value: infer Kind } ? (Kind extends "FILE" | "NAME" ? string : number) | undefined
    : typeof OPTION_TABLE[Flag] extends { negatable: true } ? boolean | undefined
    : boolean;
};

/** The same for both sides. */
export function both<T>(value: T): Readonly<Record<Role, T>> {
  return { server: value, client: value };
}

/** Every exit status: what it means in a few words, and what can cause it. */
export const EXIT_STATUSES: Readonly<Record<ExitStatus, { meaning: string; causes: string }>> = {
  0: {
    meaning: "ended as asked",
    causes: "Ctrl-C, SIGTERM, `--count`, `--duration`, the end of the input; " +
      "server: the client ended the session in order",
  },
  1: {
    meaning: "session lost, or store or output failed",
    causes: "silent, reset, closed without `TERMINATE`, a protocol error; client: the server " +
      "ended the session before the client was done, or a line is too long; `--check`: something is " +
      "unsafe or doubtful",
  },
  2: {
    meaning: "wrong use or configuration",
    causes:
      "options or settings; a store or an output that cannot be opened; `--check`: something " +
      "would not work",
  },
  3: {
    meaning: "could not connect or listen",
    causes: "client: also a server that is no Pulsewire, or that it does not trust",
  },
  4: { meaning: "refused by the peer", causes: "`TERMINATE refused`, or an alert of TLS" },
};
