/**
 * The heartbeat phase, the same for client and server.
 *
 * @module
 */
import type { Condition } from "../platform/condition.ts";
import type { Deadline } from "../platform/deadline.ts";
import { heartbeatsUntilDead, type Timers } from "./timers.ts";

/** Acts on each step of the heartbeat loop. */
export interface HeartbeatProbe {
  /** Sends the next heartbeat. A side that only expects the peer's heartbeats has none to send. */
  send?(): void;
  /** A sign of life arrived in time after the last heartbeat. */
  answered?(): void;
  /** The last heartbeat was missed: the number missed in a row, and the number left until death. */
  missed(missed: number, left: number): void;
}

/** Counts what a session receives. */
export interface ReceiveCounters {
  /** Monotonic milliseconds. */
  now(): number;
  /** Frames received so far: each is a sign of life. */
  readonly framesReceived: number;
  /** Data received so far: data messages at the server, confirmations at the client. */
  readonly dataFramesReceived: number;
  /** Notified whenever one of the two has changed. */
  readonly changes: Condition;
}

/** How a heartbeat phase ends. */
export type HeartbeatOutcome = "data heard" | "dead";

/**
 * Sends heartbeats until data is received again or too many in a row are missed.
 *
 * The first one is due from `from_ms` on: when `deadline` passed, unless the silence began otherwise.
 * Of heartbeats missed in a row, each is timed from the one before it, so that late timers do not add up.
 *
 * @throws The deadline's reason, if that ends.
 */
export async function heartbeatLoop(
  probe: HeartbeatProbe,
  received: ReceiveCounters,
  timers: Timers,
  deadline: Deadline,
  from_ms: number = deadline.passed_ms,
): Promise<HeartbeatOutcome> {
  const dataBefore = received.dataFramesReceived;
  const dataResumed = () => received.dataFramesReceived > dataBefore;
  const { heart_beat_interval_ms, heart_beat_threshold_ms } = timers;
  let missed = 0;
  for (;;) {
    const framesBefore = received.framesReceived;
    const signOfLife = () => received.framesReceived > framesBefore;
    probe.send?.();
    deadline.moveTo(from_ms + heart_beat_threshold_ms, { again_ms: heart_beat_threshold_ms });
    const answered = await received.changes.until(signOfLife, deadline);
    deadline.throwIfEnded();
    if (dataResumed()) return "data heard";

    if (answered) {
      missed = 0;
      probe.answered?.();
      if (probe.send) {
        deadline.moveTo(received.now() + heart_beat_interval_ms);
        const resumed = await received.changes.until(dataResumed, deadline);
        deadline.throwIfEnded();
        if (resumed) return "data heard";
      }
      // Should death follow, it is measured from the next heartbeat: that has its full time.
      from_ms = received.now();
    } else {
      missed++;
      from_ms = deadline.passed_ms;
      const left = heartbeatsUntilDead(timers) - missed;
      probe.missed(missed, left);
      if (left === 0) return "dead";
    }
  }
}
