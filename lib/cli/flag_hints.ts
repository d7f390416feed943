/**
 * Says what to write instead of an unknown flag: the names that other commands have for it.
 *
 * @module
 */
import type { Role } from "../wire/protocol.ts";
import { didYouMean, nearest } from "./check.ts";

const TIMERS = ["data-threshold", "heartbeat-threshold"];

/** What flags of other commands are here. */
const OTHER_NAMES: Readonly<Record<string, readonly string[]>> = {
  p: ["port"],
  c: ["config"],
  f: ["config"],
  n: ["count"],
  i: ["data-interval"],
  o: ["output"],
  t: TIMERS,
  w: TIMERS,
  timeout: TIMERS,
  threshold: TIMERS,
  "idle-timeout": TIMERS,
  "connect-timeout": TIMERS,
  interval: ["data-interval"],
  keepalive: ["data-interval"],
  tries: ["heartbeat-additional-tries"],
  retries: ["heartbeat-additional-tries"],
  retry: ["reconnect"],
  time: ["duration"],
  address: ["host"],
  bind: ["host"],
  listen: ["host"],
  server: ["host"],
  log: ["log-dir"],
  logfile: ["log-dir"],
  "log-file": ["log-dir"],
  db: ["store"],
  database: ["store"],
  file: ["output"],
  ssl: ["tls", "tls-cert"],
  cacert: ["tls-ca"],
  ca: ["tls-ca", "tls-client-ca"],
  cert: ["tls-cert"],
  key: ["tls-key"],
  sni: ["tls-server-name"],
  threads: ["workers"],
  "?": ["help"],
};

/** Which address is of one family alone. */
const FAMILIES: Readonly<Record<Role, Readonly<Record<string, string>>>> = {
  client: {
    4: "give an IPv4 address of the server, such as 127.0.0.1, instead of its name",
    6: "give an IPv6 address of the server, such as ::1, instead of its name",
  },
  server: {
    4: "0.0.0.0 listens on every IPv4 address",
    6: ":: listens on every IPv6 address, and on every IPv4 address too",
  },
};

/** The error for `-4`, `-6`, `--ipv4` or `--ipv6`; `undefined` for any other word. */
export function familyHint(word: string, role: Role): string | undefined {
  const family = /^-{1,2}(?:(?:ip)?v)?([46])$/.exec(word)?.[1];
  if (family === undefined) return undefined;
  return `${word}: unknown option; the host decides on IPv4 or IPv6: ${FAMILIES[role][family]}`;
}

/** What to write instead of an unknown flag, as the rest of a sentence. */
export function flagHint(flag: string, known: readonly string[]): string {
  const names = (OTHER_NAMES[flag] ?? []).filter((name) => known.includes(name));
  if (names.length > 0) return `; did you mean --${names.join(" or --")}?`;
  const meant = didYouMean(flag, known).replace("mean ", "mean --");
  return meant || "; see --help";
}

/** Finds the flag for a word with one dash instead of two, such as `-port`. */
export function singleDashed(word: string, known: readonly string[]): string | undefined {
  const name = /^-([a-z][a-z-]{2,})(?:=.*)?$/.exec(word)?.[1];
  return name === undefined ? undefined : nearest(name, known);
}
