/**
 * Threads that are none: a worker of a server in this thread, which hears copies of what is said to it,
 * and not at once.
 *
 * @module
 */
import type { Port, Thread } from "../../lib/platform/thread_link.ts";
import { ServerWorker, type WorkerPlatform } from "../../lib/server/workers/worker.ts";

/** One end of a pair; what is posted on one comes to the other. */
class MemoryPort implements Port {
  onmessage: ((event: MessageEvent) => void) | null = null;
  other?: MemoryPort;
  isOpen = true;

  postMessage(message: unknown): void {
    const data = structuredClone(message);
    queueMicrotask(() => {
      if (this.isOpen) this.other!.onmessage!({ data } as MessageEvent);
    });
  }
}

/** Starts a worker in this world. */
export function startMemoryThread(world: WorkerPlatform): Thread {
  const [ours, theirs] = [new MemoryPort(), new MemoryPort()];
  ours.other = theirs;
  theirs.other = ours;
  new ServerWorker(theirs, world);
  const terminate = () => ours.isOpen = theirs.isOpen = false;
  return Object.assign(ours, { onerror: null, terminate });
}
