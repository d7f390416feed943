/**
 * The configuration file: finds it, reads it, and checks every key. The only file that knows TOML.
 *
 * @module
 */
import { parse } from "@std/toml";
import { fileErrorText, UsageError } from "../platform/errors.ts";
import type { Role } from "../wire/protocol.ts";
import { checkValue, didYouMean, numberOf, OPTIONAL_TEXTS, type Value } from "./check.ts";
import { hintOf, switchWord } from "./hints.ts";
import { type Key, KEYS, type Settings } from "./settings.ts";

const TABLES = ["settings", "Settings"];

/**
 * Reads a configuration file.
 *
 * @throws {UsageError} If it cannot be read, is not TOML, or has an unknown key or an invalid value.
 */
export function readConfig(path: string, role: Role): Partial<Settings> {
  return parseConfig(readFile(path), path, role);
}

/**
 * Reads a configuration file if it exists.
 *
 * @throws {UsageError} As {@linkcode readConfig}.
 */
export function readConfigIfThere(path: string, role: Role): Partial<Settings> {
  return isMissing(path) ? {} : readConfig(path, role);
}

/**
 * Whether there is no such file. Its folder is listed if it can be: the first exception of a process takes 4 ms, a
 * tenth of the time until a server listens.
 */
function isMissing(path: string): boolean {
  const [, folder, name] = /^(.*)[/\\](.*)$/.exec(path)!;
  try {
    return !Deno.readDirSync(`${folder}/`).some((entry) => entry.name === name);
  } catch {
    return isNotFound(path);
  }
}

function isNotFound(path: string): boolean {
  try {
    Deno.statSync(path);
    return false;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}

/**
 * Parses the text of a configuration file.
 *
 * @param name The file's name, for errors.
 * @param role The side that reads it.
 * @throws {UsageError} If it is not TOML, or has an unknown key, one of the other side only, or an invalid
 * value.
 */
export function parseConfig(text: string, name: string, role: Role): Partial<Settings> {
  const settings: Record<string, Value> = {};
  const table = withTries(settingsTable(parseToml(text, name), name, text), name, text);
  for (const [key, value] of Object.entries(table)) {
    const given = `${name}:${lineOf(key, text)} ${shortened(key)} = ${shown(value)}`;
    if (!Object.hasOwn(KEYS, key)) {
      throw new UsageError(`${given}: unknown key${didYouMean(key, Object.keys(KEYS))}`);
    }
    const { role: owner = role } = KEYS[key as Key];
    if (owner !== role) {
      throw new UsageError(`${given}: a key of the ${owner}, not of the ${role}`);
    }
    if (value === "" && OPTIONAL_TEXTS.includes(key)) continue;
    settings[key] = checkOrFix(key as Key, value, given, role);
  }
  return settings;
}

/** Checks a value; the error suggests the right notation where it can be derived from the value. */
function checkOrFix(key: Key, value: unknown, given: string, role: Role): Value {
  try {
    return checkValue(key, value, given, role);
  } catch (error) {
    const fix = error instanceof UsageError ? fixOf(key, value) : undefined;
    if (fix === undefined) throw error;
    throw new UsageError(`${(error as UsageError).message}; write ${key} = ${fix}`);
  }
}

/** A switch in other words, a number in quotes, or a text for a list, as it is to be written. */
function fixOf(key: Key, value: unknown): string | undefined {
  const { unit } = KEYS[key];
  if (unit === "switch") {
    if (value === 1 || value === 0) return `${value === 1}`;
    return typeof value === "string" ? switchWord(value) : undefined;
  }
  if (unit === "list") return typeof value === "string" ? JSON.stringify([value]) : undefined;
  const isNumber = unit !== "text" && typeof value === "string" && !Number.isNaN(numberOf(value));
  return isNumber ? String(numberOf(value)) : undefined;
}

/** The line on which a key or a table stands, as ` line 3:`; empty where it is written in an unusual way. */
function lineOf(key: string, text: string): string {
  const isShortened = shortened(key) !== key;
  const word = key.slice(0, 60).replace(/[^\w]/g, "\\$&") + (isShortened ? "\\w*" : "");
  const isHere = new RegExp(`^[^#]*\\b${word}["']?\\s*=|^\\s*\\[+(?:\\w+\\.)?${word}\\s*\\]`);
  const at = text.split("\n").findIndex((line) => isHere.test(line));
  return at === -1 ? "" : ` line ${at + 1}:`;
}

/** Accepts the original server's `heart_beats_missed`, which counts the first heartbeat, too. */
function withTries(table: object, name: string, text: string): object {
  const { heart_beats_missed: beats, ...others } = table as Record<string, unknown>;
  if (beats === undefined) return table;
  const where = `${name}:${lineOf("heart_beats_missed", text)}`;
  const given = `${where} heart_beats_missed = ${shown(beats)}`;
  if ("heart_beat_additional_tries" in others) {
    throw new UsageError(`${given}: heart_beat_additional_tries says the same; keep one`);
  }
  if (typeof beats !== "number" || !Number.isInteger(beats) || beats < 1) {
    throw new UsageError(`${given}: expected a whole number from 1`);
  }
  return { ...others, heart_beat_additional_tries: beats - 1 };
}

function readFile(path: string): string {
  try {
    return decode(Deno.readFileSync(path), path);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`cannot read the configuration file ${path}: ${fileErrorText(error)}`);
  }
}

/** The text of a file in UTF-8, which Windows writes in other encodings. */
function decode(bytes: Uint8Array, path: string): string {
  const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) ||
    (bytes[0] === 0xfe && bytes[1] === 0xff);
  // What a crash of the host leaves of a file that was being written.
  if (bytes.length > 0 && bytes.subarray(0, 4).every((byte) => byte === 0)) {
    throw new UsageError(`${path} begins with zero bytes, and has lost its text; write it again`);
  }
  if (isUtf16 || bytes.subarray(0, 4).includes(0)) {
    throw new UsageError(`${path} is in UTF-16, not in UTF-8; save it as UTF-8`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    const before = new TextDecoder().decode(bytes).split("\ufffd")[0]!;
    const line = before.split("\n").length;
    throw new UsageError(`${path}: line ${line}: a byte is not UTF-8; save the file as UTF-8`);
  }
}

function parseToml(text: string, name: string): Record<string, unknown> {
  try {
    return parse(text.replace(/^\ufeff/, ""));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const hint = hintOf(text.replace(/^\ufeff/, ""));
    if (hint) throw new UsageError(`${name} is not TOML: line ${hint.line}: ${hint.text}`);
    const line = "line" in error ? `line ${error.line}: ` : "";
    const isDeep = error instanceof RangeError;
    const [what] = isDeep ? ["tables or lists nested too deeply"] : error.message.split("\n");
    throw new UsageError(`${name} is not TOML: ${line}${what}`);
  }
}

function settingsTable(
  document: Record<string, unknown>,
  name: string,
  text: string,
): object {
  const stray = Object.keys(document).find((key) => !TABLES.includes(key));
  if (stray !== undefined) {
    const isTable = typeof document[stray] === "object" && !(document[stray] instanceof Date);
    const what = isTable
      ? `unknown table [${shortened(stray)}]`
      : `${shortened(stray)} stands outside of any table`;
    throw new UsageError(
      `${name}:${lineOf(stray, text)} ${what}; every key belongs under [settings]`,
    );
  }
  const [table, second] = TABLES.filter((key) => Object.hasOwn(document, key));
  if (second !== undefined) {
    throw new UsageError(`${name}: both [settings] and [Settings]; keep one`);
  }
  const value = table === undefined ? {} : document[table];
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new UsageError(`${name}: ${table} = ${shown(value)}: expected a table, [settings]`);
}

function shown(value: unknown): string {
  if (value === Infinity || value === -Infinity) return value > 0 ? "inf" : "-inf";
  if (typeof value === "number" || typeof value === "bigint") return String(value).toLowerCase();
  return shortened(value instanceof Date ? value.toISOString() : jsonOf(value));
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    // Too many tables in each other for the stack.
    if (!(error instanceof RangeError)) throw error;
    return Array.isArray(value) ? "[…]" : "{…}";
  }
}

function shortened(text: string): string {
  return text.length > 60 ? text.slice(0, 60) + "…" : text;
}

/** The configuration file that is read if nothing names one, and if it is there. */
export function configBeside(role: Role): string {
  return `${executableFolder()}/${role}.toml`;
}

/** The folder of the executable; when run from source, of its main module. */
function executableFolder(): string {
  if (Deno.build.standalone) return Deno.execPath().replace(/[/\\][^/\\]*$/, "");
  return decodeURIComponent(new URL(".", Deno.mainModule).pathname).replace(/\/$/, "");
}
