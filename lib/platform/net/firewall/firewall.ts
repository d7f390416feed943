/**
 * The rule by which this host's firewall lets connections in to a server's port while it runs.
 *
 * The room: `opening.ts` has the connections that are to get in, and what conditions of rules say of them;
 * `ruleset.ts` finds where a rule for them has to stand; `iptables.ts` and `nft.ts` (by `nft_match.ts`) know how
 * each tool lists, adds and removes rules, `iptables_filter.ts` and `nft_filter.ts` do it, by
 * `firewall_host.ts`, which runs the tools; `label.ts` is
 * what a rule is known by; `advice.ts` has the commands for people.
 *
 * `server/` calls it, for a port that is open. Of the rules of others it must never change one, nor the order.
 *
 * @module
 */
import type { Clock } from "../../clock.ts";
import { openCommand, reachAdvice } from "./advice.ts";
import { type FirewallHost, systemFirewallHost } from "./firewall_host.ts";
import { type FilterOptions, IptablesFilter } from "./iptables_filter.ts";
import { isLeftOver, labelOf, type Owner, ownerOf } from "./label.ts";
import { NftFilter } from "./nft_filter.ts";
import { type GuardedAddress, type Opening, openingsOf, plainAddress } from "./opening.ts";

/** What has become of an attempt to open the port. */
export interface OpenReport {
  /** Whether connections get in, as far as this host's firewall is concerned. */
  readonly isOpen: boolean;
  /** What was done, or why not and what to do instead; a sentence. */
  readonly text: string;
}

/** The firewall of this host, as far as the port of one server goes. */
export interface PortFirewall {
  /** The rule that opens the port, which is nowhere yet. */
  readonly rule: FirewallRule;
  /** What to do when nobody connects, in a line. */
  advice(): Promise<string>;
}

/** The firewall of this host for an address that a server listens on. */
export function firewallOf(address: GuardedAddress, clock: Clock): PortFirewall {
  const host = systemFirewallHost(clock);
  return { rule: new FirewallRule(address, host), advice: () => reachAdvice(address, host) };
}

/** How many addresses a rule may be for: each is a rule of its own in iptables. */
const MAX_SOURCES = 64;

const FOR_ALL =
  `, for every address: allow has more than ${MAX_SOURCES}, and the server refuses the others`;

/** The rule of one server, which is to listen already: then no other one can have its port. */
export class FirewallRule {
  readonly #address: GuardedAddress;
  readonly #host: FirewallHost;
  readonly #openings: readonly Opening[];
  /** Whether it is for every address though not every one may connect. */
  readonly #isForAll: boolean;
  readonly #owner: Owner;
  readonly #label: string;
  /** Those that may have the rule. */
  readonly #changed = new Set<IptablesFilter | NftFilter>();

  /** Creates a rule that is nowhere yet. */
  constructor(address: GuardedAddress, host: FirewallHost) {
    this.#address = address;
    this.#host = host;
    const openings = openingsOf(address);
    this.#isForAll = openings.some(({ sources = [] }) => sources.length > MAX_SOURCES);
    this.#openings = this.#isForAll ? openingsOf({ ...address, allow: [] }) : openings;
    this.#owner = { host: plainAddress(address.host), port: address.port, pid: host.pid };
    this.#label = labelOf(this.#owner);
  }

  /** Adds the rule, in place of one that a server which was killed has left. */
  async open(): Promise<OpenReport> {
    const why = await this.whyNot();
    if (why !== undefined) return await this.#failed(why);
    const { iptables, nft, problem } = await this.#list();
    if (problem !== undefined) return await this.#failed(problem);
    const places: string[] = [];
    for (const filter of iptables) {
      const problem = await this.#insertIn(filter, nft, places);
      if (problem !== undefined) return await this.#failed(problem);
    }
    if (nft) {
      this.#changed.add(nft);
      const result = await nft.insert(this.#openings);
      if ("problem" in result) return await this.#failed(result.problem);
      places.push(...result.chains);
    }
    return { isOpen: true, text: this.#openText(places) };
  }

  /** Removes the rule, wherever it is; returns why it could not, as a sentence. */
  async close(): Promise<string | undefined> {
    const problems: string[] = [];
    for (const filter of this.#changed) {
      const problem = await filter.remove();
      if (problem !== undefined) problems.push(problem);
    }
    this.#changed.clear();
    if (problems.length === 0) return undefined;
    return `cannot remove the rule "${this.#label}" from the firewall: ${
      problems.join("; ")
    }; the next ` +
      "server on this port removes it";
  }

  /** Why there is nothing to try, as a clause; `undefined` if there is. */
  async whyNot(): Promise<string | undefined> {
    const { mayRun, read } = this.#host;
    const status = await read("/proc/self/status");
    if (status !== undefined && !hasNetAdmin(status)) {
      return /^Uid:\s+0\b/m.test(status)
        ? `this process is root without CAP_NET_ADMIN, ${IN_CONTAINER}`
        : "that takes root (CAP_NET_ADMIN)";
    }
    if (!mayRun("iptables") && !mayRun("nft")) {
      return `there is neither iptables nor nft to run, ${IN_CONTAINER}`;
    }
  }

  /** Lists the rules of all tools that work, without what killed servers have left. */
  async #list(): Promise<{ iptables: IptablesFilter[]; nft?: NftFilter; problem?: string }> {
    const { mayRun, run } = this.#host;
    const options: FilterOptions = {
      run,
      label: this.#label,
      isLeftOver: async (comment) => {
        const owner = ownerOf(comment);
        return owner !== undefined && await isLeftOver(owner, this.#owner, this.#host.read);
      },
    };
    let problem: string | undefined;
    const iptables: IptablesFilter[] = [];
    for (const filter of [new IptablesFilter("ip", options), new IptablesFilter("ip6", options)]) {
      if (!mayRun(filter.tool)) continue;
      const failure = await filter.list() ?? await filter.removeLeftOvers();
      if (failure === undefined) iptables.push(filter);
      else if (this.#needs(filter)) problem ??= failure;
    }
    if (!mayRun("nft")) return { iptables, problem: problem ?? this.#missing(iptables) };
    const nft = new NftFilter(iptables.map(({ family }) => family), options);
    const failure = await nft.list();
    if (failure === undefined) return { iptables, nft };
    return { iptables, problem: problem ?? (this.#missing(iptables) && failure) };
  }

  #needs({ family }: IptablesFilter): boolean {
    return this.#openings.some((each) => each.family === family);
  }

  /** Which tool for a family is not there. */
  #missing(iptables: readonly IptablesFilter[]): string | undefined {
    const opening = this.#openings.find(({ family }) =>
      !iptables.some((each) => each.family === family)
    );
    return opening && `there is no ${opening.family === "ip" ? "iptables" : "ip6tables"} to run`;
  }

  /** Inserts the rule, unless there are no others, or only the tables that nft shows drop the connections. */
  async #insertIn(
    filter: IptablesFilter,
    nft: NftFilter | undefined,
    places: string[],
  ): Promise<string | undefined> {
    const opening = this.#openings.find(({ family }) => family === filter.family);
    if (!opening) return undefined;
    const isOthers = filter.isEmpty || nft?.catches(opening);
    if (isOthers && !filter.catches(opening)) return undefined;
    this.#changed.add(filter);
    const problem = await filter.insert(opening);
    if (problem === undefined) places.push(filter.tool);
    return problem;
  }

  #openText(places: readonly string[]): string {
    const port = `TCP port ${this.#address.port}`;
    if (places.length === 0) {
      return `this host's firewall has no rules for ${port}: there is nothing to open`;
    }
    return `${port} is open in the firewall (${
      places.join(", ")
    }) while this server runs, by the rule ` +
      `"${this.#label}"${this.#isForAll ? FOR_ALL : ""}`;
  }

  async #failed(why: string): Promise<OpenReport> {
    const { port } = this.#address;
    const command = await openCommand(port, this.#openings, this.#host);
    const text =
      `cannot open TCP port ${port} in the firewall: ${why}; the server goes on, and this opens ` +
      `it, as root${why.endsWith(IN_CONTAINER) ? " on its host" : ""}: ${command}`;
    return { isOpen: false, text };
  }
}

/** Where a process may have no firewall of its own. */
const IN_CONTAINER = "as in a container";

/** The number of CAP_NET_ADMIN, which it takes to change the rules (capabilities(7)). */
const CAP_NET_ADMIN = 12n;

function hasNetAdmin(status: string): boolean {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return mask === undefined || ((BigInt(`0x${mask}`) >> CAP_NET_ADMIN) & 1n) === 1n;
}
