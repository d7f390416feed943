/**
 * When this host's own interface is looked at while a peer is silent, and what is kept of what was found.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { LinkWatch } from "../../../lib/platform/net/own_link.ts";
import type { Connection } from "../../../lib/platform/net/transport.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";

const DOWN = "no link on eth0 (down)";

/** A watch, what it finds at each look, in order, and when it looked. */
function stage(...found: (string | undefined)[]) {
  const clock = new VirtualClock();
  const looks_ms: number[] = [];
  const linkFault = (now_ms: number) => {
    looks_ms.push(now_ms);
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
