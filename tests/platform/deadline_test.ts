/**
 * Deadlines, on the virtual clock.
 *
 * @module
 */
import { assertEquals, assertStrictEquals } from "@std/assert";
import { Deadline, DeadlinePassed, warnIfSlow } from "../../lib/platform/deadline.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

function stage() {
  const clock = new VirtualClock();
  const parent = new AbortController();
  const stalls: number[] = [];
  const onStall = (late_ms: number) => stalls.push(late_ms);
  const deadline = new Deadline(clock, { signal: parent.signal, onStall });
  return { clock, parent, deadline, stalls };
}

Deno.test("Deadline aborts its signal at its time, and not before", async () => {
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

Deno.test("Deadline lets input of the same instant be read first, which may move it", async () => {
  const { clock, deadline } = stage();
  deadline.moveTo(100);
  clock.after(100, () => deadline.moveTo(300));
  await clock.advance(299);
  assertEquals(deadline.signal.aborted, false);
  await clock.advance(1);
  assertEquals(deadline.signal.aborted, true);
});

Deno.test("Deadline reports a stall, and waits once more if it has again_ms", async () => {
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

Deno.test("Deadline aborts with its parent's reason, and leaves no timer", async () => {
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

Deno.test("Deadline.end() aborts with its reason once, also after it has passed, and leaves no timer", async () => {
  const { clock, deadline } = stage();
  deadline.moveTo(100);
  await clock.advance(100);
  deadline.end("over");
  deadline.end("later");
  assertEquals(deadline.signal.reason, "over");
  assertEquals([deadline.hasPassed, clock.pending], [false, 0]);
});

Deno.test("Deadline with an aborted parent has ended", () => {
  const signal = AbortSignal.abort("over");
  assertEquals(new Deadline(new VirtualClock(), { signal }).signal.reason, "over");
});

for (const [when, at_ms] of [["", 0], [" while input is read", 100]] as const) {
  Deno.test(`Deadline disposed of${when} never passes, and leaves no timer`, async () => {
    const { clock, deadline } = stage();
    deadline.moveTo(100);
    clock.after(at_ms, () => deadline[Symbol.dispose]());
    await clock.advance(1_000);
    assertEquals([deadline.signal.aborted, clock.pending], [false, 0]);
  });
}

/** A deadline whose stalls are kept with their kinds. */
function stageKinds() {
  const clock = new VirtualClock();
  const stalls: string[] = [];
  const onStall = (ms: number, kind: string) => void stalls.push(`${clock.now()} ${kind} ${ms}`);
  return { clock, stalls, deadline: new Deadline(clock, { onStall }) };
}

Deno.test("Deadline reports a suspension when it is due, and waits once more if it has again_ms", async () => {
  const { clock, deadline, stalls } = stageKinds();
  deadline.moveTo(5_000, { again_ms: 3_000 });
  clock.suspend(10_000);
  await clock.advance(7_999);
  assertEquals([stalls, deadline.signal.aborted], [["15000 suspended 10000"], false]);
  await clock.advance(1);
  assertEquals([deadline.signal.aborted, deadline.passed_ms], [true, 18_000]);
});

Deno.test("Deadline.look() reports a suspension long before the deadline, once", async () => {
  const { clock, deadline, stalls } = stageKinds();
  deadline.moveTo(3_600_000, { again_ms: 3_600_000 });
  assertEquals(deadline.look(), 0);
  clock.suspend(10_000);
  assertEquals(deadline.look(), 10_000);
  assertEquals(deadline.look(), 10_000);
  await clock.advance(3_599_999);
  assertEquals([stalls, deadline.signal.aborted], [["10000 suspended 10000"], false]);
  await clock.advance(1);
  assertEquals(deadline.signal.aborted, true);
});

Deno.test("Deadline without again_ms that came due in a suspension passes at once, and is not late", async () => {
  for (const isLooked of [true, false]) {
    const { clock, deadline, stalls } = stageKinds();
    const other = new Deadline(clock);
    deadline.moveTo(5_000);
    clock.suspend(10_000);
    if (isLooked) deadline.look();
    else other.look();
    await clock.advance(0);
    assertEquals(stalls, ["10000 suspended 10000"]);
    assertEquals([deadline.signal.aborted, deadline.passed_ms], [true, 10_000]);
    assertEquals(clock.pending, 0);
  }
});

Deno.test("Deadline that is paused in a suspension has its time afterwards", async () => {
  for (const again_ms of [undefined, 5_000]) {
    const { clock, deadline, stalls } = stageKinds();
    deadline.moveTo(5_000, { again_ms });
    await clock.advance(4_000);
    deadline.pause();
    clock.suspend(10_000);
    deadline.look();
    await clock.advance(10_000);
    deadline.resume();
    assertEquals([stalls.length, deadline.signal.aborted], [1, false]);
    await clock.advance((again_ms ?? 1_000) - 1);
    assertEquals(deadline.signal.aborted, false);
    await clock.advance(1);
    assertEquals(deadline.signal.aborted, true);
  }
});

Deno.test("Deadline that has ended, or was made later, reports no suspension", async () => {
  const { clock, deadline, stalls } = stageKinds();
  deadline.moveTo(5_000);
  deadline.end("over");
  clock.suspend(10_000);
  deadline.look();
  new Deadline(clock, { onStall: (ms) => stalls.push(`${ms}`) }).look();
  await clock.advance(10_000);
  assertEquals([stalls, clock.pending], [[], 0]);
});

Deno.test("warnIfSlow() does not count a suspension of this host", async () => {
  const clock = new VirtualClock();
  const work = Promise.withResolvers<void>();
  const warned: number[] = [];
  const warn = () => void warned.push(clock.now());
  const waiting = warnIfSlow(work.promise, { clock, warnAfter_ms: 2_000, warn });
  await clock.advance(1_000);
  clock.suspend(60_000);
  await clock.advance(2_999);
  assertEquals(warned, []);
  await clock.advance(1);
  assertEquals(warned, [64_000]);
  work.resolve();
  await waiting;
});
