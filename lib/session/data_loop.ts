/**
 * The client's data phase. The server's is one wait, in `server/server_session.ts`.
 *
 * @module
 */
import type { Condition } from "../platform/condition.ts";
import type { Deadline } from "../platform/deadline.ts";
import type { NextStep, Timers } from "./timers.ts";

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

/** What happens next in the data phase if nothing is received: silence, or with all confirmed the next message. */
export function nextOfClient(
  { confirmationDue_ms, nextSend_ms }: ClientDataSide,
  isAllConfirmed: boolean,
): NextStep {
  return isAllConfirmed
    ? { what: "send", at_ms: nextSend_ms }
    : { what: "silent", at_ms: confirmationDue_ms };
}
