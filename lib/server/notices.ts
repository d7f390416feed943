/**
 * What a server reports of itself as a whole, and why it has no room.
 *
 * @module
 */
import type { EventSource } from "../session/events.ts";
import type { Store } from "../store/store.ts";

/** Tells how many sessions an earlier process has left in the store. */
export function reportWaitingSessions({ store }: { store?: Store }, events: EventSource): void {
  const count = store?.sessions.length ?? 0;
  if (count === 0) return;
  const text = `sessions in the store that wait for their clients: ${count}`;
  events.emit("notice", { level: "info", text });
}

/** The last word of a server. */
export function stoppedText({ lost, served }: { lost: number; served: number }): string {
  return `stopped; sessions served: ${served}, of them lost: ${lost}`;
}

/** Why a session is refused that would be one too many. */
export function fullText(id: string, maxSessions: number): string {
  return noRoom(
    id,
    `this server has as many sessions as it may have (max_sessions ${maxSessions})`,
  );
}

/** Says for which session there is none: who is refused has no session of its own to be told by. */
export function noRoom(id: string, why: string): string {
  return `no room for session ${id}: ${why}`;
}

/** Why a connection is refused when no file descriptor is left. */
export const NO_ROOM =
  "this server has as many connections as its process may have files open (ulimit -n)";

/** Why a session is refused that would be one too many. */
export const ALL_SESSIONS = "this server has as many sessions as it may have (max_sessions)";

/** Why a session is refused by a server that serves one only. */
export const ONLY_ONE = "this server serves one session only, and has it";
