/**
 * Which connection without a session gives way when there are too many.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { UnopenedConnections } from "../../lib/server/strangers.ts";
import { type End, Path } from "../support/memory_network.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

function stage(most: number) {
  const clock = new VirtualClock();
  const stopping = new AbortController().signal;
  const turnedAway: string[] = [];
  const unopened = new UnopenedConnections({
    clock,
    most,
    stopping,
    onStranger: ({ peer }) => turnedAway.push(peer),
  });
  const come = (client: string): End => {
    const { server } = new Path(clock, { names: { client, server: "server:4000" } });
    unopened.admit(server);
    return server;
  };
  return { clock, come, turnedAway, unopened };
}

Deno.test("as long as there are not too many, nobody gives way", async () => {
  const { clock, come, unopened } = stage(3);
  const ends = [1, 2, 3].map((n) => come(`192.0.2.${n}:1`));
  assertEquals(unopened.makeRoom(), undefined);
  await clock.advance(10_000);
  assertEquals(ends.map(({ closed }) => closed), [false, false, false]);
});

Deno.test("of hosts that have one connection each the oldest gives way", async () => {
  const { clock, come, unopened } = stage(3);
  const ends = [1, 2, 3, 4].map((n) => come(`192.0.2.${n}:1`));
  const room = unopened.makeRoom();
  await clock.advance(0);
  await room;
  assertEquals(ends.map(({ closed }) => closed), [true, false, false, false]);
});

Deno.test("of the host that has most connections the oldest gives way, and then of the next such host", async () => {
  const { clock, come, unopened } = stage(5);
  const hosts = ["192.0.2.9", "[2001:db8::1]", "198.51.100.1", "[2001:db8::2]", "198.51.100.1"];
  const ends = hosts.map((host, n) => come(`${host}:${n}`));
  const closed = () => ends.flatMap((end, at) => end.closed ? [at] : []);
  const more = async (host: string) => {
    ends.push(come(`${host}:9`));
    const room = unopened.makeRoom();
    await clock.advance(0);
    await room;
  };
  // Both of the same network of 64 bits, of which a host may have any address.
  await more("[2001:db8::3]");
  assertEquals(closed(), [1]);
  await more("192.0.2.8");
  assertEquals(closed(), [1, 2]);
  await more("192.0.2.7");
  assertEquals(closed(), [1, 2, 3]);
  await more("192.0.2.6");
  assertEquals(closed(), [0, 1, 2, 3]);
});

Deno.test("nobody gives way to whom others have given room while what had come was read", async () => {
  const { clock, come, turnedAway, unopened } = stage(2);
  const [first, second, third] = [1, 2, 3].map((n) => come(`192.0.2.${n}:1`));
  const room = unopened.makeRoom();
  await settle();
  unopened.delete(first!);
  await clock.advance(0);
  await room;
  assertEquals([first, second, third].map((end) => end!.closed), [false, false, false]);
  assertEquals(turnedAway, []);
});

Deno.test("when there are many, several give way at a time, so that more are accepted meanwhile", async () => {
  const { clock, come, unopened } = stage(100);
  const ends = Array.from({ length: 101 }, (_, n) => come(`192.0.2.${n}:1`));
  unopened.makeRoom();
  await clock.advance(0);
  assertEquals(ends.map(({ closed }) => closed), ends.map((_, at) => at < 7));
  assertEquals(unopened.makeRoom(), undefined);
});
