/**
 * Writes `docs/settings.md` from the tables of settings, options and exit statuses.
 *
 * @module
 */
import { EXIT_STATUSES, OPTIONS } from "../lib/cli/options.ts";
import { defaultSettings, type Key, KEYS, timersOf } from "../lib/cli/settings.ts";
import { predictedDetection_ms } from "../lib/session/timers.ts";
import type { Role } from "../lib/wire/protocol.ts";

/** The file that this script writes. */
export const SETTINGS_DOC = new URL("../docs/settings.md", import.meta.url);

/** The text of `docs/settings.md`. */
export function settingsDoc(): string {
  const predicted_s = predictedDetection_ms(timersOf(defaultSettings("client"))) / 1000;
  return `# Settings, options and exit statuses

<!-- Written by \`deno task docs\` from lib/cli/settings.ts and lib/cli/options.ts. -->

## Settings

Every setting is optional. It is a flag, or a key under \`[settings]\` in a TOML file; a flag beats the
file, the file beats the default. \`--config FILE\` names the file; without it, \`server.toml\` or
\`client.toml\` beside the executable is read if it is there. \`config/\` has both, explained. \`host\` and
\`port\` may be given without their flags, as first and second argument, or in one: \`127.0.0.1:4000\`,
\`[::1]:4000\`. Seconds may have fractions, or be written as a duration: \`90s\`, \`5m\`, \`2h5m\`, \`1d\`, \`500ms\`;
in a file such a duration is a text, \`"5m"\`. A text's range is its length in characters. A list
is an array of texts in a file, \`["192.0.2.0/24", "2001:db8::1"]\`, and has commas in a flag; an entry \`@FILE\`
stands for those in a file, one a line with comments behind \`#\`, which is looked at every 10 s. The port 0 has a
server listen on any free one, which it names; a client needs the number. In a file, \`""\` means none for \`store\`, \`output\`, \`record\`, \`log_dir\` and the files of TLS, \`web\` and \`web_key_file\`.

${
    table(
      ["key", "flag", "of", "default", "range", "meaning"],
      (Object.keys(KEYS) as Key[]).map(settingRow),
    )
  }
A peer is declared dead \`data_threshold + (1 + heart_beat_additional_tries) * heart_beat_threshold\` after
the first unconfirmed data message was sent (client) or the last one was received (server): ${predicted_s} s
with the defaults. Each side times its peer by its own settings: keep them the same on both sides, unless
you want to see what happens when they differ.

## Other options

${table(["flag", "of", "default", "meaning"], Object.keys(OPTIONS).map(optionRow))}
## Exit status

${
    table(
      ["status", "meaning", "causes"],
      Object.entries(EXIT_STATUSES).map(([status, each]) => [status, each.meaning, each.causes]),
    )
  }
With \`--reconnect\`, a lost connection or a failed attempt to connect ends nothing yet: status 1 or 3 comes
only when \`reconnect_limit\` is reached. With \`--sessions\` the worst status counts: 1, then 4, then 3.
Status 0 after Ctrl-C, SIGTERM or \`--duration\` does not mean that everything is confirmed: see the summary.
`;
}

function settingRow(key: Key): string[] {
  const { choices, flag, meaning, range: [least, greatest], role, unit } = KEYS[key];
  const shown = (role: Role) => {
    const value = defaultSettings(role)[key];
    if (unit === "switch") return value ? "on" : "off";
    if (["text", "choice", "address"].includes(unit)) return value === "" ? "none" : `\`${value}\``;
    if (unit === "list") return "none";
    return unit === "seconds" ? `${value} s` : String(value);
  };
  const isOfWords = ["switch", "list", "address"].includes(unit);
  return [
    `\`${key}\``,
    unit === "switch" ? `\`--${flag}\`, \`--no-${flag}\`` : `\`--${flag}\``,
    role ?? "both",
    ofBoth(shown("server"), shown("client")),
    choices ? choices.join(", ") : isOfWords ? "" : `${least} to ${greatest}`,
    ofBoth(meaning.server, meaning.client),
  ];
}

function optionRow(flag: string): string[] {
  const { default: otherwise, letter, meaning, negatable, role, value } = OPTIONS[flag]!;
  const other = negatable ? `, \`--no-${flag}\`` : letter ? `, \`-${letter}\`` : "";
  return [
    `\`--${flag}${value ? ` ${value}` : ""}\`${other}`,
    role ?? "both",
    otherwise ? ofBoth(otherwise.server, otherwise.client) : "",
    meaning,
  ];
}

function ofBoth(server: string, client: string): string {
  return server === client ? server : `server: ${server}; client: ${client}`;
}

/** A table as `deno fmt` leaves it. */
export function table(head: string[], rows: string[][]): string {
  const widths = head.map((_, at) => Math.max(...[head, ...rows].map((row) => row[at]!.length)));
  const line = (cells: string[]) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at]!)).join(" | ")} |\n`;
  return [head, widths.map((width) => "-".repeat(width)), ...rows].map(line).join("");
}

if (import.meta.main) Deno.writeTextFileSync(SETTINGS_DOC, settingsDoc());
