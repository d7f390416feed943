/**
 * Signals that end a process, and errors that nobody catches.
 *
 * @module
 */
import { defectText } from "../platform/errors.ts";

/** The signals of the platform that ask a process to end. */
function stopSignals(): Deno.Signal[] {
  if (Deno.build.os === "windows") return ["SIGINT", "SIGBREAK"];
  // Without a terminal, listening for SIGHUP would undo nohup.
  const hasTerminal = [Deno.stdin, Deno.stdout, Deno.stderr].some((each) => each.isTerminal());
  return hasTerminal ? ["SIGINT", "SIGTERM", "SIGHUP"] : ["SIGINT", "SIGTERM"];
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
