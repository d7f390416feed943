/**
 * The coordinator of a server without other workers.
 *
 * @module
 */
import type { Coordinator } from "../../lib/server/options.ts";
import type { IdleResultStore } from "../../lib/session/idle/idle_results.ts";
import type { Delivery } from "../../lib/store/delivery.ts";

/** Keeps nothing of idle sessions. */
export const NO_RESULTS: IdleResultStore = { note: () => {}, of: () => [] };

/** Leaves every session where it is, and delivers as given. */
export function coordinatorOf(delivery: Delivery): Coordinator {
  return {
    delivery,
    sessions: [],
    isFull: false,
    judge: () => undefined,
    findWorker: () => Promise.resolve({ at: "here" }),
    forward: () => Promise.resolve(),
    sessionPlaced: () => {},
    sessionStarted: () => {},
    sessionEnded: () => {},
    onStranger: () => {},
    idleResults: NO_RESULTS,
  };
}
