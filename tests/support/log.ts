/**
 * Logs for tests, and the lines of log files.
 *
 * @module
 */
import { LineOutput } from "../../lib/output/line_output.ts";
import { type Log, type LogOptions, openLog } from "../../lib/output/log.ts";

/** A log under test. */
export interface TestLog extends Disposable {
  /** The log; closed when this is disposed of. */
  readonly log: Log;
  /** The lines that it has put out. */
  put(): Promise<string[]>;
}

/** Opens a log; a client's, without files and not quiet, unless options say otherwise. */
export function openTestLog(options: Partial<LogOptions> = {}): TestLog {
  let text = "";
  const sink = {
    write(bytes: Uint8Array) {
      text += new TextDecoder().decode(bytes);
      return Promise.resolve(bytes.length);
    },
  };
  const output = new LineOutput(sink, () => {});
  const log = openLog({
    role: "client",
    output,
    level: "info",
    directory: "",
    hasZone: true,
    ...options,
  });
  return {
    log,
    [Symbol.dispose]: () => log.close(),
    async put() {
      await output.flush();
      return text.split("\n").slice(0, -1);
    },
  };
}

/** The lines of a log file, each of which has to have an end. */
export function logLines(path: string): string[] {
  const lines = Deno.readTextFileSync(path).split("\n");
  const rest = lines.pop();
  if (rest !== "") throw new Error(`${path} ends within a line: ${rest}`);
  return lines;
}
