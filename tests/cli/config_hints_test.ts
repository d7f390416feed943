/**
 * Configuration files that are nearly TOML, as other programs write them: what is wrong, where, and what
 * to write, each text whole.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { parseConfig, readConfig } from "../../lib/cli/config_file.ts";
import { UsageError } from "../../lib/platform/errors.ts";
import { withFolder } from "../support/folder.ts";

function errorOf(text: string): string {
  return assertThrows(() => parseConfig(text, "x.toml", "client"), UsageError).message;
}

const SECONDS =
  "expected a number of seconds from 0.001 to 1000000, or a duration such as 90s, 5m, " +
  "2h5m or 500ms";
const COMMENT = "a comment begins with #";
const NOTHING_ENDS = "a comment begins with #, and nothing ends a line";
const DIGITS = "a number has a digit before and behind its point, and no 0 before the first digit";
const QUOTE = "a text ends with the quote that it begins with";

/** A line below `[settings]` and another one, and what is said of it. */
const LINES: readonly [line: string, hint: string][] = [
  ["host = 127.0.0.1", 'a text needs quotes; write host = "127.0.0.1"'],
  ["host = localhost # here", 'a text needs quotes; write host = "localhost"'],
  ["host = ::1", 'a text needs quotes; write host = "::1"'],
  ["message = it's me", 'a text needs quotes; write message = "it\'s me"'],
  ["log_dir = C:\\logs", "a text needs quotes; write log_dir = 'C:\\logs'"],
  ["colour = red", 'a text needs quotes; write colour = "red"'],
  ["; port = 4000", COMMENT],
  ["// port", COMMENT],
  ["port = 4000 ; the port", `${NOTHING_ENDS}; write port = 4000`],
  ["port = 4000;", `${NOTHING_ENDS}; write port = 4000`],
  ['host = "a"; here', `${NOTHING_ENDS}; write host = "a"`],
  ["reconnect = yes", "a switch is true or false; write reconnect = true"],
  ["reconnect = on", "a switch is true or false; write reconnect = true"],
  ["reconnect = Off", "a switch is true or false; write reconnect = false"],
  ["reconnect = True", "a switch is true or false; write reconnect = true"],
  ["reconnect = perhaps", "a switch is true or false"],
  ["port: 4000", "= stands before a value; write port = 4000"],
  ["host: 127.0.0.1", '= stands before a value; write host = "127.0.0.1"'],
  ["host 127.0.0.1", '= stands before a value; write host = "127.0.0.1"'],
  ["reconnect: yes", "= stands before a value; write reconnect = true"],
  ["port =", "it has no value; leave the line out, or write port = VALUE"],
  ["port", "it has no value; leave the line out, or write port = VALUE"],
  ["port = http", "expected a whole number from 1 to 65535"],
  ["data_interval = 5s", 'a duration needs quotes; write data_interval = "5s"'],
  ["data_interval = 2h5m", 'a duration needs quotes; write data_interval = "2h5m"'],
  ["data_interval = 5 s", SECONDS],
  ["data_interval = 1,5", "a fraction has a point; write data_interval = 1.5"],
  ["data_interval = .5", `${DIGITS}; write data_interval = 0.5`],
  ["data_interval = 05", `${DIGITS}; write data_interval = 5`],
  ["data_interval = 5.", `${DIGITS}; write data_interval = 5`],
  ["port = 99999999999999999999", "expected a whole number from 1 to 65535"],
  ["window = 9_007_199_254_740_992", "expected a whole number from 0 to 16384"],
  ["portt = -99999999999999999999", "the number has too many digits"],
  ["port = null", "leave the line out for the default"],
  ['host = "a', `${QUOTE}; write host = "a"`],
  ["host = 'a\"", `${QUOTE}; write host = "a"`],
  ["host = “a”", 'quotes are straight: "; write host = "a"'],
  [
    'log_dir = "C:\\logs"',
    "in double quotes a backslash begins an escape; write log_dir = 'C:\\logs'",
  ],
  ["[more", "a table has two brackets: [settings]"],
];

for (const [line, hint] of LINES) {
  Deno.test(`parseConfig() says what to write instead of ${line}`, () => {
    const text = `# comment\n[settings]\nwindow = 1\n${line}\nreconnect_limit = 1\n`;
    assertEquals(errorOf(text), `x.toml is not TOML: line 4: ${line}: ${hint}`);
    assertEquals(errorOf(text.replaceAll("\n", "\r\n")), errorOf(text));
  });
}

Deno.test("parseConfig() names the first line of another format", () => {
  const not = "x.toml is not TOML: line 1:";
  assertEquals(errorOf("settings:\n  port: 1\n"), `${not} settings:: write [settings]`);
  assertEquals(
    errorOf('{\n"port": 1\n}\n'),
    `${not} {: that is JSON; write [settings], and below it: port = 4000`,
  );
});

Deno.test("parseConfig() names the line that stands twice", () => {
  assertEquals(
    errorOf("[settings]\nport = 1\nport = 2\n"),
    "x.toml is not TOML: line 3: port = 2: port stands on line 2 already; keep one",
  );
  assertEquals(
    errorOf("[settings]\nport = 1\n[settings]\n"),
    "x.toml is not TOML: line 3: [settings]: [settings] stands on line 1 already; keep one",
  );
});

Deno.test("parseConfig() finds no fault in the lines of a text of several lines", () => {
  const text = '[settings]\nmessage = """\nport: 4000\n; no comment\n"""\nhost = a\n';
  const hint = 'host = a: a text needs quotes; write host = "a"';
  assertEquals(errorOf(text), `x.toml is not TOML: line 6: ${hint}`);
});

Deno.test("parseConfig() takes single and double quotes, CRLF and a byte order mark", () => {
  const text = "\ufeff[settings]\r\nhost = 'a'\r\nmessage = \"it's\" # so\r\n";
  assertEquals(parseConfig(text, "x.toml", "client"), { host: "a", message: "it's" });
});

Deno.test("readConfig() says so of a file that is not in UTF-8", async () => {
  await withFolder((folder) => {
    const path = `${folder}/x.toml`;
    const error = (bytes: readonly number[]) => {
      Deno.writeFileSync(path, new Uint8Array(bytes));
      return assertThrows(() => readConfig(path, "client"), UsageError).message;
    };
    const utf16 = `${path} is in UTF-16, not in UTF-8; save it as UTF-8`;
    const ascii = [...new TextEncoder().encode("[settings]\n# x")];
    assertEquals(error([0xff, 0xfe, ...ascii.flatMap((byte) => [byte, 0])]), utf16);
    assertEquals(error([0xfe, 0xff, ...ascii.flatMap((byte) => [0, byte])]), utf16);
    assertEquals(error(ascii.flatMap((byte) => [byte, 0])), utf16);
    const lost = `${path} begins with zero bytes, and has lost its text; write it again`;
    assertEquals(error([0, 0, 0, 0, 0]), lost);
    const latin1 = `${path}: line 2: a byte is not UTF-8; save the file as UTF-8`;
    assertEquals(error([...ascii, 0xe4, 0x0a]), latin1);
  });
});

Deno.test("parseConfig() reads durations as people write them", () => {
  const text =
    '[settings]\ndata_interval = "500ms"\ndata_threshold = "2h5m"\nheart_beat_interval = "7"\n';
  const settings = { data_interval: 0.5, data_threshold: 7_500, heart_beat_interval: 7 };
  assertEquals(parseConfig(text, "x.toml", "server"), settings);
});

Deno.test("parseConfig() takes port 0 for a server alone, and a host in brackets", () => {
  const text = '[settings]\nhost = "[::1]"\nport = 0\n';
  assertEquals(parseConfig(text, "x.toml", "server"), { host: "::1", port: 0 });
  const { message } = assertThrows(() => parseConfig(text, "x.toml", "client"), UsageError);
  assertEquals(
    message,
    "x.toml: line 3: port = 0: the client needs the number of the server's port; a server with " +
      "port 0 takes any free one, and names it: listening on …",
  );
});
