/**
 * What follows from the timers of a session.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  greetingOf,
  heartbeatPhase_ms,
  heartbeatsUntilDead,
  predictedDetection_ms,
} from "../../lib/session/timers.ts";
import { DEFAULT_TIMERS } from "../support/stage.ts";

Deno.test("the default timers predict a death after 60 s, 40 s of them in the heartbeat phase", () => {
  assertEquals(heartbeatsUntilDead(DEFAULT_TIMERS), 4);
  assertEquals(heartbeatPhase_ms(DEFAULT_TIMERS), 40_000);
  assertEquals(predictedDetection_ms(DEFAULT_TIMERS), 60_000);
});

Deno.test("greetingOf() gives the timers in seconds", () => {
  assertEquals(greetingOf({ ...DEFAULT_TIMERS, data_interval_ms: 250 }, 1_024), {
    data_interval: 0.25,
    data_threshold: 20,
    heart_beat_interval: 5,
    heart_beat_threshold: 10,
    heart_beat_additional_tries: 3,
    max_message_bytes: 1_024,
    knows: ["hold", "account", "full", "token"],
  });
});
