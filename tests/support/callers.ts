/**
 * Clients of a server in memory that say what the test says, frame by frame.
 *
 * @module
 */
import type { MemoryNetwork, Path } from "./memory_network.ts";
import { ADDRESS } from "./server_options.ts";
import { ScriptedPeer } from "./stage.ts";
import { settle, type VirtualClock } from "./virtual_clock.ts";

/** A connection to the server. */
export interface IncomingConnection {
  readonly peer: ScriptedPeer;
  readonly path: Path;
  /** All that was heard on it, as it is. */
  text: string;
}

/** What a client that comes back says of itself. */
export interface Resuming {
  confirmed?: number;
  sent?: number;
  settled?: boolean;
  reconnect?: boolean;
  knows?: string[];
  token?: string;
  key?: string;
  nonce?: string;
}

/** What a new client says that is going to reconnect. */
export const BACK = { reconnect: true };

/** Ways to call a server: each call comes to the next worker. */
export function callers(network: MemoryNetwork, clock: VirtualClock) {
  /** Every connection so far. */
  const connections: IncomingConnection[] = [];
  /** Opens a connection, on which nothing is said yet. */
  const connect = async (): Promise<IncomingConnection> => {
    const connecting = network.connect(ADDRESS, { signal: new AbortController().signal });
    const path = network.paths.at(-1)!;
    await connecting;
    const caller = { path, peer: new ScriptedPeer(path.client, clock), text: "" };
    path.client.onRead = (bytes) => caller.text += new TextDecoder().decode(bytes);
    connections.push(caller);
    await settle();
    return caller;
  };
  /** Opens a connection, and says `HELLO` with this JSON. */
  const hello = async (id: string, greeting: Resuming = {}): Promise<IncomingConnection> => {
    const connection = await connect();
    await connection.peer.say(`HELLO 1 ${id} ${JSON.stringify(greeting)}\n`);
    return connection;
  };
  /** Opens a connection as a client that comes back: it has heard nothing confirmed, unless told so. */
  const resume = (id: string, more: Resuming = {}) =>
    hello(id, { reconnect: true, confirmed: 0, ...more });
  return { connections, connect, hello, resume };
}

/** Data messages of one byte with these sequence numbers. */
export function data(first: number, last = first): string {
  let frames = "";
  for (let seq = first; seq <= last; seq++) frames += `DATA ${seq} 1\nx\n`;
  return frames;
}

/** What a server's `WELCOME` says; fails if that is not what was heard first. */
export function welcomeOf({ peer }: IncomingConnection): Record<string, unknown> {
  const [, version, , greeting] = /^\d+ (WELCOME 1) (\S+) (.*)$/.exec(peer.heard[0] ?? "") ?? [];
  if (!version) throw new Error(`no WELCOME, but ${peer.heard[0]}`);
  return JSON.parse(greeting!);
}

/** What was heard behind the first frame, without the times. */
export function heardAfter({ peer }: IncomingConnection, frames = 1): string[] {
  return peer.heard.slice(frames).map((line) => line.replace(/^\d+ /, ""));
}

/** The text of the `TERMINATE` that refused a connection; fails if it was not refused. */
export function refusalOf({ peer }: IncomingConnection): string {
  const text = /^\d+ TERMINATE refused (.*)$/.exec(peer.heard[0] ?? "")?.[1];
  if (text === undefined) throw new Error(`not refused, but told: ${peer.heard[0]}`);
  return text;
}
