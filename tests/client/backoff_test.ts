/**
 * The delay before a reconnect: its bounds, and what resets them.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Backoff, HEALTHY_MS } from "../../lib/client/backoff.ts";

/** A back-off whose delays are drawn with these bytes. */
function drawing(byte: number): Backoff {
  return new Backoff((bytes) => bytes.fill(byte));
}

function delays(backoff: Backoff, count: number): number[] {
  return Array.from({ length: count }, () => backoff.next());
}

Deno.test("Backoff.next() doubles the longest delay from 1 s up to 30 s", () => {
  const longest = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000];
  assertEquals(delays(drawing(0xff), 8), longest);
});

Deno.test("Backoff.next() gives no delay below 0.5 s", () => {
  assertEquals(delays(drawing(0), 8), Array(8).fill(500));
});

Deno.test("Backoff.next() draws evenly from all that is allowed", () => {
  const backoff = new Backoff((bytes) => bytes.set([0x40, 0, 0, 0]));
  assertEquals(delays(backoff, 6), [625, 875, 1_375, 2_375, 4_375, 7_875]);
  const half = new Backoff((bytes) => bytes.set([0x80, 0, 0, 0]));
  assertEquals(delays(half, 6), [750, 1_250, 2_250, 4_250, 8_250, 15_250]);
});

Deno.test("Backoff.next() draws each delay anew", () => {
  let drawn = 0;
  const backoff = new Backoff((bytes) => bytes.fill(drawn++ % 2 === 0 ? 0xff : 0));
  assertEquals(delays(backoff, 4), [1_000, 500, 4_000, 500]);
});

Deno.test("Backoff.next() stays within its limits however often it is called", () => {
  const backoff = drawing(0xff);
  for (let n = 0; n < 5_000; n++) backoff.next();
  assertEquals([backoff.attempts, backoff.next()], [5_000, 30_000]);
  assertEquals(drawing(0xff).attempts, 0);
});

Deno.test("Backoff.connectionLost() resets the attempts after a healthy minute, and not before", () => {
  const backoff = drawing(0xff);
  delays(backoff, 5);
  backoff.connectionLost({ healthy_ms: HEALTHY_MS - 1, confirmed: 0 });
  assertEquals([backoff.attempts, backoff.next()], [5, 30_000]);
  backoff.connectionLost({ healthy_ms: HEALTHY_MS, confirmed: 0 });
  assertEquals([HEALTHY_MS, backoff.attempts, backoff.next()], [60_000, 0, 1_000]);
});

Deno.test("Backoff.connectionLost() resets the attempts after any connection that confirmed data", () => {
  const backoff = drawing(0xff);
  delays(backoff, 5);
  backoff.connectionLost({ healthy_ms: 0, confirmed: 1 });
  assertEquals([backoff.attempts, backoff.next()], [0, 1_000]);
});
