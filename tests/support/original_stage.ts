/**
 * Either side of a session with an original peer, on a virtual clock: a server whose original clients
 * say what the test says, and a client whose original server does.
 *
 * @module
 */
import { Client, type ClientOptions } from "../../lib/client/client.ts";
import { OriginalProtocol } from "../../lib/original/protocol.ts";
import { ORIGINAL_TEXT as TEXT } from "../../lib/original/wire.ts";
import {
  type Address,
  type Connection,
  type Listener,
  type Transport,
  TransportError,
} from "../../lib/platform/net/transport.ts";
import type { ServerOptions } from "../../lib/server/options.ts";
import { Server } from "../../lib/server/server.ts";
import type { Timers } from "../../lib/session/timers.ts";
import { clientOptions } from "./client_options.ts";
import { MemoryNetwork, type Path, type PathOptions } from "./memory_network.ts";
import { ScriptedEnd } from "./scripted_end.ts";
import { ADDRESS, serverOptions } from "./server_options.ts";
import { DEFAULT_TIMERS, Recorder } from "./stage.ts";
import { settle, VirtualClock } from "./virtual_clock.ts";

/** A network whose clients call from hosts that the test names. */
export class HostsNetwork implements Transport {
  readonly #network: MemoryNetwork;
  /** The hosts of the connections that are still to be accepted, in order. */
  readonly #calling: string[] = [];

  /** Names the hosts of another network. */
  constructor(network: MemoryNetwork) {
    this.#network = network;
  }

  /** The network as a host sees it. */
  from(host: string): Transport {
    const listen = (address: Address) => this.listen(address);
    const connect: Transport["connect"] = (address, options) => {
      this.#calling.push(host);
      return this.#network.connect(address, options);
    };
    return { connect, listen };
  }

  connect(address: Address, options: { signal: AbortSignal }): Promise<Connection> {
    return this.from("client").connect(address, options);
  }

  listen(address: Address): Listener {
    const listener = this.#network.listen(address);
    const accept = async () => named(await listener.accept(), this.#calling.shift()!);
    const acceptSpare = () => listener.acceptSpare();
    return { ...address, accept, acceptSpare, close: () => listener.close() };
  }
}

function named(connection: Connection, host: string): Connection {
  return {
    peer: `${host}:50000`,
    local: connection.local,
    linkFault: (clock) => connection.linkFault?.(clock),
    read: (buffer) => connection.read(buffer),
    write: (bytes) => connection.write(bytes),
    closeWrite: () => connection.closeWrite(),
    close: () => connection.close(),
  };
}

/** Options for {@linkcode stageOriginalServer} and {@linkcode stageOriginalClient}. */
export interface OriginalStageOptions extends PathOptions {
  timers?: Partial<Timers>;
}

function config(options: OriginalStageOptions) {
  const clock = new VirtualClock();
  const recorder = new Recorder(clock);
  const network = new MemoryNetwork(clock, options);
  const timers = { ...DEFAULT_TIMERS, ...options.timers };
  return { clock, recorder, network, timers };
}

/** A server, and original clients of the test's that call it. */
export function stageOriginalServer(
  options: OriginalStageOptions & Partial<Pick<ServerOptions, "once" | "original">> = {},
) {
  const { clock, recorder, network, timers } = config(options);
  const hosts = new HostsNetwork(network);
  let ids = 0;
  const server = Server.listen(serverOptions({
    timers,
    original: options.original ?? true,
    once: options.once ?? false,
    random: (bytes) => bytes.fill(++ids),
    transport: hosts,
    clock,
    sink: recorder,
  }));
  const status = server.run();
  /** Calls from a host, and says something. */
  const call = async (says = "", host = "client") => {
    const { signal } = new AbortController();
    const end = new ScriptedEnd(await hosts.from(host).connect(ADDRESS, { signal }), clock);
    await settle();
    if (says !== "") await end.say(says);
    return Object.assign(end, { path: network.paths.at(-1)! });
  };
  return { clock, recorder, network, hosts, timers, server, status, call };
}

/** What {@linkcode stageOriginalServer} gives. */
export type OriginalServerStage = ReturnType<typeof stageOriginalServer>;

/** Starts a client of ours, of either kind, at a staged server. */
export async function startClient(
  { clock, hosts, timers }: OriginalServerStage,
  { original, host = "client", id = 1 }: { original: boolean; host?: string; id?: number },
) {
  const recorder = new Recorder(clock);
  const client = new Client(clientOptions({
    timers,
    original,
    legacy: new OriginalProtocol(),
    random: (bytes) => new DataView(bytes.buffer).setUint32(0, id),
    transport: hosts.from(host),
    clock,
    sink: recorder,
  }));
  const status = client.run();
  await settle();
  return { client, recorder, status };
}

/** A client of an original server, and the server's ends of its connections, in their order. */
export async function stageOriginalClient(
  options: OriginalStageOptions & Partial<Pick<ClientOptions, "count" | "original">> & {
    /** What the server says to what it reads on its connection of a number, from 0, at a time. */
    answer?: (text: string, number: number, at_ms: number) => string | undefined;
  } = {},
) {
  const { clock, recorder, network, timers } = config(options);
  const ends: (ScriptedEnd & { path: Path })[] = [];
  const listener = network.listen(ADDRESS);
  const acceptAll = async () => {
    for (;;) {
      const number = ends.length;
      const end = new ScriptedEnd(await listener.accept(), clock);
      end.answer = (text) => options.answer?.(text, number, clock.now());
      ends.push(Object.assign(end, { path: network.paths[number]! }));
    }
  };
  acceptAll().catch(() => {});
  const client = new Client(clientOptions({
    timers,
    original: options.original ?? true,
    legacy: new OriginalProtocol(),
    count: options.count,
    transport: network,
    clock,
    sink: recorder,
  }));
  const status = client.run();
  await settle();
  /** Whether the server takes connections from now on. */
  const listens = (isOn: boolean) => {
    network.refuseWith = isOn ? undefined : new TransportError("refused", "refused");
  };
  return { clock, recorder, network, client, status, ends, listens };
}

/** When, why and since when the only session has ended. */
export function closeReasonOf(recorder: Recorder) {
  const { at_ms, by, reason, text, detected_after_ms, detected_since, predicted_ms } = recorder.one(
    "terminated",
  );
  return { at_ms, by, reason, text, detected_after_ms, detected_since, predicted_ms };
}

/** A staged server, and the data connection of a client whose first message has come at time 0. */
export async function stageSession(options: OriginalStageOptions = {}) {
  const stage = stageOriginalServer(options);
  const data = await stage.call(TEXT.data);
  const { clock, recorder } = stage;
  /** Sends data every so often, for so many times. */
  const sendData = async (times: number, interval_ms = 5_000) => {
    for (let n = 0; n < times; n++) {
      await clock.advance(interval_ms);
      await data.say(TEXT.data);
    }
  };
  return { ...stage, data, sendData, closeReason: () => closeReasonOf(recorder) };
}

/** The same, silent since 20 s, its client's second connection there since 25 s. */
export async function stageBeats(options: OriginalStageOptions = {}) {
  const stage = await stageSession(options);
  await stage.clock.advance(24_000);
  await stage.data.hangUp();
  await stage.clock.advance(1_000);
  const beats = await stage.call(TEXT.heartbeat);
  return { ...stage, beats };
}
