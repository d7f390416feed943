/**
 * Checks the value of one setting, and finds the word nearest to a mistyped one.
 *
 * @module
 */
import { UsageError } from "../platform/errors.ts";
import { isHost, splitAddress } from "../platform/net/address.ts";
import { reachOf } from "../platform/net/reach.ts";
import type { Address } from "../platform/net/transport.ts";
import type { Role } from "../wire/protocol.ts";
import { parseBlock } from "../server/access/address_list.ts";
import { type Key, type KeyDescription, KEYS, type Settings, type Value } from "./settings.ts";

export type { Value };

/** The settings that name a file or a folder, if any. */
export const PATHS: readonly string[] = [
  "key_file",
  "log_dir",
  "output",
  "record",
  "store",
  "tls_ca",
  "tls_cert",
  "tls_client_ca",
  "tls_key",
  "web_key_file",
] satisfies Key[];

/** The texts that may be empty in a file, which means none. */
export const OPTIONAL_TEXTS: readonly string[] = [
  ...PATHS,
  ...["tls_server_name", "web"] satisfies Key[],
];

/** The values that a setting can have, for people. */
export function expectation(
  { choices = [], unit, range: [least, greatest] }: KeyDescription,
): string {
  switch (unit) {
    case "choice":
      return choices.join(" or ");
    case "seconds":
      return `a number of seconds from ${least} to ${greatest}, or a duration such as 90s, 5m, ` +
        "2h5m or 500ms";
    case "switch":
      return "true or false";
    case "list":
      return `a list of at most ${greatest} texts, such as ["192.0.2.0/24", "2001:db8::1"]`;
    case "address":
      return "a port, or a host and a port, such as 8080, 192.0.2.1:8080 or [::1]:8080";
    case "text":
      return `a text of ${least} to ${greatest} characters`;
    default:
      return `a whole number from ${least} to ${greatest}`;
  }
}

/**
 * Checks a value for a setting of a role.
 *
 * @param where How it was given, for the error: `client.toml: port = 0`.
 * @returns The value: a text, a number in the setting's unit, or a boolean.
 * @throws {UsageError} If the setting cannot have this value.
 */
export function checkValue(key: Key, given: unknown, where: string, role: Role): Value {
  const description = KEYS[key];
  const isDuration = description.unit === "seconds" && typeof given === "string";
  const value = isDuration ? secondsOf(given) : given;
  const [least, greatest] = description.range;
  const wrong = () => new UsageError(`${where}: expected ${expectation(description)}`);
  if (description.unit === "switch") {
    if (typeof value !== "boolean") throw wrong();
    return value;
  }
  if (description.unit === "choice") {
    if (typeof value !== "string" || !description.choices?.includes(value)) throw wrong();
    return value;
  }
  if (description.unit === "list") return checkList(value, greatest, where, wrong);
  if (description.unit === "address") {
    // A port alone may be written as a number.
    if (typeof value !== "string" && typeof value !== "number") throw wrong();
    if (!webAddress(`${value}`)) throw wrong();
    return `${value}`;
  }
  if (description.unit === "text") {
    if (typeof value !== "string") throw wrong();
    if (value.length < least || value.length > greatest) throw wrong();
    if (PATHS.includes(key) && /\p{Cc}/u.test(value)) {
      throw new UsageError(
        `${where}: expected a path without control characters; in the configuration file, write it ` +
          `in single quotes, such as 'C:\\temp\\new', in which a backslash is one`,
      );
    }
    return key === "host" ? checkHost(value, where) : value;
  }
  if (key === "port" && value === 0) return checkPort0(where, role);
  if (typeof value !== "number" || !(value >= least && value <= greatest)) throw wrong();
  if (description.unit !== "seconds" && !Number.isInteger(value)) throw wrong();
  return value;
}

/** The entries of a list: addresses, blocks, and `@FILE` for those in a file. */
function checkList(
  value: unknown,
  greatest: number,
  where: string,
  wrong: () => UsageError,
): readonly string[] {
  if (!Array.isArray(value) || value.length > greatest) throw wrong();
  for (const entry of value) {
    if (typeof entry !== "string") throw wrong();
    if (isFileEntry(entry) && entry.length > 1) continue;
    try {
      parseBlock(entry);
    } catch (error) {
      throw error instanceof UsageError ? new UsageError(`${where}: ${error.message}`) : error;
    }
  }
  return value;
}

/** Where the web page is served, which is on this host alone if only a port is given; `undefined` if that is none. */
export function webAddress(text: string): Address | undefined {
  const { host, port } = splitAddress(text) ?? { host: "127.0.0.1", port: text };
  if (!/^\d{1,5}$/.test(port ?? "") || Number(port) > 65_535 || !isHost(host)) return undefined;
  return { host, port: Number(port) };
}

/** Whether the web page speaks TLS: at a server that has a certificate, off this host. */
export function isWebEncrypted(role: Role, { tls_cert, web }: Settings): boolean {
  return role === "server" && tls_cert !== "" && reachOf(webAddress(web)?.host ?? "") !== "host";
}

/** Whether an entry of a list stands for those in a file. */
export function isFileEntry(entry: string): boolean {
  return entry.startsWith("@");
}

/** The host without brackets. */
function checkHost(value: string, where: string): string {
  const { host, port } = splitAddress(value) ?? { host: value };
  if (port === undefined && isHost(host)) return host;
  throw new UsageError(
    `${where}: expected an IPv4 address, an IPv6 address or a host name${hostHint(value)}`,
  );
}

function hostHint(value: string): string {
  const { host, port } = splitAddress(value) ?? {};
  if (port !== undefined) {
    return `; the port is given apart from it: the host is ${host}, the port ${port}`;
  }
  if (/^:?\d+$/.test(value)) return "; that is a port, which is given behind the host";
  if (value === "*") return "; every address of this host is 0.0.0.0, or :: with IPv6";
  return /^\w+:\/\//.test(value) ? "; without what stands before //, and without a path" : "";
}

function checkPort0(where: string, role: Role): 0 {
  if (role === "server") return 0;
  throw new UsageError(
    `${where}: the client needs the number of the server's port; a server with port 0 takes any ` +
      `free one, and names it: listening on …`,
  );
}

const SECONDS_OF_UNIT = [86_400, 3_600, 60, 1, 0.001];

/** Days, hours, minutes, seconds and milliseconds, in this order, each perhaps left out. */
const DURATION = new RegExp(
  `^${["d", "h", "m(?!s)", "s", "ms"].map((unit) => `(?:(\\d+(?:\\.\\d+)?)${unit})?`).join("")}$`,
);

/** Parses a duration in seconds: a number, or numbers with units such as `2h5m`; `NaN` if it is none. */
export function secondsOf(text: string): number {
  const [, ...counts] = text === "" ? [] : DURATION.exec(text) ?? [];
  if (counts.length === 0) return numberOf(text);
  const seconds = counts.map((count = "0", at) => Number(count) * SECONDS_OF_UNIT[at]!);
  // Of a sum of fractions, what lies below a microsecond is an error of rounding.
  return Math.round(seconds.reduce((sum, each) => sum + each) * 1e6) / 1e6;
}

/** Parses a number of the command line, without sign or exponent; `NaN` if it is none. */
export function numberOf(text: string): number {
  return /^(?:\d+(?:\.\d+)?|\.\d+)$/.test(text) ? Number(text) : NaN;
}

/** The candidate nearest to a mistyped word, or `undefined` when none is near. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const limit = Math.max(2, Math.floor(word.length / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    // The distance is at least that of the lengths; to compute it for a word of millions of letters takes seconds.
    if (Math.abs(word.length - candidate.length) >= bestDistance) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** `; did you mean …?`, or nothing when no candidate is near. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const meant = nearest(word, candidates);
  return meant === undefined ? "" : `; did you mean ${meant}?`;
}

/** The Levenshtein distance: how many letters must be inserted, deleted or replaced. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
