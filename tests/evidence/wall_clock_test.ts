import { assert, assertEquals } from "@std/assert";
import { WallClock } from "../../lib/evidence/wall_clock.ts";
import { forEachSeed } from "../support/random.ts";

Deno.test("WallClock finds each step of the wall clock, and its size", async () => {
  await forEachSeed(500, (random) => {
    const clock = new WallClock();
    let distance_ms = 1.7e12 + random.below(1e6) / 7;
    const steps: number[] = [];
    let stepped = -10;
    for (let at = 0; at < 200; at++) {
      if (at > 2 && at < 195 && at - stepped > 5 && random.oneIn(40)) {
        const by_ms = random.pick([-30_000, -3_600_000, 300, 30_000]);
        distance_ms += by_ms;
        steps.push(by_ms);
        stepped = at;
      }
      const mono_ms = at * 5_000;
      // Once in a while, but never twice in a row, the process is interrupted between the two readings.
      const late_ms = at % 7 === 3 && at - stepped > 1 ? random.below(400) : 0;
      clock.add(mono_ms, Math.floor(mono_ms + distance_ms + late_ms));
    }
    assertEquals(clock.steps.length, steps.length);
    for (const [at, { by_ms }] of clock.steps.entries()) {
      assert(Math.abs(by_ms - steps[at]!) < 60, `${by_ms} of ${steps[at]}`);
    }
  });
});

Deno.test("WallClock.distance_ms() is an interval that contains the true distance, within a millisecond", () => {
  const clock = new WallClock();
  for (let at = 0; at < 100; at++) clock.add(at * 5.37, Math.floor(at * 5.37 + 1_000.4));
  const [low_ms, high_ms] = clock.distance_ms(50)!;
  assert(low_ms <= 1_000.4 && 1_000.4 <= high_ms && high_ms - low_ms <= 1, `${low_ms}, ${high_ms}`);
  assertEquals(new WallClock().distance_ms(0), undefined);
});

Deno.test("WallClock.distance_ms() is that of the time before or after a step", () => {
  const clock = new WallClock();
  for (let at_ms = 0; at_ms < 10_000; at_ms += 1_000) clock.add(at_ms, at_ms + 100);
  for (let at_ms = 10_000; at_ms < 20_000; at_ms += 1_000) clock.add(at_ms, at_ms - 900);
  assertEquals(clock.steps, [{ mono_ms: 10_000, by_ms: -1_000 }]);
  assertEquals(clock.distance_ms(5_000), [100, 101]);
  assertEquals(clock.distance_ms(15_000), [-900, -899]);
});

Deno.test("WallClock takes a slew, and what follows a suspension, for no step", () => {
  const slewed = new WallClock();
  for (let at_ms = 0; at_ms < 1e7; at_ms += 5_000) {
    slewed.add(at_ms, Math.floor(at_ms * 1.0005));
  }
  assertEquals(slewed.steps, []);
  const suspended = new WallClock();
  for (let at_ms = 0; at_ms < 5_000; at_ms += 1_000) suspended.add(at_ms, at_ms);
  suspended.suspended();
  for (let at_ms = 5_000; at_ms < 9_000; at_ms += 1_000) suspended.add(at_ms, at_ms + 700);
  assertEquals(suspended.steps, []);
  assertEquals(suspended.distance_ms(7_000), [700, 701]);
});
