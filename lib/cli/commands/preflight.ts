/**
 * `--check` of both commands: says what would be served or called, with what, and what is unsafe, and exits.
 * `findings.ts` has what a finding is, `preflight_network.ts` and `preflight_files.ts` look at the address and
 * at files. Nothing is made, changed or called.
 *
 * @module
 */
import { counted } from "../../output/phrases.ts";
import { UserError } from "../../platform/errors.ts";
import { tcpTransport } from "../../platform/net/tcp.ts";
import type { Transport } from "../../platform/net/transport.ts";
import { openFilesLimit } from "../../platform/proc.ts";
import { checkThreads } from "../../server/workers/worker_handle.ts";
import type { ExitStatus } from "../../session/close_reason.ts";
import { heartbeatsUntilDead, predictedDetection_ms } from "../../session/timers.ts";
import type { Role } from "../../wire/protocol.ts";
import type { CommandLine } from "../args.ts";
import { resolveSettings } from "../command.ts";
import { configBeside } from "../config_file.ts";
import { refuseConflicts } from "../conflicts.ts";
import { defaultUnopened } from "../../server/access/server_access.ts";
import { type Settings, timersOf, windowOf } from "../settings.ts";
import { about, type Finding, findingLine, statusOf } from "./findings.ts";
import { type Disks, fileFindings, systemDisks } from "./preflight_files.ts";
import {
  accessFindings,
  callFindings,
  firewallFindings,
  listenFindings,
  originalFindings,
  protectionOf,
  tokenFindings,
} from "./preflight_network.ts";
import {
  keyFileFindings,
  listFindings,
  tlsFindings,
  type TrustReaders,
} from "./preflight_trust.ts";
import { webFindings } from "./preflight_web.ts";

/** What a check looks at. */
export interface PreflightOptions {
  /** The network. */
  readonly transport: Transport;
  /** The addresses of this host, if they are known. */
  readonly own?: readonly string[];
  /** The disks. */
  readonly disks: Disks;
}

/** Checks a command; gives a line for each finding, and the exit status. */
export async function preflight(
  role: Role,
  commandLine: CommandLine,
  readers: TrustReaders,
): Promise<{ lines: string[]; status: ExitStatus }> {
  const { json, quiet } = commandLine;
  const findings = await preflightFindings(role, commandLine, readers);
  const shown = findings.filter(({ level }) => !quiet || level !== "ok");
  return { lines: shown.map((finding) => findingLine(finding, json)), status: statusOf(findings) };
}

/** Checks a command: what is found, in the order in which it is to be read. */
export async function preflightFindings(
  role: Role,
  commandLine: CommandLine,
  readers: TrustReaders,
  { disks = systemDisks, own, transport = tcpTransport }: Partial<PreflightOptions> = {},
): Promise<Finding[]> {
  const { error, ok } = about("configuration");
  let settings: Settings;
  try {
    settings = resolveSettings(role, commandLine, undefined);
    refuseConflicts(role, settings, commandLine);
    if (role === "server" && !commandLine.once) checkThreads(settings.workers);
  } catch (cause) {
    if (cause instanceof UserError) return [error(cause.message)];
    throw cause;
  }
  const { findings, reach } = role === "server"
    ? await listenFindings(settings, transport, own)
    : callFindings(settings);
  return [
    ok(configText(role, commandLine)),
    ...findings,
    ...accessFindings(role, reach, protectionOf(role, settings)),
    ...keyFileFindings(role, settings, readers),
    ...tlsFindings(role, settings, readers),
    ...originalFindings(role, reach, settings),
    ...webFindings(role, settings, { transport, own }, readers),
    ...role === "server" ? listFindings(settings, readers) : [],
    ...role === "server" ? tokenFindings(reach, settings) : [],
    ...role === "server" ? await firewallFindings(settings) : [],
    ...timerFindings(role, settings, commandLine),
    ...role === "server" ? await sessionFindings(settings, commandLine) : [],
    ...messageFindings(role, settings, commandLine),
    ...await fileFindings(role, settings, disks),
  ];
}

function configText(role: Role, { config }: CommandLine): string {
  if (config !== undefined) return config;
  const path = configBeside(role);
  return isThere(path) ? path : `flags and defaults; there is no ${path}`;
}

function timerFindings(role: Role, settings: Settings, { stdin }: CommandLine): Finding[] {
  const { ok, warning } = about("timers");
  const timers = timersOf(settings);
  const { data_interval, data_threshold, heart_beat_threshold } = settings;
  const [peer, since] = role === "server"
    ? ["client", "its last data message was received"]
    : ["server", "the first unconfirmed data message was sent"];
  return [
    ok(
      `a dead ${peer} is declared dead ${predictedDetection_ms(timers) / 1000} s after ${since}: ` +
        `data_threshold ${data_threshold} s + ${
          heartbeatsUntilDead(timers)
        } × heart_beat_threshold ` +
        `${heart_beat_threshold} s`,
    ),
    ...stdin || data_interval < data_threshold ? [] : [warning(
      `data_interval ${data_interval} s is not below data_threshold ${data_threshold} s: a healthy ` +
        "session falls silent between two data messages",
    )],
  ];
}

/** How many files a process has open besides the connections of its sessions, about. */
const OTHER_FILES = 20;

async function sessionFindings(settings: Settings, { once }: CommandLine): Promise<Finding[]> {
  const { ok, warning } = about("sessions");
  const {
    max_message_bytes,
    max_new_per_second,
    max_sessions,
    max_sessions_per_address,
    max_unopened,
    session_lifetime,
    workers,
  } = settings;
  const many = once
    ? "one session"
    : `at most ${max_sessions} sessions, in ${counted(workers, "thread")}`;
  const lifetime = session_lifetime === 0
    ? "not retained without a connection"
    : `retained for ${session_lifetime} s without a connection`;
  const text = `${many}, ${lifetime}; data messages of at most ${
    counted(max_message_bytes, "byte")
  }`;
  const files = once ? undefined : await openFilesLimit();
  const unopened = max_unopened || defaultUnopened(max_sessions);
  // Connections without a session give way when there are too many open files.
  const wanted = max_sessions + OTHER_FILES;
  return [
    ok(text),
    about("limits").ok(
      `of one address at most ${
        max_sessions_per_address || Math.ceil(max_sessions / 2)
      } sessions, and ${
        max_new_per_second === 0 ? "any number of" : max_new_per_second
      } new connections a second; at most ${unopened} connections without a session`,
    ),
    ...files === undefined || files >= wanted ? [] : [warning(
      `max_sessions ${max_sessions} take about ${wanted} open files, and this process may have ${files}; raise ` +
        "ulimit -n",
    )],
  ];
}

/** Says what data messages there will be, and where they go. */
function messageFindings(role: Role, settings: Settings, commandLine: CommandLine): Finding[] {
  const { data_interval, message, output, reconnect, store } = settings;
  if (role === "server") {
    const isKept = store !== "" || output !== "";
    return isKept ? [] : [about("store").ok("none, and no output: data messages are kept nowhere")];
  }
  const { sessions = 1, stdin } = commandLine;
  const bytes = counted(new TextEncoder().encode(message).length, "byte");
  const what = stdin ? "each line of stdin" : `a data message of ${bytes} every ${data_interval} s`;
  const loss = reconnect
    ? "resumed after the loss of a connection"
    : "ended by the loss of its connection";
  return [
    about("sessions").ok(
      `${counted(sessions, "session")}, ${loss}; ${what}, ${
        windowOf(settings, stdin)
      } unconfirmed at a time`,
    ),
  ];
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
