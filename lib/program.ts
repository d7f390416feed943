/**
 * What both commands have in common: from their arguments to a running client or server, its output,
 * and its exit status.
 *
 * @module
 */
import { askWhere, terminal } from "./ask.ts";
import { UsageError } from "./check.ts";
import { type CommandLine, parseCommandLine } from "./cli.ts";
import { systemClock } from "./clock.ts";
import { readConfig, readConfigIfThere } from "./config.ts";
import { EXIT, type ExitStatus } from "./ending.ts";
import type { EventSink } from "./events.ts";
import { explainListen } from "./explain.ts";
import { helpText } from "./help.ts";
import { openLog } from "./log.ts";
import { LineOutput } from "./output.ts";
import { PROTOCOL_VERSION, type Role } from "./protocol.ts";
import { defaultSettings, KEYS, type Settings, timersOf } from "./settings.ts";
import { defectText, onDefect, onStopSignal } from "./signals.ts";
import { OutputError, StoreError } from "./store_types.ts";
import { Teller } from "./teller.ts";
import { TransportError } from "./transport.ts";
import { VERSION } from "./version.ts";
import { Deadline, sleep } from "./wait.ts";

/** What runs until it ends or is stopped: a client, a server. */
export interface Runnable {
  /** Runs to the end. */
  run(): Promise<ExitStatus>;
  /** Ends politely. */
  stop(reason: "done" | "shutdown"): void;
}

/** What a command is asked to do. */
export interface Task {
  /** Its settings: flags before file before defaults. */
  settings: Settings;
  /** Its arguments. */
  commandLine: CommandLine;
  /** Takes its events. */
  sink: EventSink;
}

/**
 * Makes what a command runs. May throw `TransportError`: the command could not listen; `StoreError` or
 * `OutputError`: a file that it was given cannot be used.
 */
export type Start = (task: Task) => Runnable | Promise<Runnable>;

/** Runs a command from its arguments to its exit status. */
export async function runProgram(
  role: Role,
  args: readonly string[],
  start: Start,
): Promise<ExitStatus> {
  const stderr = new LineOutput(Deno.stderr, () => {});
  try {
    const commandLine = parseCommandLine(role, args);
    if (commandLine.help) return await print(helpText(role).trimEnd());
    if (commandLine.version) {
      return await print(`pulsewire-${role} ${VERSION} (PW/${PROTOCOL_VERSION})`);
    }
    return await runTask(role, commandLine, start, stderr);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    stderr.write(`pulsewire-${role}: ${error.message}`);
    return EXIT.usage;
  } finally {
    await stderr.flush();
  }
}

async function print(text: string): Promise<ExitStatus> {
  const stdout = new LineOutput(Deno.stdout, () => {});
  stdout.write(text);
  await stdout.flush();
  return EXIT.asked;
}

async function runTask(
  role: Role,
  commandLine: CommandLine,
  start: Start,
  stderr: LineOutput,
): Promise<ExitStatus> {
  const settings = resolveSettings(role, commandLine);
  refuseContradictions(role, settings, commandLine);
  const { quiet } = commandLine;
  const log = openLog({ role, output: stderr, quiet, directory: settings.log_dir });
  const tellLoss = (text: string) => log.line("warning", `stdout: ${text}; sessions go on`, null);
  const json = commandLine.json ? new LineOutput(Deno.stdout, tellLoss) : undefined;
  const teller = new Teller({
    role,
    timers: timersOf(settings),
    log,
    tellsAll: !quiet || settings.log_dir !== "",
    json,
    many: commandLine.sessions !== undefined,
    clock: systemClock,
  });
  const tellError = (text: string) => {
    teller.flush();
    log.line("error", text, null);
  };
  using _defects = onDefect(tellError);
  const stopping = new AbortController();
  // Before anything can be seen of the command: who sees it may stop it.
  using _signals = onStopSignal(() => stopping.abort());
  try {
    const started = start({ settings, commandLine, sink: teller });
    // To open a file may take its time: a pipe with a name waits for its reader.
    const runnable = await Promise.race([started, aborted(stopping.signal)]);
    if (!runnable) return EXIT.asked;
    return await runUntilStopped(runnable, stopping.signal, commandLine.duration);
  } catch (error) {
    if (error instanceof TransportError) {
      tellError(explainListen(error, settings));
      return EXIT.unconnected;
    }
    if (error instanceof StoreError || error instanceof OutputError) {
      tellError(error.message);
      return EXIT.usage;
    }
    // Told by whoever has called.
    if (!(error instanceof UsageError)) tellError(defectText(error));
    throw error;
  } finally {
    teller.flush();
    await json?.flush();
    log.close();
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

async function runUntilStopped(
  runnable: Runnable,
  stopping: AbortSignal,
  duration_s?: number,
): Promise<ExitStatus> {
  const running = runnable.run();
  if (stopping.aborted) runnable.stop("shutdown");
  else stopping.addEventListener("abort", () => runnable.stop("shutdown"), { once: true });
  const over = new AbortController();
  using limit = new Deadline(systemClock, { signal: over.signal });
  if (duration_s !== undefined) limit.moveTo(systemClock.now() + duration_s * 1000);
  sleep(limit).then(() => runnable.stop("done"), () => {});
  try {
    return await running;
  } finally {
    over.abort();
  }
}

function resolveSettings(role: Role, { config, settings: flags }: CommandLine): Settings {
  const file = config === undefined
    ? readConfigIfThere(`${executableFolder()}/${role}.toml`)
    : readConfig(config);
  const given = { ...file, ...flags };
  const defaults = defaultSettings(role);
  return { ...defaults, ...given, ...askWhere(given, defaults, terminal()) };
}

/** The store's own files, and those that SQLite keeps beside it, are no place for the output. */
function refuseSharedFile({ output, store }: Settings): void {
  if (output === "" || store === "") return;
  const folder = new URL(`file://${Deno.cwd()}/`);
  const path = (name: string) => new URL(encodeURI(name), folder).pathname;
  if (!["", "-wal", "-shm", "-lock"].some((end) => path(store + end) === path(output))) return;
  throw new UsageError(
    `--output ${output}: that is the store, or a file that belongs to it; give --output its own`,
  );
}

/** Refuses what cannot be had together. */
function refuseContradictions(role: Role, settings: Settings, commandLine: CommandLine): void {
  if (role === "client") return refuseContradictionsOfClient(settings, commandLine);
  if (commandLine.json && settings.output === "-") {
    throw new UsageError("--json and --output -: both write to stdout; give --output a file");
  }
  refuseSharedFile(settings);
}

function refuseContradictionsOfClient(settings: Settings, commandLine: CommandLine): void {
  const { ramp, sessions, settings: flags, stdin } = commandLine;
  if (sessions !== undefined && stdin) {
    throw new UsageError("--sessions and --stdin: the lines of stdin are for one session");
  }
  // A file may give them for other times.
  const unused = (["message", "data_interval"] as const).find((key) => flags[key] !== undefined);
  if (stdin && unused) {
    const why = "the data messages are the lines of stdin, sent as they come";
    throw new UsageError(`--stdin and --${KEYS[unused].flag}: ${why}`);
  }
  if (flags.reconnect_limit !== undefined && !settings.reconnect) {
    throw new UsageError(
      "--reconnect-limit: limits how often to dial again; give --reconnect, too",
    );
  }
  if (ramp !== undefined && sessions === undefined) {
    throw new UsageError("--ramp: spreads the starts of several sessions; give --sessions, too");
  }
  if (!settings.original) return;
  const unknown = stdin
    ? "--stdin"
    : settings.reconnect
    ? "--reconnect"
    : settings.window > 1
    ? "--window"
    : undefined;
  if (unknown === undefined) return;
  throw new UsageError(`--original and ${unknown}: the original's data messages have no numbers`);
}

/** Where the executable lies; when run from source, where its main module does. */
function executableFolder(): string {
  if (Deno.build.standalone) return Deno.execPath().replace(/[/\\][^/\\]*$/, "");
  return decodeURIComponent(new URL(".", Deno.mainModule).pathname).replace(/\/$/, "");
}
