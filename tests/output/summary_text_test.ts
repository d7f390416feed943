/**
 * A summary in words, whole.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { eventText } from "../../lib/output/event_text.ts";
import { eventOf, summaryOf } from "../support/events.ts";
import { DEFAULT_TIMERS } from "../support/stage.ts";

function summaryText(fields: Parameters<typeof summaryOf>[0]) {
  return eventText(eventOf("summary", summaryOf(fields)), "client", DEFAULT_TIMERS)!;
}

Deno.test("eventText() sums up the local stalls, if there were any", () => {
  const end = "no heartbeats";
  const start =
    "summary of 1.500 s: 0 data messages sent, 0 confirmed, none in doubt; no silence; " +
    "longest time without traffic 0.000 s";
  assertEquals(summaryText({ local_stalls: 0 }).text, `${start}; ${end}`);
  assertEquals(
    summaryText({ local_stalls: 1 }).text,
    `${start}; 1 local stall of this side; ${end}`,
  );
  assertEquals(
    summaryText({ local_stalls: 2 }).text,
    `${start}; 2 local stalls of this side; ${end}`,
  );
});

Deno.test("eventText() sums up heartbeats, which are traffic, and round trips with four digits", () => {
  const fields = {
    duration_ms: 61_234,
    data_sent: 7,
    data_confirmed: 7,
    heartbeats_sent: 4,
    heartbeats_answered: 1,
    heartbeats_missed: 3,
    heartbeats_received: 9,
    longest_idle_ms: 5_004.4,
    rtt_min_ms: 0.913,
    rtt_avg_ms: 418.666,
    rtt_max_ms: 4_547.685,
  };
  assertEquals(
    summaryText(fields).text,
    "summary of 61.234 s: 7 data messages sent, 7 confirmed, none in doubt; round trip min/avg/max " +
      "0.913/418.7/4548 ms; no silence; longest time without traffic 5.004 s (heartbeats are traffic); " +
      "heartbeats 4 sent, 1 answered, 3 missed, 9 received",
  );
});
