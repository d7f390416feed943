/**
 * Round trips as bars: where there is one, where there is none, and where the session was silent.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { SessionHistory, Stretch } from "../../../lib/monitor/reading.ts";
import { sparkline } from "../../../lib/output/live/sparkline.ts";
import { historyOf, WELL } from "../../support/live_readings.ts";

/** Known since 0, with a sample every 10 s. */
function history(round_trips: readonly (number | null)[], states: Stretch[] = []): SessionHistory {
  return {
    ...historyOf(WELL),
    states: [{ from_ms: 0, state: "ok" }, ...states],
    known_since_ms: 0,
    round_trips: round_trips.map((ms, at) => [at * 10_000, ms, ms] as const),
    sample_ms: 10_000,
  };
}

Deno.test("sparkline() shows round trips by their length, and the longest in its legend", () => {
  assertEquals(sparkline(history([0, 1, 2, 3, 4, 5, 6, 7, 8]), 85_000, 30), {
    bars: "▁▂▃▄▅▆▇██",
    legend: "85.0 s, up to 8.00 ms",
  });
});

Deno.test("sparkline() tells silence from no round trip, and from what is not over", () => {
  const silent: Stretch[] = [
    { from_ms: 24_000, state: "silent" },
    { from_ms: 46_000, state: "ok" },
    { from_ms: 70_000, state: "away" },
  ];
  const trips = [1, null, null, null, null, 1, null, null, null];
  assertEquals(sparkline(history(trips, silent), 81_000, 30).bars, "█·   █·  ");
  assertEquals(sparkline(history([1, 1, null, null]), 31_000, 30).bars, "██·");
  // Silent for less than half of a bar.
  const short: Stretch[] = [{ from_ms: 16_000, state: "silent" }, { from_ms: 20_000, state: "ok" }];
  assertEquals(sparkline(history([1, null, 1]), 25_000, 30).bars, "█·█");
  assertEquals(sparkline(history([1, null, 1], short), 25_000, 30).bars, "█·█");
});

Deno.test("sparkline() takes longer stretches together where there is less room", () => {
  const trips = Array.from({ length: 30 }, (_, at) => at === 3 ? 8 : 1);
  assertEquals(sparkline(history(trips), 299_000, 10), {
    bars: "▂█▂▂▂▂▂▂▂▂",
    legend: "4m59s, up to 8.00 ms",
  });
  // What has left the room does not scale what is in it.
  const later = [...trips, ...Array.from({ length: 30 }, () => 1)];
  assertEquals(sparkline(history(later), 599_000, 10).legend, "4m59s, up to 1.00 ms");
});

Deno.test("sparkline() keeps the differences between usual times beside a very long one", () => {
  assertEquals(sparkline(history([1, 2, 4, 1, 900, 2, 1, 1, 2]), 85_000, 30), {
    bars: "▁▂▃▁█▂▁▁▂".replaceAll("▁", "▁"),
    legend: "85.0 s, up to 900 ms",
  });
});

Deno.test("sparkline() shows nothing without round trips, or without room", () => {
  assertEquals(sparkline(history([null, null]), 15_000, 30).bars, "");
  assertEquals(sparkline(history([1, 2, 3]), 25_000, 7).bars, "");
});
