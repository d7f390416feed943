/**
 * The comment of a server's rule, by which the server, and the next one, know it among all others.
 *
 * @module
 */
import { formatAddress, splitAddress } from "../address.ts";
import { statesOf } from "../time_wait.ts";

/** Whose rule it is. */
export interface Owner {
  /** The address that its server listened on. */
  readonly host: string;
  /** The port. */
  readonly port: number;
  /** The process. */
  readonly pid: number;
}

/** The comment of the rule of a server. */
export function labelOf({ host, pid, port }: Owner): string {
  return `pulsewire ${formatAddress(host, port)} pid ${pid}`;
}

/** Whose rule it is, by its comment; `undefined` of anybody else's. */
export function ownerOf(comment: string | undefined): Owner | undefined {
  const [, address = "", pid] = /^pulsewire (\S+) pid (\d+)$/.exec(comment ?? "") ?? [];
  const { host, port } = splitAddress(address) ?? {};
  if (host === undefined || port === undefined) return undefined;
  return { host, port: Number(port), pid: Number(pid) };
}

/** Whether no two servers can listen on the same port of both addresses at a time. */
function excludes(one: string, other: string): boolean {
  const covers = (every: string, each: string) =>
    every === "::" || every === "0.0.0.0" && (each === "::" || !each.includes(":"));
  return one === other || covers(one, other) || covers(other, one);
}

/** Reads a file of this system; `undefined` if that is not possible. */
export type ReadFile = (path: string) => Promise<string | undefined>;

/**
 * Whether a rule was left behind by a server that was killed, as seen by a server that listens: it is for the
 * port of that one, or its process is gone and nothing listens on its port.
 */
export async function isLeftOver(owner: Owner, own: Owner, read: ReadFile): Promise<boolean> {
  if (owner.port === own.port && excludes(owner.host, own.host)) return true;
  // The process may be one of another container with the same network, which is not seen from here.
  const tables = await Promise.all(["tcp", "tcp6"].map((name) => read(`/proc/net/${name}`)));
  const listening = statesOf(owner.port, tables.join("\n")).includes("0A");
  if (listening || tables[0] === undefined) return false;
  return await read(`/proc/${owner.pid}/stat`) === undefined;
}
