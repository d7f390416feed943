/**
 * `--find-idle-timeout` of the client: puts the parts of a search together, reads an earlier one from its recording,
 * and shows on a terminal how far it has come.
 *
 * @module
 */
import type { ProbeResult } from "../../client/idle_search/probe.ts";
import { Prober, type ProberOptions } from "../../client/idle_search/prober.ts";
import { IdleTimeoutRun } from "../../client/idle_search/run.ts";
import { IdleSearch } from "../../client/idle_search/search.ts";
import type { LineOutput } from "../../output/line_output.ts";
import { Block } from "../../output/live/block.ts";
import { cut, widthOf } from "../../output/live/spans.ts";
import { recordingFiles } from "../../output/recording_file.ts";
import type { Clock } from "../../platform/clock.ts";
import { UsageError } from "../../platform/errors.ts";
import { formatAddress } from "../../platform/net/address.ts";
import { randomId } from "../../platform/secrets.ts";
import { countIn, durationIn, parseFields } from "../../report/entries.ts";
import { forEachLine } from "../../report/lines.ts";
import type { EventSink } from "../../session/events.ts";
import type { CommandLine } from "../args.ts";
import type { Runnable } from "../command.ts";
import { type Key, KEYS, type Settings } from "../settings.ts";

/** The longest idle time that is probed, in seconds, if nothing names one: NATs may not forget before 7,440 s. */
const UP_TO_S = 7_500;

/** The width of a bracket, in seconds, at which it is narrow enough. */
const PRECISION_S = 5;

/** The same as a part of the longest idle time, if that is less. */
const PRECISION_SHARE = 0.1;

/** How many sessions are idle at a time. */
const PROBES = 32;

/** How often the progress is drawn, in milliseconds. */
const DRAW_INTERVAL_MS = 250;

/** What a search is made of. */
export interface FindIdleTimeoutOptions extends Omit<ProberOptions, "address" | "search"> {
  /** The settings. */
  settings: Settings;
  /** The arguments. */
  commandLine: CommandLine;
  /** Receives the events. */
  sink: EventSink;
  /** Where the lines go. */
  stderr: LineOutput;
}

/**
 * Makes a search as the arguments ask for it.
 *
 * @throws {UsageError} If the recording of an earlier one cannot be read.
 */
export function findIdleTimeout(options: FindIdleTimeoutOptions): Runnable {
  const { clock, commandLine, random, settings, sink, stderr, timers } = options;
  const upTo_ms = (commandLine["up-to"] ?? UP_TO_S) * 1000;
  const precision = commandLine.precision;
  const precision_ms = precision === undefined
    ? Math.min(PRECISION_S * 1000, upTo_ms * PRECISION_SHARE)
    : precision * 1000;
  const { probes = PROBES, soak } = commandLine;
  const address = { host: settings.host, port: settings.port };
  const earlier = commandLine["from-record"];
  const run = new IdleTimeoutRun({
    ...{ address, clock, sink, soak, timers, upTo_ms },
    search: new IdleSearch({ up_to_ms: upTo_ms, precision_ms, probes }),
    earlier: earlier === undefined ? [] : earlierResults(earlier),
    newProber: () => new Prober({ ...options, address, search: randomId(random) }),
    continueWith: settings.record === "" ? undefined : commandText(settings, commandLine),
    show: progressOn(stderr, commandLine, clock),
  });
  return run;
}

/** How to go on with a search that is recorded: without its TLS and keys the server would refuse it. */
export function commandText({ host, port, record }: Settings, commandLine: CommandLine): string {
  const values = ["up-to", "precision", "probes", "config"] as const;
  const given = values.flatMap((flag) => flagWords(flag, commandLine[flag]));
  const own = Object.entries(commandLine.settings).flatMap(([key, value]) =>
    ["host", "port", "record"].includes(key) ? [] : flagWords(KEYS[key as Key].flag, value)
  );
  return ["pulsewire-client", formatAddress(host, port), "--find-idle-timeout", ...given]
    .concat(commandLine.soak ? "--soak" : [], commandLine.json ? "--json" : [], own)
    .concat("--record", record, "--from-record", record).map(shellWord).join(" ");
}

function flagWords(flag: string, value: unknown): string[] {
  if (value === undefined) return [];
  return typeof value === "boolean" ? [value ? `--${flag}` : `--no-${flag}`] : [
    `--${flag}`,
    `${value}`,
  ];
}

/** A word of a command as a shell takes it. */
function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** What came of the probes of a search that was recorded. */
export function earlierResults(path: string): ProbeResult[] {
  const results: ProbeResult[] = [];
  const files = recordingFiles(path).reverse().filter((file) => file === path || exists(file));
  for (const file of files) {
    forEachLine(file, (line) => {
      const result = line.includes('"idle_probe"') ? resultOf(line) : undefined;
      if (result) results.push(result);
    });
  }
  if (results.length > 0) return results;
  throw new UsageError(
    `--from-record ${path}: no session of an idle-timeout search in it; name what --record of one was given`,
  );
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

const OUTCOMES = ["alive", "silent", "reset_client", "reset_server", "reset_both", "closed"]
  .concat(["not_opened", "void"]) as ProbeResult["outcome"][];

/** The ids of sessions have nine digits for the number of a probe: these are left for those of the new search. */
const LAST_ID = 900_000_000;

/** The probe that a line of a recording tells of; `undefined` of any other line. */
function resultOf(line: string): ProbeResult | undefined {
  const event = parseFields(line);
  if (event?.event !== "idle_probe") return undefined;
  const { first } = event;
  const outcome = OUTCOMES.find((each) => each === event.outcome);
  if (outcome === undefined || first !== "client" && first !== "server") return undefined;
  const id = countIn(event, "n");
  const idle_ms = durationIn(event, "idle_ms");
  const idled_ms = durationIn(event, "idled_ms");
  if (id === null || id > LAST_ID || idle_ms === null || idled_ms === null) return undefined;
  const ended_after_ms = durationIn(event, "ended_after_ms");
  const local_port = countIn(event, "local_port");
  return {
    plan: { id, idle_ms, first },
    ...{ outcome, idled_ms },
    ...ended_after_ms !== null && { ended_after_ms },
    ...local_port !== null && { local_port },
  };
}

/** Shows the progress in place where that can be; `undefined` where lines tell of it. */
function progressOn(
  stderr: LineOutput,
  { json, quiet }: CommandLine,
  clock: Clock,
): ((text: string) => void) | undefined {
  if (quiet) return () => {};
  // Lines of JSON on the same terminal would spoil it.
  const hasOther = json && Deno.stdout.isTerminal();
  return Deno.stderr.isTerminal() && !hasOther ? drawnOn(stderr, clock) : undefined;
}

/** How wide a terminal is taken to be that does not say. */
const ORDINARY_COLUMNS = 80;

/** Draws a line that changes in place, below the lines of an output; an empty text erases it. */
function drawnOn(stderr: LineOutput, clock: Clock): (text: string) => void {
  const block = new Block();
  stderr.footer = block;
  let drawn_ms = -Infinity;
  return (text) => {
    const now_ms = clock.now();
    if (text !== "" && now_ms < drawn_ms + DRAW_INTERVAL_MS) return;
    drawn_ms = now_ms;
    const columns = Deno.consoleSize().columns || ORDINARY_COLUMNS;
    block.resize(columns);
    const shown = cut(text, columns - 1);
    block.show(text === "" ? [] : [{ text: shown, width: widthOf(shown) }]);
    stderr.refresh();
  };
}
