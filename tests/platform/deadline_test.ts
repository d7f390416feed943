/**
 * Deadlines and conditions, on the virtual clock.
 *
 * @module
 */
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Condition, sleep } from "../../lib/platform/condition.ts";
import { Deadline, DeadlinePassed } from "../../lib/platform/deadline.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

function stage() {
  const clock = new VirtualClock();
  const parent = new AbortController();
  const stalls: number[] = [];
  const onStall = (late_ms: number) => stalls.push(late_ms);
  const deadline = new Deadline(clock, { signal: parent.signal, onStall });
  return { clock, parent, deadline, stalls };
}

Deno.test("Deadline aborts its signal when its time has come, and not before", async () => {
  const { clock, deadline } = stage();
  deadline.moveTo(100);
  await clock.advance(99);
  assertEquals(deadline.signal.aborted, false);
  await clock.advance(1);
  assertEquals(deadline.signal.reason instanceof DeadlinePassed, true);
  assertEquals(deadline.passed_ms, 100);
});

Deno.test("Deadline.moveTo() moves it later and earlier on the same signal", async () => {
  const { clock, deadline } = stage();
  const { signal } = deadline;
  deadline.moveTo(100);
  deadline.moveTo(200);
  await clock.advance(150);
  assertEquals(signal.aborted, false);
  deadline.moveTo(160);
  assertStrictEquals(deadline.signal, signal);
  await clock.advance(10);
  assertEquals(signal.aborted, true);
});

Deno.test("Deadline.moveTo() starts anew with a new signal after it has passed", async () => {
  const { clock, deadline } = stage();
  deadline.moveTo(100);
  await clock.advance(100);
  const passed = deadline.signal;
  deadline.moveTo(200);
  assertEquals([passed.aborted, deadline.signal.aborted], [true, false]);
  await clock.advance(100);
  assertEquals(deadline.signal.aborted, true);
});

Deno.test("Deadline lets what comes in the same instant be heard first, and be moved by it", async () => {
  const { clock, deadline } = stage();
  deadline.moveTo(100);
  clock.after(100, () => deadline.moveTo(300));
  await clock.advance(299);
  assertEquals(deadline.signal.aborted, false);
  await clock.advance(1);
  assertEquals(deadline.signal.aborted, true);
});

Deno.test("Deadline tells of a stall, and waits once more if it is told for how long", async () => {
  const { clock, deadline, stalls } = stage();
  deadline.moveTo(100, { again_ms: 50 });
  clock.stall(1_100);
  await clock.advance(49);
  assertEquals(stalls, [1_000]);
  assertEquals(deadline.signal.aborted, false);
  await clock.advance(1);
  assertEquals(deadline.signal.aborted, true);
  assertEquals(deadline.passed_ms, 1_150);
  deadline.moveTo(1_200);
  clock.stall(1_000);
  await clock.advance(0);
  assertEquals(stalls, [1_000, 950]);
  assertEquals(deadline.passed_ms, 2_150);
});

Deno.test("Deadline passes its parent's reason on, and leaves no timer", async () => {
  const { clock, parent, deadline } = stage();
  deadline.moveTo(100);
  parent.abort("over");
  assertEquals(deadline.signal.reason, "over");
  assertEquals(clock.pending, 0);
  deadline.moveTo(200);
  assertEquals(clock.pending, 0);
  await clock.advance(1_000);
  assertEquals(deadline.signal.reason, "over");
});

Deno.test("Deadline.end() gives its reason once, also after it has passed, and leaves no timer", async () => {
  const { clock, deadline } = stage();
  deadline.moveTo(100);
  await clock.advance(100);
  deadline.end("over");
  deadline.end("later");
  assertEquals(deadline.signal.reason, "over");
  assertEquals([deadline.hasPassed, clock.pending], [false, 0]);
});

Deno.test("Deadline made when all is over already is over", () => {
  const signal = AbortSignal.abort("over");
  assertEquals(new Deadline(new VirtualClock(), { signal }).signal.reason, "over");
});

Deno.test("Deadline disposed of never passes", async () => {
  const { clock, deadline } = stage();
  deadline.moveTo(100);
  deadline[Symbol.dispose]();
  await clock.advance(1_000);
  assertEquals(deadline.signal.aborted, false);
  assertEquals(clock.pending, 0);
});

Deno.test("Deadline disposed of while it lets input be heard never passes", async () => {
  const { clock, deadline } = stage();
  deadline.moveTo(100);
  clock.after(100, () => deadline[Symbol.dispose]());
  await clock.advance(1_000);
  assertEquals(deadline.signal.aborted, false);
});

Deno.test("Condition.until() resolves when the condition holds, looked at only when notified", async () => {
  const { clock, deadline } = stage();
  const changes = new Condition();
  let ready = false;
  let looked = 0;
  let outcome: boolean | undefined;
  const look = () => (looked++, ready);
  changes.until(look, deadline).then((it) => outcome = it);
  deadline.moveTo(100);
  await clock.advance(10);
  changes.notify();
  await clock.advance(10);
  assertEquals([looked, outcome], [2, undefined]);
  ready = true;
  changes.notify();
  await clock.advance(0);
  assertEquals(outcome, true);
});

Deno.test("Condition.until() resolves to false when the deadline passes", async () => {
  const { clock, deadline } = stage();
  const waiting = new Condition().until(() => false, deadline);
  deadline.moveTo(100);
  await clock.advance(100);
  assertEquals(await waiting, false);
});

Deno.test("Condition.until() lets the condition win when it holds as the deadline passes", async () => {
  const { clock, deadline } = stage();
  let ready = false;
  const waiting = new Condition().until(() => ready, deadline);
  deadline.moveTo(100);
  clock.after(100, () => ready = true);
  await clock.advance(100);
  assertEquals(await waiting, true);
});

Deno.test("Condition.until() throws the reason when all ends, even if the condition holds", async () => {
  const { parent, deadline } = stage();
  const over = new Error("over");
  const waiting = new Condition().until(() => false, deadline);
  parent.abort(over);
  assertStrictEquals(await assertRejects(() => waiting), over);
  const later = new Condition().until(() => true, deadline);
  assertStrictEquals(await assertRejects(() => later), over);
});

Deno.test("Condition.until() heeds only the deadline of the wait that is under way", async () => {
  const { clock, deadline } = stage();
  const changes = new Condition();
  let ready = false;
  const first = changes.until(() => ready, deadline);
  deadline.moveTo(100);
  ready = true;
  changes.notify();
  assertEquals(await first, true);
  const other = new Deadline(clock);
  other.moveTo(200);
  let outcome: boolean | undefined;
  changes.until(() => false, other).then((it) => outcome = it);
  await clock.advance(199);
  assertEquals([deadline.hasPassed, outcome], [true, undefined]);
  await clock.advance(1);
  assertEquals(outcome, false);
});

Deno.test("sleep() ends when the deadline passes", async () => {
  const { clock, deadline } = stage();
  let awake = false;
  sleep(deadline).then(() => awake = true);
  deadline.moveTo(100);
  await clock.advance(99);
  assertEquals(awake, false);
  await clock.advance(1);
  assertEquals(awake, true);
});
