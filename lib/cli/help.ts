/**
 * The text of `--help`, and the version.
 *
 * @module
 */
import type { Role } from "../wire/protocol.ts";
import { EXIT_STATUSES, type OptionDescription, OPTIONS } from "./options.ts";
import { defaultSettings, type Key, KEYS } from "./settings.ts";

const TIMERS: readonly Key[] = [
  "data_interval",
  "data_threshold",
  "heart_beat_interval",
  "heart_beat_threshold",
  "heart_beat_additional_tries",
];

/** What stands for the value of a path. */
const PATHS: Partial<Record<Key, string>> = {
  store: " FILE",
  output: " FILE",
  log_dir: " FOLDER",
};

const DATA: Readonly<Record<Role, readonly Key[]>> = {
  server: ["message", "max_message_bytes", "output"],
  client: ["message", "window", "max_message_bytes"],
};

const SESSIONS: Readonly<Record<Role, readonly Key[]>> = {
  server: ["store", "session_lifetime", "max_sessions", "workers"],
  client: ["reconnect", "reconnect_limit"],
};

const PURPOSE: Readonly<Record<Role, string>> = {
  server: "Accepts sessions, confirms their data messages, and reports when one falls silent.",
  client: "Opens a session, sends data messages, and reports when the server falls silent.",
};

/** The text of `--help`, grouped, with units and defaults. */
export function helpText(role: Role): string {
  const settings = (keys: readonly Key[]) => keys.map((key) => settingLine(role, key));
  const options = (group: OptionDescription["group"]) =>
    Object.keys(OPTIONS)
      .filter((flag) => OPTIONS[flag]!.group === group && (OPTIONS[flag]!.role ?? role) === role)
      .map((flag) => optionLine(role, flag));
  const statuses = Object.entries(EXIT_STATUSES).map(([status, { meaning }]) =>
    `${status}  ${meaning}`
  );
  const group = (title: string, lines: readonly string[]) =>
    `${title}\n${lines.map((line) => `  ${line}\n`).join("")}`;
  return [
    `${PURPOSE[role]}\n\nUsage: pulsewire-${role} [HOST] [PORT] [options]\n`,
    group("Address", settings(["host", "port"])),
    group("Timers (S: seconds, fractions allowed)", settings(TIMERS)),
    group("Data messages", settings(DATA[role])),
    group(
      role === "client" ? "When the connection is lost" : "Sessions and store",
      settings(SESSIONS[role]),
    ),
    group("Run", options("run")),
    group("Output", [...options("output"), ...settings(["log_dir"])]),
    group("Other", [...settings(["original"]), ...options("other")]),
    group("Exit status", statuses),
  ].join("\n");
}

function settingLine(role: Role, key: Key): string {
  const { flag, meaning, unit } = KEYS[key];
  const letters = { seconds: " S", count: " N", port: " PORT", bytes: " N", text: " TEXT" };
  const letter = unit === "switch" ? "" : PATHS[key] ?? letters[unit];
  const words = unit === "switch" ? `--${flag}, --no-${flag}` : `--${flag}${letter}`;
  const value = defaultSettings(role)[key];
  const shown = unit === "switch" ? (value ? "on" : "off") : value === "" ? "not used" : value;
  return line(words, `${meaning[role]} [${shown}]`);
}

function optionLine(role: Role, flag: string): string {
  const { default: otherwise, letter, meaning, value } = OPTIONS[flag]!;
  const words = `--${flag}${letter ? `, -${letter}` : ""}${value ? ` ${value}` : ""}`;
  return line(words, otherwise ? `${meaning} [${otherwise[role]}]` : meaning);
}

function line(words: string, meaning: string): string {
  return `${words.padEnd(31)} ${meaning}`;
}

/** The version of both executables; the same as in `deno.json`. */
export const VERSION = "0.1.0";
