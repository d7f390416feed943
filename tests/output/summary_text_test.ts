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
  const end = "heartbeats 0 sent, 0 answered, 0 missed, 0 received";
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
