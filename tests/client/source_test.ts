/**
 * The sources of data messages: times, order, and backpressure.
 *
 * @module
 */
import { assertEquals, assertLess } from "@std/assert";
import { IntervalSource, QueueSource } from "../../lib/client/source.ts";
import { bytes, text } from "../support/bytes.ts";
import { settle } from "../support/virtual_clock.ts";

/** Puts in payloads one after the other: returns how many are in so far. */
function fill(source: QueueSource, payload: Uint8Array, count: number): { put: number } {
  const progress = { put: 0 };
  const putAll = async () => {
    for (let n = 0; n < count; n++) {
      const room = source.put(payload);
      progress.put++;
      await room;
    }
  };
  putAll();
  return progress;
}

Deno.test("IntervalSource supplies its first message at once, and the next on a grid", () => {
  const source = new IntervalSource(bytes("hello"), 5_000);
  assertEquals(source.next_ms <= 0, true);
  assertEquals([text(source.take(1_234)), source.next_ms, source.nextBytes], ["hello", 6_234, 5]);
  // Late by what timers take: the grid holds.
  source.take(6_244);
  assertEquals(source.next_ms, 11_234);
});

Deno.test("IntervalSource starts its grid anew with a message that is late", () => {
  const source = new IntervalSource(bytes("hello"), 5_000);
  source.take(0);
  source.take(5_010.5);
  assertEquals(source.next_ms, 10_010.5);
  source.take(31_000);
  assertEquals(source.next_ms, 36_000);
  assertEquals(source.ended, false);
});

Deno.test("QueueSource supplies what was put in, in order, at once", () => {
  const source = new QueueSource();
  assertEquals([source.next_ms, source.ended], [Infinity, false]);
  for (const each of ["a", "", "ccc"]) source.put(bytes(each));
  const taken = [];
  while (source.next_ms === 0) taken.push([source.nextBytes, text(source.take())]);
  assertEquals(taken, [[1, "a"], [0, ""], [3, "ccc"]]);
  assertEquals([source.next_ms, source.ended], [Infinity, false]);
});

Deno.test("QueueSource keeps the order of far more than fits", async () => {
  const source = new QueueSource();
  const putAll = async () => {
    for (let n = 0; n < 20_000; n++) await source.put(bytes(`${n}`));
    source.end();
  };
  const putting = putAll();
  for (let n = 0; n < 20_000; n++) {
    // Now and then it is emptied, now and then it stays full.
    if (source.next_ms === Infinity || n % 3_000 === 0) await settle();
    assertEquals(text(source.take()), `${n}`);
  }
  await putting;
  assertEquals([source.ended, source.next_ms], [true, Infinity]);
});

Deno.test("QueueSource has ended after its end, when all is taken", () => {
  const source = new QueueSource();
  source.put(bytes("a"));
  source.end("too long");
  assertEquals([source.ended, source.failure], [false, "too long"]);
  source.take();
  assertEquals([source.ended, source.next_ms], [true, Infinity]);
});

Deno.test("QueueSource.onChange is called for each that arrives, and for the end", () => {
  const source = new QueueSource();
  let calls = 0;
  source.onChange = () => calls++;
  source.put(bytes("a"));
  source.put(bytes("b"));
  assertEquals(calls, 2);
  source.end();
  assertEquals(calls, 3);
});

for (
  const [what, payload, most] of [
    ["4,096 lines", bytes("x"), 4_096],
    ["4,096 empty lines", bytes(""), 4_096],
    ["1 MiB", new Uint8Array(65_536), 16],
    ["one line that is larger than 1 MiB", new Uint8Array(3_000_000), 1],
  ] as const
) {
  Deno.test(`QueueSource.put() waits while the queue has ${what}`, async () => {
    const source = new QueueSource();
    const progress = fill(source, payload, 10_000);
    await settle();
    assertEquals(progress.put, most);
    // Room for one: one more comes, and no more than one.
    for (const more of [1, 2, 3]) {
      source.take();
      await settle();
      assertEquals(progress.put, most + more);
    }
  });
}

Deno.test("QueueSource.put() waits while what is left is still too much", async () => {
  const source = new QueueSource();
  await source.put(new Uint8Array(1));
  const progress = fill(source, new Uint8Array(3_000_000), 2);
  await settle();
  source.take();
  await settle();
  assertEquals(progress.put, 1);
  source.take();
  await settle();
  assertEquals(progress.put, 2);
});

Deno.test("QueueSource retains nothing of what has been taken, though it is never empty", async () => {
  const source = new QueueSource();
  const line = 65_536;
  const before = Deno.memoryUsage().external;
  const putAll = async () => {
    for (;;) await source.put(new Uint8Array(line));
  };
  putAll();
  let most = 0;
  // 250 MiB go through, of which 1 MiB may wait; the garbage collector may come late on a busy machine.
  for (let n = 0; n < 4_000; n++) {
    await settle();
    source.take();
    most = Math.max(most, Deno.memoryUsage().external - before);
  }
  assertLess(most, 200 * 1_048_576);
});

for (const [waiting, isEnded] of [[0, true], [0, false], [1, true], [2, false]] as const) {
  Deno.test(`QueueSource.rest() has ${waiting} lines, ${isEnded ? "the" : "no"} end`, () => {
    const source = new QueueSource();
    source.put(bytes("taken"));
    for (let n = 0; n < waiting; n++) source.put(bytes("x"));
    if (isEnded) source.end();
    source.take();
    assertEquals(source.rest(), { lines_unsent: waiting, input_ended: isEnded });
  });
}

Deno.test("QueueSource.rest() of an input that failed has no end", () => {
  const source = new QueueSource();
  source.end("it cannot be read");
  assertEquals(source.rest(), { lines_unsent: 0, input_ended: false });
});
