/**
 * Dials the server, within a limit.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import { Deadline } from "../platform/deadline.ts";
import {
  type Address,
  type Connection,
  type Transport,
  TransportError,
} from "../platform/net/transport.ts";
import { type CloseReason, closeReasonOf } from "./close_reason.ts";
import { CONNECT_LIMIT_MS } from "./timers.ts";

/** Options for {@linkcode dial}. */
export interface DialOptions {
  /** The server's address. */
  address: Address;
  /** The network. */
  transport: Transport;
  /** The clock. */
  clock: Clock;
}

/** Opens a connection, or returns why that failed; if the signal aborts, the reason is the signal's. */
export async function dial(
  { address, clock, transport }: DialOptions,
  stopping: AbortSignal,
): Promise<Connection | CloseReason> {
  using limit = new Deadline(clock, { signal: stopping });
  limit.moveTo(clock.now() + CONNECT_LIMIT_MS, { again_ms: CONNECT_LIMIT_MS });
  try {
    const connection = await transport.connect(address, { signal: limit.signal });
    if (!stopping.aborted) return connection;
    connection.close();
    return { by: "self", reason: stopping.reason, text: "" };
  } catch (error) {
    if (stopping.aborted) return { by: "self", reason: stopping.reason, text: "" };
    const closeReason = closeReasonOf(error);
    const unanswered = error instanceof TransportError && error.kind === "unanswered";
    return unanswered ? { ...closeReason, text: "the connection was not answered" } : closeReason;
  }
}
