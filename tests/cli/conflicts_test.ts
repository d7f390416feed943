/**
 * Options and settings that exclude each other.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { parseCommandLine } from "../../lib/cli/args.ts";
import { refuseConflicts } from "../../lib/cli/conflicts.ts";
import { defaultSettings, type Settings } from "../../lib/cli/settings.ts";
import { UsageError } from "../../lib/platform/errors.ts";
import type { Role } from "../../lib/wire/protocol.ts";

/** Checks a command line, with settings from a file besides. */
function check(role: Role, line: string, file: Partial<Settings> = {}): void {
  const commandLine = parseCommandLine(role, line === "" ? [] : line.split(" "));
  const settings = { ...defaultSettings(role), ...file, ...commandLine.settings };
  refuseConflicts(role, settings, commandLine);
}

const STDIN = "the data messages are the lines of stdin, sent as they come";
const ORIGINAL = "the original's data messages have no numbers";
const STDOUT = "--json and --output -: both write to stdout; give --output a file";
const STORE = "that is the store, or a file that belongs to it; give --output its own";

const CONFLICTS: readonly [role: Role, line: string, error: string, file?: Partial<Settings>][] = [
  [
    "client",
    "--sessions 2 --stdin",
    "--sessions and --stdin: the lines of stdin are for one session",
  ],
  ["client", "--stdin --message x", `--stdin and --message: ${STDIN}`],
  ["client", "--data-interval 1 --stdin", `--stdin and --data-interval: ${STDIN}`],
  [
    "client",
    "--reconnect-limit 5",
    "--reconnect-limit: limits how often the client reconnects; give --reconnect, too",
  ],
  ["client", "--ramp 5", "--ramp: spreads the starts of several sessions; give --sessions, too"],
  ["client", "--original --stdin", `--original and --stdin: ${ORIGINAL}`],
  ["client", "--original --reconnect", `--original and --reconnect: ${ORIGINAL}`],
  ["client", "--original", `--original and --reconnect: ${ORIGINAL}`, { reconnect: true }],
  ["client", "--original --window 2", `--original and --window: ${ORIGINAL}`],
  ["server", "--json --output -", STDOUT],
  ["server", "--json", STDOUT, { output: "-" }],
  ["server", "--store a.db --output a.db", `--output a.db: ${STORE}`],
  ["server", "--store a.db --output ./b/../a.db", `--output ./b/../a.db: ${STORE}`],
  ["server", "--store a.db --output a.db-wal", `--output a.db-wal: ${STORE}`],
];

const inFile = (file?: Partial<Settings>) => file ? ` with ${JSON.stringify(file)} in a file` : "";

for (const [role, line, error, file] of CONFLICTS) {
  Deno.test(`refuseConflicts() throws for the ${role} on ${line}${inFile(file)}`, () => {
    assertEquals(assertThrows(() => check(role, line, file), UsageError).message, error);
  });
}

const COMPATIBLE: readonly [role: Role, line: string, file?: Partial<Settings>][] = [
  ["client", ""],
  ["client", "--stdin", { message: "x", data_interval: 1 }],
  ["client", "--sessions 2 --ramp 5 --reconnect --reconnect-limit 5"],
  ["client", "--reconnect-limit 5", { reconnect: true }],
  ["client", "", { reconnect_limit: 5 }],
  ["client", "--original --window 1 --no-reconnect", { reconnect: true }],
  ["server", "--json --output a"],
  ["server", "--output -"],
  ["server", "--store a.db --output b/a.db"],
];

for (const [role, line, file] of COMPATIBLE) {
  Deno.test(`refuseConflicts() accepts ${line || "no options"} of the ${role}${inFile(file)}`, () => {
    check(role, line, file);
  });
}
