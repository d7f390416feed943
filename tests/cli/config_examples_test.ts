/**
 * The configuration files that come with the program: complete, explained, and equal to the defaults.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { readConfig } from "../../lib/cli/config_file.ts";
import { defaultSettings, type Key, KEYS, timersOf } from "../../lib/cli/settings.ts";
import { predictedDetection_ms } from "../../lib/session/timers.ts";
import type { Role } from "../../lib/wire/protocol.ts";

const ROLES = ["server", "client"] as const;

/** The keys of a role. */
function keysOf(role: Role): Key[] {
  const keys = Object.keys(KEYS) as Key[];
  return keys.filter((key) => (KEYS[key].role ?? role) === role);
}

function pathOf(role: string): string {
  return decodeURIComponent(new URL(`../../config/${role}.toml`, import.meta.url).pathname);
}

/** How a comment names the unit. */
const UNIT_WORDS: Readonly<Record<(typeof KEYS)[Key]["unit"], string>> = {
  seconds: "Seconds",
  count: "How many",
  port: "TCP port",
  bytes: "bytes",
  text: "characters",
  choice: " or ",
  switch: "Whether",
  list: "@FILE",
  address: "a port",
};

/** The comment right above each key, and the value behind it. */
function explainedKeys(role: string): Map<string, { comment: string; value: string }> {
  const text = Deno.readTextFileSync(pathOf(role));
  const lines = text.matchAll(/((?:^#.*\n)+)^(\w+) = (.*)$/gm);
  return new Map([...lines].map(([, comment, key, value]) => [key!, {
    comment: comment!.replaceAll("\n# ", " "),
    value: value!,
  }]));
}

for (const role of ROLES) {
  Deno.test(`${role}.toml holds every key once, in the order of the settings`, () => {
    const text = Deno.readTextFileSync(pathOf(role));
    const keys = [...text.matchAll(/^#?\s*(\w+) = .*$/gm)].map(([, key]) => key);
    assertEquals(keys, keysOf(role));
    const explained = [...explainedKeys(role).keys()];
    assertEquals(explained, keysOf(role), "each has a comment right above it");
  });

  Deno.test(`${role}.toml used unchanged changes nothing`, () => {
    const defaults = defaultSettings(role);
    assertEquals({ ...defaults, ...readConfig(pathOf(role), role) }, defaults);
    const values = [...explainedKeys(role)].map(([key, { value }]) => [key, JSON.parse(value)]);
    const own = keysOf(role).map((key) => [key, defaults[key]]);
    assertEquals(values, own);
  });

  for (const key of keysOf(role)) {
    Deno.test(`${role}.toml has the unit, range, default and flag of ${key}`, () => {
      const { comment, value } = explainedKeys(role).get(key)!;
      const { choices, flag, range: [least, greatest], unit } = KEYS[key];
      const words: Partial<Record<typeof unit, string>> = {
        switch: "true or false",
        list: 'Addresses, blocks, "@FILE"',
        address: "[HOST:]PORT",
      };
      const numbers = words[unit] ?? `${least} to ${greatest}`;
      const range = choices?.join(" or ") ?? numbers;
      assertStringIncludes(comment, ` ${range}`);
      assertStringIncludes(comment, ` Default ${value}`);
      assertStringIncludes(comment, ` --${flag}`);
      assertStringIncludes(comment, UNIT_WORDS[unit]);
    });
  }

  Deno.test(`${role}.toml has the time to detection of the defaults`, () => {
    const predicted_s = predictedDetection_ms(timersOf(defaultSettings(role))) / 1000;
    assertStringIncludes(Deno.readTextFileSync(pathOf(role)), ` = ${predicted_s} seconds.`);
  });
}

Deno.test("server.toml and client.toml name their command and its files", () => {
  for (const role of ROLES) {
    const text = Deno.readTextFileSync(pathOf(role));
    assertStringIncludes(text, `# Pulsewire: the settings of the ${role}.`);
    assertStringIncludes(text, `pulsewire-${role} --config FILE`);
    for (const level of ["info", "warning", "error"]) {
      assertStringIncludes(text, `${role}_${level}.log`);
    }
  }
});
