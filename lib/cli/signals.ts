/**
 * Signals that end a process or make it reopen files, and errors that nobody catches.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import { defectText } from "../platform/errors.ts";
import { ignoresSignal } from "../platform/proc.ts";
import { maySuspendItself, suspendItself } from "../platform/terminal/terminal.ts";

const SIGHUP = 1;

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
 * disposed of. Where the process was started to ignore SIGHUP, as by `nohup`, nothing happens. To be called
 * before {@linkcode onStopSignal}.
 */
export function onReloadSignal(callback: () => void): Disposable {
  if (Deno.build.os === "windows" || hasTerminal()) return { [Symbol.dispose]() {} };
  const ignoring = ignoresSignal(SIGHUP);
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
  /** Gives the terminal back before the process is stopped. */
  suspend(): Promise<void>;
}

/** Hands over the signals of a terminal, until it is disposed of. */
export function onTerminalSignals(user: TerminalUser, clock: Clock): Disposable {
  if (Deno.build.os === "windows") return { [Symbol.dispose]() {} };
  let isSuspending = false;
  const suspend = async () => {
    if (isSuspending) return;
    isSuspending = true;
    await user.suspend();
    suspendItself();
    // It goes on. A task passes on each signal that it receives: what came before is over.
    clock.afterInput(() => isSuspending = false);
  };
  const listeners: [Deno.Signal, () => void][] = [
    ["SIGWINCH", () => user.onResize()],
    ["SIGCONT", () => user.onContinue()],
    // Whoever reads keys in the background is stopped, but not this process with it.
    ["SIGTTIN", () => {}],
  ];
  // Otherwise the system stops it at once.
  if (maySuspendItself()) listeners.push(["SIGTSTP", suspend]);
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  return {
    [Symbol.dispose]() {
      for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
    },
  };
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
