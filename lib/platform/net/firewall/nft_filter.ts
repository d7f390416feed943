/**
 * Changes the rules of nftables.
 *
 * @module
 */
import { type FilterOptions, MAX_ATTEMPTS } from "./iptables_filter.ts";
import {
  NFT_LIST,
  type NftChain,
  nftChains,
  nftDelete,
  nftInsert,
  nftObjects,
  type NftRule,
} from "./nft.ts";
import type { JsonObject } from "./nft_match.ts";
import type { Family, Opening } from "./opening.ts";

/** Openings for which one rule stands in a chain, before one of its rules. */
interface Insertion {
  readonly chain: NftChain;
  readonly at: number;
  readonly openings: readonly Opening[];
}

/** The rules of all tables but those that iptables has listed as its own. */
export class NftFilter {
  readonly #options: FilterOptions;
  /** The families that iptables has listed. */
  readonly #handled: readonly Family[];
  #objects: readonly JsonObject[] = [];

  /** Creates a filter that has listed nothing yet. */
  constructor(handled: readonly Family[], options: FilterOptions) {
    this.#handled = handled;
    this.#options = options;
  }

  /** Lists the rules; returns why it cannot. */
  async list(): Promise<string | undefined> {
    const { isDone, text } = await this.#options.run("nft", NFT_LIST);
    if (!isDone) return text;
    const objects = nftObjects(text);
    if (!objects) return "nft prints no JSON";
    this.#objects = objects;
  }

  /** Whether the rules drop the connections of an opening, as listed. */
  catches(opening: Opening): boolean {
    return this.#chains(opening).some(({ isCaught }) => isCaught);
  }

  /**
   * Inserts a rule for openings in each chain that drops their connections, or in the first one if none does and
   * iptables is not there; and removes what killed servers have left.
   *
   * @returns The chains that have the rule, or why it cannot.
   */
  async insert(openings: readonly Opening[]): Promise<{ chains: string[] } | { problem: string }> {
    for (let attempt = 1;; attempt++) {
      const insertions = this.#insertions(openings);
      const leftOvers = await this.#rulesThat(this.#options.isLeftOver);
      const { isDone, text } = await this.#apply([
        ...leftOvers.map(nftDelete),
        ...insertions.map(({ at, chain, openings }) =>
          nftInsert(chain, at, openings, this.#options.label)
        ),
      ]);
      if (isDone) {
        const names = insertions.map(({ chain: { chain, family, table } }) =>
          `nft ${family} ${table} ${chain}`
        );
        return { chains: [...new Set(names)] };
      }
      // Others may have changed their rules meanwhile.
      const problem = attempt === MAX_ATTEMPTS ? text : await this.list();
      if (problem !== undefined) return { problem };
    }
  }

  /** Removes the rule; returns why it cannot. */
  async remove(): Promise<string | undefined> {
    let problem: string | undefined;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      problem = await this.list();
      if (problem !== undefined) continue;
      const { label } = this.#options;
      const rules = await this.#rulesThat((comment) => Promise.resolve(comment === label));
      if (rules.length === 0) return undefined;
      const { isDone, text } = await this.#apply(rules.map(nftDelete));
      if (isDone) return undefined;
      problem = text;
    }
    return problem;
  }

  async #rulesThat(isIt: (comment: string | undefined) => Promise<boolean>): Promise<NftRule[]> {
    const found: NftRule[] = [];
    for (const { rules } of nftChains(this.#objects)) {
      for (const rule of rules) if (await isIt(rule.comment)) found.push(rule);
    }
    return found;
  }

  /** The chains that the connections of an opening pass. */
  #chains(opening: Opening): NftChain[] {
    return nftChains(this.#objects, opening).filter(({ chain, family, table }) =>
      !(this.#handled.some((each) => each === family) && table === "filter" && chain === "INPUT")
    );
  }

  #insertions(openings: readonly Opening[]): Insertion[] {
    const insertions: Insertion[] = [];
    for (const opening of openings) {
      const chains = this.#chains(opening);
      const catching = chains.filter(({ isCaught }) => isCaught);
      const isAlone = !this.#handled.includes(opening.family);
      const chosen = catching.length === 0 && isAlone ? chains.slice(0, 1) : catching;
      for (const chain of chosen) insertions.push({ chain, at: chain.at, openings: [opening] });
    }
    return merged(insertions);
  }

  async #apply(commands: readonly JsonObject[]): Promise<{ isDone: boolean; text: string }> {
    if (commands.length === 0) return { isDone: true, text: "" };
    const input = JSON.stringify({ nftables: commands });
    return await this.#options.run("nft", ["-j", "-f", "-"], input);
  }
}

/** One rule does for both families in a table of both, unless sources are told apart. */
function merged(insertions: readonly Insertion[]): Insertion[] {
  const result: Insertion[] = [];
  for (const each of insertions) {
    const { chain: { chain, table }, at, openings: [opening] } = each;
    const alike = result.findIndex(({ chain: other, openings }) =>
      other.family === "inet" && each.chain.family === "inet" && other.table === table &&
      other.chain === chain && openings[0]?.sources === undefined && opening?.sources === undefined
    );
    const first = result[alike];
    if (!first) result.push(each);
    else {
      result[alike] = {
        ...first,
        at: Math.min(first.at, at),
        openings: [...first.openings, ...each.openings],
      };
    }
  }
  return result;
}
