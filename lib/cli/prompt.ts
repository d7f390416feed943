/**
 * Prompts at a terminal for the host and the port if nothing else gives them.
 *
 * @module
 */
import { UsageError } from "../platform/errors.ts";
import { splitAddress } from "../platform/net/address.ts";
import type { Role } from "../wire/protocol.ts";
import { printable } from "../wire/quote.ts";
import { checkValue, numberOf } from "./check.ts";
import type { Settings } from "./settings.ts";

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
 * Prompts for the host and the port where nothing gives them, again until the answer is valid. The answer
 * for the host may have the port, too, as in `127.0.0.1:4000`.
 *
 * @param given What flags and the configuration file give.
 * @param proposal The default answers, which are taken where there is no terminal.
 * @throws {UsageError} If the input ends before an answer.
 */
export function promptForAddress(
  given: Partial<Settings>,
  proposal: Settings,
  at: Terminal | undefined,
  role: Role,
): Pick<Settings, "host" | "port"> {
  if (!at) return { host: given.host ?? proposal.host, port: given.port ?? proposal.port };
  const check = (key: "host" | "port", answer: string) =>
    checkValue(key, key === "host" ? answer : numberOf(answer), `${key} ${answer}`, role);
  const askPort = () => Number(ask("port", proposal, at, (answer) => check("port", answer)));
  if (given.host !== undefined) return { host: given.host, port: given.port ?? askPort() };
  const { host, port } = ask("host", proposal, at, (answer) => {
    const split = given.port === undefined ? splitAddress(answer) : undefined;
    return {
      host: String(check("host", split?.host ?? answer)),
      port: split?.port === undefined ? given.port : Number(check("port", split.port)),
    };
  });
  return { host, port: port ?? askPort() };
}

function ask<Answer>(
  key: "host" | "port",
  proposal: Settings,
  at: Terminal,
  check: (answer: string) => Answer,
): Answer {
  const question = key === "host" ? "Host" : "Port";
  for (;;) {
    const answer = at.ask(question, String(proposal[key]))?.trim();
    if (answer === undefined) throw new UsageError(`no ${key} was given; see --help`);
    try {
      return check(answer);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      at.show(printable(error.message));
    }
  }
}
