/**
 * The help lists every option with its default, in columns; and the version.
 *
 * @module
 */
import { assert, assertEquals, assertLessOrEqual, assertMatch } from "@std/assert";
import { parseCommandLine } from "../../lib/cli/args.ts";
import { helpText, VERSION } from "../../lib/cli/help.ts";
import { OPTIONS } from "../../lib/cli/options.ts";
import { defaultSettings, type Key, KEYS } from "../../lib/cli/settings.ts";
import { EXIT } from "../../lib/session/close_reason.ts";
import type { Role } from "../../lib/wire/protocol.ts";

/** The lines of the options: spellings, what stands for the value, meaning and its column. */
function optionLines(role: Role) {
  return helpText(role).split("\n").filter((line) => line.startsWith("  -")).map((line) => {
    const [, option, gap, meaning] = /^ {2}(\S+(?: \S+)*)( {2,})(\S.*)$/.exec(line) ?? [];
    assert(option && gap && meaning, `no option and meaning in: ${line}`);
    const words = option.replace(/^--\[no-\](\S+)/, "--$1 --no-$1").split(/,? /);
    const flags = words.filter((word) => word.startsWith("-"));
    const value = words.filter((word) => !word.startsWith("-"));
    return { flags, value, meaning, column: line.indexOf(meaning) };
  });
}

/** A default, for people. */
function shownDefault(role: Role, key: Key): string {
  const value = defaultSettings(role)[key];
  if (typeof value === "boolean") return value ? "on" : "off";
  return value === "" || Array.isArray(value) ? "not used" : String(value);
}

for (const role of ["client", "server"] as const) {
  Deno.test(`helpText() of the ${role} lists every setting, with its meaning and default`, () => {
    for (const [key, { flag, meaning, role: only = role }] of Object.entries(KEYS)) {
      if (only !== role) continue;
      const lines = optionLines(role).filter(({ flags }) => flags.includes(`--${flag}`));
      assertEquals(lines.length, 1, flag);
      assertEquals(lines[0]!.meaning, `${meaning[role]} [${shownDefault(role, key as Key)}]`);
    }
  });

  Deno.test(`helpText() of the ${role} lists every other option, and no more`, () => {
    const settings = Object.values(KEYS).map(({ flag }) => `--${flag}`);
    const others = optionLines(role).filter(({ flags }) => !settings.includes(flags[0]!));
    const listed = others.map(({ flags, value }) => [flags[0], ...value].join(" "));
    const expected = Object.entries(OPTIONS)
      .filter(([, { role: only = role }]) => only === role)
      .map(([flag, { value }]) => `--${flag}${value ? ` ${value}` : ""}`);
    assertEquals(listed.sort(), expected.sort());
  });

  Deno.test(`helpText() of the ${role} lists options that exist`, () => {
    for (const { flags, value: [name] } of optionLines(role)) {
      const [choice] = /^\w+(?=\|)/.exec(name ?? "") ?? [];
      const words = /TEXT|FILE|FOLDER|NAME/.test(name ?? "") ? "x" : name === "LIST" ? "@x" : "5";
      const value = name === undefined ? [] : [choice ?? words];
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

  Deno.test(`helpText() of the ${role} lists every exit status`, () => {
    const [, statuses] = helpText(role).split("Exit status\n");
    const numbers = [...statuses!.matchAll(/(\d) +[a-z]/g)].map(([, digit]) => Number(digit));
    assertEquals(numbers, Object.values(EXIT).map(Number));
  });
}

Deno.test("helpText() gives each command its own options and defaults", () => {
  assertEquals(helpText("client").includes("--once"), false);
  assertEquals(helpText("server").includes("--count"), false);
  assert(helpText("client").includes("[client.toml beside the executable]"));
  assert(helpText("server").includes("[server.toml beside the executable]"));
});

Deno.test("VERSION is the version in deno.json", async () => {
  const text = await Deno.readTextFile(new URL("../../deno.json", import.meta.url));
  assertEquals(VERSION, JSON.parse(text).version);
  assertMatch(VERSION, /^\d+\.\d+\.\d+/);
});
