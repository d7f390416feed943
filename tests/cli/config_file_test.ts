/**
 * The configuration file: valid ones, and the error for any others.
 *
 * @module
 */
import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { parseConfig, readConfig, readConfigIfThere } from "../../lib/cli/config_file.ts";
import { KEYS } from "../../lib/cli/settings.ts";
import { UsageError } from "../../lib/platform/errors.ts";
import { withFolder } from "../support/folder.ts";
import type { Role } from "../../lib/wire/protocol.ts";

function errorOf(text: string): string {
  return assertThrows(() => parseConfig(text, "x.toml", "server"), UsageError).message;
}

Deno.test("parseConfig() reads every key", () => {
  const settings = {
    host: "db.example",
    port: 4001,
    data_interval: 0.5,
    data_threshold: 2,
    heart_beat_interval: 1.25,
    heart_beat_threshold: 0.001,
    heart_beat_additional_tries: 0,
    message: "hello",
    max_message_bytes: 1000,
    log_dir: "logs",
    original: true,
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  assertEquals(parseConfig(`[settings]\n${lines.join("\n")}\n`, "x.toml", "server"), settings);
  assertEquals(parseConfig("[settings]\nport = 4_001\n", "x.toml", "server"), { port: 4001 });
});

Deno.test("parseConfig() keeps the backslashes of a path in single quotes", () => {
  assertEquals(parseConfig("[settings]\nlog_dir = 'C:\\temp\\new'\n", "x.toml", "server"), {
    log_dir: "C:\\temp\\new",
  });
});

Deno.test("parseConfig() takes [Settings] for [settings]", () => {
  assertEquals(parseConfig("[Settings]\nport = 1\n", "x.toml", "server"), { port: 1 });
});

Deno.test("parseConfig() takes the original's heart_beats_missed, which is one more", () => {
  const text = "[Settings]\nheart_beats_missed = 4\n";
  assertEquals(parseConfig(text, "x.toml", "server"), { heart_beat_additional_tries: 3 });
  const both = errorOf(text + "heart_beat_additional_tries = 3\n");
  assertEquals(
    both,
    "x.toml: line 2: heart_beats_missed = 4: heart_beat_additional_tries says the same; keep one",
  );
});

const SAYS_NOTHING: readonly [what: string, text: string][] = [
  ["an empty file", ""],
  ["blank lines and comments", "\n  \n# port = 1\n"],
  ["an empty table", "[settings]\n"],
  ["an empty log_dir", '[settings]\nlog_dir = ""\n'],
  ["a byte order mark alone", "\ufeff"],
];

for (const [what, text] of SAYS_NOTHING) {
  Deno.test(`parseConfig() takes ${what} for no settings`, () => {
    assertEquals(parseConfig(text, "x.toml", "server"), {});
  });
}

Deno.test("parseConfig() reads a file as Windows writes it: byte order mark, CRLF", () => {
  const text = '\ufeff[settings]\r\nport = 1 # one\r\n\r\nmessage = "a"\r\n';
  assertEquals(parseConfig(text, "x.toml", "server"), { port: 1, message: "a" });
});

const SECONDS =
  "expected a number of seconds from 0.001 to 1000000, or a duration such as 90s, 5m, " +
  "2h5m or 500ms";
const PORT = "expected a whole number from 1 to 65535";
const HOST = "expected an IPv4 address, an IPv6 address or a host name";
const APART = "the port is given apart from it: the host is 127.0.0.1, the port 4000";
const PATH = "expected a path without control characters; in the configuration file, write it in " +
  "single quotes, such as 'C:\\temp\\new', in which a backslash is one";
const UNDER_SETTINGS = "every key belongs under [settings]";
const OUTSIDE = `stands outside of any table; ${UNDER_SETTINGS}`;

/** A line under `[settings]`, and the error for it, behind the file's name. */
const WRONG_LINES: readonly [line: string, error: string][] = [
  ["prot = 1", "prot = 1: unknown key; did you mean port?"],
  [
    "heartbeat_interval = 1",
    "heartbeat_interval = 1: unknown key; did you mean heart_beat_interval?",
  ],
  ["colour = 1", "colour = 1: unknown key"],
  ["toString = 1", "toString = 1: unknown key"],
  ["port = 65536", `port = 65536: ${PORT}`],
  ["port = -1", `port = -1: ${PORT}`],
  ["port = 1.5", `port = 1.5: ${PORT}`],
  ['port = "1"', `port = "1": ${PORT}; write port = 1`],
  ["port = true", `port = true: ${PORT}`],
  ["port = [1]", `port = [1]: ${PORT}`],
  ["data_interval = 0", `data_interval = 0: ${SECONDS}`],
  ["data_interval = 0.0009", `data_interval = 0.0009: ${SECONDS}`],
  ["data_interval = 1000000.1", `data_interval = 1000000.1: ${SECONDS}`],
  ["data_threshold = -20", `data_threshold = -20: ${SECONDS}`],
  ["heart_beat_interval = nan", `heart_beat_interval = nan: ${SECONDS}`],
  ['heart_beat_threshold = "10 s"', `heart_beat_threshold = "10 s": ${SECONDS}`],
  ["heart_beat_threshold = { s = 10 }", `heart_beat_threshold = {"s":10}: ${SECONDS}`],
  [
    "heart_beat_additional_tries = -1",
    "heart_beat_additional_tries = -1: expected a whole number from 0 to 1000000",
  ],
  ["max_message_bytes = 0", "max_message_bytes = 0: expected a whole number from 1 to 268435456"],
  [
    "max_message_bytes = 268435457",
    "max_message_bytes = 268435457: expected a whole number from 1 to 268435456",
  ],
  ["host = 127", "host = 127: expected a text of 1 to 255 characters"],
  ['host = ""', 'host = "": expected a text of 1 to 255 characters'],
  ['host = "a b"', `host = "a b": ${HOST}`],
  ['host = "1.2.3.400"', `host = "1.2.3.400": ${HOST}`],
  ['host = "127.0.0.1:4000"', `host = "127.0.0.1:4000": ${HOST}; ${APART}`],
  [`host = "${"a".repeat(70)} b"`, `host = "${"a".repeat(59)}…: ${HOST}`],
  ['host = "a\\nb\\"c"', `host = "a\\nb\\"c": ${HOST}`],
  ["original = 1", "original = 1: expected true or false; write original = true"],
  ['original = "yes"', 'original = "yes": expected true or false; write original = true'],
  ["heart_beats_missed = 0", "heart_beats_missed = 0: expected a whole number from 1"],
  ["heart_beats_missed = 1.5", "heart_beats_missed = 1.5: expected a whole number from 1"],
  ['heart_beats_missed = "4"', 'heart_beats_missed = "4": expected a whole number from 1'],
  ['log_dir = "C:\\temp\\new"', `log_dir = "C:\\temp\\new": ${PATH}`],
  ['store = "a\\u0000"', `store = "a\\u0000": ${PATH}`],
  ['output = "a\\u0085"', `output = "a\u0085": ${PATH}`],
  ["log_dir = 1", "log_dir = 1: expected a text of 1 to 4096 characters"],
  ["[settings.nested]\nport = 1", 'nested = {"port":1}: unknown key'],
];

for (const [line, error] of WRONG_LINES) {
  Deno.test(`parseConfig() throws on ${line.split("\n")[0]}`, () => {
    assertEquals(errorOf(`[settings]\n${line}\n`), `x.toml: line 2: ${error}`);
  });
}

for (const value of ["inf", "-inf", "+inf"]) {
  Deno.test(`parseConfig() throws on data_interval = ${value}`, () => {
    const error = errorOf(`[settings]\ndata_interval = ${value}\n`);
    assertMatch(error, /^x\.toml: line 2: data_interval = -?inf: expected a number of seconds /);
  });
}

const WRONG_FILES: readonly [what: string, text: string, error: string][] = [
  ["a key outside of the table", "port = 1\n", `line 1: port ${OUTSIDE}`],
  ["a key before the table", 'log_dir = "a"\n[settings]\nport = 1\n', `line 1: log_dir ${OUTSIDE}`],
  ["an unknown table", "[server]\nport = 1\n", `line 1: unknown table [server]; ${UNDER_SETTINGS}`],
  ["another case", "[SETTINGS]\nport = 1\n", `line 1: unknown table [SETTINGS]; ${UNDER_SETTINGS}`],
  [
    "two tables",
    "[settings]\nport = 1\n[more]\n",
    `line 3: unknown table [more]; ${UNDER_SETTINGS}`,
  ],
  [
    "both spellings of the table",
    "[settings]\nport = 1\n[Settings]\nport = 2\n",
    "both [settings] and [Settings]; keep one",
  ],
  ["a value for the table", "settings = 1\n", "settings = 1: expected a table, [settings]"],
  [
    "a list of tables",
    "[[settings]]\nport = 1\n",
    'settings = [{"port":1}]: expected a table, [settings]',
  ],
];

for (const [what, text, error] of WRONG_FILES) {
  Deno.test(`parseConfig() throws on ${what}`, () => {
    assertEquals(errorOf(text), `x.toml: ${error}`);
  });
}

const NOT_TOML: readonly [what: string, text: string][] = [
  ["a table without an end", "[settings\nport = 1\n"],
  ["a key without a value", "[settings]\nport =\n"],
  ["a text without quotes", "[settings]\nhost = localhost\n"],
  ["a text without an end", '[settings]\nhost = "a\n'],
  ["YAML", "settings:\n  port: 1\n"],
  ["JSON", '{ "settings": { "port": 1 } }\n'],
  ["bytes that are no text", "\u0000\u0001\ufffd\ufffd"],
];

for (const [what, text] of NOT_TOML) {
  Deno.test(`parseConfig() throws in one line on what is not TOML: ${what}`, () => {
    assertMatch(errorOf(text), /^x\.toml is not TOML: .{8,}$/);
  });
}

const UNREADABLE = "cannot read the configuration file";

/** Keys of one side only. */
const OF_ONE_SIDE: Readonly<Record<Role, readonly string[]>> = {
  client: ["window = 1", "reconnect = true", "reconnect_limit = 1"],
  server: [
    "workers = 1",
    "session_lifetime = 1",
    "max_sessions = 1",
    'store = ""',
    'output = "a"',
  ],
};

for (const owner of ["client", "server"] as const) {
  const role = owner === "client" ? "server" : "client";
  for (const line of OF_ONE_SIDE[owner]) {
    Deno.test(`parseConfig() of the ${role} refuses ${line}, with its line`, () => {
      const text = `# ${line}\n[settings]\nport = 1\n  ${line}\n`;
      const { message } = assertThrows(() => parseConfig(text, "x.toml", role), UsageError);
      assertEquals(message, `x.toml: line 4: ${line}: a key of the ${owner}, not of the ${role}`);
      parseConfig(text, "x.toml", owner);
    });
  }
}

Deno.test("parseConfig() names a key of the other side in whatever form it is written", () => {
  const error = (text: string) =>
    assertThrows(() => parseConfig(text, "x.toml", "client"), UsageError).message;
  const end = "workers = 2: a key of the server, not of the client";
  assertEquals(error('[settings]\n"workers"=2\n'), `x.toml: line 2: ${end}`);
  assertEquals(error("settings = { port = 1, workers = 2 }\n"), `x.toml: line 1: ${end}`);
  assertEquals(error("settings.workers = 2\n"), `x.toml: line 1: ${end}`);
  assertEquals(error('[settings]\n"work\\u0065rs" = 2\n'), `x.toml: ${end}`);
});

Deno.test("parseConfig() takes the keys that both sides know, data_interval and message too", () => {
  const keys = (role: Role) =>
    Object.entries(KEYS).filter(([, { role: of }]) => (of ?? role) === role);
  const shared = keys("client").filter(([key]) => keys("server").some(([other]) => other === key));
  const text = shared.map(([key, { default: { client } }]) =>
    `${key} = ${JSON.stringify(client)}\n`
  );
  for (const role of ["client", "server"] as const) {
    const settings = parseConfig(`[settings]\n${text.join("")}`, "x.toml", role);
    assertEquals([settings.data_interval, settings.message], [5, "CLIENT_DATA_MESSAGE"]);
  }
});

const DEEP: readonly [what: string, text: string, error: RegExp][] = [
  ["a key of 4,000 parts", `${"a.".repeat(4_000)}b = 1\n`, /^x\.toml: a = \{.{1,60}: unknown key/],
  [
    "a table of 4,000 parts",
    `[settings.${"a.".repeat(4_000)}b]\nc = 1\n`,
    /^x\.toml: a = \{.{1,60}: unknown key/,
  ],
  ["100,000 lists in each other", `port = ${"[".repeat(100_000)}\n`, /^x\.toml.{1,200}$/],
  [
    "a key of 100,000 letters",
    `${"a".repeat(100_000)} = 1\n`,
    /^x\.toml: line 2: a{60}… = 1: unknown key$/,
  ],
];

for (const [what, text, error] of DEEP) {
  Deno.test(`parseConfig() throws one short sentence on ${what}`, () => {
    assertMatch(errorOf(`[settings]\n${text}`), error);
  });
}

Deno.test("parseConfig() quotes a text in an error", () => {
  assertEquals(
    errorOf('[settings]\nhost = "a\\nb\\"c"\n'),
    `x.toml: line 2: host = "a\\nb\\"c": ${HOST}`,
  );
});

Deno.test("readConfig() throws on a missing file", () => {
  const { message } = assertThrows(() => readConfig("/no/such/x.toml", "client"), UsageError);
  assertEquals(message, `${UNREADABLE} /no/such/x.toml: there is no such file`);
});

Deno.test("readConfig() and readConfigIfThere() throw on a folder", async () => {
  await withFolder((folder) => {
    for (const read of [readConfig, readConfigIfThere]) {
      const { message } = assertThrows(() => read(folder, "client"), UsageError);
      assertEquals(message, `${UNREADABLE} ${folder}: it is a folder, not a file`);
    }
  });
});

Deno.test("readConfigIfThere() takes a missing file for no settings", () => {
  assertEquals(readConfigIfThere("/no/such/x.toml", "client"), {});
});

Deno.test("readConfig() and readConfigIfThere() read a file, and name it in errors", async () => {
  await withFolder((folder) => {
    const path = `${folder}/x.toml`;
    for (const read of [readConfig, readConfigIfThere]) {
      Deno.writeTextFileSync(path, "[settings]\nport = 1\n");
      assertEquals(read(path, "server"), { port: 1 });
      Deno.writeTextFileSync(path, "[settings]\nport = -1\n");
      assertStringIncludes(
        assertThrows(() => read(path, "server"), UsageError).message,
        `${path}: line 2: port = -1`,
      );
    }
  });
});
