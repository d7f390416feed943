/**
 * The threads of a server's workers: whether there can be so many, and how one is started.
 *
 * @module
 */
import { UsageError } from "./check.ts";
import type { Thread } from "./pool_worker.ts";
import { hasDescriptors } from "./transport.ts";

/** How many open files a thread takes, with some to spare for the sessions. */
const FILES_A_THREAD = 10;

/**
 * Sees whether so many threads can be started: the platform does not survive the attempt otherwise.
 *
 * @throws {UsageError} If this process may not have as many files open as they take.
 */
export function checkThreads(workers: number): void {
  if (hasDescriptors(workers * FILES_A_THREAD)) return;
  throw new UsageError(
    `--workers ${workers}: each takes ${FILES_A_THREAD} open files or so, more than this process may ` +
      `have: raise ulimit -n, or have fewer workers`,
  );
}

/** Starts a thread for a worker. */
export function startThread(): Thread {
  return new Worker(new URL("./server_thread.ts", import.meta.url), { type: "module" });
}
