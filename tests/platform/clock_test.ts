/**
 * The real clock: timers that never fire early, move, and leave nothing behind.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { systemClock } from "../../lib/platform/clock.ts";

/** A timer that resolves a promise with the time at which it fired. */
function firing() {
  const { promise, resolve } = Promise.withResolvers<number>();
  return { fired: promise, timer: systemClock.timer(() => resolve(systemClock.now())) };
}

Deno.test("systemClock.timer() fires at its time or after, whatever the fraction", async () => {
  const all = Array.from({ length: 40 }, (_, n) => {
    const { fired, timer } = firing();
    const at_ms = systemClock.now() + 3 + n * 0.37;
    timer.set(at_ms);
    return fired.then((fired_ms) => assertGreaterOrEqual(fired_ms, at_ms));
  });
  await Promise.all(all);
});

Deno.test("systemClock.timer() moved later fires at the later time only", async () => {
  let fired = 0;
  const done = Promise.withResolvers<void>();
  const timer = systemClock.timer(() => {
    fired++;
    done.resolve();
  });
  const start_ms = systemClock.now();
  timer.set(start_ms + 10);
  timer.set(start_ms + 40);
  await done.promise;
  assertGreaterOrEqual(systemClock.now(), start_ms + 40);
  assertEquals(fired, 1);
});

Deno.test("systemClock.timer() moved earlier fires before its first time", async () => {
  const { fired, timer } = firing();
  const start_ms = systemClock.now();
  timer.set(start_ms + 60_000);
  timer.set(start_ms + 10);
  assert(await fired < start_ms + 60_000);
});

Deno.test("systemClock.timer() cleared never fires, and can be set again", async () => {
  let fired = 0;
  const other = firing();
  const timer = systemClock.timer(() => fired++);
  timer.set(systemClock.now() + 5);
  timer.clear();
  other.timer.set(systemClock.now() + 20);
  await other.fired;
  assertEquals(fired, 0);
  const again = firing();
  again.timer.set(systemClock.now() + 1_000);
  again.timer.clear();
  again.timer.set(systemClock.now() + 1);
  await again.fired;
});

Deno.test("systemClock.timer() can be set again when it fires", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let rounds = 0;
  const timer = systemClock.timer(() => {
    if (++rounds === 3) resolve();
    else timer.set(systemClock.now() + 1);
  });
  timer.set(systemClock.now() + 1);
  await promise;
  assertEquals(rounds, 3);
});

for (const busy_ms of [0, 5]) {
  Deno.test(`systemClock.afterInput() waits for input, even if busy for ${busy_ms} ms more`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    for (let round = 0; round < 10; round++) {
      using near = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
      using far = await listener.accept();
      let read = false;
      const reading = far.read(new Uint8Array(1)).then(() => read = true);
      await near.write(new Uint8Array(1));
      // Nothing is read while this process is busy.
      keepBusy(20);
      assertEquals(read, false);
      const called = Promise.withResolvers<void>();
      systemClock.afterInput(called.resolve);
      keepBusy(busy_ms);
      await called.promise;
      assertEquals(read, true);
      await reading;
    }
  });
}

Deno.test("systemClock.afterInput() calls what comes last after what is added meanwhile", async () => {
  const order: string[] = [];
  const called = Promise.withResolvers<void>();
  systemClock.afterInput(() => called.resolve(void order.push("last")), "last");
  systemClock.afterInput(() => {
    order.push("first");
    systemClock.afterInput(() => order.push("second"));
  });
  await called.promise;
  assertEquals(order, ["first", "second", "last"]);
});

Deno.test("systemClock.afterInput() calls what comes last after what comes later", async () => {
  const order: string[] = [];
  const called = Promise.withResolvers<void>();
  systemClock.afterInput(() => called.resolve(void order.push("last")), "last");
  systemClock.afterInput(() => {
    order.push("later");
    systemClock.afterInput(() => order.push("later again"), "later");
  }, "later");
  await called.promise;
  assertEquals(order, ["later", "later again", "last"]);
});

for (
  const [order, before] of [["later", undefined], ["last", undefined], ["last", "later"]] as const
) {
  const what = before ? `for ${before}` : "for others";
  Deno.test(`systemClock.afterInput() does not put off for ever ${what} what comes ${order}`, async () => {
    let rounds = 0;
    let isOver = false;
    const again = () => void (++rounds && !isOver && systemClock.afterInput(again, before));
    again();
    const called = Promise.withResolvers<void>();
    systemClock.afterInput(called.resolve, order);
    await called.promise;
    isOver = true;
    assertEquals(rounds, 34);
    // Nothing is left for the next test.
    await new Promise<void>((resolve) => systemClock.afterInput(resolve, "last"));
  });
}

function keepBusy(ms: number): void {
  const until_ms = systemClock.now() + ms;
  while (systemClock.now() < until_ms);
}

/** Has all clocks of this host but the monotonic one go ahead, as a suspension does, or the wall clock alone. */
function goAhead(ms: number, { wallOnly = false } = {}): Disposable {
  const { now } = Date;
  const { osUptime } = Deno;
  Date.now = () => now() + ms;
  if (!wallOnly) Object.assign(Deno, { osUptime: () => osUptime() + ms / 1_000 });
  return {
    [Symbol.dispose]: () => {
      Date.now = now;
      Object.assign(Deno, { osUptime });
    },
  };
}

Deno.test("systemClock.suspended_ms() finds a suspension, by which the time and the timers go ahead", async () => {
  const { fired, timer } = firing();
  const before_ms = systemClock.now();
  timer.set(before_ms + 3_600_000);
  const suspendedBefore_ms = systemClock.suspended_ms();
  using _suspension = goAhead(7_200_000);
  const suspended_ms = systemClock.suspended_ms() - suspendedBefore_ms;
  // Exact but for slews and the whole milliseconds of the wall clock.
  assertAlmostEquals(suspended_ms, 7_200_000, 1_000);
  assertGreaterOrEqual(systemClock.now(), before_ms + suspended_ms);
  assertGreaterOrEqual(await fired, before_ms + suspended_ms);
  using _step = goAhead(7_200_000, { wallOnly: true });
  assertEquals(systemClock.suspended_ms() - suspendedBefore_ms, suspended_ms);
});
