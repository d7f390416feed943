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
  readonly value?: "FILE" | "N" | "S";
  /** Its one-letter spelling. */
  readonly letter?: string;
  /** What it does, in a line. */
  readonly meaning: string;
  /** What holds if it is not given, where that is not evident. */
  readonly default?: Readonly<Record<Role, string>>;
  /** The only side that has it, if it is one side's. */
  readonly role?: Role;
  /** Where it stands in the help. */
  readonly group: "run" | "output" | "other";
}

/** Every option that is no setting, by its flag without the dashes. */
export const OPTIONS: Readonly<Record<string, OptionDescription>> = {
  once: {
    meaning: "serve one session with one worker, then exit with its outcome",
    role: "server",
    group: "run",
  },
  stdin: {
    meaning: "send each line of stdin; end when all are confirmed",
    role: "client",
    group: "run",
  },
  sessions: {
    value: "N",
    meaning: "run N sessions at once, with one total",
    default: both("1"),
    role: "client",
    group: "run",
  },
  ramp: {
    value: "S",
    meaning: "spread their starts over S seconds",
    default: both("0.001 for each"),
    role: "client",
    group: "run",
  },
  count: {
    value: "N",
    meaning: "end when N data messages are confirmed, of each session",
    role: "client",
    group: "run",
  },
  duration: { value: "S", meaning: "end after S seconds", group: "run" },
  json: { meaning: "write each event to stdout as one line of JSON", group: "output" },
  quiet: { letter: "q", meaning: "only warnings and errors on stderr", group: "output" },
  config: {
    value: "FILE",
    meaning: "read settings from FILE",
    default: {
      server: "server.toml beside the executable",
      client: "client.toml beside the executable",
    },
    group: "other",
  },
  help: { letter: "h", meaning: "show the help", group: "other" },
  version: { letter: "V", meaning: "show the version", group: "other" },
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
      "ended the session before the client was done, or a line is too long",
  },
  2: {
    meaning: "wrong use or configuration",
    causes: "options or settings; a store or an output that cannot be opened",
  },
  3: {
    meaning: "could not connect or listen",
    causes: "client: also a server that is no Pulsewire",
  },
  4: { meaning: "refused by the peer", causes: "`TERMINATE refused`" },
};
