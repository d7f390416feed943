/**
 * How a recording is thinned, and that formatting it delays nothing.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  powerOfTwo,
  Recording,
  Sampler,
  Thinning,
} from "../../../lib/evidence/recording/recording.ts";
import { linesOf } from "../../support/recording.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";

/** A thinning with so many sessions. */
function thinningOf(sessions: number, lines_per_s: number, threads?: number): Thinning {
  const thinning = new Thinning({ lines_per_s, threads });
  thinning.sessions = sessions;
  return thinning;
}

/** Which numbers are picked of a sequence with so many numbers a second. */
function picked(sampler: Sampler, per_s: number, from: number, to: number, start_s = 0): number[] {
  const all = Array.from({ length: to - from + 1 }, (_, i) => from + i);
  return all.filter((n) => sampler.pass(n, (start_s + (n - from) / per_s) * 1_000_000));
}

Deno.test("Thinning has all threads' sessions share the lines", () => {
  assertEquals(thinningOf(10, 8).interval_us, 5_000_000);
  assertEquals(thinningOf(5, 8, 2).interval_us, 5_000_000);
});

Deno.test("Thinning records fewer frames before an outage of very many sessions", () => {
  const depths = [0, 1, 1_000, 1_001, 4_000, 10_000, 100_000];
  assertEquals(depths.map((sessions) => thinningOf(sessions, 8).depth), [16, 16, 16, 15, 4, 2, 2]);
  assertEquals(thinningOf(500, 8, 2).depth, 16);
  assertEquals(thinningOf(1_000, 8, 4).depth, 4);
});

Deno.test("powerOfTwo() is not below the number, and 1 of what is none", () => {
  assertEquals([NaN, -1, 0, 1, 1.1, 2, 3, 4, 5, 1e9].map(powerOfTwo), [
    ...[1, 1, 1, 1, 2, 2, 4, 4, 8],
    2 ** 30,
  ]);
  assertEquals(powerOfTwo(Infinity), 2 ** 30);
});

Deno.test("Sampler picks every number that there is room for", () => {
  const all = picked(new Sampler(thinningOf(1, 4)), 1, 1, 100);
  assertEquals(all.length, 100);
});

Deno.test("Sampler picks about one number in each interval, whatever the rate", () => {
  for (const per_s of [0.2, 1, 7, 1_000]) {
    // One in 8 to 16 seconds.
    const count = picked(new Sampler(thinningOf(8, 4)), per_s, 1, 400 * per_s).length;
    const most = Math.min(400 * per_s, 400 / 8 + 2);
    assert(count <= most, `${count} of ${per_s} a second`);
    assert(count >= most / 2 - 2, `${count} of ${per_s} a second`);
  }
});

Deno.test("Sampler follows a rate that changes", () => {
  const sampler = new Sampler(thinningOf(1, 4));
  picked(sampler, 10_000, 1, 100_000);
  // From the flood back to a message a second: soon all are picked again.
  const slow = picked(sampler, 1, 100_001, 100_100, 10);
  assert(slow.length > 90, `${slow.length}`);
  const fast = picked(sampler, 10_000, 100_101, 200_000, 110);
  assert(fast.length < 20, `${fast.length}`);
});

Deno.test("Sampler with less room picks some of what one with more room picks", () => {
  const few = picked(new Sampler(thinningOf(100, 4)), 50, 1, 100_000);
  const many = new Set(picked(new Sampler(thinningOf(7, 4)), 50, 1, 100_000));
  // The first numbers, before the rate is known, are picked by both.
  assertEquals(few.filter((n) => !many.has(n)), []);
  assert(few.length > 10 && many.size > 2 * few.length);
});

Deno.test("Sampler begins anew with 1, as heartbeats do with each connection", () => {
  const sampler = new Sampler(thinningOf(100, 4));
  assertEquals(picked(sampler, 1, 1, 8), [1, 2]);
  assertEquals(picked(sampler, 1, 1, 8, 10), [1, 2]);
});

Deno.test("Sampler.picksAny() picks a confirmation that covers a picked number", () => {
  const sampler = new Sampler(thinningOf(8, 4));
  picked(sampler, 1, 1, 64);
  const covers = [[0, 7], [7, 8], [8, 9], [9, 20], [20, 23]] as const;
  assertEquals(covers.map(([after, upTo]) => sampler.picksAny(after, upTo)), [
    ...[false, true, false, true, false],
  ]);
});

Deno.test("Recording formats many lines in turns, so that other things have theirs", async () => {
  const pieces: string[] = [];
  const clock = new VirtualClock();
  const thinning = thinningOf(1, 1);
  const recording = new Recording({ thinning, clock, write: (lines) => pieces.push(lines) });
  for (let n = 1; n <= 1_200; n++) recording.add({ n });
  assertEquals(pieces.length, 0);
  await settle();
  assertEquals(pieces.map((piece) => linesOf(piece).length), [512]);
  await clock.advance(0);
  assertEquals(pieces.map((piece) => linesOf(piece).length), [512, 512, 176]);
  assertEquals(
    linesOf(pieces.join("")).map(({ n }) => n),
    Array.from({ length: 1_200 }, (_, i) => i + 1),
  );
  recording.add({ n: "\u202e" });
  recording.addFormatted("of another thread\n");
  recording.flush();
  assertEquals(pieces.slice(3), ["of another thread\n", '{"n":"\\u202e"}\n']);
});
