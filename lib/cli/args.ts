/**
 * Parses the command line. The only file that knows how flags are written.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { UsageError } from "../platform/errors.ts";
import { splitAddress } from "../platform/net/address.ts";
import type { Role } from "../wire/protocol.ts";
import { checkValue, numberOf, type Value } from "./check.ts";
import { familyHint, flagHint, singleDashed } from "./hints.ts";
import { OPTIONS, type OptionValues } from "./options.ts";
import { type Key, KEYS, type Settings } from "./settings.ts";

/** What the arguments ask for. */
export type CommandLine = OptionValues & {
  /** The settings among them. */
  settings: Partial<Settings>;
};

/** Values of flags for an error; of any other flag, 5. */
const EXAMPLES: Readonly<Record<string, string>> = {
  host: "127.0.0.1",
  port: "4000",
  config: "client.toml",
  message: "hello",
  "log-dir": "logs",
  "max-message-bytes": "1048576",
  store: "pulsewire.db",
  output: "messages.txt",
  record: "night.jsonl",
  "from-record": "search.jsonl",
  "key-file": "keys",
  web: "8080",
  "web-key-file": "web.key",
  "new-key": "mill-7",
  "tls-ca": "ca.pem",
  "tls-cert": "cert.pem",
  "tls-client-ca": "ca.pem",
  "tls-key": "key.pem",
  "tls-server-name": "pulsewire.example.org",
  allow: "192.0.2.0/24,2001:db8::1",
  deny: "192.0.2.0/24,@deny.txt",
};

/** The one-letter spellings. */
const LETTERS = Object.fromEntries(
  Object.entries(OPTIONS).flatMap(([flag, { letter }]) => letter ? [[flag, letter]] : []),
);

/** The settings of a role, and its flags with and without a value; `--no-…` turns off `negatable` ones. */
function flagsOf(role: Role) {
  const keys = (Object.keys(KEYS) as Key[]).filter((key) => (KEYS[key].role ?? role) === role);
  const switchKeys = keys.filter((key) => KEYS[key].unit === "switch");
  const valueKeys = keys.filter((key) => KEYS[key].unit !== "switch");
  const options = Object.entries(OPTIONS).filter(([, each]) => (each.role ?? role) === role);
  const negatable = switchKeys.map((key) => KEYS[key].flag);
  const switches = options.filter(([, { value }]) => !value).map(([flag]) => flag);
  const values = options.filter(([, { value }]) => value).map(([flag]) => flag);
  switches.push(...negatable);
  negatable.push(...options.filter(([, each]) => each.negatable).map(([flag]) => flag));
  values.push(...valueKeys.map((key) => KEYS[key].flag));
  return { keys, negatable, switches, values };
}

/**
 * Parses the arguments of a command.
 *
 * @throws {UsageError} If one is unknown, lacks its value, is given twice, or has an invalid value.
 */
export function parseCommandLine(role: Role, args: readonly string[]): CommandLine {
  const { keys, negatable, switches, values } = flagsOf(role);
  refuseFamily(role, args, values);
  refuseSwitchValues(args, switches, negatable);
  const words = withJoinedValues(args, values);
  const parsed: Record<string, unknown> & { _: (string | number)[] } = parseArgs(words, {
    boolean: switches,
    string: [...values, "_"],
    collect: [...switches, ...values],
    negatable,
    alias: LETTERS,
    unknown: (word: string, flag?: string) => {
      if (flag !== undefined) throw unknownFlag(role, word, flag, [...switches, ...values]);
    },
  });
  const settings = positionals(parsed._, role);
  for (const key of keys) {
    const { flag, unit } = KEYS[key];
    const isSwitch = unit === "switch";
    const value = isSwitch ? switchValue(flag, parsed[flag]) : textValue(flag, parsed[flag]);
    if (value === undefined) continue;
    if (settings[key] !== undefined) {
      const word = `${key.toUpperCase()} already says ${settings[key]}`;
      throw new UsageError(`--${flag} ${value}: ${word}; give it once`);
    }
    settings[key] = isSwitch ? value : checkFlag(key, `${value}`, `--${flag} ${value}`, role);
  }
  const entries = Object.keys(OPTIONS).map((flag) => [flag, optionValue(flag, parsed[flag], role)]);
  return { settings, ...Object.fromEntries(entries) as OptionValues };
}

/** The value of an option that is no setting: of a switch, whether it is on. */
function optionValue(flag: string, given: unknown, role: Role): Value | undefined {
  const { negatable, value } = OPTIONS[flag]!;
  if (!value) return switchValue(flag, given) ?? (negatable ? undefined : false);
  const text = textValue(flag, given);
  if (text === undefined || value === "FILE" || value === "NAME") return text;
  if (value === "S") return checkValue("data_interval", text, `--${flag} ${text}`, role);
  const number = numberOf(text);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw new UsageError(`--${flag} ${text}: expected a whole number from 1`);
}

function unknownFlag(role: Role, word: string, flag: string, known: string[]): UsageError {
  if (/^-[\d.]/.test(word)) return new UsageError(`${word}: no value may be negative`);
  const other = role === "client" ? "server" : "client";
  const others = flagsOf(other);
  const positive = flag.replace(/^no-/, "");
  if ([...others.switches, ...others.values].includes(positive) && !known.includes(positive)) {
    return new UsageError(`--${flag}: an option of the ${other}, not of the ${role}`);
  }
  const meant = singleDashed(word, known);
  if (meant) return new UsageError(`${word}: unknown option; did you mean --${meant}?`);
  const dashes = flag.length === 1 ? "-" : "--";
  return new UsageError(`${dashes}${flag}: unknown option${flagHint(flag, known)}`);
}

/** Refuses `-4` and `-6`, which are no negative values unless they stand for one. */
function refuseFamily(role: Role, args: readonly string[], values: readonly string[]): void {
  for (const [at, word] of args.entries()) {
    if (word === "--") return;
    const isValue = values.some((flag) => args[at - 1] === `--${flag}`);
    const hint = isValue ? undefined : familyHint(word, role);
    if (hint) throw new UsageError(hint);
  }
}

/** Works around `parseArgs`, which takes no lone `-` and no empty word for the value of a flag. */
function withJoinedValues(args: readonly string[], values: readonly string[]): string[] {
  const words: string[] = [];
  for (const word of args) {
    const before = words.at(-1) ?? "";
    const isLost = word === "-" || word === "";
    const isValue = isLost && before.startsWith("--") && values.includes(before.slice(2));
    if (isValue) words[words.length - 1] = `${before}=${word}`;
    else words.push(word);
  }
  return words;
}

/** Works around `parseArgs`, which turns a switch on by any value but `false`. */
function refuseSwitchValues(
  args: readonly string[],
  switches: readonly string[],
  negatable: readonly string[],
): void {
  for (const word of args) {
    const flag = /^--(?:no-)?([^=]+)=/.exec(word)?.[1];
    if (flag === undefined || !switches.includes(flag)) continue;
    const off = negatable.includes(flag) ? `; write --${flag} or --no-${flag}` : "";
    throw new UsageError(`${word}: --${flag} takes no value${off}`);
  }
}

function switchValue(flag: string, given: unknown): boolean | undefined {
  const value = onlyValue(flag, given);
  if (value === undefined || typeof value === "boolean") return value;
  throw new UsageError(`--${flag}: takes no value`);
}

/** The value of a flag, which may be given once; `parseArgs` collects most into lists. */
function onlyValue(flag: string, collected: unknown): unknown {
  const list = Array.isArray(collected) ? collected : [collected];
  if (list.length > 1) throw new UsageError(`--${flag}: given twice; once is enough`);
  return list[0];
}

function textValue(flag: string, given: unknown): string | undefined {
  const value = onlyValue(flag, given);
  if (value === undefined) return undefined;
  if (value === "" || typeof value !== "string") {
    throw new UsageError(`--${flag}: needs a value, such as --${flag} ${EXAMPLES[flag] ?? "5"}`);
  }
  return value;
}

/** How an argument without a character is shown. */
const EMPTY = '""';

/** HOST and PORT, also as one word: `127.0.0.1:4000`, `[::1]:4000`. */
function positionals(words: readonly (string | number)[], role: Role): Record<string, Value> {
  const [first, second, ...more] = words.map(String);
  const extra = more[0];
  if (extra !== undefined) {
    const isSwitch = /^(?:yes|no|on|off|true|false)$/i;
    const given = [first!, second!, ...more].find((word) => isSwitch.test(word));
    const hint = given === undefined
      ? ""
      : `; ${given} is no value: a switch is on by its name alone`;
    throw new UsageError(`${extra}: one word too many; expected [HOST] [PORT] and options${hint}`);
  }
  const { host, port } = (first === undefined ? undefined : splitAddress(first)) ?? { host: first };
  if (port !== undefined && second !== undefined) {
    throw new UsageError(`${second}: ${first} already says port ${port}; give it once`);
  }
  const given = port ?? second;
  const shown = port === undefined ? `PORT ${second || EMPTY}` : first!;
  return {
    ...(host === undefined
      ? {}
      : { host: checkFlag("host", host, `HOST ${first || EMPTY}`, role) }),
    ...(given === undefined ? {} : { port: checkFlag("port", given, shown, role) }),
  };
}

function checkFlag(key: Key, value: string, where: string, role: Role): Value {
  if (KEYS[key].unit === "list") {
    const entries = value.split(",").map((entry) => entry.trim()).filter((entry) => entry !== "");
    return checkValue(key, entries, where, role);
  }
  const isText = ["text", "choice", "seconds", "address"].includes(KEYS[key].unit);
  return checkValue(key, isText ? value : numberOf(value), where, role);
}
