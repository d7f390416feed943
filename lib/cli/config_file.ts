/**
 * The configuration file: finds it, reads it, and checks every key. The only file that knows TOML.
 *
 * @module
 */
import { parse } from "@std/toml";
import { fileErrorText, UsageError } from "../platform/errors.ts";
import type { Role } from "../wire/protocol.ts";
import { checkValue, didYouMean, PATHS, type Value } from "./check.ts";
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
  try {
    Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
  }
  return readConfig(path, role);
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
  const table = withTries(settingsTable(parseToml(text, name), name), name);
  for (const [key, value] of Object.entries(table)) {
    const given = `${name}: ${shortened(key)} = ${shown(value)}`;
    if (!Object.hasOwn(KEYS, key)) {
      throw new UsageError(`${given}: unknown key${didYouMean(key, Object.keys(KEYS))}`);
    }
    const { role: owner = role } = KEYS[key as Key];
    if (owner !== role) {
      const where = `${name}:${lineOf(key, text)} ${key} = ${shown(value)}`;
      throw new UsageError(`${where}: a key of the ${owner}, not of the ${role}`);
    }
    if (value === "" && PATHS.includes(key)) continue;
    settings[key] = checkValue(key as Key, value, given);
  }
  return settings;
}

/** The line on which a key stands, as ` line 3:`; empty where it is written in an unusual way. */
function lineOf(key: string, text: string): string {
  const isHere = new RegExp(`^[^#]*\\b${key}\\b["']?\\s*=`);
  const at = text.split("\n").findIndex((line) => isHere.test(line));
  return at === -1 ? "" : ` line ${at + 1}:`;
}

/** Accepts the original server's `heart_beats_missed`, which counts the first heartbeat, too. */
function withTries(table: object, name: string): object {
  const { heart_beats_missed: beats, ...others } = table as Record<string, unknown>;
  if (beats === undefined) return table;
  const given = `${name}: heart_beats_missed = ${shown(beats)}`;
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
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new UsageError(`cannot read the configuration file ${path}: ${fileErrorText(error)}`);
  }
}

function parseToml(text: string, name: string): Record<string, unknown> {
  try {
    return parse(text.replace(/^\ufeff/, ""));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const line = "line" in error ? `line ${error.line}: ` : "";
    const isDeep = error instanceof RangeError;
    const [what] = isDeep ? ["tables or lists nested too deeply"] : error.message.split("\n");
    throw new UsageError(`${name} is not TOML: ${line}${what}`);
  }
}

function settingsTable(document: Record<string, unknown>, name: string): object {
  const stray = Object.keys(document).find((key) => !TABLES.includes(key));
  if (stray !== undefined) {
    const isTable = typeof document[stray] === "object";
    const what = isTable
      ? `unknown table [${shortened(stray)}]`
      : `${shortened(stray)} stands outside of any table`;
    throw new UsageError(`${name}: ${what}; every key belongs under [settings]`);
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
