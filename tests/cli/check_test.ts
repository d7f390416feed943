/**
 * The check of one setting, at both ends of every range and beyond; the nearest word to a mistyped one.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import {
  checkValue,
  didYouMean,
  expectation,
  nearest,
  numberOf,
  secondsOf,
} from "../../lib/cli/check.ts";
import { type Key, KEYS } from "../../lib/cli/settings.ts";
import { UsageError } from "../../lib/platform/errors.ts";

const ALL_KEYS = Object.keys(KEYS) as Key[];
const TEXTS = ALL_KEYS.filter((key) => KEYS[key].unit === "text");
const SWITCHES = ALL_KEYS.filter((key) => KEYS[key].unit === "switch");
const CHOICES = ALL_KEYS.filter((key) => KEYS[key].unit === "choice");
const LISTS = ALL_KEYS.filter((key) => KEYS[key].unit === "list");
const NUMBERS = ALL_KEYS.filter((key) =>
  ![...TEXTS, ...SWITCHES, ...CHOICES, ...LISTS, "web"].includes(key)
);

function assertRefused(key: Key, value: unknown): void {
  const { message } = assertThrows(() => checkValue(key, value, "where", "client"), UsageError);
  assertEquals(message, `where: expected ${expectation(KEYS[key])}`);
}

for (const key of NUMBERS) {
  const [least, greatest] = KEYS[key].range;

  Deno.test(`checkValue() takes ${key} from ${least} to ${greatest}`, () => {
    for (const value of [least, greatest]) {
      assertEquals(checkValue(key, value, "where", "client"), value);
    }
  });

  Deno.test(`checkValue() throws on ${key} beyond its range, or no number`, () => {
    const beyond = [least - 0.0001, least - 1, -0.5, greatest + 0.5, greatest + 1];
    const text = KEYS[key].unit === "seconds" ? "5 s" : "5";
    const none = [NaN, Infinity, -Infinity, text, true, null, undefined, [5], { s: 5 }, 5n];
    const isWrong = (value: unknown) => key !== "port" || value !== 0;
    for (const value of [...beyond, ...none].filter(isWrong)) assertRefused(key, value);
  });
}

for (const key of NUMBERS) {
  const takes = KEYS[key].unit === "seconds";
  Deno.test(`checkValue() ${takes ? "takes" : "throws on"} a fraction for ${key}`, () => {
    if (takes) assertEquals(checkValue(key, 0.25, "where", "client"), 0.25);
    else assertRefused(key, 1.5);
  });
}

for (const key of LISTS) {
  const check = (value: unknown) => checkValue(key, value, "where", "server");

  Deno.test(`checkValue() takes addresses, blocks and files for ${key}`, () => {
    for (const value of [[], ["192.0.2.1", "198.51.100.0/24", "2001:db8::/32", "@list", "@/a b"]]) {
      assertEquals(check(value), value);
    }
  });

  Deno.test(`checkValue() throws on anything else for ${key}, and names the entry`, () => {
    for (const value of ["192.0.2.1", 5, true, null, { a: "b" }, [5], [["192.0.2.1"]]]) {
      assertRefused(key, value);
    }
    assertRefused(key, Array(10_001).fill("192.0.2.1"));
    for (const entry of ["", "@", "localhost", "192.0.2.1/33", "192.0.2.1/24"]) {
      const { message } = assertThrows(() => check(["192.0.2.1", entry]), UsageError);
      assertEquals(message.startsWith(`where: ${entry || '""'}: `), true, message);
    }
  });
}

for (const key of CHOICES) {
  Deno.test(`checkValue() takes what ${key} can be, and nothing else`, () => {
    for (const value of KEYS[key].choices!) {
      assertEquals(checkValue(key, value, "where", "server"), value);
    }
    for (const value of ["", "none", "Zone", 5, true, null, undefined, ["zone"]]) {
      assertRefused(key, value);
    }
    assertEquals(expectation(KEYS[key]), KEYS[key].choices!.join(" or "));
  });
}

for (const key of TEXTS) {
  const [least, greatest] = KEYS[key].range;
  // Of a host, no text of the greatest length is one.
  const longest = key === "host" ? 253 : greatest;

  Deno.test(`checkValue() takes ${key} of ${least} to ${longest} characters`, () => {
    for (const length of [least, longest]) {
      const value = "x".repeat(length);
      assertEquals(checkValue(key, value, "where", "client"), value);
    }
  });

  Deno.test(`checkValue() throws on ${key} that is too short, too long, or no text`, () => {
    for (const value of ["", "x".repeat(greatest + 1), 5, true, null, undefined, ["x"], {}]) {
      assertRefused(key, value);
    }
  });
}

Deno.test("checkValue() takes a port, or a host and a port, for web, and nothing else", () => {
  const taken = ["0", "8080", "65535", "localhost:8080", "192.0.2.1:8080", "[::1]:8080", "a.b:1"];
  for (const value of taken) assertEquals(checkValue("web", value, "where", "client"), value);
  assertEquals(checkValue("web", 8080, "where", "server"), "8080");
  for (
    const value of ["", "x", "-1", "65536", "1.5", "::1", "::1:80", "[::1]", "a:b", "a:", ":80"]
  ) {
    assertRefused("web", value);
  }
  for (const value of ["http://a:80", "1.2.3.256:80", -1, 1.5, 65_536, true, null, ["80"]]) {
    assertRefused("web", value);
  }
});

for (const key of SWITCHES) {
  Deno.test(`checkValue() takes true and false for ${key}, and nothing else`, () => {
    for (const value of [true, false]) {
      assertEquals(checkValue(key, value, "where", "client"), value);
    }
    for (const value of ["true", "", 0, 1, NaN, null, undefined, [true]]) assertRefused(key, value);
  });
}

Deno.test("checkValue() throws on an invalid host", () => {
  const { message } = assertThrows(
    () => checkValue("host", "a b", "HOST a b", "client"),
    UsageError,
  );
  assertEquals(message, "HOST a b: expected an IPv4 address, an IPv6 address or a host name");
});

Deno.test("checkValue() takes port 0 of a server, which has the system choose, and of no client", () => {
  assertEquals(checkValue("port", 0, "where", "server"), 0);
  const { message } = assertThrows(() => checkValue("port", 0, "PORT 0", "client"), UsageError);
  assertEquals(
    message,
    "PORT 0: the client needs the number of the server's port; a server with port 0 takes any free " +
      "one, and names it: listening on …",
  );
});

Deno.test("checkValue() takes a host in brackets, and says what to write for what is no host", () => {
  assertEquals(checkValue("host", "[::1]", "HOST [::1]", "client"), "::1");
  const expected = "expected an IPv4 address, an IPv6 address or a host name";
  for (
    const [host, hint] of [
      ["127.0.0.1:4000", "; the port is given apart from it: the host is 127.0.0.1, the port 4000"],
      ["[::1]:4000", "; the port is given apart from it: the host is ::1, the port 4000"],
      ["4000", "; that is a port, which is given behind the host"],
      [":4000", "; that is a port, which is given behind the host"],
      ["*", "; every address of this host is 0.0.0.0, or :: with IPv6"],
      ["tcp://db.example", "; without what stands before //, and without a path"],
      ["[a b]", ""],
    ] as const
  ) {
    const { message } = assertThrows(() => checkValue("host", host, host, "client"), UsageError);
    assertEquals(message, `${host}: ${expected}${hint}`);
  }
});

Deno.test("secondsOf() reads durations as people write them", () => {
  const durations: readonly (readonly [text: string, seconds: number])[] = [
    ...[["90", 90], ["0.5", 0.5], [".5", 0.5], ["90s", 90], ["5m", 300], ["2h5m", 7_500]] as const,
    ...[["500ms", 0.5], ["1h", 3_600], ["1d", 86_400], ["1d2h3m4s5ms", 93_784.005]] as const,
    ...[["1.5h", 5_400], ["0.001s", 0.001], ["1.001s", 1.001], ["1m500ms", 60.5]] as const,
    ...[["0s", 0], ["0.1ms", 0.0001]] as const,
  ];
  for (const [text, seconds] of durations) assertEquals(secondsOf(text), seconds, text);
});

Deno.test("secondsOf() gives NaN for everything else", () => {
  const texts = [
    "",
    "s",
    "5 s",
    "5x",
    "-5s",
    "5m2h",
    "5s5s",
    "5M",
    "5min",
    "1:30",
    "1e3s",
    "٣s",
    "h",
  ];
  for (const text of texts) assertEquals(secondsOf(text), NaN, text);
});

Deno.test("numberOf() reads digits, with a fraction or without", () => {
  const texts = ["0", "5", "0.25", "4000", "007", "1000000"];
  assertEquals(texts.map(numberOf), [0, 5, 0.25, 4000, 7, 1_000_000]);
});

Deno.test("numberOf() gives NaN for everything else", () => {
  const texts = ["", " ", "-1", "+1", "1e3", "0x10", "1_000", "1,5", "5 s", "NaN", "Infinity", "٣"];
  for (const text of texts) assertEquals(numberOf(text), NaN, JSON.stringify(text));
});

const WORDS = ["host", "port", "data_interval", "data_threshold", "heart_beat_threshold"];

const MISTYPED: readonly [what: string, word: string, meant: string | undefined][] = [
  ["the word itself", "port", "port"],
  ["a letter missing", "prt", "port"],
  ["a letter too many", "porrt", "port"],
  ["a letter replaced", "pott", "port"],
  ["two letters swapped", "prot", "port"],
  ["another case", "PORT", "port"],
  ["an underscore missing", "heartbeat_threshold", "heart_beat_threshold"],
  ["a dash for an underscore", "data-threshold", "data_threshold"],
  ["several letters in a long word", "data_tresholt", "data_threshold"],
  ["the nearer of two", "data_intervall", "data_interval"],
  ["nothing near", "colour", undefined],
  ["too much wrong in a short word", "xyzt", undefined],
];

for (const [what, word, meant] of MISTYPED) {
  Deno.test(`nearest() finds the word that was meant: ${what}`, () => {
    assertEquals(nearest(word, WORDS), meant);
  });
}

Deno.test("nearest() takes the first of two that are equally near, and nothing of nothing", () => {
  assertEquals(nearest("ab", ["ax", "ay"]), "ax");
  assertEquals(nearest("port", []), undefined);
});

Deno.test("didYouMean() suggests a word, or nothing", () => {
  assertEquals(didYouMean("prot", WORDS), "; did you mean port?");
  assertEquals(didYouMean("colour", WORDS), "");
});

Deno.test("nearest() compares no word that is too long to be meant", () => {
  const lookedAt: number[] = [];
  const word: unknown = { length: 3_000_000, toLowerCase: () => lookedAt.push(1) && "port" };
  assertEquals(nearest(word as string, ["data_interval", "port"]), undefined);
  assertEquals(lookedAt, []);
});
