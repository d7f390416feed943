/**
 * This host, as far as its firewall goes: runs the programs that show and change the rules.
 *
 * @module
 */
import type { Clock } from "../../clock.ts";
import { readProc } from "../../proc.ts";
import type { ReadFile } from "./label.ts";

/** The programs. */
export type Tool = "iptables" | "ip6tables" | "nft";

/** What a program did. */
export interface ToolResult {
  /** Whether it did what it was asked for. */
  readonly isDone: boolean;
  /** What it wrote to stdout; if it failed, why: its own words, or that it took too long. */
  readonly text: string;
}

/** Runs a program with arguments, and perhaps an input. */
export type RunTool = (
  tool: Tool,
  args: readonly string[],
  input?: string,
) => Promise<ToolResult>;

/** What this host gives to find and change its firewall. */
export interface FirewallHost {
  /** Runs a tool. */
  readonly run: RunTool;
  /** Whether a tool is there and may be run. */
  readonly mayRun: (tool: Tool) => boolean;
  /** Reads a file of the system. */
  readonly read: ReadFile;
  /** The id of this process. */
  readonly pid: number;
}

/** This host. */
export function systemFirewallHost(clock: Clock): FirewallHost {
  return { run: toolRunner(clock), mayRun, read: readProc, pid: Deno.pid };
}

/** How long, in milliseconds, a program may take. */
const LIMIT_MS = 5_000;

/** How much, in characters, a program may print: some 100,000 rules. */
const MAX_PRINTED = 16_777_216;

/** Whether a program is there, and this process may run it. */
function mayRun(tool: Tool): boolean {
  if (Deno.build.os !== "linux") return false;
  // A query, since without a permission the command would prompt for it on a terminal. Of a program that is
  // not there, the permission is not granted.
  return Deno.permissions.querySync({ name: "run", command: tool }).state === "granted";
}

/** Runs programs of this host, no shell between. */
function toolRunner(clock: Clock): RunTool {
  return async (tool, args, input) => {
    const tooLong = new AbortController();
    const timer = clock.timer(() => tooLong.abort());
    timer.set(clock.now() + LIMIT_MS);
    try {
      return await run(tool, args, tooLong, input);
    } catch (error) {
      return { isDone: false, text: error instanceof Error ? error.message : `${error}` };
    } finally {
      timer.clear();
    }
  };
}

async function run(
  tool: Tool,
  args: readonly string[],
  ending: AbortController,
  input?: string,
): Promise<ToolResult> {
  const { signal } = ending;
  const child = new Deno.Command(tool, {
    args: [...args],
    clearEnv: true,
    signal,
    stdin: input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const feeding = input === undefined ? undefined : feed(child.stdin, input);
  const [printed, errors, { success }] = await Promise.all([
    read(child.stdout, ending),
    read(child.stderr, ending),
    child.status,
    feeding,
  ]);
  if (signal.aborted) return { isDone: false, text: `${tool} took too long, or printed too much` };
  return success
    ? { isDone: true, text: printed }
    : { isDone: false, text: firstLine(errors) || `${tool} failed` };
}

/** Writes all of an input; a program that ends before has said why. */
async function feed(stdin: WritableStream<Uint8Array>, input: string): Promise<void> {
  const writer = stdin.getWriter();
  await writer.write(new TextEncoder().encode(input)).catch(() => {});
  await writer.close().catch(() => {});
}

/** Reads all that a program prints, and ends one that prints too much. */
async function read(
  stream: ReadableStream<Uint8Array>,
  ending: AbortController,
): Promise<string> {
  let text = "";
  for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (text.length <= MAX_PRINTED) continue;
    ending.abort();
    return "";
  }
  return text;
}

function firstLine(text: string): string {
  return text.split("\n").find((line) => line.trim() !== "" && !line.startsWith("#"))?.trim() ?? "";
}
