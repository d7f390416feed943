/**
 * Accepts connections as long as the port is open, and refuses those over the limit of open files.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import { sleep } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";
import { meaningOf } from "../platform/net/error_text.ts";
import { type Connection, type Listener, TransportError } from "../platform/net/transport.ts";
import { encodeFrame } from "../wire/encoder.ts";
import { MAX_LINE_BYTES } from "../wire/protocol.ts";
import { NO_ROOM } from "./admission.ts";
import { parseHello } from "./first_bytes.ts";

/** How long to wait, in milliseconds, before accepting again after accepting failed. */
export const ACCEPT_BACKOFF_MS = 100;

/**
 * How long, in milliseconds, a refused client may take to send `HELLO` and to close; meanwhile no other
 * connection is accepted.
 */
export const REFUSAL_LIMIT_MS = 25;

/** Options for {@linkcode acceptAll}. */
export interface AcceptOptions {
  /** The port. */
  listener: Listener;
  /** Time. */
  clock: Clock;
  /** Aborts when no more is to be accepted. */
  stopping: AbortSignal;
  /** Receives each accepted connection. */
  accepted: (connection: Connection) => void;
  /** Called with each refused connection, what it had sent first, and the reason. */
  refused: (connection: Connection, first: Uint8Array, text: string) => void;
  /** Logs that accepting fails, and that it succeeds again. */
  notice: (level: "info" | "error", text: string) => void;
}

/**
 * Accepts until the listener is closed. A connection for which this process has no file descriptor left
 * is accepted with a spare one, to refuse it.
 */
export async function acceptAll(options: AcceptOptions): Promise<void> {
  const { accepted, clock, listener, notice, stopping } = options;
  using pause = new Deadline(clock, { signal: stopping });
  let failing = false;
  const onAccepted = (connection: Connection) => {
    if (failing) notice("info", "accepting connections again");
    failing = false;
    accepted(connection);
  };
  while (!stopping.aborted) {
    try {
      onAccepted(await listener.accept());
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      if (error.kind === "closed") return;
      // That client is gone; the next one need not wait.
      if (error.kind === "reset") continue;
      if (!failing) notice("error", failureText(error));
      failing = true;
      if (error.kind === "too_many_open_files" && await acceptSpare(options, onAccepted)) continue;
      pause.moveTo(clock.now() + ACCEPT_BACKOFF_MS);
      await sleep(pause).catch(() => {});
    }
  }
}

/** Accepts the next connection with the spare descriptor, or refuses it; false if it cannot. */
async function acceptSpare(
  { clock, listener, refused }: AcceptOptions,
  onAccepted: (connection: Connection) => void,
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
    onAccepted(connection);
    return true;
  }
  using limit = new Deadline(clock);
  limit.moveTo(clock.now() + REFUSAL_LIMIT_MS);
  let isReported = false;
  const report = (first: Uint8Array) => {
    isReported = true;
    refused(connection, first, NO_ROOM);
  };
  const refusal = refuse(connection, report);
  await Promise.race([sleep(limit), refusal]);
  connection.close();
  // Only then is the descriptor free again.
  await refusal;
  if (!isReported) report(new Uint8Array(0));
  return true;
}

/**
 * Sends TERMINATE and waits until the client has read it: closing at once could overtake it with a reset.
 * A client with `--reconnect` gets no TERMINATE: `refused` is final, and it may retry.
 */
async function refuse(
  connection: Connection,
  report: (first: Uint8Array) => void,
): Promise<void> {
  const buffer = new Uint8Array(MAX_LINE_BYTES);
  const gone = () => null;
  const count = await connection.read(buffer).catch(gone);
  const first = buffer.subarray(0, count ?? 0);
  report(first);
  if (parseHello(first)?.reconnects) return;
  let rest = encodeFrame({ type: "TERMINATE", reason: "refused", text: NO_ROOM });
  while (rest.length > 0) {
    const written = await connection.write(rest).catch(gone);
    if (written === null) return;
    rest = rest.subarray(written);
  }
  await connection.closeWrite().catch(gone);
  while (await connection.read(buffer).catch(gone) !== null);
}

function failureText(error: TransportError): string {
  const { code = "", kind, message } = error;
  if (kind === "too_many_open_files") {
    return `${message}: refusing connections; sessions go on. Look next: ` +
      meaningOf("accept", code || "EMFILE")!.next;
  }
  const next = meaningOf("accept", code)?.next;
  return `cannot accept connections: ${message}; sessions go on, trying again` +
    (next === undefined ? "" : `. Look next: ${next}`);
}
