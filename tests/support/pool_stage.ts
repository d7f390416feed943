/**
 * A server of any number of workers, on a virtual clock and a network in memory, whose clients say what
 * the test says.
 *
 * @module
 */
import type { Thread } from "../../lib/pool_worker.ts";
import { Server } from "../../lib/server.ts";
import type { ServerOptions } from "../../lib/server_options.ts";
import type { ToWorker } from "../../lib/worker_messages.ts";
import { WorkerPool } from "../../lib/worker_pool.ts";
import { MemoryNetwork, type PathOptions } from "./memory_network.ts";
import { startMemoryThread } from "./memory_thread.ts";
import type { RawConnection, Resuming } from "./raw_server.ts";
import { DEFAULT_TIMERS, KEEPING, Recorder, ScriptedPeer } from "./stage.ts";
import { settle, VirtualClock } from "./virtual_clock.ts";

/** Where the server listens. */
export const ADDRESS = { host: "server", port: 4000 };

/** A thread, and what the main thread does with it. */
export interface StagedThread {
  readonly thread: Thread;
  /** What it has been told. */
  readonly told: ToWorker[];
  isEnded: boolean;
}

/** A server that is about to be started. */
export interface PoolSetting {
  /** How many workers; of one alone, a server without a pool. */
  workers: number;
  clock: VirtualClock;
  network: MemoryNetwork;
  /** What the server is made of, where that matters. */
  options?: Partial<ServerOptions>;
  /** Where to put the threads that are started. */
  threads?: StagedThread[];
}

/** Starts a server. */
export async function startPool({ clock, network, options, threads = [], workers }: PoolSetting) {
  const recorder = new Recorder(clock);
  let drawn = 0;
  const world = {
    transport: network,
    clock,
    random: (bytes: Uint8Array) => void bytes.fill(++drawn),
  };
  const made: ServerOptions = {
    ...world,
    ...KEEPING,
    address: ADDRESS,
    timers: DEFAULT_TIMERS,
    maxMessageBytes: 1_000,
    original: true,
    once: false,
    sink: recorder,
    ...options,
  };
  const startThread = () => {
    const thread = startMemoryThread(world);
    threads.push(observe(thread));
    return thread;
  };
  const server = workers === 1
    ? Server.listen(made)
    : await WorkerPool.listen({ ...made, workers, startThread });
  const status = server.run();
  // Whoever waits for it hears of a failure.
  status.catch(() => {});
  /** How many connections were lent. */
  const lent = () =>
    threads.flatMap(({ told }) => told).filter((each) => each.kind === "take").length;
  return { server, status, recorder, threads, lent };
}

function observe(thread: Thread): StagedThread {
  const staged: StagedThread = { thread, told: [], isEnded: false };
  const { postMessage, terminate } = thread;
  thread.postMessage = (messages) => {
    staged.told.push(...messages as ToWorker[]);
    postMessage.call(thread, messages);
  };
  thread.terminate = () => {
    staged.isEnded = true;
    terminate.call(thread);
  };
  return staged;
}

/** What {@linkcode stagePool} makes: a server, and ways to call it. */
export type PoolStage = Awaited<ReturnType<typeof stagePool>>;

/** Starts a server of so many workers; nobody has connected. */
export async function stagePool(
  workers: number,
  options: Partial<ServerOptions> = {},
  paths: PathOptions = {},
) {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock, paths);
  const started = await startPool({ clock, network, workers, options });
  return { clock, network, ...started, ...callers(network, clock) };
}

/** A connection to the server. */
export interface Caller extends RawConnection {
  /** All that was heard on it, as it is. */
  text: string;
}

/** Ways to call a server: each call comes to the next worker. */
export function callers(network: MemoryNetwork, clock: VirtualClock) {
  /** Every connection so far. */
  const connections: Caller[] = [];
  /** Opens a connection, on which nothing is said yet. */
  const connect = async (): Promise<Caller> => {
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
  const hello = async (id: string, greeting: Resuming = {}): Promise<Caller> => {
    const connection = await connect();
    await connection.peer.say(`HELLO 1 ${id} ${JSON.stringify(greeting)}\n`);
    return connection;
  };
  /** Opens a connection as a client that comes back: it has heard nothing confirmed, unless told so. */
  const resume = (id: string, more: Resuming = {}) =>
    hello(id, { reconnect: true, confirmed: 0, ...more });
  return { connections, connect, hello, resume };
}
