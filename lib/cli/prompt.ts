/**
 * Prompts at a terminal for the host and the port if nothing else gives them.
 *
 * @module
 */
import { UsageError } from "../platform/errors.ts";
import { printable } from "../wire/quote.ts";
import { checkValue, numberOf, type Value } from "./check.ts";
import { KEYS, type Settings } from "./settings.ts";

/** A terminal with a person. */
export interface Terminal {
  /** Shows a question with its default and returns the answer; `null` at the end of the input. */
  ask(question: string, proposal: string): string | null;
  /** Shows a line. */
  show(line: string): void;
}

/** The terminal of this process, or `undefined` if there is none. */
export function terminal(): Terminal | undefined {
  if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) return undefined;
  return {
    // The default of `prompt` would stand in the line, to be deleted before typing.
    ask: (question, proposal) => {
      const answer = prompt(`${question} [${proposal}]:`);
      return answer?.trim() === "" ? proposal : answer;
    },
    show: (line) => console.error(line),
  };
}

/**
 * Prompts for the host and the port where nothing gives them, again until the answer is valid.
 *
 * @param given What flags and the configuration file give.
 * @param proposal The default answers, which are taken where there is no terminal.
 * @throws {UsageError} If the input ends before an answer.
 */
export function promptForAddress(
  given: Partial<Settings>,
  proposal: Settings,
  at: Terminal | undefined,
): Pick<Settings, "host" | "port"> {
  const get = (key: "host" | "port") => given[key] ?? (at ? ask(key, proposal, at) : proposal[key]);
  return { host: String(get("host")), port: Number(get("port")) };
}

function ask(key: "host" | "port", proposal: Settings, at: Terminal): Value {
  const question = key === "host" ? "Host" : "Port";
  for (;;) {
    const answer = at.ask(question, String(proposal[key]))?.trim();
    if (answer === undefined) throw new UsageError(`no ${key} was given; see --help`);
    try {
      const value = KEYS[key].unit === "text" ? answer : numberOf(answer);
      return checkValue(key, value, `${key} ${answer}`);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      at.show(printable(error.message));
    }
  }
}
