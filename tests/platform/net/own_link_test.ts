/**
 * When this host's own interface is looked at while a peer is silent, and what is kept of what was found.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { LinkWatch, ownLinkFault } from "../../../lib/platform/net/own_link.ts";
import type { Clock } from "../../../lib/platform/clock.ts";
import type { Connection } from "../../../lib/platform/net/transport.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";

const DOWN = "no link on eth0 (down)";

/** A watch, what it finds at each look, in order, and when it looked. */
function stage(...found: (string | undefined)[]) {
  const clock = new VirtualClock();
  const looks_ms: number[] = [];
  const linkFault = (clock: Clock) => {
    looks_ms.push(clock.now());
    return Promise.resolve(found.shift());
  };
  return { clock, looks_ms, watch: new LinkWatch(clock, { linkFault } as unknown as Connection) };
}

Deno.test("LinkWatch looks at once, and a tenth of a second before each judgement", async () => {
  const { clock, looks_ms, watch } = stage(undefined, undefined, DOWN);
  watch.look();
  watch.judgedIn(10_000);
  await clock.advance(10_000);
  assertEquals([looks_ms, watch.fault], [[0, 9_900], undefined]);
  watch.judgedIn(10_000);
  await clock.advance(9_900);
  assertEquals([looks_ms, watch.fault], [[0, 9_900, 19_900], DOWN]);
});

Deno.test("LinkWatch keeps what was wrong in this silence, though it is well again", async () => {
  const { clock, looks_ms, watch } = stage(DOWN, undefined);
  watch.look();
  watch.judgedIn(50);
  await clock.advance(50);
  assertEquals([looks_ms, watch.fault], [[0, 0], DOWN]);
});

Deno.test("LinkWatch forgets what was wrong when the peer is heard, and looks no more", async () => {
  const { clock, looks_ms, watch } = stage(DOWN, DOWN);
  watch.look();
  await settle();
  watch.judgedIn(10_000);
  watch.heard();
  assertEquals([watch.fault, clock.pending], [undefined, 0]);
  // Nor does it take what a look of before finds now.
  watch.look();
  watch.heard();
  await clock.advance(20_000);
  assertEquals([looks_ms, watch.fault], [[0, 0], undefined]);
});

Deno.test("LinkWatch sets no timer where nobody can look", () => {
  const clock = new VirtualClock();
  const watch = new LinkWatch(clock, {} as Connection);
  watch.look();
  watch.judgedIn(10_000);
  assertEquals([watch.fault, clock.pending], [undefined, 0]);
});

Deno.test("ownLinkFault() looks at an address once for all, again after a tenth of a second, or 20 times as long as it took", async () => {
  const clock = new VirtualClock();
  const looks: string[] = [];
  const ask = (address: string, takes_ms: number) =>
    ownLinkFault(address, clock, async (each) => {
      looks.push(`${each} at ${clock.now()}`);
      await clock.advance(takes_ms);
      return DOWN;
    });
  const asked = [ask("192.0.2.1", 1), ask("192.0.2.1", 1)];
  assertEquals(await Promise.all(asked), [DOWN, DOWN]);
  assertEquals([ask("192.0.2.1", 1), clock.now()], [DOWN, 1]);
  await clock.advance(100);
  // It takes 50 ms: what was found holds for a second.
  await ask("192.0.2.1", 50);
  await clock.advance(949);
  assertEquals(ask("192.0.2.1", 1), DOWN);
  await ask("192.0.2.2", 1);
  await clock.advance(1);
  await ask("192.0.2.1", 1);
  assertEquals(looks, [
    "192.0.2.1 at 0",
    "192.0.2.1 at 101",
    "192.0.2.2 at 1100",
    "192.0.2.1 at 1102",
  ]);
});
