/**
 * The data phase: one loop for the client, one for the server.
 *
 * @module
 */
import type { Timers } from "./settings.ts";
import { type Changes, type Deadline, PUNCTUAL_MS, sleep } from "./wait.ts";

/** How the client's data phase ends. */
export type DataOutcome = "silent" | "done";

/** What the client's data loop needs of its session. */
export interface ClientDataSide {
  /** Monotonic milliseconds. */
  now(): number;
  /** Notified whenever a confirmation has been heard. */
  readonly changes: Changes;
  /** Whether every data message sent is confirmed. */
  readonly allConfirmed: boolean;
  /** Whether all that was asked for is sent and confirmed. */
  readonly done: boolean;
  /** Whether no confirmation can come any more, though the session goes on. */
  readonly over: boolean;
  /** When the next data message is to go out, in monotonic milliseconds. */
  nextSend_ms: number;
  /** Sends the next data message. */
  sendData(): void;
}

/**
 * Sends a data message every `data_interval`, each after the confirmation of the one before, until a
 * confirmation fails to come within `data_threshold` or all is done.
 *
 * Messages go out on a grid of `data_interval`, so that their times do not drift. When one is late, the
 * grid starts anew with it: what was missed is not made up for in a burst.
 *
 * @throws The reason of the deadline's parent signal, if it aborts.
 */
export async function clientDataLoop(
  side: ClientDataSide,
  timers: Timers,
  deadline: Deadline,
): Promise<DataOutcome> {
  const over = () => side.over;
  const confirmedOrOver = () => side.allConfirmed || side.over;
  for (;;) {
    if (side.done) return "done";
    if (side.now() < side.nextSend_ms) {
      deadline.moveTo(side.nextSend_ms);
      const isOver = await side.changes.until(over, deadline.signal);
      deadline.throwIfEnded();
      if (isOver) return "silent";
    }

    const sentAt_ms = side.now();
    const late = sentAt_ms - side.nextSend_ms > PUNCTUAL_MS;
    side.nextSend_ms = (late ? sentAt_ms : side.nextSend_ms) + timers.data_interval_ms;
    side.sendData();
    deadline.moveTo(sentAt_ms + timers.data_threshold_ms, { again_ms: timers.data_threshold_ms });
    const inTime = await side.changes.until(confirmedOrOver, deadline.signal);
    deadline.throwIfEnded();
    if (!inTime || side.over) return "silent";
  }
}

/** What the server's data loop needs of its session. */
export interface ServerDataSide {
  /** When the last data message was heard, or the session started, in monotonic milliseconds. */
  readonly lastData_ms: number;
  /** Set by the loop while it runs; to be called at each data message. */
  onData?: () => void;
}

/**
 * Waits until no data message has been heard for `data_threshold`.
 *
 * A data message does not wake this loop: it only moves the deadline.
 *
 * @throws The reason of the deadline's parent signal, if it aborts.
 */
export async function serverDataLoop(
  side: ServerDataSide,
  timers: Timers,
  deadline: Deadline,
): Promise<"silent"> {
  const again = { again_ms: timers.data_threshold_ms };
  side.onData = () => deadline.moveTo(side.lastData_ms + timers.data_threshold_ms, again);
  side.onData();
  try {
    await sleep(deadline.signal);
    deadline.throwIfEnded();
  } finally {
    side.onData = undefined;
  }
  return "silent";
}
