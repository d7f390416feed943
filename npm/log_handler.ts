/**
 * What a log record is, and what takes one: levels, `LogRecord` and `BaseHandler` for `log.ts`.
 *
 * @module
 */

/** The levels, by name. */
export const LogLevels = {
  NOTSET: 0,
  DEBUG: 10,
  INFO: 20,
  WARN: 30,
  ERROR: 40,
  CRITICAL: 50,
} as const;

/** The name of a level. */
export type LevelName = keyof typeof LogLevels;

/** A level as a number. */
export type LogLevel = typeof LogLevels[LevelName];

/**
 * The level of this name.
 *
 * @throws {Error} If there is none.
 */
export function levelByName(name: LevelName): LogLevel {
  if (Object.hasOwn(LogLevels, name)) return LogLevels[name];
  throw new Error(`Cannot get log level: no level named ${name}`);
}

/**
 * The name of this level.
 *
 * @throws {Error} If it has none.
 */
export function nameOfLevel(level: LogLevel): LevelName {
  for (const name of Object.keys(LogLevels) as LevelName[]) {
    if (LogLevels[name] === level) return name;
  }
  throw new Error(`Cannot get log level: no name for level: ${level}`);
}

/** Options for {@linkcode LogRecord}. */
export interface LogRecordOptions {
  /** The message. */
  msg: string;
  /** What was given besides the message. */
  args: unknown[];
  /** The level of the message. */
  level: LogLevel;
  /** The name of the logger. */
  loggerName: string;
}

/** One message to log, with the time at which it was made. */
export class LogRecord {
  /** The message. */
  readonly msg: string;
  /** The level of the message. */
  readonly level: number;
  /** The name of that level. */
  readonly levelName: string;
  /** The name of the logger. */
  readonly loggerName: string;
  readonly #args: unknown[];
  readonly #time = Date.now();

  /** Makes a record of this moment. */
  constructor(options: LogRecordOptions) {
    this.msg = options.msg;
    this.level = options.level;
    this.levelName = nameOfLevel(options.level);
    this.loggerName = options.loggerName;
    this.#args = [...options.args];
  }

  /** What was given besides the message: a copy. */
  get args(): unknown[] {
    return [...this.#args];
  }

  /** When the record was made: a copy. */
  get datetime(): Date {
    return new Date(this.#time);
  }
}

/** Makes the line to write of a record. */
export type FormatterFunction = (logRecord: LogRecord) => string;

/** Options for {@linkcode BaseHandler}. */
export interface BaseHandlerOptions {
  /** Makes the line to write of a record; by default its level's name and its message. */
  formatter?: FormatterFunction;
}

/** Takes the records at or above its level, formats them, and writes them somewhere. */
export abstract class BaseHandler {
  /** Makes the line to write of a record. */
  formatter: FormatterFunction;
  #level: LogLevel;

  /** Makes a handler that is yet to be set up. */
  constructor(levelName: LevelName, options: BaseHandlerOptions = {}) {
    this.#level = levelByName(levelName);
    this.formatter = options.formatter ?? (({ levelName, msg }) => `${levelName} ${msg}`);
  }

  /** The lowest level that is written. */
  get level(): LogLevel {
    return this.#level;
  }

  /** @throws {Error} If there is no such level. */
  set level(level: LogLevel) {
    this.#level = levelByName(nameOfLevel(level));
  }

  /** The name of the lowest level that is written. */
  get levelName(): LevelName {
    return nameOfLevel(this.#level);
  }

  /** @throws {Error} If there is no such level. */
  set levelName(levelName: LevelName) {
    this.#level = levelByName(levelName);
  }

  /** Writes a record, if it is at or above this handler's level. */
  handle(logRecord: LogRecord): void {
    if (logRecord.level >= this.#level) this.log(this.format(logRecord));
  }

  /** Makes the line to write of a record. */
  format(logRecord: LogRecord): string {
    return this.formatter(logRecord);
  }

  /** Writes a line. */
  abstract log(msg: string): void;

  /** Gets ready to write; called when the handler is set up. */
  setup(): void {}

  /** Lets go of everything; called when the handler is replaced. */
  destroy(): void {}

  /** Destroys the handler at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.destroy();
  }
}
