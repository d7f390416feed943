/**
 * The order of timers: against a list that is sorted anew each time.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { QueuedTimer, TimerQueue } from "../../lib/platform/timer_queue.ts";
import { Random } from "../support/random.ts";

/** Takes out all that is due. */
function takeAll(queue: TimerQueue, now_ms: number): QueuedTimer[] {
  const taken = [];
  for (let due = queue.takeDue(now_ms); due; due = queue.takeDue(now_ms)) taken.push(due);
  return taken;
}

function timers(count: number): QueuedTimer[] {
  return Array.from({ length: count }, () => new QueuedTimer(() => {}));
}

Deno.test("TimerQueue.takeDue() gives timers in the order of their times, and none before", () => {
  const queue = new TimerQueue();
  const [a, b, c] = timers(3) as [QueuedTimer, QueuedTimer, QueuedTimer];
  queue.set(a, 30);
  queue.set(b, 10);
  queue.set(c, 20);
  assertEquals(queue.next_ms, 10);
  assertEquals(queue.takeDue(9), undefined);
  assertEquals(takeAll(queue, 20), [b, c]);
  assertEquals(takeAll(queue, 100), [a]);
  assertEquals([queue.isEmpty, queue.next_ms], [true, Infinity]);
});

Deno.test("TimerQueue.set() moves a timer later and earlier", () => {
  const queue = new TimerQueue();
  const [a, b] = timers(2) as [QueuedTimer, QueuedTimer];
  queue.set(a, 10);
  queue.set(b, 20);
  queue.set(a, 30);
  assertEquals(takeAll(queue, 25), [b]);
  queue.set(a, 28);
  assertEquals(takeAll(queue, 27), []);
  assertEquals(takeAll(queue, 28), [a]);
});

Deno.test("TimerQueue.clear() takes a timer out, which can be set again", () => {
  const queue = new TimerQueue();
  const [a, b] = timers(2) as [QueuedTimer, QueuedTimer];
  queue.set(a, 10);
  queue.set(b, 10);
  queue.clear(a);
  queue.clear(a);
  assertEquals(takeAll(queue, 100), [b]);
  queue.set(a, 50);
  assertEquals(takeAll(queue, 100), [a]);
});

Deno.test("TimerQueue gives each timer at its time, whatever is set, moved and cleared", () => {
  const random = new Random(7);
  const queue = new TimerQueue();
  const all = timers(200);
  const due_ms = new Map<QueuedTimer, number>();
  let fired = 0;
  for (let now_ms = 0; now_ms < 20_000; now_ms++) {
    const timer = all[random.below(all.length)]!;
    if (random.below(5) === 0) {
      queue.clear(timer);
      due_ms.delete(timer);
    } else {
      const at_ms = now_ms + 1 + random.below(300);
      queue.set(timer, at_ms);
      due_ms.set(timer, at_ms);
    }
    const expected = new Set([...due_ms].filter(([, at]) => at <= now_ms).map(([each]) => each));
    const taken = takeAll(queue, now_ms);
    assertEquals(new Set(taken), expected);
    for (const each of taken) assert(due_ms.delete(each));
    fired += taken.length;
    const earliest = Math.min(Infinity, ...due_ms.values());
    assert(queue.next_ms <= earliest, `${queue.next_ms} is later than ${earliest}`);
  }
  assert(fired > 1_000, `${fired} timers fired`);
});
