/**
 * What a server tells of itself as a whole.
 *
 * @module
 */
import type { EventSource } from "./events.ts";
import type { Store } from "./store_types.ts";

/** Tells how many sessions an earlier process has left in the store. */
export function tellWaiting({ store }: { store?: Store }, events: EventSource): void {
  const count = store?.sessions.length ?? 0;
  if (count === 0) return;
  const text = `sessions in the store that wait for their clients: ${count}`;
  events.emit("notice", { level: "info", text });
}

/** The last word of a server. */
export function stoppedText({ lost, served }: { lost: number; served: number }): string {
  return `stopped; sessions served: ${served}, of them lost: ${lost}`;
}
