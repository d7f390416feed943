/**
 * The rules of a firewall as far as the connections of an {@linkcode Opening} meet them, whichever tool listed
 * them; and where one for those connections has to stand.
 *
 * @module
 */
import { both, type Match } from "./opening.ts";

/** What is done with a packet; a jump to another chain comes back, or does not. */
export type Verdict =
  | "accept"
  | "drop"
  | "return"
  | { readonly chain: string; readonly returns: boolean };

/** One thing that a rule may do. */
export interface Outcome {
  /** For which of the connections. */
  readonly match: Match;
  /** What is done with them. */
  readonly verdict: Verdict;
}

/** A rule. */
export interface Rule {
  /** What it may do; most rules do one thing, or nothing that matters here. */
  readonly outcomes: readonly Outcome[];
  /** Its comment. */
  readonly comment?: string;
}

/** A chain of rules. */
export interface Chain<OneRule extends Rule = Rule> {
  /** Its rules, in order. */
  readonly rules: readonly OneRule[];
  /** What is done with what no rule has decided; `undefined` in a chain that others jump to. */
  readonly policy?: "accept" | "drop";
}

/** Chains by their names. */
export type Chains = ReadonlyMap<string, Chain>;

/** What becomes of the connections in a chain, and by which of its rules. */
interface Fate {
  readonly end: "accepted" | "dropped" | "passed";
  readonly at: number;
}

/** Where a rule for the connections has to stand. */
export interface Place {
  /** Before which rule of the chain, from 0; their number for the end of the chain. */
  readonly at: number;
  /** Whether a rule or the policy of the chain drops the connections as it is. */
  readonly isCaught: boolean;
}

/**
 * Finds where a rule for the connections has to stand in a chain: before the first rule that drops all of
 * them, or all that arrive at some place, by itself or by the chain that it jumps to. What drops some of them
 * only, such as those of certain sources or above a rate, keeps its effect.
 */
export function placeIn(chains: Chains, name: string): Place {
  const { end, at } = fateIn(chains, name, "all", []);
  const isCaught = end === "dropped" || end === "passed" && chains.get(name)?.policy === "drop";
  return { at, isCaught };
}

function fateIn(chains: Chains, name: string, within: Match, before: readonly string[]): Fate {
  const rules = chains.get(name)?.rules ?? [];
  for (const [at, { outcomes }] of rules.entries()) {
    for (const outcome of outcomes) {
      const match = both(within, outcome.match);
      const fate = match === "none" || match === "some"
        ? undefined
        : fateOf(chains, outcome.verdict, match, [...before, name]);
      if (fate) return { end: fate, at };
    }
  }
  return { end: "passed", at: rules.length };
}

/** What a verdict means for the rest of a chain: its fate, or that the next rule decides. */
function fateOf(
  chains: Chains,
  verdict: Verdict,
  match: Match,
  before: readonly string[],
): Fate["end"] | undefined {
  // Only what holds for all connections leaves none of them to the rules behind it.
  const ifAll = (end: Fate["end"]) => match === "all" ? end : undefined;
  if (verdict === "drop") return "dropped";
  if (verdict === "accept") return ifAll("accepted");
  if (verdict === "return") return ifAll("passed");
  if (before.includes(verdict.chain)) return undefined;
  const { end } = fateIn(chains, verdict.chain, match, before);
  if (end === "dropped") return end;
  if (end === "passed") return verdict.returns ? undefined : ifAll("passed");
  return ifAll(end);
}
