/**
 * From how far away an address can be reached.
 *
 * @module
 */
import { isNumericHost } from "./address.ts";

/** Who can reach an address: this host only, private networks, or anybody. */
export type Reach = "host" | "private" | "public";

/** What the addresses of this host and of private networks begin with; of others, every host may be one. */
const RANGES: readonly [start: RegExp, reach: Reach][] = [
  [/^127\.|^::1$/, "host"],
  // RFC 1918, 3927, 6598, 4193 and 4291.
  [/^10\.|^192\.168\.|^172\.(?:1[6-9]|2\d|3[01])\.|^169\.254\./, "private"],
  [/^100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./, "private"],
  [/^f[cd][0-9a-f]{2}:|^fe[89ab][0-9a-f]:/i, "private"],
];

/** Whether an address to listen on stands for every address of this host. */
export function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

const FROM_NEAR_TO_FAR = ["host", "private", "public"] as const;

/** How far away whoever can reach an address or a name may be; of a name that is not known, anybody. */
export function reachOf(host: string): Reach {
  if (!isNumericHost(host)) return /^localhost\.?$/i.test(host) ? "host" : "public";
  const plain = host.replace(/^::ffff:(?=[\d.]+$)/i, "");
  return RANGES.find(([start]) => start.test(plain))?.[1] ?? "public";
}

/**
 * The same of an address to listen on: every address of a host is as far as the farthest of its own.
 *
 * @param own The addresses of this host; `undefined` if they are not known.
 */
export function listenReachOf(host: string, own: readonly string[] | undefined): Reach {
  if (!isWildcard(host)) return reachOf(host);
  if (own === undefined) return "public";
  const ofFamily = host === "::" ? own : own.filter((each) => !each.includes(":"));
  const reaches = ofFamily.map(reachOf);
  return FROM_NEAR_TO_FAR.findLast((each) => reaches.includes(each)) ?? "host";
}

/** The addresses of this host; `undefined` without the permission to know them. */
export function ownAddresses(): string[] | undefined {
  try {
    // A query, since without the permission the call would prompt for it on a terminal.
    const { state } = Deno.permissions.querySync({ name: "sys", kind: "networkInterfaces" });
    if (state !== "granted") return undefined;
    return Deno.networkInterfaces().map(({ address }) => address);
  } catch {
    return undefined;
  }
}
