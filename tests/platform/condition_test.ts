/**
 * Waits for conditions with deadlines, on the virtual clock.
 *
 * @module
 */
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Condition, sleep } from "../../lib/platform/condition.ts";
import { Deadline } from "../../lib/platform/deadline.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

function stage() {
  const clock = new VirtualClock();
  const parent = new AbortController();
  return { clock, parent, deadline: new Deadline(clock, { signal: parent.signal }) };
}

Deno.test("Condition.until() resolves when the condition holds, evaluated only when notified", async () => {
  const { clock, deadline } = stage();
  const condition = new Condition();
  let ready = false;
  let looked = 0;
  let outcome: boolean | undefined;
  const look = () => (looked++, ready);
  condition.until(look, deadline).then((it) => outcome = it);
  deadline.moveTo(100);
  await clock.advance(10);
  condition.notify();
  await clock.advance(10);
  assertEquals([looked, outcome], [2, undefined]);
  ready = true;
  condition.notify();
  await clock.advance(0);
  assertEquals(outcome, true);
});

for (const holds of [false, true]) {
  Deno.test(`Condition.until() resolves to ${holds} if it holds so as the deadline passes`, async () => {
    const { clock, deadline } = stage();
    let ready = false;
    const waiting = new Condition().until(() => ready, deadline);
    deadline.moveTo(100);
    clock.after(100, () => ready = holds);
    await clock.advance(100);
    assertEquals(await waiting, holds);
  });
}

Deno.test("Condition.until() throws the reason of an ended deadline, even if the condition holds", async () => {
  const { parent, deadline } = stage();
  const over = new Error("over");
  const waiting = new Condition().until(() => false, deadline);
  parent.abort(over);
  assertStrictEquals(await assertRejects(() => waiting), over);
  const later = new Condition().until(() => true, deadline);
  assertStrictEquals(await assertRejects(() => later), over);
});

Deno.test("Condition.until() ignores the deadline of an earlier wait", async () => {
  const { clock, deadline } = stage();
  const condition = new Condition();
  let ready = false;
  const first = condition.until(() => ready, deadline);
  deadline.moveTo(100);
  ready = true;
  condition.notify();
  assertEquals(await first, true);
  const other = new Deadline(clock);
  other.moveTo(200);
  let outcome: boolean | undefined;
  condition.until(() => false, other).then((it) => outcome = it);
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
