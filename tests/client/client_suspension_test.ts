/**
 * A client whose host is suspended while it has no connection, or loses one.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { mute, serving, stageDialling } from "../support/scripted_network.ts";

Deno.test("a client that wakes to a lost connection says first that it was suspended, then dials", async () => {
  const { clock, network, recorder } = stageDialling([serving(), serving(1)]);
  await clock.advance(800);
  clock.suspend(10_200);
  network.last.path.reset();
  await clock.advance(500);
  const events = ["local_stall", "disconnected", "reconnecting", "resumed"] as const;
  assertEquals(recorder.story(...events), [
    "11000 local_stall 10200 suspended",
    "11000 disconnected network reset reset server:4000 11000 last_sign_of_life 60000 11000 10200 reset",
    "11000 reconnecting 1 500 reset server:4000",
    "11500 resumed 11500 0 0",
  ]);
});

Deno.test("a client suspended between two connections says so, and for how long it was away", async () => {
  const { clock, network, recorder } = stageDialling([serving(), serving(1)]);
  await clock.advance(800);
  network.last.path.reset();
  await clock.advance(100);
  clock.suspend(60_000);
  await clock.advance(400);
  assertEquals(recorder.story("local_stall", "connected", "resumed"), [
    "0 connected server:4000 60 65",
    "61300 local_stall 60000 suspended",
    "61300 connected server:4000 60 65",
    "61300 resumed 61300 0 0",
  ]);
});

Deno.test("a client that gives up after a suspension says first that it was suspended", async () => {
  const { clock, recorder } = stageDialling(["refused"], { reconnect: { limit: 1 } });
  clock.suspend(60_000);
  const before = recorder.events.length;
  await clock.advance(1_000);
  const first = recorder.events[before];
  assertEquals([first?.event, recorder.all("local_stall").length], ["local_stall", 1]);
  assertEquals(recorder.events.slice(-2).map(({ event }) => event), ["notice", "terminated"]);
});

Deno.test("a client suspended while it waits for WELCOME gives that its full time once more", async () => {
  const { clock, recorder } = stageDialling([mute]);
  await clock.advance(3_000);
  clock.suspend(60_000);
  await clock.advance(2_000 + 4_999);
  assertEquals(recorder.all("reconnecting"), []);
  assertEquals(recorder.story("local_stall"), ["65000 local_stall 60000 suspended"]);
  await clock.advance(1);
  assertEquals(recorder.all("reconnecting").length, 1);
});
