/**
 * The heartbeat phase of a side that sends no heartbeats but expects them, as the original server does.
 *
 * @module
 */
import type { Deadline } from "../platform/deadline.ts";
import type { HeartbeatOutcome, ReceiveCounters } from "../session/heartbeat_loop.ts";
import { heartbeatsUntilDead, type Timers } from "../session/timers.ts";

/**
 * Waits until data is heard again, or too many heartbeats in a row fail to come, each within
 * `heart_beat_threshold` of the one before, or of `from_ms`.
 *
 * @param missed Called at each miss: so many in a row, so many left until death.
 * @throws The deadline's reason, if that ends.
 */
export async function heartbeatWatch(
  hearing: ReceiveCounters,
  timers: Timers,
  deadline: Deadline,
  options: { from_ms: number; missed: (missed: number, left: number) => void },
): Promise<HeartbeatOutcome> {
  const dataBefore = hearing.dataFramesReceived;
  let { from_ms } = options;
  let missed = 0;
  for (;;) {
    const framesBefore = hearing.framesReceived;
    deadline.moveTo(from_ms + timers.heart_beat_threshold_ms, {
      again_ms: timers.heart_beat_threshold_ms,
    });
    const heard = await hearing.changes.until(
      () => hearing.framesReceived > framesBefore,
      deadline,
    );
    deadline.throwIfEnded();
    if (hearing.dataFramesReceived > dataBefore) return "data heard";
    if (heard) {
      missed = 0;
      from_ms = hearing.now();
    } else {
      missed++;
      from_ms = deadline.passed_ms;
      const left = heartbeatsUntilDead(timers) - missed;
      options.missed(missed, left);
      if (left === 0) return "dead";
    }
  }
}
