/**
 * The text of `--help`, and the version.
 *
 * @module
 */
import type { Role } from "../wire/protocol.ts";
import { defaultSettings, type Key, KEYS } from "./settings.ts";

const TIMERS: readonly Key[] = [
  "data_interval",
  "data_threshold",
  "heart_beat_interval",
  "heart_beat_threshold",
  "heart_beat_additional_tries",
];

/** What stands for a place in the file system. */
const PLACES: Partial<Record<Key, string>> = {
  store: " FILE",
  output: " FILE",
  log_dir: " FOLDER",
};

const DATA: Readonly<Record<Role, readonly Key[]>> = {
  server: ["message", "max_message_bytes", "output"],
  client: ["message", "window", "max_message_bytes"],
};

const KEEPING: Readonly<Record<Role, readonly Key[]>> = {
  server: ["store", "session_lifetime", "max_sessions", "workers"],
  client: ["reconnect", "reconnect_limit"],
};

const PURPOSE: Readonly<Record<Role, string>> = {
  server: "Accepts sessions, confirms their data messages, and tells when one falls silent.",
  client: "Opens a session, sends data messages, and tells when the server falls silent.",
};

const RUN: Readonly<Record<Role, readonly string[]>> = {
  server: [
    line("--once", "serve one session with one worker, then exit with its outcome"),
    line("--duration S", "end after S seconds"),
  ],
  client: [
    line("--stdin", "send each line of stdin, until its end"),
    line("--sessions N", "run N sessions at once, with one summary over all [1]"),
    line("--ramp S", "spread their starts over S seconds [0.001 for each]"),
    line("--count N", "end when N data messages are confirmed, of each session"),
    line("--duration S", "end after S seconds"),
  ],
};

/** The help of a command, grouped, with units and defaults. */
export function helpText(role: Role): string {
  const defaults = defaultSettings(role);
  const option = (key: Key) => {
    const { flag, meaning, unit } = KEYS[key];
    const letters = { seconds: " S", count: " N", port: " PORT", bytes: " N", text: " TEXT" };
    const letter = unit === "switch" ? "" : PLACES[key] ?? letters[unit];
    const words = unit === "switch" ? `--${flag}, --no-${flag}` : `--${flag}${letter}`;
    const value = defaults[key];
    const shown = unit === "switch" ? (value ? "on" : "off") : value === "" ? "not used" : value;
    return line(words, `${meaning[role]} [${shown}]`);
  };
  const group = (title: string, lines: readonly string[]) =>
    `${title}\n${lines.map((line) => `  ${line}\n`).join("")}`;
  return [
    `${PURPOSE[role]}\n\nUsage: pulsewire-${role} [HOST] [PORT] [options]\n`,
    group("Where", ["host", "port"].map((key) => option(key as Key))),
    group("Timers (S: seconds, fractions allowed)", TIMERS.map(option)),
    group("Data messages", DATA[role].map(option)),
    group(
      role === "client" ? "When the connection is lost" : "What is kept",
      KEEPING[role].map(option),
    ),
    group("How long", RUN[role]),
    group("Output", [
      line("--json", "write each event to stdout as one line of JSON"),
      line("--quiet, -q", "leave only warnings and errors on stderr"),
      option("log_dir"),
    ]),
    group("Other", [
      line("--config FILE", `read settings from FILE [${role}.toml beside the executable]`),
      option("original"),
      line("--help, -h", "show this"),
      line("--version, -V", "show the version"),
    ]),
    "Exit status: 0 ended as asked, 1 session lost, or store or output failed, 2 wrong use or\n" +
    "configuration, 3 could not connect or listen, 4 refused by the peer.\n",
  ].join("\n");
}

function line(words: string, meaning: string): string {
  return `${words.padEnd(31)} ${meaning}`;
}

/** The version of both executables; the same as in `deno.json`. */
export const VERSION = "0.1.0";
