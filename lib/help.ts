/**
 * The text of `--help`.
 *
 * @module
 */
import type { Role } from "./protocol.ts";
import { defaultSettings, type Key, KEYS } from "./settings.ts";

const TIMERS: readonly Key[] = [
  "data_interval",
  "data_threshold",
  "heart_beat_interval",
  "heart_beat_threshold",
  "heart_beat_additional_tries",
];

const PURPOSE: Readonly<Record<Role, string>> = {
  server: "Accepts sessions, confirms their data messages, and tells when one falls silent.",
  client: "Opens a session, sends data messages, and tells when the server falls silent.",
};

const RUN: Readonly<Record<Role, readonly string[]>> = {
  server: [
    "--once                  serve one session, then exit with its outcome",
    "--duration S            end after S seconds",
  ],
  client: [
    "--count N               end when N data messages are confirmed",
    "--duration S            end after S seconds",
  ],
};

/** The help of a command, grouped, with units and defaults. */
export function helpText(role: Role): string {
  const defaults = defaultSettings(role);
  const option = (key: Key) => {
    const { flag, meaning, unit } = KEYS[key];
    const letter = { seconds: "S", count: "N", port: "PORT", bytes: "N", text: "TEXT" }[unit];
    const shown = defaults[key] === "" ? "none" : defaults[key];
    return `${`--${flag} ${letter}`.padEnd(31)} ${meaning} [${shown}]`;
  };
  const group = (title: string, lines: readonly string[]) =>
    `${title}\n${lines.map((line) => `  ${line}\n`).join("")}`;
  return [
    `${PURPOSE[role]}\n\nUsage: pulsewire-${role} [HOST] [PORT] [options]\n`,
    group("Where", ["host", "port"].map((key) => option(key as Key))),
    group("Timers (S: seconds, fractions allowed)", TIMERS.map(option)),
    group("Data messages", ["message", "max_message_bytes"].map((key) => option(key as Key))),
    group("How long", RUN[role]),
    group("Output", [
      "--json                  write each event to stdout as one line of JSON",
      "--quiet, -q             leave only warnings and errors on stderr",
      option("log_dir"),
    ]),
    group("Other", [
      `--config FILE           read settings from FILE [${role}.toml beside the executable]`,
      "--help, -h              show this",
      "--version, -V           show the version",
    ]),
    "Exit status: 0 ended as asked, 1 session lost, 2 wrong use or configuration,\n" +
    "3 could not connect or listen, 4 refused by the peer.\n",
  ].join("\n");
}
