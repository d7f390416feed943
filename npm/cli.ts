/**
 * Replacement for `@std/cli` where jsr.io cannot be reached: parses command-line arguments.
 *
 * @module
 */
import type { Aliases, Args, Declared, Names, ParseOptions } from "./cli_types.ts";

export type { Args, ParseOptions } from "./cli_types.ts";

/**
 * Parses command-line arguments: `--name=value`, `--name value`, `--name`, `-n value` and `-abc`.
 *
 * What looks like a number becomes one, unless the option is declared as `string`. What follows
 * `--` is left as it is.
 *
 * @param args The arguments.
 * @param options Which options there are, and of what kind.
 * @returns The options by name, and under `_` all that belongs to none.
 *
 * @example
 * ```ts
 * import { parseArgs } from "@std/cli";
 *
 * const { host, quiet, _ } = parseArgs(["--host", "::1", "4000"], {
 *   string: ["host"],
 *   boolean: ["quiet"],
 * });
 * console.log(host, quiet, _); // ::1 false [ 4000 ]
 * ```
 */
export function parseArgs<
  Strings extends string = never,
  Booleans extends string = never,
  Collected extends string = never,
  Negatable extends string = never,
  Defaults extends Record<string, unknown> = Record<never, never>,
  const OtherNames extends Aliases = Record<never, never>,
>(
  args: readonly string[],
  options?: ParseOptions<Booleans, Strings, Collected, Negatable, Defaults, OtherNames>,
): Args<Declared<Strings, Booleans, Collected, Negatable, Defaults, OtherNames>> {
  const result = new Parser(options ?? {}).parse(args);
  return result as Args<Declared<Strings, Booleans, Collected, Negatable, Defaults, OtherNames>>;
}

/** State of one call of {@linkcode parseArgs}. */
class Parser {
  readonly #options: ParseOptions;
  readonly #aliases: Map<string, string[]>;
  readonly #strings: Set<string>;
  readonly #booleans: Set<string>;
  readonly #collected: Set<string>;
  readonly #negatable: Set<string>;
  readonly #positionals: (string | number)[] = [];
  readonly #result: Record<string, unknown> = { _: this.#positionals };

  constructor(options: ParseOptions) {
    this.#options = options;
    this.#aliases = namesByName(options.alias ?? {});
    this.#strings = this.#namesOf(options.string);
    this.#booleans = this.#namesOf(options.boolean);
    this.#collected = this.#namesOf(options.collect);
    this.#negatable = this.#namesOf(options.negatable);
  }

  parse(args: readonly string[]): Record<string, unknown> {
    const end = args.includes("--") ? args.indexOf("--") : args.length;
    const left = args.slice(0, end);
    for (let arg = left.shift(); arg !== undefined; arg = left.shift()) {
      if (arg.startsWith("-") && arg !== "-") {
        const used = arg.startsWith("--") ? this.#long(arg, left[0]) : this.#short(arg, left[0]);
        if (used) left.shift();
      } else {
        this.#positional(arg);
        if (this.#options.stopEarly) this.#positionals.push(...left.splice(0));
      }
    }
    this.#fillIn();
    const untouched = args.slice(end + 1);
    if (this.#options["--"]) this.#result["--"] = untouched;
    else this.#positionals.push(...untouched);
    return this.#result;
  }

  #positional(arg: string): void {
    if (this.#options.unknown?.(arg) === false) return;
    this.#positionals.push(this.#strings.has("_") ? arg : numberIfNumeric(arg));
  }

  /** Parses `--name`; returns whether the next argument is its value. */
  #long(arg: string, next?: string): boolean {
    const negated = arg.startsWith("--no-") && arg.length > "--no-".length;
    const text = arg.slice(negated ? "--no-".length : "--".length);
    const equals = text.indexOf("=", 1);
    if (equals > 0) {
      const name = text.slice(0, equals);
      const value = text.slice(equals + 1);
      this.#set(arg, name, this.#booleans.has(name) ? value !== "false" : value);
      return false;
    }
    if (negated && this.#negatable.has(text)) {
      this.#set(arg, text, false, { collect: false });
      return false;
    }
    const name = negated ? `no-${text}` : text;
    const isBoolean = this.#options.boolean === true || this.#booleans.has(name);
    return this.#setFromNext(arg, name, next, !isBoolean && !next?.startsWith("-"));
  }

  /** Parses `-n` or `-abc`; returns whether the next argument is the value of the last one. */
  #short(arg: string, next?: string): boolean {
    for (let at = 1; at < arg.length - 1; at++) {
      const letter = arg.charAt(at);
      const value = attachedValue(letter, arg.slice(at + 1));
      this.#set(arg, letter, value ?? this.#bareValue(letter));
      if (value !== undefined) return false;
    }
    const last = arg.slice(-1);
    const mayTake = !this.#booleans.has(last) && !/^--?[^-]/.test(next ?? "");
    return this.#setFromNext(arg, last, next, mayTake);
  }

  #setFromNext(arg: string, name: string, next: string | undefined, mayTake: boolean): boolean {
    const used = Boolean(next) && (mayTake || next === "true" || next === "false");
    this.#set(arg, name, !used ? this.#bareValue(name) : mayTake ? next : next === "true");
    return used;
  }

  #bareValue(name: string): string | boolean {
    return this.#strings.has(name) ? "" : true;
  }

  #set(arg: string, name: string, value: unknown, { collect = true } = {}): void {
    if (!this.#isKnown(arg, name) && this.#options.unknown?.(arg, name, value) === false) return;
    const stays = typeof value !== "string" || this.#strings.has(name);
    this.#putAll(
      name,
      stays ? value : numberIfNumeric(value),
      collect && this.#collected.has(name),
    );
  }

  #isKnown(arg: string, name: string): boolean {
    const declared = [this.#strings, this.#booleans, this.#collected, this.#aliases];
    if (declared.some((names) => names.has(name))) return true;
    return this.#options.boolean === true && /^--[^=]+$/.test(arg);
  }

  /** Sets the options that were not given to their default, or to the value for none. */
  #fillIn(): void {
    for (const [name, value] of Object.entries(this.#options.default ?? {})) {
      if (!this.#has(name)) this.#putAll(name, value);
    }
    for (const name of this.#booleans) {
      if (!this.#has(name)) this.#put(name, this.#collected.has(name) ? [] : false);
    }
    for (const name of this.#strings) {
      if (!this.#has(name) && this.#collected.has(name)) this.#put(name, []);
    }
  }

  #putAll(name: string, value: unknown, gather = false): void {
    for (const each of this.#aliases.get(name) ?? [name]) this.#put(each, value, gather);
  }

  /** Stores a value, `a.b` being `b` inside `a`. */
  #put(name: string, value: unknown, gather = false): void {
    const path = name.split(".");
    if (path.includes("__proto__") || path.includes("constructor")) return;
    const last = path.pop() ?? name;
    let inner = this.#result;
    for (const step of path) {
      if (!Object.hasOwn(inner, step)) inner[step] = {};
      inner = inner[step] as Record<string, unknown>;
    }
    const before = Object.hasOwn(inner, last) ? inner[last] : undefined;
    inner[last] = gather ? [...[before || []].flat(), value] : value;
  }

  #has(name: string): boolean {
    let inner = this.#result;
    return name.split(".").every((step) => {
      const found = Object.hasOwn(inner, step);
      inner = inner[step] as Record<string, unknown>;
      return found;
    });
  }

  #namesOf(option: boolean | Names<string> = []): Set<string> {
    const names = typeof option === "boolean" ? [] : [option].flat().filter(Boolean);
    return new Set(names.flatMap((name) => this.#aliases.get(name) ?? [name]));
  }
}

/** For each name of an option that has several: all of them. */
function namesByName(alias: Aliases): Map<string, string[]> {
  const groups = Object.entries(alias).map(([name, others]) => [name, ...[others].flat()]);
  return new Map(groups.flatMap((group) => group.map((name) => [name, group] as const)));
}

/** The value that follows a letter in the same argument (`-n5`, `-n=5`, `-f/a/b`), if any does. */
function attachedValue(letter: string, rest: string): string | undefined {
  if (rest === "-") return "-";
  if (rest === "=") return "";
  if (/[A-Za-z]/.test(letter)) {
    const value = /=(.+)/.exec(rest)?.[1];
    if (value !== undefined) return value;
    if (/\d\.?$/.test(rest)) return rest;
  }
  return /^\W./s.test(rest) ? rest : undefined;
}

function numberIfNumeric(text: string): string | number {
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}
