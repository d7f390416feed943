/**
 * How a connection is closed: what is said at last, and how long that may take.
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

/** What {@linkcode closeGracefully} needs. */
export interface CloseOptions {
  /** Time. */
  clock: Clock;
  /** The connection. */
  connection: Connection;
  /** Its writer. */
  writer: FrameWriter;
  /** Why it ends. */
  closeReason: CloseReason;
  /** The reader, which is over when the peer has closed its side. */
  reading: Promise<void>;
  /** Settles what is still under way; whether that came about before the deadline. */
  settle: (limit: Deadline) => boolean | Promise<boolean>;
}

/** Says why the connection ends, as far as the peer and the time let it, and closes it. */
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
  // Deno 2.6 leaves a blocked write pending for ever, though its connection is closed.
  within(FINAL_WRITE_LIMIT_MS);
  await Promise.race([sleep(limit), writer.flushed()]);
}

/**
 * A polite end says that all is settled: when it is not, closing without a word says so. After a polite
 * end of the peer's, what it has sent is still confirmed: the peer waits for that before it closes.
 */
async function sendTerminate(
  { closeReason: { by, reason, text }, settle, writer }: CloseOptions,
  limit: Deadline,
): Promise<void> {
  const said = TERMINATE_REASONS.find((each) => each === reason);
  if (by === "network" || !said) return;
  const settled = !isPolite({ by, reason, text }) || settle(limit);
  if (by === "peer") return void await settled;
  if (settled === true || await settled) writer.send({ type: "TERMINATE", reason: said, text });
}

/** Waits until all is written, and, if this side ends it, until the peer has closed its side. */
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
