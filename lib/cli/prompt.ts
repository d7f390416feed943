/**
 * Asks a person at a terminal for what nothing else gives.
 *
 * @module
 */
import { UsageError } from "../platform/errors.ts";
import { checkValue, numberOf, type Value } from "./check.ts";
import { KEYS, type Settings } from "./settings.ts";

/** A terminal that a person can be asked at. */
export interface Terminal {
  /** Shows a question with its default and gives the answer; `null` if there is none to come. */
  ask(question: string, proposal: string): string | null;
  /** Shows a line. */
  say(line: string): void;
}

/** The terminal of this process, or `undefined` if there is none. */
export function terminal(): Terminal | undefined {
  if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) return undefined;
  return {
    // Given to `prompt` as its default, a proposal would stand in the line, to be deleted first.
    ask: (question, proposal) => {
      const answer = prompt(`${question} [${proposal}]:`);
      return answer?.trim() === "" ? proposal : answer;
    },
    say: (line) => console.error(line),
  };
}

/**
 * Asks for the host and the port where nothing gives them, again until the answer can be.
 *
 * @param given What flags and the configuration file give.
 * @param proposal What to propose, and to take where there is no terminal.
 * @throws {UsageError} If no answer is to come.
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
      at.say(error.message);
    }
  }
}
