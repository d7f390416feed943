/**
 * The terminal that this process writes to: its size, its keys, and whether it is this process's turn to use it.
 *
 * The room: this file. `output/live/` shows something on the terminal; `cli/` decides whether it may. Nothing here
 * reads or changes the terminal of another process: a process in the background that did would be stopped.
 *
 * @module
 */
import { mayReadProc, readProc } from "../proc.ts";

/** The size of a terminal, in characters. */
export interface TerminalSize {
  /** Its width. */
  readonly columns: number;
  /** Its height. */
  readonly rows: number;
}

/** What a terminal that does not know its size is taken for. */
const USUAL_SIZE: TerminalSize = { columns: 80, rows: 24 };

/** Which of the standard streams are a terminal; of stderr, whether it is one that knows what moves the cursor. */
export function standardTerminals(): Record<"stdin" | "stdout" | "stderr", boolean> {
  const [stdin, stdout] = [Deno.stdin.isTerminal(), Deno.stdout.isTerminal()];
  return { stdin, stdout, stderr: isCapableTerminal() };
}

function isCapableTerminal(): boolean {
  if (!Deno.stderr.isTerminal()) return false;
  if (Deno.build.os === "windows") return true;
  // A query, since without a permission Deno would ask for it on the terminal.
  const { state } = Deno.permissions.querySync({ name: "env", variable: "TERM" });
  const name = state === "granted" ? Deno.env.get("TERM") ?? "" : "";
  return name !== "" && name !== "dumb";
}

/** The size of the terminal. */
function terminalSize(): TerminalSize {
  try {
    const size = Deno.consoleSize();
    return size.columns > 0 && size.rows > 0 ? size : USUAL_SIZE;
  } catch {
    return USUAL_SIZE; // It was closed.
  }
}

/** Where this process is among those that share its terminal. */
export interface JobPlace {
  /** Whether it is in the foreground; also if no terminal controls it, or if that cannot be known here. */
  readonly isInForeground: boolean;
  /** Whether the shell waits for this process itself, and not for one that started it, such as a task. */
  readonly isLeader: boolean;
}

/** Finds out where this process is; a child process does that, in some 5 ms. */
async function jobPlace(): Promise<JobPlace> {
  // Of the child, which is in this process's group.
  const child = await jobState("self");
  // What ends a job, such as `kill %1`, ends the child, too. Were this process in the background then, a change of
  // the terminal's mode would stop it before it has ended.
  if (!child) return { isInForeground: !mayReadProc(), isLeader: false };
  const { foreground, group, terminal } = child;
  return {
    isInForeground: terminal === "0" || group === foreground,
    isLeader: group === String(Deno.pid),
  };
}

/**
 * Whether Ctrl-Z stops this process's job, or has done so: this process leads it, or the one that does, for which
 * the shell waits, is stopped; also if that cannot be known here.
 */
export async function isJobStopping(): Promise<boolean> {
  const child = await jobState("self");
  if (!child) return !mayReadProc();
  return child.group === String(Deno.pid) || (await jobState(child.group))?.state === "T";
}

/** A process in its job, as the system has it; `undefined` if that is not known. */
async function jobState(pid: string) {
  // The name before ")" may have spaces.
  const words = (await readProc(`/proc/${pid}/stat`))?.replace(/^.*\) /s, "").split(" ");
  if (!words) return undefined;
  const [state, , group = "", , terminal, foreground] = words;
  return { state, group, terminal, foreground };
}

/** Whether this process may stop itself: Deno before 2.9 takes the permission to run anything for that. */
export function maySuspendItself(): boolean {
  const [major = 0, minor = 0] = Deno.version.deno.split(".").map(Number);
  return Deno.build.os !== "windows" && (major > 2 || minor >= 9);
}

/** Stops this process until it receives SIGCONT; what Ctrl-Z does to processes that do not listen to it. */
export function suspendItself(): void {
  Deno.kill(Deno.pid, "SIGSTOP");
}

/** Whether keys can be read here. */
function mayReadKeys(): boolean {
  if (Deno.build.os !== "linux" || !Deno.stdin.isTerminal()) return false;
  return ["cat", "stty"].every((command) =>
    Deno.permissions.querySync({ name: "run", command }).state === "granted"
  );
}

/** Runs stty on the terminal behind stdin; returns its output, or `undefined` if it fails or is ended by Ctrl-C. */
function stty(...args: string[]): string | undefined {
  const options = { args, clearEnv: true, stdin: "inherit", stderr: "null" } as const;
  try {
    const { success, stdout } = new Deno.Command("stty", options).outputSync();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined;
  }
}

/** Keys that are being read. */
export interface Keys {
  /** Ends that, and gives the terminal its mode back. */
  close(): void;
  /** Ends that; whoever has the terminal now has given it a mode, which a process in the background must not. */
  abandon(): void;
}

/**
 * Reads each key as it is pressed, without showing it; Ctrl-C and Ctrl-Z stay signals. To be called in the
 * foreground only. Reads no key, and leaves the terminal as it is, if stty cannot print its mode.
 *
 * A child `cat` reads: a read cannot be cancelled, and one that is under way when the process goes to the
 * background, by Ctrl-Z and `bg`, would stop it again (SIGTTIN). A child `stty` sets the mode: Deno, once it has
 * set it, does so at its end, too, at which a process in the background is stopped instead (SIGTTOU).
 */
function readKeys(onKey: (key: string) => void): Keys | undefined {
  const mode = stty("-g");
  // Ctrl-C is for the child, too: what cannot be given back must not be taken.
  if (mode === undefined) return undefined;
  stty("-icanon", "-echo", "min", "1", "time", "0");
  const reader = new Deno.Command("cat", {
    clearEnv: true,
    stdin: "inherit",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let isOver = false;
  const read = async () => {
    for await (const text of reader.stdout.pipeThrough(new TextDecoderStream())) {
      // What begins with ESC is one key, such as an arrow, and none that means anything here.
      if (!isOver && !text.startsWith("\x1b")) { for (const key of text) onKey(key); }
    }
    await reader.status;
  };
  // It may end before this process does: Ctrl-C is for both.
  read().catch(() => {});
  const abandon = () => {
    isOver = true;
    try {
      reader.kill("SIGKILL");
    } catch {
      // It has ended.
    }
  };
  return {
    abandon,
    close() {
      abandon();
      // The first may be ended by a second Ctrl-C.
      if (stty(mode) === undefined) stty(mode);
    },
  };
}

/** The terminal of this process, as its user needs it. */
export interface OwnTerminal {
  /** Its size now. */
  size(): TerminalSize;
  /** Where this process is now. */
  jobPlace(): Promise<JobPlace>;
  /** Reads each key; to be called in the foreground only. Without it, no keys can be read. */
  readKeys?(onKey: (key: string) => void): Keys | undefined;
}

/** The terminal of this process. */
export function ownTerminal(): OwnTerminal {
  return { size: terminalSize, jobPlace, ...mayReadKeys() && { readKeys } };
}
