import { assertEquals, assertLess } from "@std/assert";
import { Rates } from "../../../lib/server/access/rates.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

Deno.test("Rates lets so many through at once, and then as many a second, evenly", async () => {
  const clock = new VirtualClock();
  const rates = new Rates(clock, 4, 10_000);
  const next = (count: number) => Array.from({ length: count }, () => rates.next("a"));
  assertEquals(next(8), [0, 0, 0, 0, 250, 500, 750, 1_000]);
  // Who waits has used up the rate of the time by then.
  await clock.advance(1_000);
  assertEquals(next(2), [250, 500]);
  await clock.advance(10_000);
  assertEquals(next(5), [0, 0, 0, 0, 250]);
});

Deno.test("Rates of one a second lets one through each second", async () => {
  const clock = new VirtualClock();
  const rates = new Rates(clock, 1, 10_000);
  assertEquals([rates.next("a"), rates.next("a")], [0, 1_000]);
  await clock.advance(2_000);
  assertEquals(rates.next("a"), 0);
});

Deno.test("Rates are apart for each address", () => {
  const rates = new Rates(new VirtualClock(), 1, 10_000);
  assertEquals([rates.next("a"), rates.next("b"), rates.next("a")], [0, 0, 1_000]);
});

Deno.test("Rates lets nobody wait for longer than is said, and holds nothing against those turned away", async () => {
  const clock = new VirtualClock();
  const rates = new Rates(clock, 1, 2_000);
  const next = (count: number) => Array.from({ length: count }, () => rates.next("a"));
  assertEquals(next(3), [0, 1_000, 2_000]);
  assertEquals(next(100).filter((each) => each !== undefined), []);
  await clock.advance(1_000);
  assertEquals(next(2), [2_000, undefined]);
});

Deno.test("Rates forgets addresses whose time is over", async () => {
  const clock = new VirtualClock();
  const rates = new Rates(clock, 1, 2_000);
  for (let n = 0; n < 100_000; n++) {
    rates.next(`${n}`);
    // A thousand new addresses a second.
    if (n % 100 === 0) await clock.advance(100);
  }
  assertLess(rates.size, 4_000);
});
