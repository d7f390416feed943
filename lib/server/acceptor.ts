/**
 * Accepts connections as long as the port is open, at a pace that leaves everything else its turn, and makes room or
 * refuses when too many files are open.
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
import { parseHello } from "./first_bytes.ts";

/** How long to wait, in milliseconds, before accepting again after accepting failed. */
export const ACCEPT_BACKOFF_MS = 100;

/**
 * How long, in milliseconds, a refused client may take to send `HELLO` and to close; meanwhile no other
 * connection is accepted.
 */
export const REFUSAL_LIMIT_MS = 25;

/**
 * How many connections are accepted before everything else has its turn: those that wait are accepted one after
 * the other without any.
 */
export const ACCEPTS_PER_TURN = 32;

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
  /** Makes room after a connection was accepted, if that is needed; no more is accepted meanwhile. */
  makeRoom: () => Promise<void> | undefined;
  /** Closes a connection that has opened no session, to make room for another; false if there is none. */
  giveWay: () => boolean;
  /** Called with each connection that is refused for want of a descriptor. */
  refused: (connection: Connection) => void;
  /** Logs that accepting fails, and that it succeeds again. */
  notice: (level: "info" | "error", text: string) => void;
}

/**
 * Accepts until the listener is closed. A connection for which this process has no file descriptor left
 * is accepted with a spare one: another one gives way to it that has opened no session, or else it is refused.
 */
export async function acceptAll(options: AcceptOptions): Promise<void> {
  const { accepted, clock, listener, makeRoom, notice, stopping } = options;
  let count = 0;
  using pause = new Deadline(clock, { signal: stopping });
  let failing = false;
  // Also of those who are gone: who resets each connection at once must not keep everything else from its turn.
  const taken = () => ++count % ACCEPTS_PER_TURN === 0 ? inputRead(clock) : undefined;
  const onAccepted = (connection: Connection) => {
    if (failing) notice("info", "accepting connections again");
    failing = false;
    accepted(connection);
  };
  while (!stopping.aborted) {
    try {
      onAccepted(await listener.accept());
      const wait = makeRoom() ?? taken();
      if (wait) await wait;
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      if (error.kind === "closed") return;
      // That client is gone; the next one need not wait.
      if (error.kind === "reset") {
        await taken();
        continue;
      }
      if (!failing) notice("error", failureText(error));
      failing = true;
      if (error.kind === "too_many_open_files" && await acceptSpare(options, onAccepted)) continue;
      pause.moveTo(clock.now() + ACCEPT_BACKOFF_MS);
      await sleep(pause).catch(() => {});
    }
  }
}

/** Accepts the next connection with the spare descriptor, and makes room or refuses it; false if it cannot. */
async function acceptSpare(
  { clock, giveWay, listener, refused }: AcceptOptions,
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
  if (hasRoom || giveWay()) {
    onAccepted(connection);
    // A descriptor is free when the read that was under way on it has ended.
    if (!hasRoom) await inputRead(clock);
    return true;
  }
  refused(connection);
  using limit = new Deadline(clock);
  limit.moveTo(clock.now() + REFUSAL_LIMIT_MS);
  const refusal = refuse(connection);
  await Promise.race([sleep(limit), refusal]);
  connection.close();
  // Only then is the descriptor free again.
  await refusal;
  return true;
}

function inputRead(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.afterInput(resolve));
}

const NO_ROOM =
  "this server has as many connections as its process may have files open (ulimit -n)";

/**
 * Answers a `HELLO` that has arrived, and waits until the client has read that: closing at once could overtake it
 * with a reset. An older client with `--reconnect` is closed without a word: it would take `refused` as final.
 */
async function refuse(connection: Connection): Promise<void> {
  const buffer = new Uint8Array(MAX_LINE_BYTES);
  const gone = () => null;
  const count = await connection.read(buffer).catch(gone);
  const hello = parseHello(buffer.subarray(0, count ?? 0));
  if (!hello) return;
  const reason = hello.knows.includes("full") ? "full" : "refused";
  if (reason === "refused" && hello.reconnects) return;
  let rest = encodeFrame({ type: "TERMINATE", reason, text: NO_ROOM });
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
    return `${message}: connections without a session give way, or new ones are refused; sessions go on. ` +
      "Look next: " +
      meaningOf("accept", code || "EMFILE")!.next;
  }
  const next = meaningOf("accept", code)?.next;
  return `cannot accept connections: ${message}; sessions go on, trying again` +
    (next === undefined ? "" : `. Look next: ${next}`);
}
