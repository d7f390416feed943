/**
 * Closes a connection: settles, sends `TERMINATE`, waits for the peer to close; each within a limit.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import { sleep } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";
import { type Connection, TransportError } from "../platform/net/transport.ts";
import { TurnLimiter } from "../platform/turns.ts";
import { TERMINATE_REASONS } from "../wire/protocol.ts";
import type { FrameWriter } from "../wire/writer.ts";
import { type CloseReason, isPolite } from "./close_reason.ts";
import { FINAL_WRITE_LIMIT_MS, GRACEFUL_CLOSE_LIMIT_MS, SETTLE_LIMIT_MS } from "./timers.ts";

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
  /** Resolves when the reader has ended: the peer, or this side, has closed. */
  reading: Promise<void>;
  /** Waits until what was received is settled; false if the limit passes first. */
  settle: (limit: Deadline) => boolean | Promise<boolean>;
}

/** Sends the close reason, as far as the peer reads it in time, and closes the connection. */
export async function closeGracefully(options: CloseOptions): Promise<void> {
  const { clock, connection, closeReason, reading, writer } = options;
  await TurnLimiter.of(clock).turn();
  const dead = closeReason.by === "network" || closeReason.reason === "silent";
  using limit = new Deadline(clock);
  const within = (ms: number) => limit.moveTo(clock.now() + ms, { again_ms: ms });
  within(SETTLE_LIMIT_MS);
  await sendTerminate(options, limit);
  within(dead ? FINAL_WRITE_LIMIT_MS : GRACEFUL_CLOSE_LIMIT_MS);
  await Promise.race([sleep(limit), finish(options, dead)]);
  connection.close();
  await reading;
  // In Deno 2.6, closing a connection leaves a blocked write pending for ever.
  within(FINAL_WRITE_LIMIT_MS);
  await Promise.race([sleep(limit), writer.flushed()]);
}

/**
 * A polite `TERMINATE` means that all is settled: if it is not, none is sent. After the peer's polite
 * end, what it has sent is still confirmed: the peer waits for that before it closes.
 */
async function sendTerminate(
  { closeReason: { by, reason, text }, settle, writer }: CloseOptions,
  limit: Deadline,
): Promise<void> {
  const reasonToSend = TERMINATE_REASONS.find((each) => each === reason);
  if (by === "network" || !reasonToSend) return;
  const settled = !isPolite({ by, reason, text }) || settle(limit);
  const isSettled = settled === true || await settled;
  if (isSettled && by === "self") writer.send({ type: "TERMINATE", reason: reasonToSend, text });
}

/** Waits until all is written and, if this side ends the connection, until the peer has closed it. */
async function finish(
  { connection, closeReason, reading, writer }: CloseOptions,
  dead: boolean,
): Promise<void> {
  await writer.flushed();
  if (closeReason.by !== "self" || dead) return;
  try {
    // Closing at once would reset the connection if the peer has sent more, and a reset may
    // overtake TERMINATE (RFC 1122, section 4.2.2.13).
    await connection.closeWrite();
    await reading;
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
  }
}
