/**
 * The limit of deferrable tasks per event-loop turn.
 *
 * @module
 */
import { assertEquals, assertStrictEquals } from "@std/assert";
import { TurnLimiter } from "../../lib/platform/turns.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

/** Starts so many tasks; the array lists those that have run. */
function start(clock: VirtualClock, count: number) {
  const progress: number[] = [];
  for (let n = 0; n < count; n++) TurnLimiter.of(clock).turn().then(() => progress.push(n));
  return progress;
}

Deno.test("TurnLimiter.of() gives one limiter for each clock", () => {
  const clock = new VirtualClock();
  assertStrictEquals(TurnLimiter.of(clock), TurnLimiter.of(clock));
  assertEquals(TurnLimiter.of(clock) === TurnLimiter.of(new VirtualClock()), false);
});

Deno.test("TurnLimiter.turn() runs 64 tasks at once, and leaves no timer", async () => {
  const clock = new VirtualClock();
  const progress = start(clock, 64);
  await settle();
  assertEquals([progress.length, clock.pending], [64, 0]);
});

Deno.test("TurnLimiter.turn() runs the others 64 at a time, in order, and due timers in between", async () => {
  const clock = new VirtualClock();
  const progress = start(clock, 200);
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
  start(clock, 64);
  await clock.advance(0.9);
  const late = start(clock, 1);
  await settle();
  assertEquals(late.length, 0);
  await clock.advance(2);
  assertEquals(late.length, 1);
  const fresh = start(clock, 64);
  await settle();
  assertEquals([fresh.length, clock.pending], [64, 0]);
});

Deno.test("TurnLimiter.turn() keeps the order of waiting tasks, however late it is", async () => {
  const clock = new VirtualClock();
  const first = start(clock, 65);
  clock.stall(100);
  const second = start(clock, 1);
  await settle();
  assertEquals([first.length, second.length], [64, 0]);
  await clock.advance(0);
  assertEquals([first.length, second.length], [65, 1]);
});

Deno.test("TurnLimiter.ofReads() runs none at once: due timers come first", async () => {
  const clock = new VirtualClock();
  assertStrictEquals(TurnLimiter.ofReads(clock), TurnLimiter.ofReads(clock));
  const progress: number[] = [];
  for (let n = 0; n < 20; n++) TurnLimiter.ofReads(clock).turn().then(() => progress.push(n));
  await settle();
  assertEquals(progress, []);
  const seen: number[] = [];
  clock.after(0, () => seen.push(progress.length));
  await clock.advance(0);
  assertEquals(progress, Array.from({ length: 20 }, (_, n) => n));
  assertEquals([seen, clock.pending], [[0], 0]);
});

Deno.test("TurnLimiter.run() calls back at once, or in turn with those who wait for a promise", async () => {
  const clock = new VirtualClock();
  const order: string[] = [];
  const run = (name: string) => TurnLimiter.of(clock).run((name) => order.push(name), name);
  run("at once");
  assertEquals(order, ["at once"]);
  start(clock, 63);
  run("second");
  TurnLimiter.of(clock).turn().then(() => order.push("third"));
  run("fourth");
  await settle();
  assertEquals(order, ["at once"]);
  await clock.advance(1);
  assertEquals(order, ["at once", "second", "fourth", "third"]);
});
