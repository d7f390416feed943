/**
 * This process's own absence is not taken for the peer's silence (DESIGN.md, section 3).
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { STALL_TOLERANCE_MS } from "../../lib/platform/deadline.ts";
import { stageClient, stageServer, stageUnopenedServer } from "../support/stage.ts";

Deno.test("a stalled server gives data its full time once more", async () => {
  const { clock, recorder } = await stageServer();
  await clock.advance(15_000);
  clock.stall(30_000);
  await clock.advance(19_999);
  assertEquals(recorder.story("local_stall", "phase"), [
    "0 phase connecting data 0",
    "45000 local_stall 25000",
  ]);
  await clock.advance(1);
  assertEquals(recorder.story("phase").at(-1), "65000 phase data heartbeat 65000");
});

Deno.test("a stalled server reads what is waiting before it judges", async () => {
  const { clock, peer, recorder } = await stageServer();
  await clock.advance(15_000);
  clock.stall(30_000);
  clock.after(0, () => peer.say("DATA 1 1\nx\n"));
  await clock.advance(39_999 - 20_000);
  assertEquals(recorder.all("heartbeat_sent"), []);
  assertEquals(recorder.story("phase").length, 1);
});

Deno.test("a short stall at a time that data has moved long ago changes nothing", async () => {
  const { clock, peer, recorder } = await stageServer();
  for (const seq of [1, 2, 3]) {
    await clock.advance(5_000);
    await peer.say(`DATA ${seq} 1\nx\n`);
  }
  // Over the time at which silence was due before any data came.
  await clock.advance(4_900);
  clock.stall(400);
  await clock.advance(100_000);
  assertEquals(recorder.all("local_stall"), []);
  assertEquals(recorder.story("phase").slice(1, 2), ["35000 phase data heartbeat 20000"]);
  assertEquals(recorder.one("terminated").at_ms, 75_000);
});

Deno.test("a stalled client gives a confirmation its full time once more", async () => {
  const { clock, peer, recorder } = await stageClient();
  await clock.advance(15_000);
  clock.stall(6_000);
  await clock.advance(19_999);
  await peer.say("CONFIRM 1\n");
  await clock.advance(1);
  assertEquals(recorder.story("local_stall", "phase", "data_confirmed"), [
    "0 phase connecting data 0",
    "21000 local_stall 1000",
    "40999 data_confirmed 1 40999",
  ]);
});

for (const [side, stage] of [["client", stageClient], ["server", stageServer]] as const) {
  Deno.test(`a stall of the ${side} costs no heartbeat, and death comes a full time later`, async () => {
    const { clock, recorder } = await stage();
    await clock.advance(55_000);
    clock.stall(3_600_000);
    await clock.advance(0);
    assertEquals(recorder.all("heartbeat_missed").length, 3);
    assertEquals(recorder.one("local_stall").ms, 3_595_000);
    await clock.advance(9_999);
    assertEquals(recorder.all("terminated"), []);
    await clock.advance(1);
    assertEquals(recorder.one("terminated").at_ms, 3_665_000);
  });

  Deno.test(`each of two stalls of the ${side} in a row is forgiven`, async () => {
    const { clock, recorder, session } = await stage();
    await clock.advance(19_000);
    clock.stall(5_000);
    await clock.advance(19_000);
    clock.stall(5_000);
    await clock.advance(19_999);
    assertEquals(recorder.story("phase").length, 1);
    assertEquals(session.ledger.summary(0).local_stalls, 2);
    await clock.advance(1);
    assertEquals(recorder.story("phase").length, 2);
  });

  Deno.test(`the ${side} judges as usual when it is late within the tolerance`, async () => {
    const { clock, recorder } = await stage();
    await clock.advance(19_000);
    clock.stall(1_000 + STALL_TOLERANCE_MS);
    await clock.advance(0);
    assertEquals(recorder.all("local_stall"), []);
    assertEquals(recorder.story("phase").at(-1), "20250 phase data heartbeat 20250");
    // The heartbeat has its full time from when it was sent.
    await clock.advance(9_999);
    assertEquals(recorder.all("heartbeat_missed"), []);
    await clock.advance(1);
    assertEquals(recorder.all("heartbeat_missed").length, 1);
  });
}

Deno.test("a client stalled between two messages sends the next at once, and no burst", async () => {
  const { clock, peer, recorder } = await stageClient();
  peer.answer = (line) => line.startsWith("DATA") ? `CONFIRM ${line.split(" ")[1]}\n` : undefined;
  await peer.say("CONFIRM 1\n");
  await clock.advance(1_000);
  clock.stall(16_000);
  await clock.advance(10_000);
  assertEquals(recorder.all("data_sent").map((each) => each.at_ms), [0, 17_000, 22_000, 27_000]);
  assertEquals(recorder.one("local_stall").ms, 12_000);
});

Deno.test("a stall while HELLO is awaited gives it its full time once more", async () => {
  const { clock, peer, recorder } = stageUnopenedServer();
  clock.stall(60_000);
  await clock.advance(4_999);
  await peer.say("HELLO 1 s {}\n");
  await clock.advance(1);
  assertEquals(recorder.all("terminated"), []);
  assertEquals(recorder.all("connected").length, 1);
});
