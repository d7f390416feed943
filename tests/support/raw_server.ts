/**
 * A server on a virtual clock whose clients say what the test says, frame by frame.
 *
 * @module
 */
import { Server } from "../../lib/server.ts";
import type { ServerOptions } from "../../lib/server_options.ts";
import { MemoryNetwork, type Path } from "./memory_network.ts";
import { DEFAULT_TIMERS, KEEPING, Recorder, ScriptedPeer } from "./stage.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** One connection to the server. */
export interface RawConnection {
  readonly peer: ScriptedPeer;
  readonly path: Path;
}

/** What a client that comes back says of itself. */
export interface Resuming {
  confirmed?: number;
  sent?: number;
  settled?: boolean;
  reconnect?: boolean;
}

/** Starts a server; nobody has connected. */
export function stageRawServer(
  options: Partial<ServerOptions> = {},
  clock = new VirtualClock(),
) {
  const network = new MemoryNetwork(clock);
  const recorder = new Recorder(clock);
  const address = { host: "server", port: 4000 };
  const server = Server.listen({
    timers: DEFAULT_TIMERS,
    maxMessageBytes: 1_000,
    transport: network,
    clock,
    original: true,
    random: (bytes) => bytes.fill(0xff),
    ...KEEPING,
    address,
    once: false,
    sink: recorder,
    ...options,
  });
  const status = server.run();

  /** Opens a connection, on which nothing is said yet. */
  const connect = async (): Promise<RawConnection> => {
    await network.connect(address, { signal: new AbortController().signal });
    const path = network.paths.at(-1)!;
    return { path, peer: new ScriptedPeer(path.client, clock) };
  };
  /** Opens a connection, and says `HELLO` with this JSON. */
  const hello = async (id: string, greeting: Resuming = {}): Promise<RawConnection> => {
    const connection = await connect();
    await connection.peer.say(`HELLO 1 ${id} ${JSON.stringify(greeting)}\n`);
    return connection;
  };
  /** Opens a connection as a client that comes back: it has heard nothing confirmed, unless told so. */
  const resume = (id: string, more: Resuming = {}) =>
    hello(id, { reconnect: true, confirmed: 0, ...more });
  return { clock, network, recorder, server, status, connect, hello, resume };
}

/** Data messages of one byte with these sequence numbers. */
export function data(first: number, last = first): string {
  let frames = "";
  for (let seq = first; seq <= last; seq++) frames += `DATA ${seq} 1\nx\n`;
  return frames;
}

/** What a server's `WELCOME` says; fails if that is not what was heard first. */
export function welcomeOf({ peer }: RawConnection): Record<string, unknown> {
  const [, version, , greeting] = /^\d+ (WELCOME 1) (\S+) (.*)$/.exec(peer.heard[0] ?? "") ?? [];
  if (!version) throw new Error(`no WELCOME, but ${peer.heard[0]}`);
  return JSON.parse(greeting!);
}

/** What was heard behind the first frame, without the times. */
export function heardAfter({ peer }: RawConnection, frames = 1): string[] {
  return peer.heard.slice(frames).map((line) => line.replace(/^\d+ /, ""));
}

/** The text of the `TERMINATE` that refused a connection; fails if it was not refused. */
export function refusalOf({ peer }: RawConnection): string {
  const text = /^\d+ TERMINATE refused (.*)$/.exec(peer.heard[0] ?? "")?.[1];
  if (text === undefined) throw new Error(`not refused, but told: ${peer.heard[0]}`);
  return text;
}
