/**
 * What counts as a suspension of this host, by readings of three clocks.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { SuspensionDetector } from "../../lib/platform/suspension.ts";

/** Clocks that a test moves, and how often the uptime was read. */
class Clocks {
  wall = 1_795_000_000_000;
  monotonic = 700.25;
  /** Since the host was started, in milliseconds. */
  boottime = 5_000_300.25;
  isPermitted = true;
  uptimeReads = 0;
  monotonicReads = 0;
  round = Math.ceil;

  wall_ms(): number {
    return Math.floor(this.wall);
  }

  monotonic_ms(): number {
    this.monotonicReads++;
    return this.monotonic;
  }

  uptime_s(): number | undefined {
    this.uptimeReads++;
    return this.isPermitted ? this.round(this.boottime / 1_000) : undefined;
  }

  run(ms: number): this {
    this.monotonic += ms;
    return this.suspend(ms);
  }

  suspend(ms: number): this {
    this.wall += ms;
    this.boottime += ms;
    return this;
  }

  step(ms: number): this {
    this.wall += ms;
    return this;
  }
}

function stage() {
  const clocks = new Clocks();
  return { clocks, detector: new SuspensionDetector(clocks) };
}

for (const round of [Math.ceil, Math.floor]) {
  Deno.test(`SuspensionDetector finds each suspension from 2 s on, at any fraction, by ${round.name}`, () => {
    for (let fraction = 0; fraction < 1_000; fraction += 37) {
      const { clocks } = stage();
      clocks.round = round;
      clocks.boottime += fraction;
      const detector = new SuspensionDetector(clocks);
      clocks.run(fraction * 7).suspend(2_001);
      assertEquals(detector.look(), 2_001, `${fraction}`);
      clocks.run(3_000).suspend(7_200_000);
      assertEquals(detector.look(), 7_202_001);
      assertEquals(detector.look(), 7_202_001);
    }
  });

  Deno.test(`SuspensionDetector finds none in a stepped wall clock, at any fraction, by ${round.name}`, () => {
    for (let fraction = 0; fraction < 1_000; fraction += 37) {
      for (const step_ms of [1_200, 2_000, 3_600_000, -1_200, -3_600_000]) {
        const { clocks } = stage();
        clocks.round = round;
        clocks.boottime += fraction;
        const detector = new SuspensionDetector(clocks);
        clocks.run(2_500 + fraction * 7).step(step_ms);
        assertEquals(detector.look(), 0, `${fraction} ${step_ms}`);
        assertEquals(detector.look(), 0);
        // It goes on from there.
        clocks.run(1_000).suspend(10_000);
        assertEquals(detector.look(), 10_000, `${fraction} ${step_ms}`);
      }
    }
  });
}

Deno.test("SuspensionDetector tells a suspension and a step at once apart, to within a second", () => {
  for (const step_ms of [-3_600_000, -30_000, 30_000, 3_600_000]) {
    const { clocks, detector } = stage();
    clocks.run(4_321).suspend(60_000).step(step_ms);
    const found_ms = detector.look();
    assertEquals(Math.abs(found_ms - 60_000) <= 1_000, true, `${found_ms}`);
  }
});

Deno.test("SuspensionDetector never finds anything in a slewed wall clock, however long", () => {
  for (const slew of [0.0005, -0.0005]) {
    const { clocks, detector } = stage();
    for (let second = 0; second < 100_000; second++) {
      clocks.run(1_000).step(1_000 * slew);
      assertEquals(detector.look(), 0);
    }
    // Looked at rarely, too.
    for (let hour = 0; hour < 100; hour++) {
      clocks.run(3_600_000).step(3_600_000 * slew);
      assertEquals(detector.look(), 0);
    }
  }
});

Deno.test("SuspensionDetector finds nothing in a slew that the uptime follows, as where it is kept by the wall clock", () => {
  const { clocks, detector } = stage();
  for (let second = 0; second < 100_000; second++) {
    clocks.run(1_000).step(0.5);
    clocks.boottime += 0.5;
    assertEquals(detector.look(), 0);
  }
  for (let hour = 0; hour < 100; hour++) {
    clocks.run(3_600_000).step(1_800);
    clocks.boottime += 1_800;
    assertEquals(detector.look(), 0);
  }
});

Deno.test("SuspensionDetector claims nothing where the uptime cannot be read", () => {
  const { clocks, detector } = stage();
  clocks.isPermitted = false;
  clocks.run(1_000).suspend(60_000);
  assertEquals(detector.look(), 0);
  // Nor when it can be read from then on.
  clocks.isPermitted = true;
  clocks.run(1_000).suspend(60_000);
  assertEquals(detector.look(), 0);
  clocks.run(1_000).suspend(60_000);
  assertEquals(detector.look(), 60_000);
});

Deno.test("SuspensionDetector claims nothing where the uptime stands still as well", () => {
  const { clocks, detector } = stage();
  clocks.run(1_000).step(60_000);
  assertEquals(detector.look(), 0);
});

Deno.test("SuspensionDetector claims nothing when it is stopped between two readings", () => {
  const { clocks, detector } = stage();
  const { monotonic_ms } = clocks;
  clocks.run(2_000);
  clocks.monotonic_ms = () => {
    clocks.monotonic_ms = monotonic_ms;
    return clocks.run(60_000).monotonic;
  };
  assertEquals(detector.look(), 0);
  assertEquals(clocks.run(2_000) && detector.look(), 0);
});

Deno.test("SuspensionDetector reads the uptime at a parting and once a minute, not at each look", () => {
  const { clocks, detector } = stage();
  assertEquals(clocks.uptimeReads, 1);
  for (let n = 0; n < 59_000; n++) {
    clocks.run(1);
    detector.look();
  }
  assertEquals(clocks.uptimeReads, 1);
  // Nor the monotonic clock, but once a second.
  assertEquals(clocks.monotonicReads, 60);
  for (let n = 0; n < 540_000; n++) {
    clocks.run(1);
    detector.look();
  }
  assertEquals(clocks.uptimeReads, 10);
});
