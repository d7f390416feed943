/**
 * The server's side of an original client's session, to the millisecond: data, silence, death and
 * stalls, on its first connection.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { ORIGINAL_TEXT as TEXT } from "../../lib/original/wire.ts";
import { stageSession } from "../support/original_stage.ts";
import { stageOriginalServer } from "../support/original_stage.ts";
import { assertEventAfter } from "../support/instants.ts";

Deno.test("the server confirms an original client's data at once, and tells of it", async () => {
  const { data, recorder, sendData } = await stageSession();
  await sendData(2);
  assertEquals(data.heard, [0, 5_000, 10_000].map((at) => `${at} ${TEXT.reply}`));
  assertEquals(recorder.story("connected", "data_received"), [
    "0 connected client:50000 60 true",
    "0 data_received 1 19",
    "5000 data_received 2 19",
    "10000 data_received 3 19",
  ]);
});

Deno.test("the server confirms each message of several that are glued together", async () => {
  const { data, recorder } = await stageSession();
  await data.say(TEXT.data.repeat(3));
  assertEquals(data.heard.length, 4);
  assertEquals(recorder.all("data_received").map(({ seq }) => seq), [1, 2, 3, 4]);
});

Deno.test("the server confirms a message that is cut, at every place, when all of it is there", async () => {
  const { clock, data } = await stageSession();
  for (let at = 1; at < TEXT.data.length; at++) {
    await data.say(TEXT.data.slice(0, at));
    await clock.advance(1);
    assertEquals(data.heard.length, at);
    await data.say(TEXT.data.slice(at));
    assertEquals(data.heard.length, at + 1);
  }
});

for (const message of [TEXT.data, TEXT.heartbeat]) {
  Deno.test(`the server knows an original client by ${message}, wherever it is cut`, async () => {
    for (let at = 1; at < message.length; at++) {
      const { call, clock, recorder } = stageOriginalServer();
      const end = await call(message.slice(0, at));
      await clock.advance(4_999);
      assertEquals(recorder.events.length, 1, "listening");
      await end.say(message.slice(at));
      assertEquals(recorder.one("connected").original, true);
      assertEquals(end.heard.length, 1, `cut at ${at}`);
    }
  });
}

Deno.test("the first byte of an original message is no session, and is given up after 5 s", async () => {
  const { call, clock, recorder } = stageOriginalServer();
  const end = await call("M");
  await clock.advance(5_000);
  assertEquals(recorder.all("connected"), []);
  assertEquals(recorder.one("strangers").sent, ['"M"']);
  assertEquals(end.heard, ["5000 TERMINATE silent no HELLO within 5 s\n"]);
});

Deno.test("an original session is silent data_threshold after its last data, not before", async () => {
  const { clock, recorder, sendData } = await stageSession();
  await sendData(3);
  await assertEventAfter({ clock, recorder }, 20_000, "35000 phase data heartbeat 20000");
});

Deno.test("a short stall at a time that data has moved long ago changes nothing for an original session", async () => {
  const { clock, recorder, sendData } = await stageSession();
  await sendData(3);
  await clock.advance(4_900);
  clock.stall(400);
  await clock.advance(20_000);
  assertEquals(recorder.all("local_stall"), []);
  assertEquals(recorder.story("phase").at(-1), "35000 phase data heartbeat 20000");
});

Deno.test("an original session is silent at once when its client closes the connection", async () => {
  const { clock, data, recorder } = await stageSession();
  await clock.advance(3_000);
  await data.hangUp();
  assertEquals(recorder.story("phase").at(-1), "3000 phase data heartbeat 3000 true");
  assertEquals(recorder.one("notice").text, "the data connection was closed by the client (FIN)");
});

Deno.test("an original client that stays away dies when its heartbeats have not come", async () => {
  const { clock, data, closeReason, recorder } = await stageSession();
  await clock.advance(3_000);
  await data.hangUp();
  await assertEventAfter({ clock, recorder }, 40_000, "terminated");
  assertEquals(recorder.story("heartbeat_missed"), [
    "13000 heartbeat_missed 1 1 3",
    "23000 heartbeat_missed 2 2 2",
    "33000 heartbeat_missed 3 3 1",
    "43000 heartbeat_missed 4 4 0",
  ]);
  assertEquals(closeReason(), {
    at_ms: 43_000,
    by: "peer",
    reason: "closed",
    text: "and did not reconnect",
    detected_after_ms: 43_000,
    detected_since: "last_sign_of_life",
    predicted_ms: 60_000,
  });
});

Deno.test("an original client that vanishes is dead as predicted, and is told", async () => {
  const { clock, data, closeReason, recorder } = await stageSession();
  await clock.advance(59_999);
  assertEquals(recorder.all("terminated"), []);
  await clock.advance(100);
  assertEquals(closeReason(), {
    at_ms: 60_000,
    by: "self",
    reason: "silent",
    text: "",
    detected_after_ms: 60_000,
    detected_since: "last_data_heard",
    predicted_ms: 60_000,
  });
  assertEquals(data.heard.at(-1), `60000 ${TEXT.terminate}`);
  assertEquals(data.over, "60000 closed");
});

Deno.test("an original client's connection that is reset ends its session as such", async () => {
  const { clock, data, closeReason } = await stageSession();
  await clock.advance(3_000);
  data.path.reset();
  await clock.advance(40_000);
  const { at_ms, by, reason } = closeReason();
  assertEquals({ at_ms, by, reason }, { at_ms: 43_000, by: "network", reason: "reset" });
});

Deno.test("data on the connection that fell silent ends the silence", async () => {
  const { clock, data, recorder } = await stageSession();
  await clock.advance(33_333);
  await data.say(TEXT.data);
  assertEquals(recorder.story("phase").at(-1), "33333 phase heartbeat data 33333");
  await clock.advance(20_000);
  assertEquals(recorder.story("phase").at(-1), "53333 phase data heartbeat 20000");
});

Deno.test("a stall of the server gives an original client its full time once more", async () => {
  const { clock, recorder } = await stageSession();
  await clock.advance(15_000);
  clock.stall(60_000);
  await clock.advance(19_999);
  assertEquals(recorder.story("local_stall"), ["75000 local_stall 55000 stopped"]);
  assertEquals(recorder.all("phase").length, 1);
  await clock.advance(1);
  assertEquals(recorder.story("phase").at(-1), "95000 phase data heartbeat 95000");
  clock.stall(60_000);
  await clock.advance(9_999);
  assertEquals(recorder.story("local_stall").at(-1), "155000 local_stall 50000 stopped");
  assertEquals(recorder.all("heartbeat_missed"), []);
  await clock.advance(1);
  assertEquals(recorder.one("heartbeat_missed").at_ms, 165_000);
});
