/**
 * Percentiles: against the sorted times themselves.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Histogram } from "../../lib/session/histogram.ts";
import { Random } from "../support/random.ts";

Deno.test("Histogram.percentiles() of nothing are none", () => {
  assertEquals(new Histogram().percentiles(), { p50_ms: null, p99_ms: null, max_ms: null });
});

Deno.test("Histogram.percentiles() of one time are that time", () => {
  for (const ms of [0, 0.001, 0.065, 1, 3.217, 1_000, 86_400_000]) {
    const histogram = new Histogram();
    histogram.add(ms);
    assertEquals(histogram.percentiles(), { p50_ms: ms, p99_ms: ms, max_ms: ms });
  }
});

Deno.test("Histogram takes a time below zero as zero", () => {
  const histogram = new Histogram();
  histogram.add(-3);
  histogram.add(2);
  assertEquals(histogram.quantile(0.5), 0.001);
});

Deno.test("Histogram.quantile() is never below the true one, and above it by 1.6 % at the most", () => {
  const random = new Random(11);
  for (const greatest_us of [50, 5_000, 700_000, 4_000_000_000]) {
    const histogram = new Histogram();
    const times = Array.from({ length: 5_000 }, () => random.below(greatest_us) / 1_000);
    for (const ms of times) histogram.add(ms);
    times.sort((a, b) => a - b);
    for (const share of [0.01, 0.25, 0.5, 0.9, 0.99, 1]) {
      const exact_ms = times[Math.ceil(share * times.length) - 1]!;
      const told_ms = histogram.quantile(share)!;
      const isClose = told_ms >= exact_ms && told_ms <= exact_ms * 1.016 + 0.001;
      assert(isClose, `${share} of those up to ${greatest_us} µs: ${told_ms}, truly ${exact_ms}`);
    }
    assertEquals(histogram.count, times.length);
  }
});
