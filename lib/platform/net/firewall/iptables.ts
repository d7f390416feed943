/**
 * The rules of iptables and ip6tables: what `-S` lists, and the arguments that add and remove a rule.
 *
 * @module
 */
import {
  anyOf,
  both,
  fromSource,
  hasFlags,
  inState,
  isTcp,
  known,
  type Match,
  NO_OPENING,
  onInterface,
  type Opening,
  opposite,
  toAddress,
} from "./opening.ts";
import type { Chain, Outcome, Rule, Verdict } from "./ruleset.ts";

/** The chain of what is for this host. */
export const INPUT = "INPUT";

/** A rule as `-S` lists it. */
export interface ListedRule extends Rule {
  /** Its words behind the name of its chain. */
  readonly words: readonly string[];
}

/** Parses what `iptables -S` prints, as it concerns the connections of an opening, or none. */
export function iptablesChains(text: string, opening?: Opening): Map<string, Chain<ListedRule>> {
  const chains = new Map<string, { rules: ListedRule[]; policy?: "accept" | "drop" }>();
  for (const line of text.split("\n")) {
    const [command, name = "", ...words] = wordsOf(line);
    const chain = chains.get(name) ?? { rules: [] };
    if (command === "-P") chain.policy = words[0] === "DROP" ? "drop" : "accept";
    else if (command === "-A") chain.rules.push(parsed(words, opening));
    else if (command !== "-N") continue;
    chains.set(name, chain);
  }
  return chains;
}

/** The words of a line; in double quotes, a backslash stands before what is meant literally. */
function wordsOf(line: string): string[] {
  const words = line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g);
  return [...words].map(([, quoted, plain]) => plain ?? quoted!.replace(/\\(.)/g, "$1"));
}

/** Parses the words of a rule up to its target, whose own options come last. */
function parsed(words: readonly string[], opening = NO_OPENING): ListedRule {
  let match: Match = "all";
  let verdict: Verdict | undefined;
  let comment: string | undefined;
  let isNot = false;
  for (let at = 0; at < words.length && verdict === undefined; at++) {
    const word = words[at]!;
    if (word === "!") {
      isNot = true;
      continue;
    }
    // A condition's values stand up to the next option.
    const values = words.slice(at + 1, nextOption(words, at + 1));
    const [value = "", second = ""] = values;
    if (word === "--comment") comment = words[++at];
    else if (word === "-j" || word === "-g") {
      verdict = verdictOf(value, word === "-j");
      break;
    } else if (word.startsWith("-")) {
      const holds = CONDITIONS[word]?.(opening, value, second) ?? "some";
      match = both(match, isNot ? opposite(holds) : holds);
      at += values.length;
    }
    isNot = false;
  }
  const outcomes: Outcome[] = verdict === undefined ? [] : [{ match, verdict }];
  return { outcomes, words, ...comment !== undefined && { comment } };
}

function nextOption(words: readonly string[], from: number): number {
  const at = words.findIndex((word, at) => at >= from && (word.startsWith("-") || word === "!"));
  return at < 0 ? words.length : at;
}

/** Targets that are no chains, and leave the packet to the next rule. */
const PASSING = new Set(
  ("AUDIT CHECKSUM CLASSIFY CONNMARK CONNSECMARK CT DSCP ECN HL HMARK IDLETIMER LED LOG MARK NFLOG " +
    "NFQUEUE NOTRACK RATEEST SECMARK SET SYNPROXY TCPMSS TCPOPTSTRIP TEE TOS TRACE TTL ULOG")
    .split(" "),
);

function verdictOf(target: string, returns: boolean): Verdict | undefined {
  if (target === "ACCEPT") return "accept";
  if (target === "RETURN") return "return";
  if (["DROP", "REJECT", "TARPIT"].includes(target)) return "drop";
  return PASSING.has(target) ? undefined : { chain: target, returns };
}

type Condition = (opening: Opening, value: string, second: string) => Match;

const ports: Condition = ({ port }, value) =>
  anyOf(
    value.split(",").map((each) => {
      const [first, last = first] = each.split(":").map(Number);
      return known(port >= first! && port <= last!);
    }),
  );

const states: Condition = (_, value) => inState(value.split(","));

const KNOWN_MODULES = new Set(["addrtype", "comment", "conntrack", "multiport", "state", "tcp"]);

/** The conditions that are known, by their option; every other one may hold for some connections. */
const CONDITIONS: Readonly<Record<string, Condition>> = {
  "-p": (_, value) => isTcp(value),
  "-s": fromSource,
  "-d": toAddress,
  "-i": onInterface,
  // What these modules match is said by their options, which follow.
  "-m": (_, value) => KNOWN_MODULES.has(value) ? "all" : "some",
  "--dport": ports,
  "--dports": ports,
  "--state": states,
  "--ctstate": states,
  "--tcp-flags": (_, mask, set) => hasFlags(mask.split(","), set.split(",")),
  "--dst-type": (_, value) => known(value.split(",").includes("LOCAL")),
};

/** The arguments that insert a rule for the connections, before a rule of INPUT by its index from 0. */
export function insertArguments(opening: Opening, at: number, comment: string): string[] {
  return ["-I", INPUT, `${at + 1}`, ...conditions(opening), ...["-m", "comment"], "--comment"]
    .concat(comment, "-j", "ACCEPT");
}

/** The arguments that remove a rule, whatever its index has become. */
export function deleteArguments({ words }: ListedRule): string[] {
  return ["-D", INPUT, ...words];
}

function conditions({ address, port, sources }: Opening): string[] {
  return [
    ...["-p", "tcp"],
    ...sources ? ["-s", sources.join(",")] : [],
    ...address === undefined ? [] : ["-d", address],
    ...["--dport", `${port}`],
  ];
}

/** The command for people that opens the port, before a rule by its index. */
export function iptablesCommand(opening: Opening, at?: number): string {
  const tool = opening.family === "ip" ? "iptables" : "ip6tables";
  const place = at === undefined || at === 0 ? [] : [`${at + 1}`];
  return [tool, "-I", INPUT, ...place, ...conditions(opening), "-j", "ACCEPT"].join(" ");
}
