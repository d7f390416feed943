/**
 * The text of `--help`, and the version.
 *
 * @module
 */
import type { Role } from "../wire/protocol.ts";
import { EXIT_STATUSES, type OptionDescription, OPTIONS } from "./options.ts";
import { defaultSettings, type Key, KEYS } from "./settings.ts";

/** What stands for the value of a path. */
const PATHS: Partial<Record<Key, string>> = {
  store: " FILE",
  output: " FILE",
  record: " FILE",
  key_file: " FILE",
  web_key_file: " FILE",
  tls_ca: " FILE",
  tls_cert: " FILE",
  tls_client_ca: " FILE",
  tls_key: " FILE",
  log_dir: " FOLDER",
};

const PURPOSE: Readonly<Record<Role, string>> = {
  server: "Accepts sessions, confirms their data messages, and reports when one falls silent.",
  client: "Opens a session, sends data messages, and reports when the server falls silent.",
};

/** The text of `--help`, grouped, with units and defaults. */
export function helpText(role: Role): string {
  const isOfRole = ({ role: only = role }: { role?: Role }) => only === role;
  const settings = (...keys: Key[]) =>
    keys.filter((key) => isOfRole(KEYS[key])).map((key) => settingLine(role, key));
  const options = (group?: OptionDescription["group"]) =>
    Object.entries(OPTIONS).filter(([, each]) => each.group === group && isOfRole(each))
      .map(([flag]) => optionLine(role, flag));
  const group = (title: string, lines: readonly string[]) =>
    `${title}\n${lines.map((line) => `  ${line}\n`).join("")}`;
  return [
    `${PURPOSE[role]}\n\nUsage: pulsewire-${role} [HOST] [PORT] [options]\n` +
    `       pulsewire-${role} report [options] RECORDING…   (see report --help)\n`,
    group("Address", settings("host", "port", "open_firewall")),
    group(
      "Timers (S: seconds such as 0.5, or a duration such as 90s, 5m, 2h5m, 500ms)",
      settings(
        "data_interval",
        "data_threshold",
        "heart_beat_interval",
        "heart_beat_threshold",
        "heart_beat_additional_tries",
      ),
    ),
    group("Data messages", settings("message", "window", "max_message_bytes", "output")),
    role === "client"
      ? group("When the connection is lost", settings("reconnect", "reconnect_limit"))
      : group(
        "Sessions and store",
        settings(
          "store",
          "session_lifetime",
          "resume_without_token",
          "max_idle",
          "max_sessions",
          "workers",
        ),
      ),
    ...role === "client" ? [group("Who it is", settings("key_file"))] : [],
    ...role === "server"
      ? [group(
        "Who may connect (LIST: 192.0.2.0/24,2001:db8::1,@FILE)",
        settings(
          "key_file",
          "allow",
          "deny",
          "max_sessions_per_address",
          "max_unopened",
          "max_new_per_second",
        ),
      )]
      : [],
    group(
      "TLS",
      settings("tls", "tls_ca", "tls_server_name", "tls_cert", "tls_key", "tls_client_ca"),
    ),
    group("Run", options()),
    ...role === "client"
      ? [group("How long may the path be idle? (docs/idle-timeouts.md)", options("search"))]
      : [],
    group("Output", [
      ...options("output"),
      ...settings("log_dir", "log_stamps", "record", "record_max_mb", "web", "web_key_file"),
    ]),
    group("Other", [...settings("original"), ...options("other")]),
    group(
      "Exit status",
      Object.entries(EXIT_STATUSES).map(([status, { meaning }]) => `${status}  ${meaning}`),
    ),
  ].join("\n");
}

function settingLine(role: Role, key: Key): string {
  const { choices = [], flag, meaning, unit } = KEYS[key];
  const letters = {
    seconds: " S",
    count: " N",
    port: " PORT",
    bytes: " N",
    text: " TEXT",
    choice: ` ${choices.join("|")}`,
    list: " LIST",
    address: " [HOST:]PORT",
  };
  const letter = unit === "switch" ? "" : PATHS[key] ?? letters[unit];
  const words = unit === "switch" ? `--[no-]${flag}` : `--${flag}${letter}`;
  const value = defaultSettings(role)[key];
  const isUnused = value === "" || unit === "list";
  const shown = unit === "switch" ? (value ? "on" : "off") : isUnused ? "not used" : value;
  return line(words, `${meaning[role]} [${shown}]`);
}

function optionLine(role: Role, flag: string): string {
  const { default: otherwise, letter, meaning, negatable, value } = OPTIONS[flag]!;
  const words = `--${negatable ? "[no-]" : ""}${flag}${letter ? `, -${letter}` : ""}${
    value ? ` ${value}` : ""
  }`;
  return line(words, otherwise ? `${meaning} [${otherwise[role]}]` : meaning);
}

function line(words: string, meaning: string): string {
  return `${words.padEnd(31)} ${meaning}`;
}

/** The version of both executables; the same as in `deno.json`. */
export const VERSION = "0.1.0";
