/**
 * What reaches a process from outside or goes wrong where nobody catches it.
 *
 * @module
 */

/** The signals that ask a process to end, as far as the platform knows them. */
const STOP_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/** Calls back at every signal that asks this process to end, until disposed of. */
export function onStopSignal(callback: () => void): Disposable {
  for (const signal of STOP_SIGNALS) Deno.addSignalListener(signal, callback);
  return {
    [Symbol.dispose]() {
      for (const signal of STOP_SIGNALS) Deno.removeSignalListener(signal, callback);
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

/** What to tell of an error that is a defect of this program: where it came from, too. */
export function defectText(error: unknown): string {
  return `a defect of this program: ${error instanceof Error ? error.stack : String(error)}`;
}
