/**
 * The pace of what can wait.
 *
 * @module
 */
import { assertEquals, assertStrictEquals } from "@std/assert";
import { TurnLimiter } from "../../lib/platform/turns.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

/** So many want to go on; how many have, so far. */
function crowd(clock: VirtualClock, count: number) {
  const progress: number[] = [];
  for (let n = 0; n < count; n++) TurnLimiter.of(clock).turn().then(() => progress.push(n));
  return progress;
}

Deno.test("TurnLimiter.of() gives all who share a clock the same pace", () => {
  const clock = new VirtualClock();
  assertStrictEquals(TurnLimiter.of(clock), TurnLimiter.of(clock));
  assertEquals(TurnLimiter.of(clock) === TurnLimiter.of(new VirtualClock()), false);
});

Deno.test("TurnLimiter.turn() lets 64 go on at once, and leaves nothing behind", async () => {
  const clock = new VirtualClock();
  const progress = crowd(clock, 64);
  await settle();
  assertEquals([progress.length, clock.pending], [64, 0]);
});

Deno.test("TurnLimiter.turn() lets the others go on 64 at a time, in order, and what is due in between", async () => {
  const clock = new VirtualClock();
  const progress = crowd(clock, 200);
  await settle();
  const seen: number[] = [];
  clock.after(0, () => seen.push(progress.length));
  assertEquals(progress.length, 64);
  await clock.advance(0);
  assertEquals(progress, Array.from({ length: 200 }, (_, n) => n));
  assertEquals(seen, [64]);
  assertEquals(clock.pending, 0);
});

Deno.test("TurnLimiter.turn() starts anew a millisecond later", async () => {
  const clock = new VirtualClock();
  crowd(clock, 64);
  await clock.advance(0.9);
  const late = crowd(clock, 1);
  await settle();
  assertEquals(late.length, 0);
  await clock.advance(2);
  assertEquals(late.length, 1);
  const fresh = crowd(clock, 64);
  await settle();
  assertEquals([fresh.length, clock.pending], [64, 0]);
});

Deno.test("TurnLimiter.turn() passes nobody who waits, however late it is", async () => {
  const clock = new VirtualClock();
  const first = crowd(clock, 65);
  clock.stall(100);
  const second = crowd(clock, 1);
  await settle();
  assertEquals([first.length, second.length], [64, 0]);
  await clock.advance(0);
  assertEquals([first.length, second.length], [65, 1]);
});
