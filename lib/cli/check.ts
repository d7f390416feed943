/**
 * Checks the value of one setting, and finds the word nearest to a mistyped one.
 *
 * @module
 */
import { UsageError } from "../platform/errors.ts";
import { isHost } from "../platform/net/address.ts";
import { type Key, type KeyDescription, KEYS } from "./settings.ts";

/** The value of a setting. */
export type Value = string | number | boolean;

/** The settings that name a file or a folder, if any: they may be empty in a file. */
export const PATHS: readonly string[] = ["log_dir", "output", "store"] satisfies Key[];

/** The values that a setting can have, for people. */
export function expectation(
  { choices = [], unit, range: [least, greatest] }: KeyDescription,
): string {
  switch (unit) {
    case "choice":
      return choices.join(" or ");
    case "seconds":
      return `a number of seconds from ${least} to ${greatest}`;
    case "switch":
      return "true or false";
    case "text":
      return `a text of ${least} to ${greatest} characters`;
    default:
      return `a whole number from ${least} to ${greatest}`;
  }
}

/**
 * Checks a value for a setting.
 *
 * @param where How it was given, for the error: `client.toml: port = 0`.
 * @returns The value: a text, a number in the setting's unit, or a boolean.
 * @throws {UsageError} If the setting cannot have this value.
 */
export function checkValue(key: Key, value: unknown, where: string): Value {
  const description = KEYS[key];
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
  if (description.unit === "text") {
    if (typeof value !== "string") throw wrong();
    if (value.length < least || value.length > greatest) throw wrong();
    if (PATHS.includes(key) && /\p{Cc}/u.test(value)) {
      throw new UsageError(
        `${where}: expected a path without control characters; in the configuration file, write it ` +
          `in single quotes, such as 'C:\\temp\\new', in which a backslash is one`,
      );
    }
    if (key === "host" && !isHost(value)) {
      const apart = /^[^:]+:\d+$/.test(value) ? "; the port is given apart from it" : "";
      throw new UsageError(
        `${where}: expected an IPv4 address, an IPv6 address or a host name${apart}`,
      );
    }
    return value;
  }
  if (typeof value !== "number" || !(value >= least && value <= greatest)) throw wrong();
  if (description.unit !== "seconds" && !Number.isInteger(value)) throw wrong();
  return value;
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
