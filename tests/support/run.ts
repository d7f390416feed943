/**
 * The commands run to their end, for tests of what they say and of their exit status.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Role } from "../../lib/wire/protocol.ts";
import { text } from "./bytes.ts";
import { killIfRunning } from "./kill.ts";
import { commandWords } from "./process.ts";

/** How long, in milliseconds, a command may take to end before it is killed. */
const WARN_AFTER_MS = 60_000;

/** What became of a command. */
export interface Outcome {
  /** Its exit status; a signal's as 128 and its number. */
  readonly code: number;
  /** All that it wrote to stdout. */
  readonly stdout: string;
  /** All that it wrote to stderr. */
  readonly stderr: string;
}

/** Options for {@linkcode runCommand}. */
export interface RunOptions {
  /** Words to put before the command, such as `setpriv …`. */
  readonly before?: readonly string[];
  /** Variables for its environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a command, with nothing on stdin, to its end. */
export function runCommand(
  role: Role,
  args: readonly string[],
  { before = [], env }: RunOptions = {},
): Promise<Outcome> {
  return runWords([...before, ...commandWords(role), ...args], env);
}

/** Runs any program, with nothing on stdin, to its end. */
export async function runWords(
  [program, ...args]: readonly string[],
  env?: Readonly<Record<string, string>>,
): Promise<Outcome> {
  const io = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
  await using process = new Deno.Command(program!, { args, env: { ...env }, ...io }).spawn();
  const impatience = setTimeout(() => killIfRunning(process), WARN_AFTER_MS);
  try {
    const { code, stdout, stderr } = await process.output();
    return { code, stdout: text(stdout), stderr: text(stderr) };
  } finally {
    clearTimeout(impatience);
  }
}

/** A line of the log, or a line for a usage error. */
const LINE = /^(?:\S+ \S+ \|\| ERROR \|\| (?<logged>.*) \|\| \S+|pulsewire-\w+: (?<told>.*))\n$/;

/** Checks the exit status, and that all that was said is one line on stderr: gives its sentence. */
export function onlySentence({ code, stdout, stderr }: Outcome, expectedCode: number): string {
  assertEquals({ code, stdout }, { code: expectedCode, stdout: "" }, stderr);
  const { logged, told } = LINE.exec(stderr)?.groups ?? {};
  const sentence = logged ?? told;
  if (sentence === undefined) throw new Error(`expected one line of one error, got:\n${stderr}`);
  return sentence;
}

/** Does something with each item, a few at a time, so that a small machine can keep up. */
export async function eachOf<T>(
  items: readonly T[],
  act: (item: T) => Promise<void>,
): Promise<void> {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await act(item);
  };
  await Promise.all(Array.from({ length: 4 }, worker));
}
