/**
 * The rules of nftables as JSON (libnftables-json(5)): what `nft -j list ruleset` lists, and the commands that
 * add and remove a rule.
 *
 * @module
 */
import { fieldsOf, type Json, type JsonObject, listOf, nftCondition } from "./nft_match.ts";
import { both, type Match, NO_OPENING, type Opening } from "./opening.ts";
import { type Chain, type Outcome, placeIn, type Rule, type Verdict } from "./ruleset.ts";

/** Where a rule is. */
export interface ChainName {
  /** The family of its table: `ip`, `ip6` or `inet`, which is both. */
  readonly family: string;
  /** The table. */
  readonly table: string;
  /** The chain in it. */
  readonly chain: string;
}

/** A rule as it is listed. */
export interface NftRule extends Rule, ChainName {
  /** What it is known by in its table. */
  readonly handle: number;
}

/** A chain of rules for what is for this host. */
export interface NftChain extends ChainName {
  /** Its rules. */
  readonly rules: readonly NftRule[];
  /** Before which of them a rule for the connections has to stand. */
  readonly at: number;
  /** Whether it drops the connections as it is. */
  readonly isCaught: boolean;
}

function nameOf(fields: JsonObject, chain: Json | undefined): ChainName {
  return { family: `${fields.family}`, table: `${fields.table}`, chain: `${chain}` };
}

function keyOf({ family, table }: ChainName, chain: string): string {
  return JSON.stringify([family, table, chain]);
}

/** What nft lists, without the elements of sets, which may be many. */
export const NFT_LIST: readonly string[] = ["-j", "-t", "list", "ruleset"];

/** The objects that nft lists; `undefined` if it prints no JSON, as one that was built without it. */
export function nftObjects(text: string): readonly JsonObject[] | undefined {
  try {
    return listOf(fieldsOf(JSON.parse(text)).nftables).map(fieldsOf);
  } catch {
    return undefined;
  }
}

/**
 * Reads what nft lists, as it concerns the connections of an opening, or none.
 *
 * @returns The chains that they pass for this host: of each, the rules and where one for them has to stand.
 */
export function nftChains(objects: readonly JsonObject[], opening?: Opening): NftChain[] {
  const chains = new Map<string, { rules: NftRule[] } & Chain<NftRule>>();
  const inputs: ChainName[] = [];
  for (const { chain } of objects) {
    const fields = fieldsOf(chain);
    if (fields.name === undefined) continue;
    const name = nameOf(fields, fields.name);
    const policy = fields.policy === "drop" ? "drop" : "accept";
    const isBase = fields.hook !== undefined;
    chains.set(keyOf(name, name.chain), { rules: [], ...isBase && { policy } });
    const { family } = opening ?? {};
    const isOfFamily = family === undefined || [family, "inet"].includes(name.family);
    if (fields.hook === "input" && fields.type === "filter" && isOfFamily) inputs.push(name);
  }
  for (const { rule } of objects) {
    const fields = fieldsOf(rule);
    if (fields.handle === undefined) continue;
    const name = nameOf(fields, fields.chain);
    chains.get(keyOf(name, name.chain))?.rules.push(parsed(fields, name, opening));
  }
  return inputs.map((name) => {
    const key = keyOf(name, name.chain);
    return { ...name, rules: chains.get(key)!.rules, ...placeIn(chains, key) };
  });
}

/** Parses a rule: its statements, in order, as far as they hold together. */
function parsed(fields: JsonObject, name: ChainName, opening = NO_OPENING): NftRule {
  let match: Match = "all";
  const outcomes: Outcome[] = [];
  for (const statement of listOf(fields.expr).map(fieldsOf)) {
    const [kind = "", value] = Object.entries(statement)[0] ?? [];
    const verdict = verdictOf(kind, fieldsOf(value), name);
    if (verdict) outcomes.push({ match, verdict });
    else if (kind === "vmap") outcomes.push(...vmapOutcomes(fieldsOf(value), match, name, opening));
    else match = both(match, nftCondition(kind, fieldsOf(value), opening));
  }
  const { comment } = fields;
  return {
    ...name,
    handle: Number(fields.handle),
    outcomes,
    ...typeof comment === "string" && { comment },
  };
}

function verdictOf(kind: string, fields: JsonObject, name: ChainName): Verdict | undefined {
  const chain = keyOf(name, `${fields.target}`);
  switch (kind) {
    case "accept":
    case "drop":
    case "return":
      return kind;
    case "reject":
      return "drop";
    case "jump":
    case "goto":
      return { chain, returns: kind === "jump" };
    case "xt":
      // A target of iptables that nft has no words for.
      return fields.type === "target" && fields.name === "REJECT" ? "drop" : undefined;
  }
}

/** A map from values to verdicts: `ct state vmap { established : accept, invalid : drop }`. */
function vmapOutcomes(
  { data, key }: JsonObject,
  match: Match,
  name: ChainName,
  opening: Opening,
): Outcome[] {
  return listOf(fieldsOf(data).set).flatMap((entry) => {
    const [element, verdict] = listOf(entry);
    const [kind = "", value] = Object.entries(fieldsOf(verdict))[0] ?? [];
    const found = verdictOf(kind, fieldsOf(value), name);
    if (!found) return [];
    const condition = { op: "==", left: key, right: element };
    return [{ match: both(match, nftCondition("match", condition, opening)), verdict: found }];
  });
}

/** The command that inserts a rule for connections before a rule of a chain, or at its end. */
export function nftInsert(
  { chain, family, rules, table }: NftChain,
  at: number,
  openings: readonly Opening[],
  comment: string,
): JsonObject {
  const before = rules[at];
  const rule = { family, table, chain, comment, expr: expressions(family, openings) };
  return before ? { insert: { rule: { ...rule, handle: before.handle } } } : { add: { rule } };
}

/** The command that removes a rule: its handle is never another rule's. */
export function nftDelete({ chain, family, handle, table }: NftRule): JsonObject {
  return { delete: { rule: { family, table, chain, handle } } };
}

function equals(left: JsonObject, right: Json): JsonObject {
  return { match: { op: "==", left, right } };
}

function field(protocol: string, field: string): JsonObject {
  return { payload: { protocol, field } };
}

/** The conditions of a rule for the connections of one opening, or of both families alike. */
function expressions(table: string, [first, second]: readonly Opening[]): JsonObject[] {
  const { address, family, port, sources } = first!;
  const isMixed = table === "inet" && second === undefined;
  const needsFamily = isMixed && address === undefined && sources === undefined;
  return [
    ...needsFamily ? [equals({ meta: { key: "nfproto" } }, family === "ip" ? "ipv4" : "ipv6")] : [],
    ...sources ? [equals(field(family, "saddr"), setOf(sources))] : [],
    ...address === undefined ? [] : [equals(field(family, "daddr"), address)],
    equals(field("tcp", "dport"), port),
    { accept: null },
  ];
}

function setOf(sources: readonly string[]): Json {
  const elements = sources.map((each) => {
    const [addr = "", len] = each.split("/");
    return len === undefined ? addr : { prefix: { addr, len: Number(len) } };
  });
  return elements.length === 1 ? elements[0]! : { set: elements };
}

/** The command for people that opens the port, before a rule of a chain, or in the chain that most hosts have. */
export function nftCommand({ address, family, port, sources }: Opening, chain?: NftChain): string {
  const { family: of, table, chain: name } = chain ??
    { family: "inet", table: "filter", chain: "input" };
  const before = chain?.rules[chain.at];
  const verb = chain && !before ? "add" : "insert";
  const from = sources === undefined
    ? ""
    : ` ${family} saddr ${sources.length === 1 ? sources[0] : `{ ${sources.join(", ")} }`}`;
  const to = address === undefined ? "" : ` ${family} daddr ${address}`;
  const place = before ? ` handle ${before.handle}` : "";
  return `nft ${verb} rule ${of} ${table} ${name}${place}${from}${to} tcp dport ${port} accept`;
}
