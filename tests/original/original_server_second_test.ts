/**
 * The server's side of an original client's second connection, to the millisecond: heartbeats, death and
 * return, whatever the client does.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { ORIGINAL_TEXT as TEXT } from "../../lib/original/wire.ts";
import { stageBeats } from "../support/original_stage.ts";
import { assertEventAfter } from "../support/instants.ts";

Deno.test("the server echoes heartbeats on the second connection, for ever", async () => {
  const { beats, clock, recorder } = await stageBeats();
  for (let n = 0; n < 720; n++) {
    await clock.advance(5_000);
    await beats.say(TEXT.heartbeat);
  }
  assertEquals(beats.heard.length, 721);
  assertEquals(beats.heard[0], `25000 ${TEXT.heartbeat}`);
  assertEquals(recorder.all("heartbeat_missed"), []);
  assertEquals(recorder.all("terminated"), []);
  assertEquals(recorder.all("connected").length, 1);
  const { text } = recorder.all("notice").at(-1)!;
  const expected = "second connection, with heartbeats, from client:50000; matched by its";
  assertStringIncludes(text, expected);
});

Deno.test("the server echoes heartbeats that are glued or cut, each once", async () => {
  const { beats } = await stageBeats();
  await beats.say(TEXT.heartbeat.repeat(2) + "MSG_");
  assertEquals(beats.heard.length, 3);
  await beats.say("HEARTBEAT");
  assertEquals(beats.heard.length, 4);
});

Deno.test("a heartbeat in the very instant of its deadline is no miss; later it is, and saves", async () => {
  const { beats, clock, recorder } = await stageBeats();
  clock.after(10_000, () => beats.say(TEXT.heartbeat));
  await clock.advance(10_000);
  assertEquals(recorder.all("heartbeat_missed"), []);
  await clock.advance(10_001);
  await beats.say(TEXT.heartbeat);
  assertEquals(recorder.story("heartbeat_missed"), ["45000 heartbeat_missed 3 1 3"]);
  await clock.advance(39_998);
  await beats.say(TEXT.heartbeat);
  await assertEventAfter({ clock, recorder }, 40_000, "terminated");
  const missed = recorder.all("heartbeat_missed").map(({ missed }) => missed);
  assertEquals(missed.slice(-4), [1, 2, 3, 4]);
});

Deno.test("an original client whose heartbeats cease is dead, measured from the last one", async () => {
  const { beats, clock, closeReason } = await stageBeats();
  await clock.advance(40_100);
  assertEquals(closeReason(), {
    at_ms: 65_000,
    by: "self",
    reason: "silent",
    text: "",
    detected_after_ms: 40_000,
    detected_since: "last_sign_of_life",
    predicted_ms: 40_000,
  });
  assertEquals(beats.heard.at(-1), `65000 ${TEXT.terminate}`);
});

Deno.test("an original client that closes its second connection, too, may still come back", async () => {
  const { beats, call, clock, closeReason, recorder } = await stageBeats();
  await clock.advance(1_000);
  await beats.hangUp();
  await clock.advance(38_999);
  const again = await call(TEXT.heartbeat);
  assertEquals(again.heard, [`64999 ${TEXT.heartbeat}`]);
  await again.hangUp();
  await assertEventAfter({ clock, recorder }, 40_000, "terminated");
  const { at_ms, by, reason, text } = closeReason();
  assertEquals({ at_ms, by, reason, text }, {
    at_ms: 104_999,
    by: "peer",
    reason: "closed",
    text: "and did not reconnect",
  });
});

Deno.test("an original client that is back with data is in the same session", async () => {
  const { call, clock, closeReason, recorder, server } = await stageBeats();
  await clock.advance(2_000);
  const back = await call(TEXT.data);
  await clock.advance(1_000);
  server.stop("shutdown");
  await clock.advance(100);
  assertEquals(back.heard, [`27000 ${TEXT.reply}`, `28000 ${TEXT.terminate}`]);
  assertEquals(recorder.story("phase"), [
    "0 phase connecting data 0",
    "20000 phase data heartbeat 20000",
    "27000 phase heartbeat data 27000",
    "28000 phase data terminated 1000",
  ]);
  const sessions = new Set(recorder.events.map(({ session }) => session));
  assertEquals(sessions.size, 2, "one, and the server");
  assertEquals(closeReason().reason, "shutdown");
  const { data_received, data_confirmed, heartbeats_received, silences, longest_silence_ms } =
    recorder.one("summary");
  assertEquals([data_received, data_confirmed, heartbeats_received], [2, 2, 1]);
  assertEquals([silences, longest_silence_ms], [1, 27_000]);
});
