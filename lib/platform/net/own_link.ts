/**
 * Whether this host itself cannot carry a connection: its address is gone, or its link is down.
 *
 * @module
 */
import { readProc } from "../proc.ts";

/** How long, in milliseconds, a finding holds: thousands of sessions may fall silent at once. */
const HOLDS_MS = 100;

const findings = new Map<string, { at_ms: number; finding: Promise<string | undefined> }>();

/**
 * What is wrong with the interface of a local address, as a noun phrase such as `no carrier on eth0`;
 * `undefined` if nothing is, or nothing is known: links are looked at on Linux only.
 *
 * @param address The local address, without a port.
 * @param now_ms The present monotonic time, in milliseconds.
 */
export function ownLinkFault(address: string, now_ms: number): Promise<string | undefined> {
  const known = findings.get(address);
  if (known && now_ms - known.at_ms <= HOLDS_MS) return known.finding;
  for (const [each, { at_ms }] of findings) if (now_ms - at_ms > HOLDS_MS) findings.delete(each);
  const finding = look(address);
  findings.set(address, { at_ms: now_ms, finding });
  return finding;
}

async function look(address: string): Promise<string | undefined> {
  const name = interfaceOf(address);
  if (name === undefined) return undefined;
  if (name === null) return `no interface with the address ${address} any more`;
  const state = (await readProc(`/sys/class/net/${name}/operstate`))?.trim();
  return state === "down" || state === "lowerlayerdown"
    ? `no link on ${name} (${state})`
    : undefined;
}

/** The interface that has an address: `null` if none has it, `undefined` if that is not known. */
function interfaceOf(address: string): string | null | undefined {
  try {
    // A query, since without the permission the call would prompt for it on a terminal.
    const { state } = Deno.permissions.querySync({ name: "sys", kind: "networkInterfaces" });
    if (state !== "granted") return undefined;
    // An IPv4 address on a socket of both families, and an IPv6 address with its zone.
    const plain = address.replace(/^::ffff:(?=[\d.]+$)/, "").replace(/%.*/, "");
    return Deno.networkInterfaces().find((each) => each.address === plain)?.name ?? null;
  } catch {
    return undefined;
  }
}
