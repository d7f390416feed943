/**
 * Sessions with original peers, on both sides, whose host is suspended.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { ORIGINAL_TEXT as TEXT } from "../../lib/original/wire.ts";
import { stageBeats, stageOriginalClient, stageSession } from "../support/original_stage.ts";

/** A client whose original server confirms its first message only. */
function stageClient() {
  const answer = (_text: string, number: number, at_ms: number) =>
    number === 0 && at_ms < 1_000 ? TEXT.reply : undefined;
  return stageOriginalClient({ answer });
}

Deno.test("a suspension of the server gives an original client its full time once more", async () => {
  const { clock, recorder } = await stageSession();
  await clock.advance(15_000);
  clock.suspend(60_000);
  await clock.advance(5_000 + 19_999);
  assertEquals(recorder.story("local_stall"), ["80000 local_stall 60000 suspended"]);
  assertEquals(recorder.all("phase").length, 1);
  await clock.advance(1);
  assertEquals(recorder.story("phase").at(-1), "100000 phase data heartbeat 100000");
  clock.suspend(60_000);
  await clock.advance(10_000 + 9_999);
  assertEquals(recorder.all("heartbeat_missed"), []);
  await clock.advance(1);
  assertEquals(recorder.one("heartbeat_missed").at_ms, 180_000);
  assertEquals(recorder.all("local_stall").length, 2);
});

Deno.test("a suspension of the client gives an original server its full time once more", async () => {
  const { clock, recorder } = await stageClient();
  await clock.advance(20_000);
  clock.suspend(30_000);
  await clock.advance(5_000 + 19_999);
  assertEquals(recorder.story("local_stall"), ["55000 local_stall 30000 suspended"]);
  assertEquals(recorder.all("phase").length, 1);
  await clock.advance(1);
  assertEquals(recorder.story("phase").at(-1), "75000 phase data heartbeat 70000");
});

Deno.test("a server that wakes to data, or a heartbeat, of an original client says first that it was suspended", async () => {
  const { clock, data, recorder } = await stageSession();
  await clock.advance(10_000);
  clock.suspend(60_000);
  const before = recorder.events.length;
  await data.say(TEXT.data);
  const first = recorder.events[before];
  assertEquals([first?.event, recorder.all("phase").length], ["local_stall", 1]);
  const beats = await stageBeats();
  beats.clock.suspend(60_000);
  await beats.beats.say(TEXT.heartbeat);
  assertEquals(beats.recorder.story("local_stall"), ["85000 local_stall 60000 suspended"]);
});

Deno.test("a server that wakes to the close of an original client's connection says first that it was suspended", async () => {
  const { clock, data, recorder } = await stageSession();
  await clock.advance(1_000);
  clock.suspend(60_000);
  const before = recorder.events.length;
  await data.hangUp();
  await clock.advance(0);
  const first = recorder.events[before];
  assertEquals([first?.event, recorder.all("local_stall").length], ["local_stall", 1]);
});

for (const how of ["reset", "closed"] as const) {
  Deno.test(`a client that wakes to an original server's connection ${how} says first that it was suspended`, async () => {
    const { clock, ends, recorder } = await stageClient();
    await clock.advance(800);
    clock.suspend(10_200);
    const before = recorder.events.length;
    if (how === "reset") ends[0]!.path.reset();
    else await ends[0]!.hangUp();
    await clock.advance(0);
    const first = recorder.events[before];
    assertEquals([first?.event, recorder.all("local_stall").length], ["local_stall", 1]);
    if (how === "closed") return;
    const { silent_ms, suspended_ms } = recorder.one("terminated");
    assertEquals([silent_ms, suspended_ms], [11_000, 10_200]);
  });
}

Deno.test("a client that wakes to a confirmation of an original server says first that it was suspended", async () => {
  const { clock, ends, recorder } = await stageOriginalClient();
  await clock.advance(800);
  clock.suspend(10_200);
  await ends[0]!.say(TEXT.reply);
  assertEquals(recorder.story("local_stall", "data_confirmed"), [
    "11000 local_stall 10200 suspended",
    "11000 data_confirmed 1 11000",
  ]);
});
