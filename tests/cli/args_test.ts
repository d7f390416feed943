/**
 * The command line: valid arguments, and the error for any others.
 *
 * @module
 */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type CommandLine, parseCommandLine } from "../../lib/cli/args.ts";
import { KEYS } from "../../lib/cli/settings.ts";
import { UsageError } from "../../lib/platform/errors.ts";
import type { Role } from "../../lib/wire/protocol.ts";

const NOTHING: CommandLine = {
  settings: {},
  config: undefined,
  live: undefined,
  json: false,
  quiet: false,
  verbose: false,
  sessions: undefined,
  ramp: undefined,
  count: undefined,
  duration: undefined,
  "find-idle-timeout": false,
  "up-to": undefined,
  precision: undefined,
  probes: undefined,
  "from-record": undefined,
  soak: false,
  check: false,
  "new-key": undefined,
  stdin: false,
  once: false,
  help: false,
  version: false,
};

/** Arguments as typed; `·` stands for a space within one. */
function split(line: string): string[] {
  return line === "" ? [] : line.split(" ").map((word) => word.replaceAll("·", " "));
}

function errorOf(line: string, role: Role = "client"): string {
  return assertThrows(() => parseCommandLine(role, split(line)), UsageError).message;
}

const RIGHT: readonly [line: string, expected: Partial<CommandLine>][] = [
  ["", {}],
  ["db.example", { settings: { host: "db.example" } }],
  ["db.example 4001", { settings: { host: "db.example", port: 4001 } }],
  ["::1 1", { settings: { host: "::1", port: 1 } }],
  ["--port 65535 ::1", { settings: { host: "::1", port: 65_535 } }],
  ["--host=db.example --port=4001", { settings: { host: "db.example", port: 4001 } }],
  ["--json --quiet", { json: true, quiet: true }],
  ["-q", { quiet: true }],
  ["-v", { verbose: true }],
  ["--json ::1", { json: true, settings: { host: "::1" } }],
  ["-h", { help: true }],
  ["-V", { version: true }],
  ["-qh", { quiet: true, help: true }],
  ["--help --version", { help: true, version: true }],
  ["--config a·b.toml", { config: "a b.toml" }],
  ["--duration 0.5", { duration: 0.5 }],
  ["--message a=b", { settings: { message: "a=b" } }],
  ["--message=-x", { settings: { message: "-x" } }],
  ["--message 42", { settings: { message: "42" } }],
  ["--message true", { settings: { message: "true" } }],
  ["--log-dir 7", { settings: { log_dir: "7" } }],
  ["--data-interval 0.001", { settings: { data_interval: 0.001 } }],
  ["--data-interval 500ms", { settings: { data_interval: 0.5 } }],
  ["--live", { live: true }],
  ["--no-live ::1", { live: false, settings: { host: "::1" } }],
  ["--data-threshold=2h5m --duration 1h", { duration: 3600, settings: { data_threshold: 7500 } }],
  ["127.0.0.1:4001", { settings: { host: "127.0.0.1", port: 4001 } }],
  ["db.example:4001", { settings: { host: "db.example", port: 4001 } }],
  ["[::1]:4001", { settings: { host: "::1", port: 4001 } }],
  ["[::1] 4001", { settings: { host: "::1", port: 4001 } }],
  ["--host [::1]", { settings: { host: "::1" } }],
  ["::1:4001", { settings: { host: "::1:4001" } }],
];

const RIGHT_OF_ROLE: readonly [role: Role, line: string, expected: Partial<CommandLine>][] = [
  ["client", "--stdin", { stdin: true }],
  ["client", "--count 3", { count: 3 }],
  ["client", "--data-interval .5", { settings: { data_interval: 0.5 } }],
  ["server", "--once", { once: true }],
  ["server", "--original ::1", { settings: { original: true, host: "::1" } }],
  ["server", "--no-original ::1", { settings: { original: false, host: "::1" } }],
  ["client", "--stdin ::1 1", { stdin: true, settings: { host: "::1", port: 1 } }],
  ["client", "--reconnect", { settings: { reconnect: true } }],
  ["client", "--no-reconnect", { settings: { reconnect: false } }],
  ["client", "--reconnect ::1", { settings: { reconnect: true, host: "::1" } }],
  ["client", "--reconnect-limit 0", { settings: { reconnect_limit: 0 } }],
  ["client", "--reconnect-limit 7", { settings: { reconnect_limit: 7 } }],
  ["client", "--window 0", { settings: { window: 0 } }],
  ["client", "--window=16384", { settings: { window: 16_384 } }],
  ["server", "--port 0", { settings: { port: 0 } }],
  ["server", "0.0.0.0:0", { settings: { host: "0.0.0.0", port: 0 } }],
  ["server", "--session-lifetime 2h", { settings: { session_lifetime: 7200 } }],
  ["client", "--ramp 1m --sessions 2", { ramp: 60, sessions: 2 }],
  ["server", "--session-lifetime 0", { settings: { session_lifetime: 0 } }],
  ["server", "--session-lifetime 0.5", { settings: { session_lifetime: 0.5 } }],
  ["server", "--max-sessions 1", { settings: { max_sessions: 1 } }],
  ["server", "--workers 4", { settings: { workers: 4 } }],
  ["server", "--store a·b.db", { settings: { store: "a b.db" } }],
  ["server", "--output messages.txt", { settings: { output: "messages.txt" } }],
  ["server", "--output -", { settings: { output: "-" } }],
  ["server", "--output=- ::1", { settings: { output: "-", host: "::1" } }],
];

for (const [role, line, expected] of RIGHT_OF_ROLE) {
  Deno.test(`parseCommandLine() reads ${line} for the ${role}`, () => {
    assertEquals(parseCommandLine(role, split(line)), { ...NOTHING, ...expected });
  });
}

for (const [line, expected] of RIGHT) {
  Deno.test(`parseCommandLine() reads ${line || "nothing"}`, () => {
    for (const role of ["client", "server"] as const) {
      assertEquals(parseCommandLine(role, split(line)), { ...NOTHING, ...expected });
    }
  });
}

Deno.test("parseCommandLine() reads a flag for every setting", () => {
  for (const [key, { flag, role = "server", unit }] of Object.entries(KEYS)) {
    const [words, value] = {
      text: [["x"], "x"],
      choice: [["original"], "original"],
      switch: [[], true],
      seconds: [["5"], 5],
      count: [["5"], 5],
      port: [["5"], 5],
      address: [["[::1]:8080"], "[::1]:8080"],
      bytes: [["5"], 5],
      list: [["192.0.2.1, 2001:db8::/32,@FILE"], ["192.0.2.1", "2001:db8::/32", "@FILE"]],
    }[unit];
    const { settings } = parseCommandLine(role, [`--${flag}`, ...words as string[]]);
    assertEquals<unknown>(settings, { [key]: value }, flag);
  }
});

const PORT_0 = "the client needs the number of the server's port; a server with port 0 takes any " +
  "free one, and names it: listening on …";
const PORT = "expected a whole number from 1 to 65535";
const SECONDS =
  "expected a number of seconds from 0.001 to 1000000, or a duration such as 90s, 5m, " +
  "2h5m or 500ms";
const TRIES = "expected a whole number from 0 to 1000000";
const LIFETIME = SECONDS.replace("0.001", "0");
const COUNT = "expected a whole number from 1";
const HOST = "expected an IPv4 address, an IPv6 address or a host name";
const TIMERS = "--data-threshold or --heartbeat-threshold";
const WORDS = "one word too many; expected [HOST] [PORT] and options";
const FAMILY = "unknown option; the host decides on IPv4 or IPv6:";
const APART = "the port is given apart from it: the host is 127.0.0.1, the port 4000";
const HEARTBEAT_INTERVAL = "did you mean --heartbeat-interval?";

const WRONG: readonly [line: string, error: string][] = [
  ["--loud", "--loud: unknown option; see --help"],
  ["-x", "-x: unknown option; see --help"],
  ["-qx", "-x: unknown option; see --help"],
  ["--prot 1", "--prot: unknown option; did you mean --port?"],
  ["--PORT 1", "--PORT: unknown option; did you mean --port?"],
  ["--no-json", "--no-json: unknown option; see --help"],
  ["--log_dir a", "--log_dir: unknown option; did you mean --log-dir?"],
  ["--heart-beat-interval 5", `--heart-beat-interval: unknown option; ${HEARTBEAT_INTERVAL}`],
  ["--heartbeat_interval 5", `--heartbeat_interval: unknown option; ${HEARTBEAT_INTERVAL}`],
  ["--port", "--port: needs a value, such as --port 4000"],
  ["--port=", "--port: needs a value, such as --port 4000"],
  ["--host --port 1", "--host: needs a value, such as --host 127.0.0.1"],
  ["--data-threshold", "--data-threshold: needs a value, such as --data-threshold 5"],
  ["--duration", "--duration: needs a value, such as --duration 5"],
  ["--message=", "--message: needs a value, such as --message hello"],
  ["--message ", "--message: needs a value, such as --message hello"],
  ["::1 --config  1", "--config: needs a value, such as --config client.toml"],
  ["--log-dir", "--log-dir: needs a value, such as --log-dir logs"],
  ["--port 1 --port 1", "--port: given twice; once is enough"],
  ["--config a --config b", "--config: given twice; once is enough"],
  ["--json --json", "--json: given twice; once is enough"],
  ["-q --quiet", "--quiet: given twice; once is enough"],
  ["--port 0", `--port 0: ${PORT_0}`],
  ["--port 65536", `--port 65536: ${PORT}`],
  ["--port=-1", `--port -1: ${PORT}`],
  ["--port 1.5", `--port 1.5: ${PORT}`],
  ["--port 1e3", `--port 1e3: ${PORT}`],
  ["--port 0x10", `--port 0x10: ${PORT}`],
  ["--port http", `--port http: ${PORT}`],
  ["::1 0", `PORT 0: ${PORT_0}`],
  ["[::1]:0", `[::1]:0: ${PORT_0}`],
  ["::1 http", `PORT http: ${PORT}`],
  ["--data-interval 0", `--data-interval 0: ${SECONDS}`],
  ["--data-interval NaN", `--data-interval NaN: ${SECONDS}`],
  ["--data-threshold Infinity", `--data-threshold Infinity: ${SECONDS}`],
  ["--heartbeat-threshold 5x", `--heartbeat-threshold 5x: ${SECONDS}`],
  ["--heartbeat-threshold 5·s", `--heartbeat-threshold 5 s: ${SECONDS}`],
  ["--heartbeat-interval=-5", `--heartbeat-interval -5: ${SECONDS}`],
  ["--duration 0", `--duration 0: ${SECONDS}`],
  ["--duration 0s", `--duration 0s: ${SECONDS}`],
  ["--duration 1hour", `--duration 1hour: ${SECONDS}`],
  ["--heartbeat-additional-tries 0.5", `--heartbeat-additional-tries 0.5: ${TRIES}`],
  ["--max-message-bytes 0", "--max-message-bytes 0: expected a whole number from 1 to 268435456"],
  [
    "--max-message-bytes 300000000",
    "--max-message-bytes 300000000: expected a whole number from 1 to 268435456",
  ],
  ["--count 0", `--count 0: ${COUNT}`],
  ["--count 1.5", `--count 1.5: ${COUNT}`],
  ["--count 9007199254740993", `--count 9007199254740993: ${COUNT}`],
  ["256.0.0.1", `HOST 256.0.0.1: ${HOST}`],
  ["a·b", `HOST a b: ${HOST}`],
  ["--host 127.0.0.1:4000", `--host 127.0.0.1:4000: ${HOST}; ${APART}`],
  ["4000", `HOST 4000: ${HOST}; that is a port, which is given behind the host`],
  ["127.0.0.1:4000 5000", "5000: 127.0.0.1:4000 already says port 4000; give it once"],
  ["127.0.0.1:4000 --port 5000", "--port 5000: PORT already says 4000; give it once"],
  ["127.0.0.1:70000", `127.0.0.1:70000: ${PORT}`],
  ["-h=5", "--help: takes no value"],
  ["--version=5", "--version=5: --version takes no value"],
  ["--original=no", "--original=no: --original takes no value; write --original or --no-original"],
  [
    "--no-original=5",
    "--no-original=5: --original takes no value; write --original or --no-original",
  ],
  ["-V5", "--version: takes no value"],
  ["--port -55", "-55: no value may be negative"],
  ["-p 4000", "-p: unknown option; did you mean --port?"],
  ["-c a", "-c: unknown option; did you mean --config?"],
  ["-i 5", "-i: unknown option; did you mean --data-interval?"],
  ["-w 5", `-w: unknown option; did you mean ${TIMERS}?`],
  ["--timeout 5", `--timeout: unknown option; did you mean ${TIMERS}?`],
  ["--interval 5", "--interval: unknown option; did you mean --data-interval?"],
  ["--retries 5", "--retries: unknown option; did you mean --heartbeat-additional-tries?"],
  ["--bind ::1", "--bind: unknown option; did you mean --host?"],
  ["-help", "-help: unknown option; did you mean --help?"],
  ["-port 5", "-port: unknown option; did you mean --port?"],
  ["-?", "-?: unknown option; did you mean --help?"],
  ["::1 1 yes", `yes: ${WORDS}; yes is no value: a switch is on by its name alone`],
  ["yes ::1 1", `1: ${WORDS}; yes is no value: a switch is on by its name alone`],
  [
    "-4",
    `-4: ${FAMILY} give an IPv4 address of the server, such as 127.0.0.1, instead of its name`,
  ],
  ["-6 ::1", `-6: ${FAMILY} give an IPv6 address of the server, such as ::1, instead of its name`],
  ["--port -4", "-4: no value may be negative"],
  ["::1 1 x", "x: one word too many; expected [HOST] [PORT] and options"],
  ["::1 1 2 3", "2: one word too many; expected [HOST] [PORT] and options"],
  ["::1 --host ::2", "--host ::2: HOST already says ::1; give it once"],
  ["::1 1 --port 2", "--port 2: PORT already says 1; give it once"],
];

const WRONG_OF_ROLE: readonly [role: Role, line: string, error: string][] = [
  ["client", "--stdin=yes", "--stdin=yes: --stdin takes no value"],
  ["client", "--no-stdin", "--no-stdin: unknown option; see --help"],
  ["client", "--stdin --stdin", "--stdin: given twice; once is enough"],
  [
    "client",
    "--reconnect=5",
    "--reconnect=5: --reconnect takes no value; write --reconnect or --no-reconnect",
  ],
  ["client", "--window", "--window: needs a value, such as --window 5"],
  ["client", "--window 16385", "--window 16385: expected a whole number from 0 to 16384"],
  ["client", "--window 1.5", "--window 1.5: expected a whole number from 0 to 16384"],
  ["client", "--window all", "--window all: expected a whole number from 0 to 16384"],
  ["client", "--reconnect-limit 0.5", `--reconnect-limit 0.5: ${TRIES}`],
  ["server", "--session-lifetime 1y", `--session-lifetime 1y: ${LIFETIME}`],
  ["server", "--session-lifetime=-1", `--session-lifetime -1: ${LIFETIME}`],
  ["server", "--workers 0", "--workers 0: expected a whole number from 1 to 64"],
  ["server", "--max-sessions 0", "--max-sessions 0: expected a whole number from 1 to 10000000"],
  ["server", "--store", "--store: needs a value, such as --store pulsewire.db"],
  ["server", "--store=", "--store: needs a value, such as --store pulsewire.db"],
  ["server", "--store a --store b", "--store: given twice; once is enough"],
  ["server", "--output", "--output: needs a value, such as --output messages.txt"],
  ["server", "-4", `-4: ${FAMILY} 0.0.0.0 listens on every IPv4 address`],
  [
    "server",
    "--ipv6",
    `--ipv6: ${FAMILY} :: listens on every IPv6 address, and on every IPv4 address too`,
  ],
  ["server", "--database a", "--database: unknown option; did you mean --store?"],
  ["client", "--database a", "--database: unknown option; see --help"],
  ["server", "--stor a", "--stor: unknown option; did you mean --store?"],
];

for (const [role, line, error] of WRONG_OF_ROLE) {
  Deno.test(`parseCommandLine() throws for the ${role} on ${line}`, () => {
    assertEquals(errorOf(line, role), error);
  });
}

for (const [line, error] of WRONG) {
  Deno.test(`parseCommandLine() throws on ${line}`, () => assertEquals(errorOf(line), error));
}

Deno.test("parseCommandLine() throws on a negative number, which looks like an option", () => {
  for (const line of ["--port -5", "--data-interval -5", "--count -5"]) {
    assertStringIncludes(errorOf(line), "-5: ");
  }
});

Deno.test("parseCommandLine() throws on a flag of the other command", () => {
  const flags: Readonly<Record<Role, string[]>> = {
    server: [
      ...["--once", "--session-lifetime 5", "--max-sessions 5", "--workers 2", "--store a"],
      ...["--output a"],
    ],
    client: ["--count 3", "--stdin", "--window 5", "--reconnect", "--reconnect-limit 5"],
  };
  for (const [role, other] of [["server", "client"], ["client", "server"]] as const) {
    for (const line of flags[role]) {
      const flag = line.split(" ")[0];
      const expected = `${flag}: an option of the ${role}, not of the ${other}`;
      assertEquals(errorOf(line, other), expected);
      parseCommandLine(role, split(line));
    }
  }
});
