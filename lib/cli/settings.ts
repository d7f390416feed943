/**
 * The settings: each once, with its unit, range, default and meaning. The flags, the checks of flags and
 * configuration file, the help text and `docs/settings.md` are made from this table.
 *
 * @module
 */
import type { Timers } from "../session/timers.ts";
import { MAX_WINDOW, type Role } from "../wire/protocol.ts";
import { both } from "./options.ts";

/** The value of a setting. */
export type Value = string | number | boolean | readonly string[];

/** What is known of one setting. */
export interface KeyDescription {
  /** Its flag, without the dashes. */
  readonly flag: string;
  /** The kind and unit of its value. */
  readonly unit:
    | ("seconds" | "count" | "port" | "bytes")
    | ("text" | "choice" | "switch" | "list" | "address");
  /** Least and greatest value; of a text, its length in characters; of a list, of how many entries. */
  readonly range: readonly [least: number, greatest: number];
  /** Of a choice, every value that it can have. */
  readonly choices?: readonly string[];
  /** Its value if neither a flag nor the file gives one; of a file or a folder, empty for none. */
  readonly default: Readonly<Record<Role, Value>>;
  /** What it means to each side, in a line. */
  readonly meaning: Readonly<Record<Role, string>>;
  /** The only side that has it, if it is one side's. */
  readonly role?: Role;
}

/** The default window of a client that sends the lines of its input. */
const INPUT_WINDOW = 256;

const SECONDS = { unit: "seconds", range: [0.001, 1_000_000] } as const;

const SERVER_COUNT = { role: "server", unit: "count", range: [0, 10_000_000] } as const;

const SERVER_SECONDS = { role: "server", unit: "seconds", range: [0, 1_000_000] } as const;

/** A list of addresses and blocks, by default empty. */
const ADDRESSES = { unit: "list", range: [0, 10_000], default: both([]), role: "server" } as const;

const SWITCH = { unit: "switch", range: [0, 1] } as const;

/** A file or a folder, by default none. */
const PATH = { unit: "text", range: [1, 4_096], default: "" } as const;

/** A setting as it is written here: default and meaning may be the same for both sides. */
type Row = Omit<KeyDescription, "flag" | "default" | "meaning"> & {
  readonly default: KeyDescription["default"] | KeyDescription["default"][Role];
  readonly meaning: string | KeyDescription["meaning"];
};

/** Every setting, by its name in the configuration file. */
export const SETTINGS = {
  host: {
    unit: "text",
    range: [1, 255],
    default: { server: "0.0.0.0", client: "127.0.0.1" },
    meaning: {
      server: "the address to listen on: IPv4, IPv6 or a name",
      client: "the address of the server: IPv4, IPv6 or a name",
    },
  },
  port: {
    unit: "port",
    range: [1, 65_535],
    default: 4000,
    meaning: {
      server: "the TCP port to listen on; 0: any free one",
      client: "the TCP port of the server",
    },
  },
  data_interval: {
    ...SECONDS,
    default: 5,
    meaning: "from one data message of the client to the next",
  },
  data_threshold: {
    ...SECONDS,
    default: 20,
    meaning: {
      server: "without a data message, until heartbeats begin",
      client: "without a confirmation, until heartbeats begin",
    },
  },
  heart_beat_interval: {
    ...SECONDS,
    default: 5,
    meaning: "from a heartbeat's answer to the next heartbeat",
  },
  heart_beat_threshold: { ...SECONDS, default: 10, meaning: "until a heartbeat counts as missed" },
  heart_beat_additional_tries: {
    unit: "count",
    range: [0, 1_000_000],
    default: 3,
    meaning: "further heartbeats after the first missed one",
  },
  message: {
    unit: "text",
    range: [1, 16_777_216],
    default: "CLIENT_DATA_MESSAGE",
    meaning: "the text of the client's data messages",
  },
  max_message_bytes: {
    unit: "bytes",
    range: [1, 268_435_456],
    default: 1_048_576,
    meaning: {
      server: "the largest data message accepted",
      client: "the largest data message, and the longest line of stdin",
    },
  },
  window: {
    role: "client",
    unit: "count",
    range: [0, MAX_WINDOW],
    default: 0,
    meaning: `unconfirmed at a time; 0: 1, or ${INPUT_WINDOW} with --stdin`,
  },
  reconnect: {
    ...SWITCH,
    role: "client",
    default: false,
    meaning: "reconnect after a loss, and resume the session",
  },
  reconnect_limit: {
    role: "client",
    unit: "count",
    range: [0, 1_000_000],
    default: 0,
    meaning: "give up after so many attempts in a row; 0: never",
  },
  workers: {
    role: "server",
    unit: "count",
    range: [1, 64],
    default: 1,
    meaning: "threads that share the port and the sessions",
  },
  session_lifetime: {
    ...SERVER_SECONDS,
    default: 3600,
    meaning: "how long a session without a connection is retained",
  },
  max_idle: {
    ...SERVER_SECONDS,
    default: 7500,
    meaning: "idle time that an idle-timeout search may ask for",
  },
  resume_without_token: {
    ...SWITCH,
    role: "server",
    default: false,
    meaning: "retain sessions of older clients, for all who know the id",
  },
  max_sessions: {
    role: "server",
    unit: "count",
    range: [1, 10_000_000],
    default: 10_000,
    meaning: "how many sessions there may be; the next is refused",
  },
  max_sessions_per_address: {
    ...SERVER_COUNT,
    default: 0,
    meaning: "how many of them of one address; 0: half of max_sessions",
  },
  max_unopened: {
    ...SERVER_COUNT,
    default: 0,
    meaning: "connections without a session; 0: max_sessions, or 1000",
  },
  max_new_per_second: {
    role: "server",
    unit: "count",
    range: [0, 1_000_000],
    default: 0,
    meaning: "new connections of one address, more wait; 0: any number",
  },
  allow: { ...ADDRESSES, meaning: "who may connect: addresses, blocks, @FILE; nobody else" },
  deny: { ...ADDRESSES, meaning: "who may not connect: addresses, blocks, @FILE" },
  key_file: { ...PATH, meaning: "file of keys, which both sides prove: name and secret" },
  open_firewall: {
    ...SWITCH,
    role: "server",
    default: false,
    meaning: "open the port in the firewall while it runs; takes root",
  },
  store: {
    ...PATH,
    role: "server",
    meaning: "SQLite file for data messages, sessions and outages",
  },
  output: { ...PATH, role: "server", meaning: "file to append data messages to; - for stdout" },
  tls: { ...SWITCH, role: "client", default: false, meaning: "speak TLS to the server" },
  tls_ca: {
    ...PATH,
    role: "client",
    meaning: "authorities of the server, besides the platform's (PEM)",
  },
  tls_server_name: {
    role: "client",
    unit: "text",
    range: [1, 253],
    default: "",
    meaning: "name in the server's certificate, if not the host",
  },
  tls_cert: {
    ...PATH,
    meaning: {
      server: "certificate (PEM); with it, the port speaks TLS only",
      client: "certificate to show to the server (PEM)",
    },
  },
  tls_key: { ...PATH, meaning: "private key of tls_cert (PEM)" },
  tls_client_ca: {
    ...PATH,
    role: "server",
    meaning: "authorities of client certificates, to ask for (PEM)",
  },
  log_dir: { ...PATH, meaning: "folder for the three rotating log files" },
  log_stamps: {
    unit: "choice",
    range: [1, 1],
    choices: ["zone", "original"],
    default: "zone",
    meaning: "time stamps of log lines: with the time zone, or without",
  },
  record: { ...PATH, meaning: "file to record events and frames to, for a report" },
  record_max_mb: {
    unit: "count",
    range: [1, 1_000_000],
    default: 64,
    meaning: "MiB of a recording until it is rotated; 5 files are kept",
  },
  web: {
    unit: "address",
    range: [1, 261],
    default: "",
    meaning: "serve page, /metrics and /healthz here: [HOST:]PORT",
  },
  web_key_file: { ...PATH, meaning: "file of the key that whoever asks the page must show" },
  original: {
    ...SWITCH,
    default: { server: true, client: false },
    meaning: {
      server: "serve clients of the original program too",
      client: "the server runs the original program",
    },
  },
} as const satisfies Record<string, Row>;

/** The name of a setting in the configuration file. */
export type Key = keyof typeof SETTINGS;

/** The value of every setting, as the configuration file and the flags give it. Times are in seconds. */
export type Settings = {
  -readonly [K in Key]: typeof SETTINGS[K]["unit"] extends "text" | "choice" | "address" ? string
    : typeof SETTINGS[K]["unit"] extends "switch" ? boolean
    : typeof SETTINGS[K]["unit"] extends "list" ? readonly string[]
    : number;
};

/** What is known of every setting. */
export const KEYS = Object.fromEntries(
  Object.entries<Row>(SETTINGS).map(([key, { default: otherwise, meaning, ...others }]) => [key, {
    flag: key.replace("heart_beat", "heartbeat").replaceAll("_", "-"),
    default: typeof otherwise === "object" ? otherwise : both(otherwise),
    meaning: typeof meaning === "object" ? meaning : both(meaning),
    ...others,
  }]),
) as Readonly<Record<Key, KeyDescription>>;

/** The defaults of a command. */
export function defaultSettings(role: Role): Settings {
  const entries = Object.entries(KEYS).map(([key, each]) => [key, each.default[role]]);
  return Object.fromEntries(entries);
}

/** A session's timers, in milliseconds, from the settings. */
export function timersOf(settings: Settings): Timers {
  return {
    data_interval_ms: settings.data_interval * 1000,
    data_threshold_ms: settings.data_threshold * 1000,
    heart_beat_interval_ms: settings.heart_beat_interval * 1000,
    heart_beat_threshold_ms: settings.heart_beat_threshold * 1000,
    heart_beat_additional_tries: settings.heart_beat_additional_tries,
  };
}

/** How many data messages may be unconfirmed at a time: of a client that sends its input, more. */
export function windowOf({ window }: Settings, sendsInput: boolean): number {
  return window > 0 ? window : sendsInput ? INPUT_WINDOW : 1;
}
