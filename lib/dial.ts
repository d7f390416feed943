/**
 * Opens the client's connection, within a limit.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import { type Ending, endingOfError } from "./ending.ts";
import { type Address, type Connection, type Transport, TransportError } from "./transport.ts";
import { Deadline, sleep } from "./wait.ts";

/** How long, in milliseconds, opening a connection may take. */
export const CONNECT_LIMIT_MS = 10_000;

/** What {@linkcode dial} needs. */
export interface DialOptions {
  /** Whom to call. */
  address: Address;
  /** The network. */
  transport: Transport;
  /** Time. */
  clock: Clock;
}

/** Opens a connection; or says how that ended, if the signal aborts first: by its reason. */
export async function dial(
  { address, clock, transport }: DialOptions,
  stopping: AbortSignal,
): Promise<Connection | Ending> {
  using limit = new Deadline(clock, { signal: stopping });
  limit.moveTo(clock.now() + CONNECT_LIMIT_MS, { again_ms: CONNECT_LIMIT_MS });
  try {
    const connection = await transport.connect(address, { signal: limit.signal });
    if (!stopping.aborted) return connection;
    connection.close();
    return { by: "self", reason: stopping.reason, text: "" };
  } catch (error) {
    if (stopping.aborted) return { by: "self", reason: stopping.reason, text: "" };
    const ending = endingOfError(error);
    const unanswered = error instanceof TransportError && error.kind === "unanswered";
    return unanswered ? { ...ending, text: "the connection was not answered" } : ending;
  }
}

/** How long, in milliseconds, to wait before dialling again while nobody listens. */
export const REDIAL_MS = 250;

/** What {@linkcode dialUntilOpen} goes by. */
export interface UntilOpenOptions {
  /** Aborts when it is to be given up. */
  stopping: AbortSignal;
  /** How long to wait before the first attempt, in milliseconds. */
  wait_ms: number;
  /** Whether a connection is still wanted. */
  isWanted: () => boolean;
  /** Whether to try but once. */
  isOnce: boolean;
}

/** Dials again and again until a connection opens; `undefined` if none is wanted any more. */
export async function dialUntilOpen(
  options: DialOptions,
  { isOnce, isWanted, stopping, wait_ms }: UntilOpenOptions,
): Promise<Connection | undefined> {
  const { clock } = options;
  using pause = new Deadline(clock, { signal: stopping });
  for (let pause_ms = wait_ms;; pause_ms = REDIAL_MS) {
    pause.moveTo(clock.now() + pause_ms);
    if (pause_ms > 0) await sleep(pause).catch(() => {});
    if (!isWanted()) return undefined;
    const connection = await dial(options, stopping);
    if (!("reason" in connection)) return connection;
    if (isOnce) return undefined;
  }
}
