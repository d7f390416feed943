/**
 * The defaults of the settings, and what sessions are given of them.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { checkValue } from "../../lib/cli/check.ts";
import { defaultSettings, type Key, KEYS, timersOf, windowOf } from "../../lib/cli/settings.ts";

for (const role of ["client", "server"] as const) {
  Deno.test(`defaultSettings() of the ${role} has a valid value for every setting`, () => {
    const defaults = defaultSettings(role);
    assertEquals(Object.keys(defaults).sort(), Object.keys(KEYS).sort());
    for (const key of Object.keys(KEYS) as Key[]) {
      if (defaults[key] !== "") {
        assertEquals(checkValue(key, defaults[key], key, role), defaults[key]);
      }
    }
  });
}

Deno.test("timersOf() gives the timers in milliseconds", () => {
  assertEquals(timersOf({ ...defaultSettings("client"), data_interval: 0.5 }), {
    data_interval_ms: 500,
    data_threshold_ms: 20_000,
    heart_beat_interval_ms: 5_000,
    heart_beat_threshold_ms: 10_000,
    heart_beat_additional_tries: 3,
  });
});

Deno.test("windowOf() gives the window, or one that suits what is sent", () => {
  const windows = [0, 1, 7].map((window) => {
    const settings = { ...defaultSettings("client"), window };
    return [windowOf(settings, false), windowOf(settings, true)];
  });
  assertEquals(windows, [[1, 256], [1, 1], [7, 7]]);
});
