/**
 * What reaches a process from outside or goes wrong where nobody catches it.
 *
 * @module
 */
import { defectText } from "../platform/errors.ts";

/** The signals that ask a process to end, as far as the platform knows them. */
function stopSignals(): Deno.Signal[] {
  if (Deno.build.os === "windows") return ["SIGINT", "SIGBREAK"];
  // Without a terminal there is none to hang up; to listen would undo what nohup has done.
  const hasTerminal = [Deno.stdin, Deno.stdout, Deno.stderr].some((each) => each.isTerminal());
  return hasTerminal ? ["SIGINT", "SIGTERM", "SIGHUP"] : ["SIGINT", "SIGTERM"];
}

/** Calls back at every signal that asks this process to end, until disposed of. */
export function onStopSignal(callback: () => void): Disposable {
  const signals = stopSignals();
  for (const signal of signals) Deno.addSignalListener(signal, callback);
  return {
    [Symbol.dispose]() {
      for (const signal of signals) Deno.removeSignalListener(signal, callback);
    },
  };
}

/** Tells, in words, of an error that nobody caught, before it ends this process; until disposed of. */
export function onDefect(tell: (text: string) => void): Disposable {
  const listener = (event: Event) => {
    const error = event instanceof PromiseRejectionEvent
      ? event.reason
      : event instanceof ErrorEvent
      ? event.error
      : event;
    tell(defectText(error));
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
