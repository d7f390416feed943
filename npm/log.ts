/**
 * Replacement for `@std/log` where jsr.io cannot be reached: loggers and the console handler.
 *
 * @module
 */
import {
  BaseHandler,
  levelByName,
  type LevelName,
  type LogLevel,
  LogLevels,
  LogRecord,
  nameOfLevel,
} from "./log_handler.ts";

export { BaseHandler, LogLevels } from "./log_handler.ts";
export type {
  BaseHandlerOptions,
  FormatterFunction,
  LevelName,
  LogLevel,
  LogRecord,
  LogRecordOptions,
} from "./log_handler.ts";
export { RotatingFileHandler } from "./log_file.ts";
export type { FileHandlerOptions, LogMode } from "./log_file.ts";

/** What a logger's method returns: the message, or the result of a function that makes it. */
export type Logged<Message> = Message extends () => infer Made ? Made | undefined : Message;

/** Options for {@linkcode Logger}. */
export interface LoggerOptions {
  /** Where the records go. */
  handlers?: BaseHandler[];
}

/** Passes a record of each message at or above its level to its handlers. */
export class Logger {
  /** Where the records go. */
  handlers: BaseHandler[];
  readonly #loggerName: string;
  #level: LogLevel;

  /** Creates a logger that is not registered for {@linkcode getLogger}. */
  constructor(loggerName: string, levelName: LevelName, options: LoggerOptions = {}) {
    this.#loggerName = loggerName;
    this.#level = levelByName(levelName);
    this.handlers = options.handlers ?? [];
  }

  /** The lowest level that is logged. */
  get level(): LogLevel {
    return this.#level;
  }

  /** @throws {TypeError} If there is no such level. */
  set level(level: LogLevel) {
    if (!Object.values(LogLevels).includes(level)) {
      throw new TypeError(`Invalid log level: ${level}`);
    }
    this.#level = level;
  }

  /** The name of the lowest level that is logged. */
  get levelName(): LevelName {
    return nameOfLevel(this.#level);
  }

  /** @throws {Error} If there is no such level. */
  set levelName(levelName: LevelName) {
    this.#level = levelByName(levelName);
  }

  /** The name of this logger. */
  get loggerName(): string {
    return this.#loggerName;
  }

  /** Logs at level DEBUG. */
  debug<Message>(msg: Message, ...args: unknown[]): Logged<Message> {
    return this.#log(LogLevels.DEBUG, msg, args);
  }

  /** Logs at level INFO. */
  info<Message>(msg: Message, ...args: unknown[]): Logged<Message> {
    return this.#log(LogLevels.INFO, msg, args);
  }

  /** Logs at level WARN. */
  warn<Message>(msg: Message, ...args: unknown[]): Logged<Message> {
    return this.#log(LogLevels.WARN, msg, args);
  }

  /** Logs at level ERROR. */
  error<Message>(msg: Message, ...args: unknown[]): Logged<Message> {
    return this.#log(LogLevels.ERROR, msg, args);
  }

  /** Logs at level CRITICAL. */
  critical<Message>(msg: Message, ...args: unknown[]): Logged<Message> {
    return this.#log(LogLevels.CRITICAL, msg, args);
  }

  /** A message that is a function is called only if its result is logged. */
  #log<Message>(level: LogLevel, msg: Message, args: unknown[]): Logged<Message> {
    const isLogged = this.#level <= level;
    const value = typeof msg !== "function" ? msg : isLogged ? msg() : undefined;
    if (isLogged) {
      const { loggerName } = this;
      const record = new LogRecord({ msg: asText(value), args, level, loggerName });
      this.handlers.forEach((handler) => handler.handle(record));
    }
    return value;
  }
}

/** Which handlers a logger writes to, and from which level on. */
export interface LoggerConfig {
  /**
   * The lowest level that is logged.
   *
   * @default {"INFO"}
   */
  level?: LevelName;
  /** The names of its handlers. */
  handlers?: string[];
}

/** Configuration for {@linkcode setup}. */
export interface LogConfig {
  /** Handlers, by name. */
  handlers?: Record<string, BaseHandler>;
  /** Loggers, by name. */
  loggers?: Record<string, LoggerConfig>;
}

/** What begins and ends a style. `node:util` has this, too, and takes 6 ms to load. */
const CONSOLE_STYLES = new Map<string, [begin: string, end: string]>([
  ["INFO", ["\x1b[34m", "\x1b[39m"]],
  ["WARN", ["\x1b[33m", "\x1b[39m"]],
  ["ERROR", ["\x1b[31m", "\x1b[39m"]],
  ["CRITICAL", ["\x1b[1m\x1b[31m", "\x1b[39m\x1b[22m"]],
]);

/** Writes to the console: the handler `default`, until something else is set. */
class ConsoleHandler extends BaseHandler {
  override format(record: LogRecord): string {
    const text = super.format(record);
    const style = CONSOLE_STYLES.get(record.levelName);
    return style && !Deno.noColor ? style.join(text) : text;
  }

  override log(msg: string): void {
    console.log(msg);
  }
}

const DEFAULT_HANDLER = new ConsoleHandler("INFO");
const DEFAULT_LOGGER: LoggerConfig = { level: "INFO", handlers: ["default"] };
const activeHandlers = new Map<string, BaseHandler>();
const loggers = new Map<string, Logger>();

/**
 * Replaces all handlers and loggers: destroys the old handlers, sets the new ones up.
 *
 * A handler or logger named `default`, which writes to the console, stays unless it is replaced.
 */
export function setup(config: LogConfig): void {
  activeHandlers.forEach((handler) => handler.destroy());
  activeHandlers.clear();
  for (const [name, handler] of Object.entries({ default: DEFAULT_HANDLER, ...config.handlers })) {
    handler.setup();
    activeHandlers.set(name, handler);
  }
  loggers.clear();
  for (const [name, logger] of Object.entries({ default: DEFAULT_LOGGER, ...config.loggers })) {
    const handlers = (logger.handlers ?? []).flatMap((each) => activeHandlers.get(each) ?? []);
    loggers.set(name, new Logger(name, logger.level ?? "INFO", { handlers }));
  }
}

/** The logger of this name; one that was not set up has no handlers. Without a name, `default`. */
export function getLogger(name?: string): Logger {
  const key = name || "default";
  const logger = loggers.get(key) ?? new Logger(key, "NOTSET");
  loggers.set(key, logger);
  return logger;
}

/** A message as text: an error with its stack, an object with its properties. */
function asText(value: unknown): string {
  if (typeof value === "function") return "undefined";
  if (value instanceof Error) return value.stack ?? String(value);
  if (typeof value !== "object" || value === null) return String(value);
  const properties = Object.entries(value).map(([key, inner]) =>
    `"${key}":${typeof inner === "string" ? `"${inner}"` : asText(inner)}`
  );
  return `{${properties.join(",")}}`;
}

setup({});
