/**
 * The data phase: one loop for the client, one for the server.
 *
 * @module
 */
import type { Condition } from "../platform/condition.ts";
import type { Deadline } from "../platform/deadline.ts";
import type { Timers } from "./timers.ts";

/** How the client's data phase ends. */
export type DataOutcome = "silent" | "done";

/** The client's session, as its data loop sees it. */
export interface ClientDataSide {
  /** The monotonic time in milliseconds. */
  now(): number;
  /** Notified when a confirmation has been received, or another data message may go out. */
  readonly changes: Condition;
  /** Whether everything is sent and confirmed. */
  readonly done: boolean;
  /** Whether no confirmation can come any more, though the session is not over. */
  readonly over: boolean;
  /** When the next data message may go out, in monotonic milliseconds; `Infinity` if not by time alone. */
  readonly nextSend_ms: number;
  /** By when the next confirmation is due, in monotonic milliseconds; `Infinity` if none is. */
  readonly confirmationDue_ms: number;
  /** Sends every data message that may go out by now. */
  sendReady(): void;
}

/**
 * Sends data messages as they may go out, until a confirmation fails to come within `data_threshold`
 * or everything is done.
 *
 * @throws The deadline's reason, if that ends.
 */
export async function clientDataLoop(
  side: ClientDataSide,
  timers: Timers,
  deadline: Deadline,
): Promise<DataOutcome> {
  for (;;) {
    side.sendReady();
    if (side.done) return "done";
    if (side.over) return "silent";
    const { confirmationDue_ms, nextSend_ms } = side;
    const sendsFirst = nextSend_ms < confirmationDue_ms;
    if (sendsFirst) deadline.moveTo(nextSend_ms);
    else deadline.moveTo(confirmationDue_ms, { again_ms: timers.data_threshold_ms });
    const changed = () =>
      side.over || side.done || side.nextSend_ms !== nextSend_ms ||
      side.confirmationDue_ms !== confirmationDue_ms;
    const inTime = await side.changes.until(changed, deadline);
    deadline.throwIfEnded();
    if (!inTime && !sendsFirst) return "silent";
  }
}

/** The server's session, as its data loop sees it. */
export interface ServerDataSide {
  /** Wakes the loop; it waits for the deadline only. */
  readonly changes: Condition;
  /** When the last data message was received, or the session started, in monotonic milliseconds. */
  readonly lastData_ms: number;
  /** Set by the loop while it runs; the session calls it at each data message. */
  onData?: () => void;
}

/**
 * Waits until no data message has been received for `data_threshold`.
 *
 * A data message does not wake this loop, it only moves the deadline: that is much cheaper.
 *
 * @throws The deadline's reason, if that ends.
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
    await side.changes.until(() => false, deadline);
    deadline.throwIfEnded();
  } finally {
    side.onData = undefined;
  }
  return "silent";
}
