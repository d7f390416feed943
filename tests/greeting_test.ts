/**
 * What HELLO and WELCOME say: read with care, for anybody may have written it.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { greetedNumber, greetingOf, helloOf } from "../lib/greeting.ts";
import type { Greeting } from "../lib/protocol.ts";
import { DEFAULT_TIMERS } from "./support/stage.ts";

function hello(greeting: Greeting) {
  return helloOf({ type: "HELLO", version: 1, session: "s", greeting });
}

Deno.test("greetingOf() tells the timers in seconds, and the largest data message", () => {
  assertEquals(greetingOf({ ...DEFAULT_TIMERS, data_interval_ms: 250 }, 1_000), {
    data_interval: 0.25,
    data_threshold: 20,
    heart_beat_interval: 5,
    heart_beat_threshold: 10,
    heart_beat_additional_tries: 3,
    max_message_bytes: 1_000,
  });
});

Deno.test("greetedNumber() gives a number from 0, and nothing else", () => {
  for (const value of [0, 0.5, 20]) assertEquals(greetedNumber({ key: value }, "key"), value);
  for (const value of [-1, "20", null, true, [20], {}]) {
    assertEquals(greetedNumber({ key: value }, "key"), undefined, `${value}`);
  }
  assertEquals(greetedNumber({}, "key"), undefined);
});

const NEW = { id: "s", comesBack: false, confirmed: undefined, sent: 0, settled: false };

Deno.test("helloOf() reads a client that says nothing of itself", () => {
  assertEquals(hello({}), NEW);
  assertEquals(hello({ data_interval: 5, whatever: { deep: [] } }), NEW);
});

Deno.test("helloOf() reads a client that comes back", () => {
  assertEquals(hello({ reconnect: true, confirmed: 0, sent: 0 }), {
    ...NEW,
    comesBack: true,
    confirmed: 0,
  });
  assertEquals(hello({ reconnect: true, confirmed: 7, sent: 9, settled: true }), {
    id: "s",
    comesBack: true,
    confirmed: 7,
    sent: 9,
    settled: true,
  });
});

Deno.test("helloOf() takes only true for true", () => {
  for (const value of [1, "true", "yes", {}, null]) {
    assertEquals(hello({ reconnect: value, settled: value }), NEW, `${value}`);
  }
});

for (const key of ["confirmed", "sent"] as const) {
  for (const value of [0.5, -1, 2 ** 53, 1e300, "7", null, [7]]) {
    Deno.test(`helloOf() takes no ${key} from ${JSON.stringify(value)}, which is no sequence number`, () => {
      assertEquals(hello({ [key]: value }), NEW);
    });
  }
}
