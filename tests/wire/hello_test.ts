/**
 * Fields of HELLO and WELCOME, which are untrusted input.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { greetingNumber, helloFields } from "../../lib/wire/hello.ts";
import type { Greeting } from "../../lib/wire/protocol.ts";

function hello(greeting: Greeting) {
  return helloFields({ type: "HELLO", version: 1, session: "s", greeting });
}

Deno.test("greetingNumber() gives a number from 0, and nothing else", () => {
  for (const value of [0, 0.5, 20]) assertEquals(greetingNumber({ key: value }, "key"), value);
  for (const value of [-1, "20", null, true, [20], {}]) {
    assertEquals(greetingNumber({ key: value }, "key"), undefined, `${value}`);
  }
  assertEquals(greetingNumber({}, "key"), undefined);
});

const NEW = {
  id: "s",
  reconnects: false,
  confirmed: undefined,
  sent: 0,
  settled: false,
  token: undefined,
  threshold_ms: Infinity,
  knows: [],
};

Deno.test("helloFields() gives defaults for an empty greeting", () => {
  assertEquals(hello({}), NEW);
  assertEquals(hello({ data_interval: 5, whatever: { deep: [] } }), NEW);
});

Deno.test("helloFields() reads a client that resumes", () => {
  assertEquals(hello({ reconnect: true, confirmed: 0, sent: 0 }), {
    ...NEW,
    reconnects: true,
    confirmed: 0,
  });
  assertEquals(hello({ reconnect: true, confirmed: 7, sent: 9, settled: true }), {
    id: "s",
    reconnects: true,
    confirmed: 7,
    sent: 9,
    settled: true,
    token: undefined,
    threshold_ms: Infinity,
    knows: [],
  });
});

Deno.test("helloFields() takes only true for true", () => {
  for (const value of [1, "true", "yes", {}, null]) {
    assertEquals(hello({ reconnect: value, settled: value }), NEW, `${value}`);
  }
});

for (const key of ["confirmed", "sent"] as const) {
  for (const value of [0.5, -1, 2 ** 53, 1e300, "7", null, [7]]) {
    Deno.test(`helloFields() takes no ${key} from ${JSON.stringify(value)}, which is no sequence number`, () => {
      assertEquals(hello({ [key]: value }), NEW);
    });
  }
}

Deno.test("helloFields() reads the smallest of the client's thresholds", () => {
  const thresholds = { data_threshold: 20, heart_beat_threshold: 1.5 };
  assertEquals(hello(thresholds).threshold_ms, 1_500);
  assertEquals(hello({ ...thresholds, heart_beat_threshold: "soon" }).threshold_ms, 20_000);
});

Deno.test("helloFields() takes for known what is in a list of texts, and nothing else", () => {
  assertEquals(hello({ knows: ["account", "hold", 7] }).knows, ["account", "hold"]);
  for (const knows of [undefined, null, "hold", { hold: true }, [["hold"]], ["HOLD"], []]) {
    assertEquals(hello({ knows }).knows.includes("hold"), false, JSON.stringify(knows));
  }
});
