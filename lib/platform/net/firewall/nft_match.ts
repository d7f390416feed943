/**
 * Which conditions of a rule of nftables hold for connections.
 *
 * @module
 */
import {
  anyOf,
  type Family,
  fromSource,
  hasFlags,
  inState,
  isTcp,
  known,
  type Match,
  onInterface,
  type Opening,
  opposite,
  toAddress,
} from "./opening.ts";

/** Anything that JSON has. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** An object of JSON. */
export interface JsonObject {
  /** Its fields. */
  readonly [key: string]: Json | undefined;
}

/** The fields of an object; of anything else, none. */
export function fieldsOf(json: Json | undefined): JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json)
    ? json as JsonObject
    : {};
}

/** A list, or one thing as a list of it. */
export function listOf(json: Json | undefined): readonly Json[] {
  return Array.isArray(json) ? json : json === undefined ? [] : [json as Json];
}

/** Statements that only do something with a packet, and leave it to what follows. */
const PASSING = new Set([
  "comment",
  "counter",
  "log",
  "mangle",
  "meter",
  "notrack",
  "queue",
  "set",
]);

/** How far what follows a statement in its rule is done: for which connections its condition holds. */
export function nftCondition(kind: string, fields: JsonObject, opening: Opening): Match {
  if (PASSING.has(kind)) return "all";
  if (kind === "xt") {
    const isPassing = fields.type === "target" || fields.name === "comment";
    return isPassing ? "all" : "some";
  }
  if (kind !== "match") return "some";
  const left = fieldsOf(fields.left);
  if (!hasHeader(left, opening.family)) return "none";
  const test = testOf(left, opening);
  if (!test) return "some";
  const { op } = fields;
  if (op === "==" || op === "in") return test(elementsOf(fields.right));
  return op === "!=" ? opposite(test(elementsOf(fields.right))) : "some";
}

/** Headers that no packet of TCP has. */
const OTHERS = new Set(
  ["ah", "comp", "dccp", "esp", "icmp", "icmpv6", "igmp", "sctp", "udp", "udplite"],
);

/** Whether the packets have the header in which a condition looks at a field. */
function hasHeader(left: JsonObject, family: Family): boolean {
  const masked = listOf(left["&"])[0];
  const { protocol } = fieldsOf(fieldsOf(masked ?? left).payload);
  if (protocol === "ip" || protocol === "ip6") return protocol === family;
  return !OTHERS.has(`${protocol}`);
}

type Test = (elements: readonly Json[]) => Match;

/** What the right side of a condition lists: one value, flags, or the elements of a set. */
function elementsOf(right: Json | undefined): readonly Json[] {
  const { set } = fieldsOf(right);
  return listOf(set ?? right);
}

/** A test of each element; what stands in a set of its own, with a name, is not known. */
function each(test: (value: string) => Match): Test {
  return (elements) =>
    anyOf(elements.map((element) => {
      const value = textOf(element);
      return value === undefined || value.startsWith("@") ? "some" : test(value);
    }));
}

function textOf(element: Json): string | undefined {
  if (typeof element !== "object") return `${element}`;
  const { elem, prefix } = fieldsOf(element);
  if (elem !== undefined) return textOf(fieldsOf(elem).val ?? null);
  const { addr, len } = fieldsOf(prefix);
  return addr === undefined ? undefined : `${addr}/${len}`;
}

/** The test for the left side of a condition; `undefined` if that is not known here. */
function testOf(left: JsonObject, opening: Opening): Test | undefined {
  const { ct, fib, meta, payload } = left;
  if (left["&"] !== undefined) return flagsTest(listOf(left["&"]));
  if (payload !== undefined) return payloadTest(fieldsOf(payload), opening);
  if (meta !== undefined) return metaTest(fieldsOf(meta).key, opening);
  if (ct !== undefined && fieldsOf(ct).key === "state") return each((state) => inState([state]));
  const { flags, result } = fieldsOf(fib);
  const isDestination = result === "type" && listOf(flags).join() === "daddr";
  return isDestination ? each((type) => known(type === "local")) : undefined;
}

function metaTest(key: Json | undefined, opening: Opening): Test | undefined {
  switch (key) {
    case "l4proto":
      return each(isTcp);
    case "nfproto":
      return each((name) => known(name === (opening.family === "ip" ? "ipv4" : "ipv6")));
    case "protocol":
      return each((name) => known(name === opening.family));
    case "iif":
    case "iifname":
      return each((name) => onInterface(opening, name));
    case "pkttype":
      return each((type) => known(type === "host" || type === "unicast"));
  }
}

function payloadTest({ field, protocol }: JsonObject, opening: Opening): Test | undefined {
  const isIp = protocol === "ip" || protocol === "ip6";
  switch (isIp || field === "dport" ? field : undefined) {
    case "dport":
      return portsTest(opening.port);
    case "saddr":
      return each((block) => fromSource(opening, block));
    case "daddr":
      return each((block) => toAddress(opening, block));
    case "protocol":
    case "nexthdr":
      return each(isTcp);
  }
}

function portsTest(port: number): Test {
  const single = each((value) => known(Number(value) === port));
  return (elements) =>
    anyOf(elements.map((element) => {
      const { range } = fieldsOf(element);
      const [first, last] = listOf(range).map(Number);
      return range === undefined ? single([element]) : known(port >= first! && port <= last!);
    }));
}

/** `tcp flags & (fin | syn | rst | ack) == syn`. */
function flagsTest([masked, mask]: readonly Json[]): Test | undefined {
  const { field, protocol } = fieldsOf(fieldsOf(masked).payload);
  if (protocol !== "tcp" || field !== "flags") return undefined;
  return (elements) => hasFlags(flagNames(mask), elements.flatMap(flagNames));
}

/** The names of flags: one, a list, or `{ "|": [...] }`. */
function flagNames(json: Json | undefined): string[] {
  const { "|": alternatives } = fieldsOf(json);
  return listOf(alternatives ?? json).flatMap((each) =>
    typeof each === "string" ? [each] : flagNames(each)
  );
}
