/**
 * The verdict on a session at its end: who noticed, when, why, and how that compares with what was
 * predicted.
 *
 * @module
 */
import { type DetectedSince, type Ending, isPolite } from "./ending.ts";
import type { Verdict } from "./events.ts";
import { roundMs } from "./ledger.ts";
import { predictedDetection_ms, type Timers } from "./settings.ts";

/** What a death by silence is measured from, and how long after it death was predicted. */
export interface Detection {
  /** What happened then. */
  readonly since: DetectedSince;
  /** When, in monotonic milliseconds. */
  readonly at_ms: number;
  /** The predicted time from then to death, in milliseconds. */
  readonly predicted_ms: number;
}

/** What a verdict is made from. */
export interface Evidence {
  /** The peer's address and port. */
  peer: string;
  /** The session's timers. */
  timers: Timers;
  /** When the session ended, in monotonic milliseconds. */
  now_ms: number;
  /** When the last sign of life came; not given if no session was ever open. */
  heard_ms?: number;
  /** What a death by silence is measured from; not given if the session never fell silent. */
  detection?: Detection;
}

/** The fields of `terminated` and `disconnected`. */
export function verdict(ending: Ending, evidence: Evidence): Verdict {
  const { detection, heard_ms, now_ms, peer, timers } = evidence;
  if (heard_ms === undefined) {
    const none = { detected_after_ms: null, detected_since: null, predicted_ms: null };
    return { ...ending, peer, ...none, silent_ms: null };
  }
  const died = ending.by === "self" && ending.reason === "silent";
  const measured = died && detection ? detection : {
    since: "last_sign_of_life" as const,
    at_ms: heard_ms,
    predicted_ms: predictedDetection_ms(timers),
  };
  const noticed = !isPolite(ending);
  return {
    ...ending,
    peer,
    detected_after_ms: noticed ? roundMs(now_ms - measured.at_ms) : null,
    detected_since: noticed ? measured.since : null,
    predicted_ms: measured.predicted_ms,
    silent_ms: roundMs(now_ms - heard_ms),
  };
}
