/**
 * A server of any number of workers, on a virtual clock and a network in memory, whose clients say what
 * the test says.
 *
 * @module
 */
import type { Thread } from "../../lib/platform/thread_link.ts";
import { OriginalProtocol } from "../../lib/original/protocol.ts";
import type { ProcessWatch } from "../../lib/monitor/watch.ts";
import type { ServerOptions } from "../../lib/server/options.ts";
import { Server } from "../../lib/server/server.ts";
import type { ToWorker } from "../../lib/server/workers/messages.ts";
import { WorkerPool } from "../../lib/server/workers/worker_pool.ts";
import { callers } from "./callers.ts";
import { MemoryNetwork, type PathOptions } from "./memory_network.ts";
import { startMemoryThread } from "./memory_thread.ts";
import { serverOptions } from "./server_options.ts";
import { Recorder } from "./stage.ts";
import { VirtualClock } from "./virtual_clock.ts";

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
  /** Reads the sessions, for a monitor. */
  watch?: ProcessWatch;
  /** Where to put the threads that are started. */
  threads?: StagedThread[];
}

/** Starts a server. */
export async function startPool(
  { clock, network, options, threads = [], watch, workers }: PoolSetting,
) {
  const recorder = new Recorder(clock);
  let drawn = 0;
  const world = {
    transport: network,
    clock,
    random: (bytes: Uint8Array) => void bytes.fill(++drawn),
    legacy: new OriginalProtocol(),
  };
  const made = serverOptions({ ...world, sink: recorder, watch, ...options });
  const startThread = () => {
    const thread = startMemoryThread(world);
    threads.push(observe(thread));
    return thread;
  };
  const server = workers === 1
    ? Server.listen(made)
    : await WorkerPool.listen({ ...made, monitor: watch, workers, startThread });
  const status = server.run();
  // Whoever waits for it hears of a failure.
  status.catch(() => {});
  /** How many connections were lent. */
  const lent = () =>
    threads.flatMap(({ told }) => told).filter((each) => each.kind === "forwarded").length;
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
