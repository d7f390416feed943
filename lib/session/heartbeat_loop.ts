/**
 * The heartbeat phase, the same for client and server.
 *
 * @module
 */
import type { Condition } from "../platform/condition.ts";
import type { Deadline } from "../platform/deadline.ts";
import { heartbeatsUntilDead, type Timers } from "./timers.ts";

/** What the heartbeat loop does: three things, whoever the peer is. */
export interface HeartbeatProbe {
  /** Sends the next heartbeat. */
  send(): void;
  /** A sign of life came after the last heartbeat, in time. */
  answered(): void;
  /** The last heartbeat went unanswered, as so many in a row did; so many are left until death. */
  missed(missed: number, left: number): void;
}

/** What the heartbeat loop listens to. */
export interface ReceiveCounters {
  /** Monotonic milliseconds. */
  now(): number;
  /** Frames heard so far: each is a sign of life. */
  readonly framesReceived: number;
  /** Data heard so far: data messages at the server, confirmations at the client. */
  readonly dataFramesReceived: number;
  /** Notified whenever one of the two has changed. */
  readonly changes: Condition;
}

/** How a heartbeat phase ends. */
export type HeartbeatOutcome = "data heard" | "dead";

/**
 * Sends heartbeats until data is heard again or too many in a row go unanswered.
 *
 * It starts when `deadline` has passed: the session has fallen silent. Of heartbeats in a row that go
 * unanswered, each time is reckoned from the one before it, so that late timers do not add up.
 *
 * @throws The deadline's reason, if that ends.
 */
export async function heartbeatLoop(
  probe: HeartbeatProbe,
  hearing: ReceiveCounters,
  timers: Timers,
  deadline: Deadline,
): Promise<HeartbeatOutcome> {
  const dataBefore = hearing.dataFramesReceived;
  const dataResumed = () => hearing.dataFramesReceived > dataBefore;
  let missed = 0;
  let from_ms = deadline.passed_ms;
  for (;;) {
    const framesBefore = hearing.framesReceived;
    const signOfLife = () => hearing.framesReceived > framesBefore;
    probe.send();
    deadline.moveTo(from_ms + timers.heart_beat_threshold_ms, {
      again_ms: timers.heart_beat_threshold_ms,
    });
    const answered = await hearing.changes.until(signOfLife, deadline);
    deadline.throwIfEnded();
    if (dataResumed()) return "data heard";

    if (answered) {
      missed = 0;
      probe.answered();
      deadline.moveTo(hearing.now() + timers.heart_beat_interval_ms);
      const resumed = await hearing.changes.until(dataResumed, deadline);
      deadline.throwIfEnded();
      if (resumed) return "data heard";
      // Should death follow, it is measured from the next heartbeat: that has its full time.
      from_ms = hearing.now();
    } else {
      missed++;
      from_ms = deadline.passed_ms;
      const left = heartbeatsUntilDead(timers) - missed;
      probe.missed(missed, left);
      if (left === 0) return "dead";
    }
  }
}
