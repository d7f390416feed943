/**
 * Whether closed connections, which TCP remembers for a minute (TIME_WAIT), hold a port.
 *
 * @module
 */
import { readProc } from "../proc.ts";

/** Whether a local port is held by connections in TIME_WAIT, and nothing listens on it. */
export async function isHeldByTimeWait(port: number): Promise<boolean> {
  const tables = await Promise.all(["tcp", "tcp6"].map((name) => readProc(`/proc/net/${name}`)));
  const states = statesOf(port, tables.join("\n"));
  return states.includes("06") && !states.includes("0A");
}

/** The states, in hexadecimal, of the sockets on a local port, from the text of `/proc/net/tcp`. */
export function statesOf(port: number, table: string): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const sockets = table.matchAll(/^ *\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F:]+ ([0-9A-F]{2}) /gm);
  return [...sockets].filter(([, local]) => local === hex).map(([, , state]) => state!);
}
