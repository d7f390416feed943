/**
 * The connections that a firewall is to let in, and which conditions of a rule hold for the packet that opens
 * one of them.
 *
 * @module
 */
import { digitsOf } from "../address.ts";
import { isWildcard } from "../reach.ts";

/** The families of addresses, by their names in nftables. */
export type Family = "ip" | "ip6";

/** The connections of one family that are to get in. */
export interface Opening {
  /** The family of their addresses. */
  readonly family: Family;
  /** The TCP port. */
  readonly port: number;
  /** The address that the server listens on, if it is one; otherwise every address of this host. */
  readonly address?: string;
  /** Where they may come from, addresses or `ADDRESS/BITS`; by default from anywhere. */
  readonly sources?: readonly string[];
}

/** No connections. */
export const NO_OPENING: Opening = { family: "ip", port: -1 };

/**
 * Whether a condition holds: for `all` of the connections, for all at some of the places where they arrive
 * (`somewhere`: an address, an interface), for `some` of them only (by their source, their rate, or a condition
 * that is not known here), or for `none`. A rule holds as far as the weakest of its conditions.
 */
export type Match = "none" | "some" | "somewhere" | "all";

const ORDER: readonly Match[] = ["none", "some", "somewhere", "all"];

/** What holds of several conditions together. */
export function both(one: Match, other: Match): Match {
  return ORDER[Math.min(ORDER.indexOf(one), ORDER.indexOf(other))]!;
}

/** What holds of any of several conditions, such as the elements of a set. */
export function anyOf(matches: readonly Match[]): Match {
  return ORDER[Math.max(0, ...matches.map((each) => ORDER.indexOf(each)))]!;
}

/** What holds of the opposite of a condition. */
export function opposite(match: Match): Match {
  return match === "all" ? "none" : match === "none" ? "all" : match;
}

/** Whether a condition that is known to hold, or not to, does. */
export function known(holds: boolean): Match {
  return holds ? "all" : "none";
}

/** A block of addresses. */
interface Prefix {
  readonly value: bigint;
  /** How many bits at the front are alike, of how many. */
  readonly bits: number;
  readonly size: number;
}

/** How many bits of an IPv6 address stand before an IPv4 address that is mapped to it. */
const MAPPED_BITS = 96;

/** An address, or `ADDRESS/BITS`; `undefined` of anything else, such as a netmask. */
function prefixOf(text: string): Prefix | undefined {
  const [host = "", length, ...more] = text.split("/");
  const digits = /^[\da-f:.]+$/i.test(host) && more.length === 0 ? digitsOf(host) : undefined;
  if (digits === undefined) return undefined;
  const size = digits.length * 4;
  const before = size === 32 && host.includes(":") ? MAPPED_BITS : 0;
  const bits = length === undefined ? size : /^\d+$/.test(length) ? Number(length) - before : NaN;
  return bits >= 0 && bits <= size ? { value: BigInt(`0x${digits}`), bits, size } : undefined;
}

/** Whether a text is an address, or `ADDRESS/BITS`. */
export function isPrefix(text: string): boolean {
  return prefixOf(text) !== undefined;
}

/** Whether a block of addresses has all of another one in it. */
export function contains(outer: string, inner: string): boolean {
  const [of, each] = [prefixOf(outer), prefixOf(inner)];
  if (!of || !each || of.size !== each.size || of.bits > each.bits) return false;
  const shift = BigInt(of.size - of.bits);
  return of.value >> shift === each.value >> shift;
}

/** Whether the connections come from a block of addresses. */
export function fromSource({ sources = ["0.0.0.0/0", "::/0"] }: Opening, block: string): Match {
  if (!isPrefix(block)) return "some";
  const own = sources.filter((each) => each.includes(":") === block.includes(":"));
  if (own.every((each) => contains(block, each))) return "all";
  return own.some((each) => contains(block, each) || contains(each, block)) ? "some" : "none";
}

/** What no ordinary connection from another host is for: loopback, multicast, broadcast. */
const SPECIAL = ["127.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::1", "ff00::/8"];

/** Whether the connections are for a block of addresses. */
export function toAddress({ address }: Opening, block: string): Match {
  if (!isPrefix(block)) return "some";
  if (address !== undefined) return known(contains(block, address));
  if (/\/0$/.test(block)) return "all";
  return SPECIAL.some((each) => contains(each, block)) ? "none" : "somewhere";
}

/** Whether the connections arrive on an interface; `+` or `*` at its end stands for anything. */
export function onInterface({ address }: Opening, name: string): Match {
  if (name === "lo") {
    return known(address !== undefined && (contains("127.0.0.0/8", address) || address === "::1"));
  }
  return name === "+" || name === "*" ? "all" : "somewhere";
}

/** Whether a new connection is in one of these states of connection tracking. */
export function inState(states: readonly string[]): Match {
  return known(states.some((each) => each.toLowerCase() === "new"));
}

/** Whether the protocol is TCP, by its name or number. */
export function isTcp(protocol: string): Match {
  return known(["tcp", "6", "all", "0"].includes(protocol));
}

/** Whether of these flags exactly the given ones are set in the packet that opens a connection. */
export function hasFlags(mask: readonly string[], set: readonly string[]): Match {
  const [masked, given] = [mask, set].map((flags) => flags.map((each) => each.toLowerCase()));
  const hasSyn = masked!.includes("syn") || masked!.includes("all");
  return known(hasSyn ? given!.length === 1 && given![0] === "syn" : given!.join() === "none");
}

/** An address to listen on, and who may connect to it. */
export interface GuardedAddress {
  /** A numeric address; `0.0.0.0` is every one of IPv4, `::` every one of both families. */
  readonly host: string;
  /** The port. */
  readonly port: number;
  /** The only addresses, or `ADDRESS/BITS`, that may connect; by default, or if there are none, any may. */
  readonly allow?: readonly string[];
}

/** An address as the kernel's filters see it: IPv4 on a socket of both families is IPv4; without a zone. */
export function plainAddress(host: string): string {
  return host.replace(/^::ffff:(?=[\d.]+$)/i, "").replace(/%.*/, "");
}

/** An address, or a block of them, as the tools write it; `undefined` of anything else. */
function sourceOf(text: string): string | undefined {
  const prefix = prefixOf(text);
  if (!prefix || prefix.size !== 32) return prefix && text;
  const octets = [24n, 16n, 8n, 0n].map((shift) => (prefix.value >> shift) & 255n);
  return octets.join(".") + (prefix.bits === 32 ? "" : `/${prefix.bits}`);
}

/** The connections that are to get in to an address, of each family. */
export function openingsOf({ allow = [], host, port }: GuardedAddress): Opening[] {
  const address = plainAddress(host);
  const isEvery = isWildcard(address);
  const families: Family[] = address === "::"
    ? ["ip", "ip6"]
    : [address.includes(":") ? "ip6" : "ip"];
  const known = [...new Set(allow.map(sourceOf))].filter((each) => each !== undefined);
  // Neither tool takes the same source twice.
  const widest = known.filter((each) =>
    !known.some((other) => other !== each && contains(other, each) && !contains(each, other))
  );
  return families.flatMap((family) => {
    const sources = widest.filter((each) => each.includes(":") === (family === "ip6"));
    if (allow.length > 0 && sources.length === 0) return [];
    return [{
      family,
      port,
      ...!isEvery && { address },
      ...sources.length > 0 && { sources },
    }];
  });
}
