/**
 * Options and settings that exclude each other.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { parseCommandLine } from "../../lib/cli/args.ts";
import { refuseConflicts, showsLiveView, warningsOf } from "../../lib/cli/conflicts.ts";
import { defaultSettings, type Settings } from "../../lib/cli/settings.ts";
import { UsageError } from "../../lib/platform/errors.ts";
import type { Role } from "../../lib/wire/protocol.ts";

/** Checks a command line, with settings from a file besides. */
function check(role: Role, line: string, file: Partial<Settings> = {}): void {
  const commandLine = parseCommandLine(role, line === "" ? [] : line.split(" "));
  const settings = { ...defaultSettings(role), ...file, ...commandLine.settings };
  refuseConflicts(role, settings, commandLine);
}

const TEXT =
  "each data message is a line of stdin, and there is no other text to send; leave one out";
const INTERVAL =
  "each line of stdin is sent as soon as it is read, not at an interval; leave one out";
const ORIGINAL = "the server runs the original program;";
const NO_LINES = "its data messages have one fixed text, so it cannot carry lines; leave one out";
const NO_ID = "its sessions have no id, so they cannot be resumed; leave one out";
const NO_NUMBERS =
  "its data messages have no numbers, so only one may be unconfirmed at a time; leave one out";
const STDOUT = "--json and --output -: both write to stdout; give --output a file";
const RECORD = "or would replace it when it is rotated; give --record its own";
const STORE = "that is the store, or a file that belongs to it; give --output its own";

const SEARCH = "--find-idle-timeout and --";
const NO_DATA = "a search sends no data messages; leave one out";

const CONFLICTS: readonly [role: Role, line: string, error: string, file?: Partial<Settings>][] = [
  [
    "client",
    "--sessions 2 --stdin",
    "--sessions and --stdin: the lines of stdin are sent in one session, each once; leave one out",
  ],
  [
    "server",
    "0.0.0.0 4000 --web 4000",
    "--web 4000: the sessions have port 4000; give --web another",
  ],
  [
    "server",
    "127.0.0.1 4000 --web 127.0.0.1:4000",
    "--web 127.0.0.1:4000: the sessions have port 4000; give --web another",
  ],
  ["server", "-qv", "--quiet and --verbose: one asks for less, the other for more; leave one out"],
  ...(["--up-to 5m", "--precision 1", "--probes 3", "--from-record x", "--soak"] as const).map((
    line,
  ): [Role, string, string] => [
    "client",
    line,
    `${line.split(" ")[0]}: is for a search for idle timeouts; give --find-idle-timeout, too`,
  ]),
  ["client", "--find-idle-timeout --stdin", `${SEARCH}stdin: ${NO_DATA}`],
  ["client", "--find-idle-timeout --count 3", `${SEARCH}count: ${NO_DATA}`],
  [
    "client",
    "--find-idle-timeout --sessions 3",
    `${SEARCH}sessions: a search opens as many sessions as it needs, --probes at a time; leave one out`,
  ],
  [
    "client",
    "--find-idle-timeout --duration 3",
    `${SEARCH}duration: a search ends when it has found what it can; Ctrl-C ends it before; leave one out`,
  ],
  [
    "client",
    "--find-idle-timeout --original",
    `${SEARCH}original: the original program's sessions cannot be idle; leave one out`,
  ],
  ...["live", "web 8080"].map((flag): [Role, string, string] => [
    "client",
    `--find-idle-timeout --${flag}`,
    `${SEARCH}${
      flag.split(" ")[0]
    }: a search shows its progress itself, and no sessions; leave one out`,
  ]),
  [
    "client",
    "--find-idle-timeout --probes 1001",
    "--probes 1001: expected a whole number from 1 to 1000",
  ],
  [
    "client",
    "--find-idle-timeout --up-to 5s --precision 5",
    "--precision 5 and --up-to 5: nothing is left to search; make the precision smaller",
  ],
  ["client", "--stdin --message x", `--stdin and --message: ${TEXT}`],
  ["client", "--data-interval 1 --stdin", `--stdin and --data-interval: ${INTERVAL}`],
  [
    "client",
    "--reconnect-limit 5",
    "--reconnect-limit: limits how often the client reconnects; give --reconnect, too",
  ],
  ["client", "--ramp 5", "--ramp: spreads the starts of several sessions; give --sessions, too"],
  ["client", "--original --stdin", `--original and --stdin: ${ORIGINAL} ${NO_LINES}`],
  ["client", "--original --reconnect", `--original and --reconnect: ${ORIGINAL} ${NO_ID}`],
  ["client", "--original", `--original and --reconnect: ${ORIGINAL} ${NO_ID}`, { reconnect: true }],
  ["client", "--original --window 2", `--original and --window: ${ORIGINAL} ${NO_NUMBERS}`],
  ["server", "--json --output -", STDOUT],
  ["server", "--json", STDOUT, { output: "-" }],
  ["server", "--store a.db --output a.db", `--output a.db: ${STORE}`],
  ["server", "--store a.db --output ./b/../a.db", `--output ./b/../a.db: ${STORE}`],
  ["server", "--store a.db --output a.db-wal", `--output a.db-wal: ${STORE}`],
  ["server", "--output a --record a", `--record a: that is the output, ${RECORD}`],
  ["server", "--output a.4 --record ./a", `--record ./a: that is the output, ${RECORD}`],
  ["server", "--store a --record a-wal", `--record a-wal: that is the store, ${RECORD}`],
  ["client", "--tls-ca x", "tls_ca: has no effect without TLS; give --tls, too"],
  ["client", "--tls-server-name x", "tls_server_name: has no effect without TLS; give --tls, too"],
  [
    "client",
    "--tls --tls-cert x",
    "tls_cert: takes a certificate and its private key; give --tls-key, too",
  ],
  [
    "client",
    "--tls --tls-cert x --tls-key y",
    "tls_cert: a client with a certificate of its own takes the server's authority from tls_ca alone; " +
    "give --tls-ca, too",
  ],
  [
    "client",
    "--tls --original",
    "--original and --tls: the original program speaks no TLS; leave one out",
  ],
  [
    "server",
    "--tls-key x",
    "tls_key: takes a certificate and its private key; give --tls-cert, too",
  ],
  [
    "server",
    "--tls-client-ca x",
    "tls_client_ca: has no effect without TLS; give --tls-cert and --tls-key, too",
  ],
  [
    "server",
    "--tls-cert x --tls-key y --original",
    "--original and tls_cert: the original program speaks no TLS; leave one out",
  ],
  [
    "server",
    "--web 0.0.0.0:8080",
    "--web 0.0.0.0:8080: others than this host could see the page; give --web-key-file, too, or leave the host " +
    "out: --web 8080",
  ],
  ["client", "--web-key-file x", "web_key_file: has no effect without a web page; give --web, too"],
  ["client", "--record -", "--record -: a recording is a file, which is rotated; name one"],
];

const inFile = (file?: Partial<Settings>) => file ? ` with ${JSON.stringify(file)} in a file` : "";

for (const [role, line, error, file] of CONFLICTS) {
  Deno.test(`refuseConflicts() throws for the ${role} on ${line}${inFile(file)}`, () => {
    assertEquals(assertThrows(() => check(role, line, file), UsageError).message, error);
  });
}

const COMPATIBLE: readonly [role: Role, line: string, file?: Partial<Settings>][] = [
  ["server", "--store p#1.db --output p"],
  ["server", "--output p --record p?1"],
  ["server", "127.0.0.1 4000 --web [::1]:4000"],
  ["server", "--port 0 --web 4000"],
  ["client", ""],
  ["client", "--stdin", { message: "x", data_interval: 1 }],
  ["client", "--sessions 2 --ramp 5 --reconnect --reconnect-limit 5"],
  ["client", "--reconnect-limit 5", { reconnect: true }],
  ["client", "", { reconnect_limit: 5 }],
  ["client", "--original --window 1 --no-reconnect", { reconnect: true }],
  ["server", "--json --output a"],
  ["server", "--output -"],
  ["server", "--web 8080"],
  ["client", "--web [::1]:8080"],
  ["client", "--web localhost:8080"],
  ["server", "--web [::]:8080 --web-key-file x"],
  ["server", "--store a.db --output b/a.db"],
  ["server", "--store a.db --output b/a.5 --record b/a"],
];

for (const [role, line, file] of COMPATIBLE) {
  Deno.test(`refuseConflicts() accepts ${line || "no options"} of the ${role}${inFile(file)}`, () => {
    check(role, line, file);
  });
}

Deno.test("warningsOf() a client names a data_interval that is not below data_threshold", () => {
  const warnings = (role: Role, line: string) => {
    const commandLine = parseCommandLine(role, line === "" ? [] : line.split(" "));
    return warningsOf(role, { ...defaultSettings(role), ...commandLine.settings }, commandLine);
  };
  assertEquals(warnings("client", "--data-interval 20"), [
    "data_interval 20 s is not below data_threshold 20 s: a server with the same data_threshold " +
    "falls silent between data messages, and sends heartbeats; make data_interval smaller, or " +
    "data_threshold larger on the server",
  ]);
  assertEquals(warnings("client", "--data-threshold 4.5").length, 1);
  for (const line of ["", "--data-interval 19.999", "--data-threshold 4 --stdin"]) {
    assertEquals(warnings("client", line), []);
  }
  // A server sends no data messages.
  assertEquals(warnings("server", "--data-interval 30"), []);
});

/** Whether a live view is shown; the standard streams that are a terminal are named by their numbers. */
function shows(role: Role, line: string, terminals: string): boolean {
  const commandLine = parseCommandLine(role, line === "" ? [] : line.split(" "));
  const at = Object.fromEntries(
    ["stdin", "stdout", "stderr"].map((name, number) => [name, terminals.includes(`${number}`)]),
  ) as Record<"stdin" | "stdout" | "stderr", boolean>;
  return showsLiveView({ ...defaultSettings(role), ...commandLine.settings }, commandLine, at);
}

Deno.test("showsLiveView() shows one on a terminal that nothing else uses", () => {
  for (const line of ["", "--live", "--quiet"]) {
    for (const terminals of ["012", "2", "02"]) {
      assertEquals(shows("client", line, terminals), true);
    }
    // A pipe gets none, whatever is asked for.
    assertEquals(shows("client", line, "01"), false);
  }
  assertEquals(shows("server", "--no-live", "012"), false);
  assertEquals(shows("server", "--json", "02"), true);
  assertEquals(shows("server", "--json", "012"), false);
  assertEquals(shows("server", "--output -", "012"), false);
  assertEquals(shows("server", "--output -", "2"), true);
  assertEquals(shows("client", "--stdin", "012"), false);
  assertEquals(shows("client", "--stdin --live", "12"), true);
});

Deno.test("showsLiveView() refuses one that would share its terminal", () => {
  const refused = (role: Role, line: string, text: string) =>
    assertEquals(assertThrows(() => shows(role, line, "012"), UsageError).message, text);
  const out = "both use this terminal; redirect stdout, or leave one out";
  refused("server", "--live --json", `--live and --json: ${out}`);
  refused("server", "--live --output -", `--live and --output -: ${out}`);
  refused(
    "client",
    "--live --stdin",
    "--live and --stdin: both use this terminal; redirect stdin, or leave one out",
  );
});
