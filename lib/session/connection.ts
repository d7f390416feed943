/**
 * Opens a connection, and closes one: settles, sends `TERMINATE`, waits for the peer to close; each within a
 * limit.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import { sleep } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";
import {
  type Address,
  type Connection,
  type Transport,
  TransportError,
} from "../platform/net/transport.ts";
import { TERMINATE_REASONS } from "../wire/protocol.ts";
import type { MessageReader } from "../wire/reader.ts";
import type { FrameWriter } from "../wire/writer.ts";
import { type CloseReason, closeReasonOf, isPolite } from "./close_reason.ts";
import {
  CONNECT_LIMIT_MS,
  FINAL_WRITE_LIMIT_MS,
  GRACEFUL_CLOSE_LIMIT_MS,
  SETTLE_LIMIT_MS,
} from "./timers.ts";

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

/** More microtasks than a write takes whose bytes the kernel takes at once. */
const WRITE_MICROTASKS = 16;

/** Options for {@linkcode closeGracefully}. */
export interface CloseOptions {
  /** The clock. */
  clock: Clock;
  /** The connection. */
  connection: Connection;
  /** Its writer. */
  writer: FrameWriter;
  /** Why it is closed. */
  closeReason: CloseReason;
  /** Its reader, which ends when the peer, or this side, closes. */
  reader: MessageReader<unknown>;
  /** Waits until what was received is settled; false if the limit passes first. */
  settle: (limit: Deadline) => boolean | Promise<boolean>;
}

/**
 * Sends the close reason, as far as the peer reads it in time, and closes the connection. Whoever closes many takes
 * turns.
 */
export async function closeGracefully(options: CloseOptions): Promise<void> {
  const { connection, closeReason, reader, writer } = options;
  const isDead = closeReason.by === "network" || closeReason.reason === "silent";
  if (!isDead) await finish(options);
  else {
    sendTerminate(options);
    // What the kernel takes at once needs no deadline: thousands of peers may die together.
    for (let i = 0; i < WRITE_MICROTASKS && !writer.isIdle; i++) await undefined;
    if (!writer.isIdle) await flushed(options);
  }
  connection.close();
  await reader.closed();
  // In Deno 2.6, closing a connection leaves a blocked write pending for ever.
  if (!writer.isIdle) await flushed(options);
}

/** Waits a little until all is written. */
async function flushed({ clock, writer }: CloseOptions): Promise<void> {
  using limit = new Deadline(clock);
  limit.moveTo(clock.now() + FINAL_WRITE_LIMIT_MS, { again_ms: FINAL_WRITE_LIMIT_MS });
  await Promise.race([sleep(limit), writer.flushed()]);
}

/**
 * Settles, sends the close reason, and waits until the peer has closed. A polite `TERMINATE` means that all
 * is settled: if it is not, none is sent. After the peer's polite end, what it has sent is still confirmed:
 * the peer waits for that before it closes.
 */
async function finish(options: CloseOptions): Promise<void> {
  const { clock, closeReason, settle } = options;
  using limit = new Deadline(clock);
  const within = (ms: number) => limit.moveTo(clock.now() + ms, { again_ms: ms });
  const settled = !isPolite(closeReason) || settle(limit);
  if (settled instanceof Promise) within(SETTLE_LIMIT_MS);
  if (settled === true || await settled) sendTerminate(options);
  within(GRACEFUL_CLOSE_LIMIT_MS);
  await Promise.race([sleep(limit), closedByPeer(options)]);
}

function sendTerminate({ closeReason: { by, reason, text }, writer }: CloseOptions): void {
  const word = reason === "unproven" ? "refused" : reason;
  const reasonToSend = TERMINATE_REASONS.find((each) => each === word);
  if (by === "self" && reasonToSend) writer.send({ type: "TERMINATE", reason: reasonToSend, text });
}

/** Waits until all is written and, if this side ends the connection, until the peer has closed it. */
async function closedByPeer(options: CloseOptions): Promise<void> {
  const { connection, closeReason, reader, writer } = options;
  await writer.flushed();
  if (closeReason.by !== "self") return;
  // Closing at once would reset the connection if the peer has sent more, and a reset may overtake
  // TERMINATE (RFC 1122, section 4.2.2.13). If it has failed, so it has.
  await connection.closeWrite().then(() => reader.ended(), () => {});
}
