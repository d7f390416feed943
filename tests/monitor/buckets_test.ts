import { assertEquals } from "@std/assert";
import { addBuckets, BOUNDS_S, TimeCounts, type TimeName } from "../../lib/monitor/buckets.ts";

Deno.test("bounds are ascending", () => {
  for (const bounds of Object.values(BOUNDS_S)) {
    assertEquals(bounds, [...new Set(bounds)].sort((a, b) => a - b));
  }
});

Deno.test("counts are cumulative, and a time at a bound is within it", () => {
  const counts = new TimeCounts("overshoots");
  for (const ms of [-3, 1, 1.5, 2.5, 9000]) counts.add(ms);
  const { bounds_s, ...read } = counts.read();
  assertEquals(bounds_s, BOUNDS_S.overshoots);
  assertEquals(read, {
    counts: [2, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4],
    count: 5,
    sum_s: 9.005,
  });
});

Deno.test("a recorder receives each time in seconds", () => {
  const counts = new TimeCounts("round_trips");
  const recorded: number[] = [];
  counts.add(7);
  counts.recorder = { record: (seconds) => void recorded.push(seconds) };
  counts.add(250);
  counts.add(-1);
  assertEquals(recorded, [0.25, 0]);
});

Deno.test("the counts of several threads add up", () => {
  const name: TimeName = "silence_durations";
  const [one, other] = [new TimeCounts(name), new TimeCounts(name)];
  one.add(20_000);
  other.add(21_000);
  other.add(100_000_000);
  const { bounds_s, counts, count, sum_s } = addBuckets(name, [one.read(), other.read()]);
  assertEquals(bounds_s.flatMap((s, at) => [15, 20, 25].includes(s) ? [counts[at]] : []), [
    0,
    1,
    2,
  ]);
  assertEquals([counts.at(-1), count, sum_s], [2, 3, 100_041]);
  assertEquals(addBuckets(name, []).count, 0);
});
