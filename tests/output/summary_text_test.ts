/**
 * A summary in words: what is confirmed, what is in doubt, and how the connections were used.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { eventText } from "../../lib/output/event_text.ts";
import type { Role } from "../../lib/wire/protocol.ts";
import { eventOf, summaryOf } from "../support/events.ts";
import { DEFAULT_TIMERS } from "../support/stage.ts";

const SUMMARY = { data_sent: 7, data_confirmed: 5, confirmed_up_to: 5 };

function summaryText(fields: Parameters<typeof summaryOf>[0], role: Role = "client") {
  return eventText(eventOf("summary", summaryOf(fields)), role, DEFAULT_TIMERS)!;
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

Deno.test("eventText() sums up what is confirmed, what is in doubt, and the silences", () => {
  const { level, text } = summaryText({
    ...SUMMARY,
    duration_ms: 61_234,
    in_doubt: [[6, 7]],
    heartbeats_sent: 4,
    heartbeats_answered: 1,
    heartbeats_missed: 3,
    heartbeats_received: 9,
    silences: 2,
    longest_silence_ms: 20_500,
    rtt_min_ms: 1.1,
    rtt_avg_ms: 2.2,
    rtt_max_ms: 3.3,
  });
  assertEquals(level, "warning");
  const parts = ["61.234 s", "7 data messages sent", "5 confirmed", "in doubt: 6 to 7"];
  const more = ["1.1/2.2/3.3 ms", "2 silences", "20.500 s", "4 sent", "1 answered", "3 missed"];
  for (const part of [...parts, ...more, "9 received"]) assertStringIncludes(text, part);
});

Deno.test("eventText() sums up a session without trouble as information", () => {
  const received = { data_received: 3, data_confirmed: 3, confirmed_up_to: 3 };
  const { level, text } = summaryText(received, "server");
  assertEquals(level, "info");
  for (const part of ["3 data messages received", "none in doubt", "no silence"]) {
    assertStringIncludes(text, part);
  }
  assert(!text.includes("round trip") && !text.includes("null"), text);
});

Deno.test("eventText() names a single data message in doubt once", () => {
  const { text } = summaryText({ ...SUMMARY, in_doubt: [[6, 6], [8, 9]] });
  assertStringIncludes(text, "in doubt: 6, 8 to 9");
});

Deno.test("eventText() warns of an input of which something is left", () => {
  for (
    const [rest, text] of [
      [{ lines_unsent: 0, input_ended: true }, undefined],
      [{ lines_unsent: 1, input_ended: true }, "; 1 line was read but never sent"],
      [{ lines_unsent: 0, input_ended: false }, "; the input was not read to its end"],
      [
        { lines_unsent: 2, input_ended: false },
        "; 2 lines were read but never sent; the input was not read to its end",
      ],
    ] as const
  ) {
    const told = summaryText({ ...SUMMARY, in_doubt: [], ...rest });
    assertEquals(told.level, text === undefined ? "info" : "warning");
    assertStringIncludes(told.text, text ?? "none in doubt");
    assertEquals(told.text.includes("input"), !rest.input_ended);
  }
});

const CONNECTION = { sent: 0, received: 0, confirmed: 0, resent: 0, in_doubt: 0 };

Deno.test("eventText() sums up a session of several connections, each for itself", () => {
  const summary = {
    connections: 2,
    data_resent: 3,
    by_connection: [
      { ...CONNECTION, sent: 9, confirmed: 6, in_doubt: 3 },
      { ...CONNECTION, sent: 4, confirmed: 4, resent: 3 },
    ],
  };
  const { text } = summaryText(summary);
  assertStringIncludes(text, "2 connections, 3 data messages sent again");
  assertStringIncludes(text, "(9 sent, 0 again, 6 confirmed | 4 sent, 3 again, 4 confirmed)");
  const by_connection = summary.by_connection.map((each) => (
    { ...each, sent: 0, received: each.sent }
  ));
  const told = summaryText({ ...summary, by_connection }, "server").text;
  assertStringIncludes(told, "9 received, 0 again, 6 confirmed");
});

Deno.test("eventText() tells of the last five connections of many", () => {
  const by_connection = Array.from({ length: 9 }, (_, n) => ({ ...CONNECTION, sent: 100 + n }));
  const { text } = summaryText({ connections: 12, by_connection });
  assertStringIncludes(text, "12 connections");
  assertStringIncludes(text, "the last 5: 104 sent");
  assert(!text.includes("103 sent"), text);
});

Deno.test("eventText() sums up how the only connection ended, as soon as it has", () => {
  const rest = "no silence; longest time without traffic 0.000 s; no heartbeats";
  const start = "summary of 1.500 s: 0 data messages sent, 0 confirmed, none in doubt; ";
  assertEquals(
    summaryText({ connections: 1, by_connection: [CONNECTION] }).text,
    `${start}${rest}`,
  );
  const ended = { ...CONNECTION, age_ms: 1_499, idle_ms: 250.4 };
  assertEquals(
    summaryText({ connections: 1, by_connection: [ended] }).text,
    `${start}connection ended at an age of 1.499 s, idle for 0.250 s; ${rest}`,
  );
});
