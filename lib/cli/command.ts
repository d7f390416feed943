/**
 * What both commands do: from the arguments to a running client or server, its output, its exit status.
 *
 * The room: `args.ts` parses the command line, `config_file.ts` the file; `settings.ts` and `options.ts`
 * are the tables that parsers, `help.ts` and docs/settings.md are made from; `check.ts` checks one value,
 * `conflicts.ts` several together; `hints.ts` says what to write instead; `viewers.ts` lets viewers see
 * what happens; `prompt.ts` asks for an address; `signals.ts` handles signals.
 * The entry points `client.ts` and `server.ts` call it.
 * No other room may know flags, files of settings, prompts or signals.
 *
 * @module
 */
import { explainListen } from "../output/explain_connect.ts";
import { LineOutput, writeText } from "../output/line_output.ts";
import { openLog } from "../output/log.ts";
import { type OpenRecording, openRecording, recordingText } from "../output/recording.ts";
import { Reporter } from "../output/reporter.ts";
import type { ProcessWatch } from "../monitor/watch.ts";
import { systemClock } from "../platform/clock.ts";
import { aborted, sleep } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";
import { defectText, ListenError, UsageError, UserError } from "../platform/errors.ts";
import { isHeldByTimeWait } from "../platform/net/time_wait.ts";
import { TransportError } from "../platform/net/transport.ts";
import { randomSecret, systemRandom } from "../platform/secrets.ts";
import { EXIT, type ExitStatus } from "../session/close_reason.ts";
import { type EventFields, type EventSink, EventSource } from "../session/events.ts";
import { isKeyName, KEY_NAME_RULE } from "../wire/proof.ts";
import { PROTOCOL_VERSION, type Role } from "../wire/protocol.ts";
import { printable } from "../wire/quote.ts";
import { type CommandLine, parseCommandLine } from "./args.ts";
import { configBeside, readConfig, readConfigIfThere } from "./config_file.ts";
import { refuseConflicts, warningsOf } from "./conflicts.ts";
import { helpText, VERSION } from "./help.ts";
import { promptForAddress, type Terminal, terminal } from "./prompt.ts";
import { defaultSettings, type Key, KEYS, type Settings, timersOf } from "./settings.ts";
import { type OpenWeb, Viewing } from "./viewers.ts";
import { onDefect, onReloadSignal, onStopSignal } from "./signals.ts";

/** A client or a server: runs until it ends or is stopped. */
export interface Runnable {
  /** Runs to the end. */
  run(): Promise<ExitStatus>;
  /** Ends in order. */
  stop(reason: "done" | "shutdown"): void;
}

/** What a command is to run with. */
export interface Task {
  /** The settings: flags before file before defaults. */
  settings: Settings;
  /** The arguments. */
  commandLine: CommandLine;
  /** Receives the events. */
  sink: EventSink;
  /** Where the lines of the log go. */
  stderr: LineOutput;
  /** Takes the sessions, if anybody wants to see them. */
  watch?: ProcessWatch;
}

/**
 * Makes the client or the server of a command.
 *
 * @throws {TransportError} If it cannot listen.
 * @throws {UserError} If a file that it was given cannot be used.
 */
export type Start = (task: Task) => Runnable | Promise<Runnable>;

/** Checks what a command would do with its arguments; gives the lines for stdout. */
export type Check = (
  role: Role,
  commandLine: CommandLine,
) => Promise<{ lines: readonly string[]; status: ExitStatus }>;

/** What the entry point of a command passes on. */
export type CommandParts = { start: Start; check: Check; openWeb: OpenWeb };

/**
 * Runs a command from its arguments to its exit status. Errors of its user and of the network are reported.
 *
 * @throws Only for a defect of this program, which is reported before.
 */
export async function commandMain(
  role: Role,
  args: readonly string[],
  parts: CommandParts,
): Promise<ExitStatus> {
  const stderr = new LineOutput(Deno.stderr, () => {});
  try {
    const commandLine = parseCommandLine(role, args);
    if (commandLine.help) return await print(helpText(role).trimEnd());
    if (commandLine.version) {
      return await print(`pulsewire-${role} ${VERSION} (PW/${PROTOCOL_VERSION})`);
    }
    const name = commandLine["new-key"];
    if (name !== undefined) return await print(newKey(name));
    if (commandLine.check) {
      const { lines, status } = await parts.check(role, commandLine);
      if (lines.length > 0) await print(lines.join("\n"));
      return status;
    }
    return await runTask(role, commandLine, parts, stderr);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    // It may contain keys, paths and names from files and flags.
    stderr.write(`pulsewire-${role}: ${printable(error.message)}`);
    return EXIT.usage;
  } finally {
    await stderr.flush();
  }
}

/** A line with a new key, for the files of both sides. */
function newKey(name: string): string {
  if (isKeyName(name)) return `${name} ${randomSecret(systemRandom)}`;
  throw new UsageError(`--new-key ${name}: expected a name of ${KEY_NAME_RULE}`);
}

async function print(text: string): Promise<ExitStatus> {
  await writeText(Deno.stdout, `${text}\n`);
  return EXIT.asked;
}

/** Of lines about sessions that differ only in figures, how many a second are written. */
function mostSimilar(role: Role, { many, wantsAll }: { many: boolean; wantsAll: boolean }): number {
  if (many) return 3;
  // A network that fails ends thousands of sessions at once: of each a line would hide all others.
  return role === "server" && !wantsAll ? 20 : Infinity;
}

async function runTask(
  role: Role,
  commandLine: CommandLine,
  { openWeb, start }: CommandParts,
  stderr: LineOutput,
): Promise<ExitStatus> {
  const settings = resolveSettings(role, commandLine, terminal());
  refuseConflicts(role, settings, commandLine);
  const { once, quiet, sessions, verbose } = commandLine;
  const level = quiet ? "warning" : verbose ? "detail" : "info";
  const log = openLog({
    role,
    output: stderr,
    level,
    directory: settings.log_dir,
    hasZone: settings.log_stamps === "zone",
  });
  const many = sessions !== undefined && !verbose;
  const warnOfLoss = (text: string) => log.line("warning", `stdout: ${text}`, null);
  const json = commandLine.json ? new LineOutput(Deno.stdout, warnOfLoss) : undefined;
  const reporter = new Reporter({
    role,
    timers: timersOf(settings),
    log,
    level: settings.log_dir === "" ? level : "detail",
    json,
    many,
    mostSimilar: mostSimilar(role, { many, wantsAll: verbose || settings.log_dir !== "" }),
    showsSummaries: verbose || (role === "server" ? once : sessions === undefined),
    clock: systemClock,
  });
  const stopping = new AbortController();
  const output = { sink: reporter, stderr };
  const viewing = new Viewing({ role, settings, commandLine, ...output, openWeb, stopping });
  let recorded: OpenRecording | undefined;
  const logError = (text: string) => {
    viewing.giveBack();
    reporter.flush();
    log.line("error", text, null);
    // It may be the last moment of this process.
    recorded?.recording.flush();
    recorded?.file.flushSync();
  };
  using _defects = onDefect(logError);
  using _reloads = onReloadSignal(() => {
    recorded?.file.reopen();
    const files = [...log.reopen() ? ["log files"] : [], ...recorded ? ["recording"] : []];
    const text = files.length > 0 ? `${files.join(" and ")} reopened (SIGHUP)` : NOTHING_TO_REOPEN;
    log.line("info", text, null);
  }, settings.log_dir !== "" || settings.record !== "");
  // Before the first output: whoever sees that may send a signal.
  using _signals = onStopSignal(() => stopping.abort());
  for (const text of warningsOf(role, settings, commandLine)) log.line("warning", text, null);
  try {
    const fields = startedFields(role, settings);
    new EventSource(reporter, systemClock).emit("started", fields);
    if (settings.record !== "") {
      recorded = await openRecording({
        path: settings.record,
        maxBytes: settings.record_max_mb * BYTES_OF_MIB,
        started: fields,
        report: (text) => log.line("error", text, null),
        clock: systemClock,
        random: systemRandom,
      });
      reporter.recording = recorded.recording;
      const load = recordingLoad(role, settings, commandLine);
      log.line("info", recordingText(settings.record, load), null);
    }
    await viewing.start();
    const { sink, watch } = viewing;
    const started = start({ settings, commandLine, sink, stderr, watch });
    // Opening may take long: a named pipe waits for its reader.
    const runnable = await Promise.race([started, aborted(stopping.signal)]);
    if (!runnable) return EXIT.asked;
    return await runUntilStopped(runnable, stopping.signal, commandLine.duration);
  } catch (error) {
    if (error instanceof TransportError) {
      const isHeld = error.kind === "address_in_use" && await isHeldByTimeWait(settings.port);
      logError(explainListen(error, settings, isHeld));
      return EXIT.unconnected;
    }
    // The caller reports it.
    if (error instanceof UsageError) throw error;
    if (error instanceof UserError) {
      logError(error.message);
      return error instanceof ListenError ? EXIT.unconnected : EXIT.usage;
    }
    logError(defectText(error));
    throw error;
  } finally {
    await viewing.stop();
    reporter.flush();
    recorded?.recording.flush();
    await recorded?.file.close();
    await json?.flush();
    log.close();
  }
}

const NOTHING_TO_REOPEN = "SIGHUP: no log files and no recording";
const BYTES_OF_MIB = 1_048_576;
/** For how many sessions a server says how long its recording will last. */
const SERVER_SESSIONS = 100;

/** What decides how long the files of a recording last. */
function recordingLoad(role: Role, settings: Settings, commandLine: CommandLine) {
  const { "find-idle-timeout": isSearch, sessions = 1, stdin } = commandLine;
  return isSearch ? undefined : {
    maxBytes: settings.record_max_mb * BYTES_OF_MIB,
    sessions: role === "server" ? SERVER_SESSIONS : sessions,
    interval_s: stdin ? undefined : settings.data_interval,
  };
}

/** The fields of the first event of this process. */
function startedFields(role: Role, settings: Settings): EventFields["started"] {
  const own = Object.entries(settings).filter(([key]) => (KEYS[key as Key].role ?? role) === role);
  return {
    version: VERSION,
    role,
    host: Deno.hostname(),
    pid: Deno.pid,
    // `Intl` takes 10 ms to start.
    zone: Temporal.Now.timeZoneId(),
    settings: Object.fromEntries(own),
  };
}

async function runUntilStopped(
  runnable: Runnable,
  stopping: AbortSignal,
  duration_s?: number,
): Promise<ExitStatus> {
  const running = runnable.run();
  aborted(stopping).then(() => runnable.stop("shutdown"));
  const ended = new AbortController();
  using limit = new Deadline(systemClock, { signal: ended.signal });
  if (duration_s !== undefined) limit.moveTo(systemClock.now() + duration_s * 1000);
  sleep(limit).then(() => runnable.stop("done"), () => {});
  try {
    return await running;
  } finally {
    ended.abort();
  }
}

/**
 * The settings of a command: flags before file before defaults.
 *
 * @param at Who is asked for an address that nothing gives.
 * @throws {UsageError} If the configuration file cannot be used, or nobody answers.
 */
export function resolveSettings(
  role: Role,
  { config, settings: flags }: CommandLine,
  at: Terminal | undefined,
): Settings {
  const file = config === undefined
    ? readConfigIfThere(configBeside(role), role)
    : readConfig(config, role);
  const given = { ...file, ...flags };
  const defaults = defaultSettings(role);
  return { ...defaults, ...given, ...promptForAddress(given, defaults, at, role) };
}
