/**
 * The help: every option is in it, with its default, and it can be read at a glance.
 *
 * @module
 */
import { assert, assertEquals, assertLessOrEqual, assertMatch } from "@std/assert";
import { parseCommandLine } from "../../lib/cli/args.ts";
import { helpText } from "../../lib/cli/help.ts";
import { defaultSettings, type Key, KEYS } from "../../lib/cli/settings.ts";
import { EXIT } from "../../lib/session/close_reason.ts";
import type { Role } from "../../lib/wire/protocol.ts";

/** Options that are no settings, and a value for those that take one. */
const OTHERS = {
  both: ["json", "quiet", "help", "version", "config FILE", "duration S"],
  client: ["count N", "ramp S", "sessions N", "stdin"],
  server: ["once"],
} as const;

/** A line that tells of an option. */
interface OptionLine {
  /** Its spellings. */
  flags: string[];
  /** What stands for its value, if it takes one. */
  value: string[];
  /** What it means. */
  meaning: string;
  /** The column where that begins. */
  column: number;
}

function optionLines(role: Role): OptionLine[] {
  return helpText(role).split("\n").filter((line) => line.startsWith("  -")).map((line) => {
    const [, option, gap, meaning] = /^ {2}(\S+(?: \S+)*)( {2,})(\S.*)$/.exec(line) ?? [];
    assert(option && gap && meaning, `no option and meaning in: ${line}`);
    const words = option.split(/,? /);
    const flags = words.filter((word) => word.startsWith("-"));
    const value = words.filter((word) => !word.startsWith("-"));
    return { flags, value, meaning, column: line.indexOf(meaning) };
  });
}

/** A default as a person reads it. */
function shownDefault(role: Role, key: Key): string {
  const value = defaultSettings(role)[key];
  if (typeof value === "boolean") return value ? "on" : "off";
  return value === "" ? "not used" : String(value);
}

for (const role of ["client", "server"] as const) {
  Deno.test(`helpText() of the ${role} tells of every setting, with its meaning and default`, () => {
    for (const [key, { flag, meaning, role: only = role }] of Object.entries(KEYS)) {
      if (only !== role) continue;
      const lines = optionLines(role).filter(({ flags }) => flags.includes(`--${flag}`));
      assertEquals(lines.length, 1, flag);
      assertEquals(lines[0]!.meaning, `${meaning[role]} [${shownDefault(role, key as Key)}]`);
    }
  });

  Deno.test(`helpText() of the ${role} tells of every other option, and of no more`, () => {
    const settings = Object.values(KEYS).map(({ flag }) => `--${flag}`);
    const others = optionLines(role).filter(({ flags }) => !settings.includes(flags[0]!));
    const told = others.map(({ flags, value }) => [flags[0], ...value].join(" "));
    const expected = [...OTHERS.both, ...OTHERS[role]].map((option) => `--${option}`);
    assertEquals(told.sort(), expected.sort());
  });

  Deno.test(`helpText() of the ${role} tells of options that there are`, () => {
    for (const { flags, value: [name] } of optionLines(role)) {
      const value = name === undefined ? [] : [/TEXT|FILE|FOLDER/.test(name) ? "x" : "5"];
      for (const flag of flags) parseCommandLine(role, [flag, ...value]);
    }
  });

  Deno.test(`helpText() of the ${role} has all meanings in one column, within 100`, () => {
    assertEquals(new Set(optionLines(role).map(({ column }) => column)).size, 1, helpText(role));
    for (const line of helpText(role).split("\n")) {
      assertLessOrEqual(line.length, 100, line);
      assertEquals(line, line.trimEnd());
    }
  });

  Deno.test(`helpText() of the ${role} begins with what it is for and how it is called`, () => {
    const [purpose, blank, usage] = helpText(role).split("\n");
    assertMatch(purpose!, /^[A-Z].*\.$/);
    assertEquals([blank, usage], ["", `Usage: pulsewire-${role} [HOST] [PORT] [options]`]);
  });

  Deno.test(`helpText() of the ${role} tells every exit status`, () => {
    const [, statuses] = helpText(role).split("Exit status: ");
    const numbers = [...statuses!.matchAll(/(\d) [a-z]/g)].map(([, digit]) => Number(digit));
    assertEquals(numbers, Object.values(EXIT).map(Number));
  });
}

Deno.test("helpText() gives each command its own options and defaults", () => {
  assertEquals(helpText("client").includes("--once"), false);
  assertEquals(helpText("server").includes("--count"), false);
  assert(helpText("client").includes("[client.toml beside the executable]"));
  assert(helpText("server").includes("[server.toml beside the executable]"));
});
