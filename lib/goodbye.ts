/**
 * How a connection is closed: what is said at last, and how long that may take.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import { type Ending, isPolite } from "./ending.ts";
import { Pace } from "./pace.ts";
import { TERMINATE_REASONS } from "./protocol.ts";
import { type Connection, TransportError } from "./transport.ts";
import { Deadline, sleep } from "./wait.ts";
import type { FrameWriter } from "./writer.ts";

/** How long, in milliseconds, a polite end may take: `TERMINATE` out, and the peer's close heard. */
export const GOODBYE_LIMIT_MS = 500;

/** The same for a peer that is dead: what the kernel needs to take a line. */
const LAST_WORD_LIMIT_MS = 20;

/** How long, in milliseconds, what is under way may take to be settled before a polite end. */
const SETTLE_LIMIT_MS = 1_000;

/** What {@linkcode sayGoodbye} needs. */
export interface GoodbyeOptions {
  /** Time. */
  clock: Clock;
  /** The connection. */
  connection: Connection;
  /** Its writer. */
  writer: FrameWriter;
  /** Why it ends. */
  ending: Ending;
  /** The reader, which is over when the peer has closed its side. */
  reading: Promise<void>;
  /** Settles what is still under way; whether that came about before the deadline. */
  settle: (limit: Deadline) => boolean | Promise<boolean>;
}

/** Says why the connection ends, as far as the peer and the time let it, and closes it. */
export async function sayGoodbye(options: GoodbyeOptions): Promise<void> {
  const { clock, connection, ending, reading, writer } = options;
  await Pace.of(clock).turn();
  const dead = ending.by === "network" || ending.reason === "silent";
  using limit = new Deadline(clock);
  const within = (ms: number) => limit.moveTo(clock.now() + ms, { again_ms: ms });
  within(SETTLE_LIMIT_MS);
  await sayWhy(options, limit);
  within(dead ? LAST_WORD_LIMIT_MS : GOODBYE_LIMIT_MS);
  await Promise.race([sleep(limit), finish(options, dead)]);
  connection.close();
  await reading;
  // Deno 2.6 leaves a blocked write pending for ever, though its connection is closed.
  within(LAST_WORD_LIMIT_MS);
  await Promise.race([sleep(limit), writer.flushed()]);
}

/**
 * A polite end says that all is settled: when it is not, closing without a word says so. After a polite
 * end of the peer's, what it has sent is still confirmed: the peer waits for that before it closes.
 */
async function sayWhy(
  { ending: { by, reason, text }, settle, writer }: GoodbyeOptions,
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
  { connection, ending, reading, writer }: GoodbyeOptions,
  dead: boolean,
): Promise<void> {
  await writer.flushed();
  if (ending.by !== "self" || dead) return;
  try {
    // Closing at once would reset the connection if the peer has sent more, and a reset may
    // overtake TERMINATE (RFC 1122, section 4.2.2.13).
    await connection.closeWrite();
    await reading;
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
  }
}
