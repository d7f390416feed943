/**
 * A server whose host is suspended: what its sessions say of it, and for how long they are kept.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { BACK, data } from "../support/callers.ts";
import { stageRawServer } from "../support/raw_server.ts";
import { assertEventAfter } from "../support/instants.ts";

/** A server that keeps sessions for 10 s, and the session `s`, lost at 1,000 with 2 delivered. */
async function lost() {
  const staged = stageRawServer({ sessionLifetime_ms: 10_000 });
  const { path, peer } = await staged.hello("s", BACK);
  await peer.say(data(1, 2));
  await staged.clock.advance(1_000);
  path.reset();
  await staged.clock.advance(0);
  return staged;
}

for (const before_ms of [0, 9_000]) {
  Deno.test(`a server whose host was suspended ${before_ms} ms after a loss gives a session its full lifetime once more`, async () => {
    const { clock, recorder } = await lost();
    await clock.advance(before_ms);
    clock.suspend(60_000);
    await clock.advance(10_000 - before_ms + 9_999);
    assertEquals(recorder.all("terminated"), []);
    await clock.advance(1);
    assertEquals(recorder.story("local_stall"), ["81000 local_stall 60000 suspended"]);
    const end = recorder.one("terminated");
    assertEquals([end.detected_after_ms, end.suspended_ms], [80_000, 60_000]);
  });
}

Deno.test("a session that is lost after a suspension has its lifetime, and no more", async () => {
  const { clock, connect, recorder } = stageRawServer({ sessionLifetime_ms: 10_000 });
  clock.suspend(60_000);
  const { path, peer } = await connect();
  await peer.say('HELLO 1 s {"reconnect":true}\n');
  path.reset();
  await clock.advance(0);
  await assertEventAfter({ clock, recorder }, 10_000, "terminated");
});

Deno.test("a server that wakes to a lost connection says first that its host was suspended", async () => {
  const { clock, hello, recorder } = stageRawServer();
  const { path } = await hello("s", BACK);
  await clock.advance(800);
  clock.suspend(10_200);
  path.reset();
  await clock.advance(0);
  assertEquals(recorder.story("local_stall"), ["11000 local_stall 10200 suspended"]);
  const names = recorder.events.slice(-3).map(({ event }) => event);
  assertEquals(names, ["local_stall", "phase", "disconnected"]);
  const { silent_ms, suspended_ms } = recorder.one("disconnected");
  assertEquals([silent_ms, suspended_ms], [11_000, 10_200]);
});

Deno.test("a session whose client comes back says that its server's host was suspended meanwhile", async () => {
  const { clock, recorder, resume } = await lost();
  clock.suspend(60_000);
  await resume("s", { confirmed: 2, sent: 2 });
  const told = recorder.events.filter((each) => each.at_ms > 1_000 && each.session === "s");
  assertEquals(told.slice(0, 3).map((each) => each.event), ["local_stall", "connected", "resumed"]);
  assertEquals(recorder.one("resumed").gap_ms, 61_000);
});
