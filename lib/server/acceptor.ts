/**
 * Accepts connections for as long as there is a port, whatever the limits of this process.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import { sleep } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";
import { type Connection, type Listener, TransportError } from "../platform/net/transport.ts";
import { encodeFrame } from "../wire/codec.ts";
import { MAX_LINE_BYTES } from "../wire/protocol.ts";
import { parseHello } from "./first_bytes.ts";
import { NO_ROOM } from "./notices.ts";

/** How long to wait, in milliseconds, before accepting again after accepting failed. */
export const ACCEPT_BACKOFF_MS = 100;

/**
 * How long, in milliseconds, one that is refused may take to say what it wants and to close: the next
 * one waits for as long.
 */
export const REFUSAL_LIMIT_MS = 25;

/** What {@linkcode acceptAll} needs. */
export interface AcceptOptions {
  /** The port. */
  listener: Listener;
  /** Time. */
  clock: Clock;
  /** Aborts when no more is to be accepted. */
  stopping: AbortSignal;
  /** Takes a connection. */
  accepted: (connection: Connection) => void;
  /** Told of a connection that was refused, and why. */
  refused: (connection: Connection, text: string) => void;
  /** Told, in words, when accepting fails and when it succeeds again. */
  notice: (level: "info" | "error", text: string) => void;
}

/**
 * Accepts until the listener is closed. A connection for which this process has no file descriptor left
 * is refused with the one that is kept for that.
 */
export async function acceptAll(options: AcceptOptions): Promise<void> {
  const { accepted, clock, listener, notice, stopping } = options;
  using pause = new Deadline(clock, { signal: stopping });
  let failing = false;
  const take = (connection: Connection) => {
    if (failing) notice("info", "accepting connections again");
    failing = false;
    accepted(connection);
  };
  while (!stopping.aborted) {
    try {
      take(await listener.accept());
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      if (error.kind === "closed") return;
      // Whoever called is gone; the next one need not wait.
      if (error.kind === "reset") continue;
      if (!failing) notice("error", failureText(error));
      failing = true;
      if (error.kind === "too_many_open_files" && await useSpare(options, take)) continue;
      pause.moveTo(clock.now() + ACCEPT_BACKOFF_MS);
      await sleep(pause).catch(() => {});
    }
  }
}

/** Takes the next connection, or refuses it; false if not even that can be done. */
async function useSpare(
  { clock, listener, refused }: AcceptOptions,
  take: (connection: Connection) => void,
): Promise<boolean> {
  let next: Awaited<ReturnType<Listener["acceptSpare"]>>;
  try {
    next = await listener.acceptSpare();
  } catch (error) {
    if (error instanceof TransportError) return error.kind === "reset";
    throw error;
  }
  const { connection, hasRoom } = next;
  if (hasRoom) {
    take(connection);
    return true;
  }
  refused(connection, NO_ROOM);
  using limit = new Deadline(clock);
  limit.moveTo(clock.now() + REFUSAL_LIMIT_MS);
  const told = tellRefusal(connection);
  await Promise.race([sleep(limit), told]);
  connection.close();
  // Not before has the descriptor been given back.
  await told;
  return true;
}

/**
 * Hears who it is and says why, and waits until it has been read: to close at once could overtake it
 * with a reset. Whoever comes back, or will, is sent away without a word: that is no end to it, and by
 * the next time there may be room.
 */
async function tellRefusal(connection: Connection): Promise<void> {
  try {
    const buffer = new Uint8Array(MAX_LINE_BYTES);
    const count = await connection.read(buffer);
    if (parseHello(buffer.subarray(0, count ?? 0))?.reconnects) return;
    let rest = encodeFrame({ type: "TERMINATE", reason: "refused", text: NO_ROOM });
    while (rest.length > 0) rest = rest.subarray(await connection.write(rest));
    await connection.closeWrite();
    while (await connection.read(buffer) !== null);
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
  }
}

function failureText(error: TransportError): string {
  return error.kind === "too_many_open_files"
    ? "this process has as many files open as it may (see ulimit -n): refusing connections; " +
      "sessions go on"
    : `cannot accept connections: ${error.message}; sessions go on, trying again`;
}
