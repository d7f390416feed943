/**
 * Signals that end a process or make it reopen files, and errors that nobody catches.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import { defectText } from "../platform/errors.ts";
import { ignoresSignal } from "../platform/proc.ts";
import { isJobStopping, maySuspendItself, suspendItself } from "../platform/terminal/terminal.ts";

const SIGHUP = 1;

/** How long, in milliseconds, the process that leads a job may take to stop at Ctrl-Z. */
const STOP_MS = 200;

/** How often, in milliseconds, it is looked at. */
const LOOK_MS = 20;

function hasTerminal(): boolean {
  return [Deno.stdin, Deno.stdout, Deno.stderr].some((each) => each.isTerminal());
}

/** The signals of the platform that ask a process to end. */
function stopSignals(): Deno.Signal[] {
  if (Deno.build.os === "windows") return ["SIGINT", "SIGBREAK"];
  // With a terminal, SIGHUP means that it was closed; without one, it asks to reopen files.
  return hasTerminal() ? ["SIGINT", "SIGTERM", "SIGHUP"] : ["SIGINT", "SIGTERM"];
}

/** Calls back at every signal that asks this process to end, until it is disposed of. */
export function onStopSignal(callback: () => void): Disposable {
  const signals = stopSignals();
  for (const signal of signals) Deno.addSignalListener(signal, callback);
  return {
    [Symbol.dispose]() {
      for (const signal of signals) Deno.removeSignalListener(signal, callback);
    },
  };
}

/**
 * Calls back at SIGHUP where there is no terminal, as logrotate and `systemctl reload` send it, until it is
 * disposed of. Where the process has files to reopen, but was started to ignore SIGHUP, as by `nohup`, nothing
 * happens. To be called before {@linkcode onStopSignal}.
 */
export function onReloadSignal(callback: () => void, hasFiles: boolean): Disposable {
  if (Deno.build.os === "windows" || hasTerminal()) return { [Symbol.dispose]() {} };
  // A child says so, which takes 4 ms of the start.
  const ignoring = hasFiles ? ignoresSignal(SIGHUP) : Promise.resolve(false);
  // Listen in any case: a listener for another signal ends what `nohup` asked for, and SIGHUP would kill.
  const listener = () => void ignoring.then((isIgnored) => isIgnored || callback());
  Deno.addSignalListener("SIGHUP", listener);
  return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGHUP", listener) };
}

/** What shows something on a terminal. */
export interface TerminalUser {
  /** The terminal has another size. */
  onResize(): void;
  /** The process was stopped, and goes on. */
  onContinue(): void;
  /** Gives the terminal back before the process is stopped; resolves with whether the shell waits for it itself. */
  suspend(): Promise<boolean>;
}

/** Hands over the signals of a terminal, until it is disposed of. */
export function onTerminalSignals(user: TerminalUser, clock: Clock): Disposable {
  if (Deno.build.os === "windows") return { [Symbol.dispose]() {} };
  let isSuspending = false;
  let isOver = false;
  let continued = 0;
  const suspend = async () => {
    if (isSuspending) return;
    isSuspending = true;
    const isLeader = await user.suspend();
    const isStopping = isLeader || await jobStops(clock, () => continued);
    if (isOver) return;
    if (isStopping) suspendItself();
    else user.onContinue();
    // It goes on. A task passes on each signal that it receives: what came before is over.
    clock.afterInput(() => isSuspending = false);
  };
  const listeners: [Deno.Signal, () => void][] = [
    ["SIGWINCH", () => user.onResize()],
    ["SIGCONT", () => {
      continued++;
      user.onContinue();
    }],
    // Whoever reads keys in the background is stopped, but not this process with it.
    ["SIGTTIN", () => {}],
  ];
  // Otherwise the system stops it at once.
  if (maySuspendItself()) listeners.push(["SIGTSTP", suspend]);
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  return {
    [Symbol.dispose]() {
      isOver = true;
      for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
    },
  };
}

/**
 * Whether the job of this process, which another one leads, stops at Ctrl-Z. A task may go on, and a shell may soon
 * continue the job: then nobody would continue this process.
 */
async function jobStops(clock: Clock, continued: () => number): Promise<boolean> {
  const late = Promise.withResolvers<void>();
  let isLate = false;
  const limit = clock.timer(late.resolve);
  limit.set(clock.now() + STOP_MS);
  const look = async () => {
    while (!isLate) {
      const before = continued();
      const isStopping = await isJobStopping();
      // A signal that has come meanwhile is input, too: the answer may be older.
      await new Promise<void>((resolve) => clock.afterInput(resolve));
      if (isStopping && continued() === before) return true;
      await new Promise<void>((resolve) => clock.timer(resolve).set(clock.now() + LOOK_MS));
    }
    return false;
  };
  // Another Ctrl-Z may stop the child that looks.
  const isStopping = await Promise.race([look(), late.promise]);
  isLate = true;
  limit.clear();
  return isStopping ?? false;
}

/** Reports an error that nobody caught, before it ends this process; until it is disposed of. */
export function onDefect(report: (text: string) => void): Disposable {
  const listener = (event: Event) => {
    const error = event instanceof PromiseRejectionEvent
      ? event.reason
      : event instanceof ErrorEvent
      ? event.error
      : event;
    report(defectText(error));
  };
  addEventListener("error", listener);
  addEventListener("unhandledrejection", listener);
  return {
    [Symbol.dispose]() {
      removeEventListener("error", listener);
      removeEventListener("unhandledrejection", listener);
    },
  };
}
