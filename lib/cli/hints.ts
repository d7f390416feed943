/**
 * Says what to write instead of an unknown flag, which has other names in other commands, and of the first line of
 * a configuration file that is not TOML: other formats of settings differ from it in little.
 *
 * @module
 */
import type { Role } from "../wire/protocol.ts";
import { didYouMean, expectation, nearest, secondsOf } from "./check.ts";
import { type Key, KEYS } from "./settings.ts";

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

/** What is wrong with a line. */
export interface LineHint {
  /** The number of the line, from 1. */
  readonly line: number;
  /** What is wrong, and what to write. */
  readonly text: string;
}

const ON = /^(?:yes|on|true|enabled?|y)$/i;
const OFF = /^(?:no|off|false|disabled?|n)$/i;

/** Converts `yes`, `on` and their opposites to `true` or `false`; any other word to `undefined`. */
export function switchWord(word: string): "true" | "false" | undefined {
  return ON.test(word) ? "true" : OFF.test(word) ? "false" : undefined;
}

/** Finds the first line that is not TOML; `undefined` if there is none that is known as something else. */
export function hintOf(text: string): LineHint | undefined {
  const seen = new Map<string, number>();
  let open = "";
  for (const [at, written] of text.split(/\r?\n/).entries()) {
    const line = written.trim();
    const closes = open !== "" && line.includes(open);
    if (open !== "") {
      if (closes) open = "";
      continue;
    }
    open = opensText(line);
    if (open !== "") continue;
    const hint = lineHint(line) ?? repetition(line, at + 1, seen);
    if (hint !== undefined) return { line: at + 1, text: `${shortened(line)}: ${hint}` };
  }
}

/** What ends a text or a list of several lines that begins on a line and does not end there. */
function opensText(line: string): string {
  if (/=\s*\[[^\]]*$/.test(line)) return "]";
  const quotes = /=\s*("""|''')/.exec(line)?.[1] ?? "";
  return quotes !== "" && line.split(quotes).length === 2 ? quotes : "";
}

function shortened(line: string): string {
  return line.length > 60 ? `${line.slice(0, 60)}…` : line;
}

function lineHint(line: string): string | undefined {
  if (line === "" || line.startsWith("#")) return undefined;
  if (/^(?:;|\/\/)/.test(line)) return "a comment begins with #";
  if (line.startsWith("{")) return "that is JSON; write [settings], and below it: port = 4000";
  if (line.startsWith("[")) {
    return /^\[.*\]\s*(?:#.*)?$/.test(line) ? undefined : "a table has two brackets: [settings]";
  }
  const [, key, sign, rest = ""] = /^["']?([\w.-]+)["']?\s*([=:]?)\s*(.*)$/.exec(line) ?? [];
  if (key === undefined) return undefined;
  const value = withoutComment(rest);
  if (value === "") {
    return key.toLowerCase() === "settings"
      ? "write [settings]"
      : `it has no value; leave the line out, or write ${key} = VALUE`;
  }
  const fixed = valueOf(key, value);
  if (sign !== "=") return `= stands before a value; write ${key} = ${fixed.write ?? value}`;
  if (fixed.why === undefined) return undefined;
  return fixed.write === undefined ? fixed.why : `${fixed.why}; write ${key} = ${fixed.write}`;
}

/** A value without what other formats take for a comment behind it, and without TOML's own. */
function withoutComment(rest: string): string {
  return /^"(?:[^"\\]|\\.)*"(?=\s*#|$)|^'[^']*'(?=\s*#|$)/.exec(rest)?.[0] ??
    rest.replace(/\s*#.*$/, "").trim();
}

interface FixedValue {
  /** What is wrong with it; nothing if it is TOML. */
  readonly why?: string;
  /** How it is written, if that is evident. */
  readonly write?: string;
}

const TEXT = /^(?:"(?:[^"\\]|\\(?:[btnfre"\\]|u[\da-f]{4}|U[\da-f]{8}|x[\da-f]{2}))*"|'[^']*')$/i;
const NUMBER =
  /^[+-]?(?:0|[1-9](?:_?\d)*)(?:\.\d(?:_?\d)*)?(?:e[+-]?\d+)?$|^[+-]?(?:inf|nan)$|^0[xob]\w+$/;

function valueOf(key: string, value: string): FixedValue {
  // TOML has whole numbers of 64 bits; its parser takes those that JavaScript can hold.
  const isHuge = /^[+-]?\d[\d_]*$/.test(value) && !Number.isSafeInteger(+value.replaceAll("_", ""));
  if (isHuge) return bareNumber(key);
  if (TEXT.test(value) || NUMBER.test(value) || /^(?:true|false|[[{].*)$/.test(value)) return {};
  if (/;/.test(value)) {
    const [before = ""] = value.split(/\s*;/);
    return { why: "a comment begins with #, and nothing ends a line", write: written(key, before) };
  }
  if (/[“”„«»‘’]/.test(value)) {
    return { why: 'quotes are straight: "', write: written(key, value.replace(/[“”„«»‘’]/g, "")) };
  }
  if (/^".*\\.*"$/.test(value)) {
    const why = "in double quotes a backslash begins an escape";
    return { why, write: `'${value.slice(1, -1)}'` };
  }
  if (/^["']/.test(value)) {
    const why = "a text ends with the quote that it begins with";
    return { why, write: written(key, value.replace(/^["']+|["']+$/g, "")) };
  }
  if (/^\d+,\d+$/.test(value)) {
    return { why: "a fraction has a point", write: value.replace(",", ".") };
  }
  if (/^[+-]?(?:0+\d[\d.]*|\.\d+|\d+\.)$/.test(value)) {
    const why = "a number has a digit before and behind its point, and no 0 before the first digit";
    return { why, write: `${Number(value)}` };
  }
  if (/^(?:null|nil|none|undefined)$/i.test(value)) {
    return { why: "leave the line out for the default" };
  }
  return bareWord(key, value);
}

/** A number that no key takes. */
function bareNumber(key: string): FixedValue {
  const setting = KEYS[key as Key];
  return { why: setting ? `expected ${expectation(setting)}` : "the number has too many digits" };
}

/** A value without quotes that is no number. */
function bareWord(key: string, value: string): FixedValue {
  const unit = KEYS[key as Key]?.unit;
  if (unit === "text") return { why: "a text needs quotes", write: written(key, value) };
  if (unit === "switch" || (unit === undefined && switchWord(value))) {
    return { why: "a switch is true or false", write: switchWord(value) };
  }
  if (unit === "seconds" && !Number.isNaN(secondsOf(value))) {
    return { why: "a duration needs quotes", write: `"${value}"` };
  }
  if (unit !== undefined) return { why: `expected ${expectation(KEYS[key as Key])}` };
  return { why: "a text needs quotes", write: written(key, value) };
}

/** A value as TOML has it: as it is if it needs no quotes. */
function written(key: string, value: string): string {
  if (TEXT.test(value)) return value;
  const unit = KEYS[key as Key]?.unit ?? "text";
  if (unit !== "text" && (NUMBER.test(value) || /^(?:true|false)$/.test(value))) return value;
  if (unit === "switch") return switchWord(value) ?? value;
  return value.includes("\\") || value.includes('"') ? `'${value}'` : `"${value}"`;
}

/** A key or a table that stood there before. */
function repetition(line: string, at: number, seen: Map<string, number>): string | undefined {
  const table = /^\[([^[\]]+)\]/.exec(line)?.[1]?.trim();
  const name = table === undefined ? /^["']?([\w-]+)["']?\s*=/.exec(line)?.[1] : `[${table}]`;
  if (name === undefined) return undefined;
  const first = seen.get(name);
  if (first !== undefined) return `${name} stands on line ${first} already; keep one`;
  // The keys of another table are other keys.
  if (table !== undefined) {
    for (const key of [...seen.keys()]) if (!key.startsWith("[")) seen.delete(key);
  }
  seen.set(name, at);
}
