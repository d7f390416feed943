/**
 * Types of `cli.ts`: they derive an option's value type from its declaration.
 *
 * @module
 */

/** Option names: one, or a list of them. */
export type Names<Name extends string> = Name | readonly Name[];

/** For an option's name, its other names. */
export type Aliases = Readonly<Record<string, string | readonly string[]>>;

/** Options for `parseArgs`. */
export interface ParseOptions<
  Booleans extends string = string,
  Strings extends string = string,
  Collected extends string = string,
  Negatable extends string = string,
  Defaults extends Record<string, unknown> = Record<string, unknown>,
  OtherNames extends Aliases = Aliases,
> {
  /** The options whose values stay text; `_` stands for the arguments that belong to no option. */
  string?: Names<Strings>;
  /** The options that are on or off; `true`: all that begin with `--` and have no `=`. */
  boolean?: boolean | Names<Booleans>;
  /** The options whose values are gathered in a list; of any other, the last value counts. */
  collect?: Names<Collected>;
  /** The options that `--no-<name>` sets to `false`. */
  negatable?: Names<Negatable>;
  /** The values of options that are not given. */
  default?: Defaults;
  /** The options' other names. The value is found under each of them. */
  alias?: OtherNames;
  /** Called for each undeclared option and each other argument; `false` leaves it out. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
  /**
   * Whether what follows the first argument that belongs to no option is left as it is.
   *
   * @default {false}
   */
  stopEarly?: boolean;
  /**
   * Whether what follows `--` goes to `--` of the result, instead of to `_`.
   *
   * @default {false}
   */
  "--"?: boolean;
}

/** The type of one value of an option. */
export type Single<Name, Strings, Booleans> = Name extends Booleans ? boolean
  : Name extends Strings ? string
  : unknown;

/** The type of an option, not regarding its default. */
export type Value<Name, Strings, Booleans, Collected, Negatable> =
  | (Name extends Collected ? Single<Name, Strings, Booleans>[] : Single<Name, Strings, Booleans>)
  | (Name extends Negatable ? false : never);

/** An option's name and its aliases. */
export type AllNames<Name, OtherNames> = Name extends keyof OtherNames
  ? Name | (OtherNames[Name] extends Names<infer Other> ? Other : never)
  : Name;

/** The declared options, by name: a text that is neither gathered nor has a default may be absent. */
export type Declared<
  Strings extends string,
  Booleans extends string,
  Collected extends string,
  Negatable extends string,
  Defaults,
  OtherNames,
> =
  & {
    [
      Name in Exclude<Strings, Booleans | Collected | keyof Defaults> as AllNames<Name, OtherNames>
    ]?: Value<Name, Strings, Booleans, Collected, Negatable>;
  }
  & {
    [
      Name in
        | Booleans
        | Collected
        | Extract<Strings, keyof Defaults> as AllNames<Name, OtherNames>
    ]:
      | Value<Name, Strings, Booleans, Collected, Negatable>
      | (Name extends keyof Defaults ? Defaults[Name] : never);
  };

/** What `parseArgs` gives: the options by name, and under `_` all that belongs to none. */
export type Args<Options = Record<string, unknown>> = Options & Record<string, unknown> & {
  /** The arguments that belong to no option. */
  _: Array<string | number>;
  /** What followed `--`, where it was asked for. */
  "--"?: string[];
};
