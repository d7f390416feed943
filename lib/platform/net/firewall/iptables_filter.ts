/**
 * Changes the rules of iptables, or of ip6tables.
 *
 * @module
 */
import {
  deleteArguments,
  INPUT,
  insertArguments,
  iptablesChains,
  type ListedRule,
} from "./iptables.ts";
import type { Family, Opening } from "./opening.ts";
import { placeIn } from "./ruleset.ts";
import type { RunTool } from "./firewall_host.ts";

/** What the filters of both tools are made from. */
export interface FilterOptions {
  /** Runs the tools. */
  readonly run: RunTool;
  /** The comment of the rule. */
  readonly label: string;
  /** Whether a rule with this comment was left behind by a server that was killed. */
  readonly isLeftOver: (comment: string | undefined) => Promise<boolean>;
}

/** How often the rules of others may change between a look and a change. */
export const MAX_ATTEMPTS = 3;

/** Waits so many seconds while another process changes the rules. */
const WAIT = ["-w", "3"];

/** The rules for one family. */
export class IptablesFilter {
  /** The program. */
  readonly tool: "iptables" | "ip6tables";
  /** The family. */
  readonly family: Family;
  readonly #options: FilterOptions;
  #text = "";

  /** Creates a filter that has listed nothing yet. */
  constructor(family: Family, options: FilterOptions) {
    this.family = family;
    this.tool = family === "ip" ? "iptables" : "ip6tables";
    this.#options = options;
  }

  /** Lists the rules; returns why it cannot. */
  async list(): Promise<string | undefined> {
    const { isDone, text } = await this.#run(["-S"]);
    if (!isDone) return text;
    this.#text = text;
  }

  /** Whether the rules drop the connections of an opening, as listed. */
  catches(opening: Opening): boolean {
    return this.#look(opening).isCaught;
  }

  /** Whether there is no rule for what is for this host, nor a policy that drops it, as listed. */
  get isEmpty(): boolean {
    const { policy, rules = [] } = iptablesChains(this.#text).get(INPUT) ?? {};
    return rules.length === 0 && policy !== "drop";
  }

  /** Removes what killed servers have left, as listed; returns why it cannot. */
  async removeLeftOvers(): Promise<string | undefined> {
    const { isLeftOver } = this.#options;
    return await this.#removeAll(isLeftOver, true);
  }

  /** Inserts the rule for an opening; returns why it cannot. */
  async insert(opening: Opening): Promise<string | undefined> {
    const { label } = this.#options;
    for (let attempt = 1;; attempt++) {
      const { at } = this.#look(opening);
      const { isDone, text } = await this.#run(insertArguments(opening, at, label));
      if (!isDone) return text;
      const problem = await this.list();
      if (problem !== undefined || this.#stands(opening)) return problem;
      // Others have changed their rules meanwhile, so that it may be behind the one that it must precede.
      const stuck = await this.remove();
      if (stuck !== undefined) return stuck;
      if (attempt === MAX_ATTEMPTS) return `${this.tool}: another program keeps changing the rules`;
    }
  }

  /** Removes the rule; returns why it cannot. */
  async remove(): Promise<string | undefined> {
    const { label } = this.#options;
    return await this.#removeAll((comment) => Promise.resolve(comment === label));
  }

  async #removeAll(
    isToGo: (comment: string | undefined) => Promise<boolean>,
    isListed = false,
  ): Promise<string | undefined> {
    let problem: string | undefined;
    // A signal that ends a whole group of processes may have ended the tool before it was done.
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      problem = attempt === 1 && isListed ? undefined : await this.list();
      if (problem !== undefined) continue;
      const rules: ListedRule[] = [];
      for (const rule of this.#rules()) if (await isToGo(rule.comment)) rules.push(rule);
      if (rules.length === 0) return undefined;
      for (const rule of rules) {
        const { isDone, text } = await this.#run(deleteArguments(rule));
        if (!isDone) problem = text;
      }
    }
    return problem ?? await this.list();
  }

  #rules(): readonly ListedRule[] {
    return iptablesChains(this.#text).get(INPUT)?.rules ?? [];
  }

  #look(opening: Opening): { at: number; isCaught: boolean } {
    return placeIn(iptablesChains(this.#text, opening), INPUT);
  }

  /** Whether the rule stands before all that drops the connections, as listed. */
  #stands(opening: Opening): boolean {
    const { label } = this.#options;
    const chains = iptablesChains(this.#text, opening);
    const rules = chains.get(INPUT)?.rules ?? [];
    const others = rules.filter(({ comment }) => comment !== label);
    const { at } = placeIn(
      new Map([...chains, [INPUT, { ...chains.get(INPUT)!, rules: others }]]),
      INPUT,
    );
    const last = rules.findLastIndex(({ comment }) => comment === label);
    const first = others[at];
    return last >= 0 && (first === undefined || last < rules.indexOf(first));
  }

  #run(args: readonly string[]): Promise<{ isDone: boolean; text: string }> {
    return this.#options.run(this.tool, [...WAIT, ...args]);
  }
}
