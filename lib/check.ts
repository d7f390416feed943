/**
 * Checks one setting, wherever it was given.
 *
 * @module
 */
import { isHost } from "./address.ts";
import { type Key, type KeyDescription, KEYS } from "./settings.ts";

/** A user's mistake, told in one sentence: what, where, and what would be right. */
export class UsageError extends Error {
  /** The name of this kind of error. */
  override readonly name = "UsageError";
}

/** The value of a setting. */
export type Value = string | number | boolean;

/** What would be right for a setting, for a person. */
export function expectation({ unit, range: [least, greatest] }: KeyDescription): string {
  switch (unit) {
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
 * @param where How and where it was given, for the error: `client.toml: port = 0`.
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
  if (description.unit === "text") {
    if (typeof value !== "string") throw wrong();
    if (value.length < least || value.length > greatest) throw wrong();
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

/** The number that a text on the command line stands for; `NaN` if it is none. */
export function numberOf(text: string): number {
  return /^(?:\d+(?:\.\d+)?|\.\d+)$/.test(text) ? Number(text) : NaN;
}
