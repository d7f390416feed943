/**
 * The client's data phase, to the millisecond: one data message in flight.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { assertEventAfter } from "../support/instants.ts";
import { stageClient, stageUnopenedClient } from "../support/stage.ts";

/** A client whose server confirms each data message after so many milliseconds. */
async function confirming(delay_ms: number, options: Parameters<typeof stageClient>[0] = {}) {
  const stage = await stageClient(options);
  const confirm = (line: string) => {
    const seq = line.match(/^DATA (\d+)/)?.[1];
    if (seq) stage.clock.after(delay_ms, () => stage.peer.say(`CONFIRM ${seq}\n`));
    return undefined;
  };
  // The first data message has been sent by now.
  confirm("DATA 1 5");
  stage.peer.answer = confirm;
  return stage;
}

Deno.test("the client sends its first data message at WELCOME", async () => {
  const { clock, peer, recorder } = stageUnopenedClient();
  await clock.advance(1_234);
  assertEquals(recorder.all("data_sent"), []);
  await peer.say("WELCOME 1 s {}\n");
  assertEquals(recorder.story("connected", "phase", "data_sent"), [
    "1234 connected server:4000 60",
    "1234 phase connecting data 0",
    "1234 data_sent 1 5",
  ]);
});

Deno.test("the client measures data_interval from send to send, whatever the round trip", async () => {
  const { clock, recorder } = await confirming(1_700);
  await clock.advance(16_000);
  assertEquals(recorder.story("data_sent", "data_confirmed"), [
    "0 data_sent 1 5",
    "1700 data_confirmed 1 1700",
    "5000 data_sent 2 5",
    "6700 data_confirmed 2 1700",
    "10000 data_sent 3 5",
    "11700 data_confirmed 3 1700",
    "15000 data_sent 4 5",
  ]);
});

Deno.test("the client does not drift over a thousand messages", async () => {
  const { clock, recorder } = await confirming(3, { timers: { data_interval_ms: 100.25 } });
  await clock.advance(100_250);
  assertEquals(recorder.all("data_sent").at(-1)!.seq, 1001);
  assertEquals(recorder.all("data_sent").at(-1)!.at_ms, 100_250);
});

Deno.test("the client has one message in flight, and sends no catch-up burst", async () => {
  const { clock, recorder } = await confirming(12_000);
  await clock.advance(40_000);
  assertEquals(recorder.story("data_sent", "phase"), [
    "0 phase connecting data 0",
    "0 data_sent 1 5",
    "12000 data_sent 2 5",
    "24000 data_sent 3 5",
    "36000 data_sent 4 5",
  ]);
});

Deno.test("the client goes back to data_interval after a late confirmation", async () => {
  const { clock, peer, recorder } = await stageClient();
  await clock.advance(7_000);
  peer.answer = (line) => line.startsWith("DATA") ? `CONFIRM ${line.split(" ")[1]}\n` : undefined;
  await peer.say("CONFIRM 1\n");
  await clock.advance(12_000);
  assertEquals(recorder.all("data_sent").map((each) => each.at_ms), [0, 7_000, 12_000, 17_000]);
});

Deno.test("a confirmation at the instant of its deadline is in time", async () => {
  const { clock, recorder } = await confirming(20_000);
  await clock.advance(20_000);
  assertEquals(recorder.story("phase", "data_confirmed", "data_sent"), [
    "0 phase connecting data 0",
    "0 data_sent 1 5",
    "20000 data_confirmed 1 20000",
    "20000 data_sent 2 5",
  ]);
});

Deno.test("a confirmation a millisecond after its deadline finds the session silent", async () => {
  const { clock, recorder } = await confirming(20_001);
  await clock.advance(20_001);
  assertEquals(recorder.story("phase", "heartbeat_sent", "data_confirmed"), [
    "0 phase connecting data 0",
    "20000 phase data heartbeat 20000",
    "20000 heartbeat_sent 1",
    "20001 data_confirmed 1 20001",
    "20001 phase heartbeat data 20001",
  ]);
});

Deno.test("a heartbeat of the server is no confirmation", async () => {
  const { clock, peer, recorder } = await stageClient();
  await clock.advance(19_000);
  await peer.say("HEARTBEAT 1\n");
  await clock.advance(1_000);
  assertEquals(recorder.story("phase").at(-1), "20000 phase data heartbeat 20000");
});

Deno.test("a dead server is declared at the predicted moment after the first unconfirmed message", async () => {
  const { clock, peer, recorder, ended } = await stageClient();
  await peer.say("CONFIRM 1\n");
  await assertEventAfter({ clock, recorder }, 65_000, "terminated");
  assertEquals(recorder.story("data_sent", "phase", "heartbeat_missed", "terminated"), [
    "0 phase connecting data 0",
    "0 data_sent 1 5",
    "5000 data_sent 2 5",
    "25000 phase data heartbeat 20000",
    "35000 heartbeat_missed 1 1 3",
    "45000 heartbeat_missed 2 2 2",
    "55000 heartbeat_missed 3 3 1",
    "65000 heartbeat_missed 4 4 0",
    "65000 phase heartbeat terminated 60000",
    "65000 terminated self silent  server:4000 60000 first_unconfirmed_data_sent 60000 65000 unknown",
  ]);
  await clock.advance(1_000);
  assertEquals(await ended, { by: "self", reason: "silent", text: "" });
  const { confirmed_up_to, data_sent, in_doubt } = recorder.one("summary");
  assertEquals([confirmed_up_to, data_sent, in_doubt], [1, 2, [[2, 2]]]);
});

Deno.test("the client goes on with the next message after a silence, at once if that is overdue", async () => {
  const { clock, peer, recorder } = await stageClient();
  await clock.advance(33_000);
  peer.answer = (line) => line.startsWith("DATA") ? `CONFIRM ${line.split(" ")[1]}\n` : undefined;
  await peer.say("CONFIRM 1\n");
  await clock.advance(10_000);
  assertEquals(recorder.story("phase", "data_sent", "data_confirmed"), [
    "0 phase connecting data 0",
    "0 data_sent 1 5",
    "20000 phase data heartbeat 20000",
    "33000 data_confirmed 1 33000",
    "33000 phase heartbeat data 33000",
    "33000 data_sent 2 5",
    "33000 data_confirmed 2 0",
    "38000 data_sent 3 5",
    "38000 data_confirmed 3 0",
    "43000 data_sent 4 5",
    "43000 data_confirmed 4 0",
  ]);
});

Deno.test("the client ends in order when as many messages are confirmed as were asked for", async () => {
  const { clock, peer, recorder, ended } = await confirming(10, { count: 3 });
  await clock.advance(10_010);
  assertEquals(recorder.one("terminated").at_ms, 10_010);
  assertEquals(peer.heard.at(-1), "10010 TERMINATE done");
  await clock.advance(500);
  assertEquals(await ended, { by: "self", reason: "done", text: "" });
  assertEquals(recorder.one("summary").in_doubt, []);
});

Deno.test("a server that never sends WELCOME is given up after 5 s", async () => {
  const { clock, recorder, ended } = stageUnopenedClient();
  await assertEventAfter({ clock, recorder }, 5_000, "terminated");
  await clock.advance(1_000);
  assertEquals(await ended, { by: "self", reason: "silent", text: "no WELCOME within 5 s" });
});

for (
  const [sent, why] of [
    ["WELCOME 2 s {}\n", "WELCOME 2 s in answer to HELLO 1 s"],
    ["WELCOME 1 other {}\n", "WELCOME 1 other in answer to HELLO 1 s"],
    [
      "HELLO 1 s {}\n",
      "HELLO from the server as the first frame; expected CHALLENGE, WELCOME or TERMINATE",
    ],
    [
      "HTTP/1.1 400 Bad Request\r\n",
      "it sent an HTTP answer, as a web server or an HTTP proxy does",
    ],
    [
      "\x15\x03\x03\0\x02\x02",
      "it sent a TLS alert: that port takes nothing but TLS (switch tls on here)",
    ],
  ] as const
) {
  Deno.test(`the client refuses ${JSON.stringify(sent)} as a WELCOME`, async () => {
    const { clock, peer, recorder, ended } = stageUnopenedClient();
    await peer.say(sent);
    await clock.advance(1_000);
    assertEquals(await ended, { by: "self", reason: "protocol", text: why });
    assertEquals(recorder.all("summary"), []);
    assertEquals(peer.heard.at(-1), `0 TERMINATE protocol ${why}`);
  });
}

const UNEXPECTED =
  "from the server in an open session; expected CONFIRM, HEARTBEAT, HEARTBEAT_REPLY, HOLD, ACCOUNT or TERMINATE";

for (
  const [sent, why] of [
    ["CONFIRM 2\n", "CONFIRM 2; sent up to 1, confirmed up to 0"],
    ["CONFIRM 1\nCONFIRM 1\nHEARTBEAT_REPLY 1\n", "HEARTBEAT_REPLY 1 to a heartbeat never sent"],
    ["WELCOME 1 s {}\n", `WELCOME ${UNEXPECTED}`],
    ["DATA 1 1\nx\n", `DATA ${UNEXPECTED}`],
  ] as const
) {
  Deno.test(`the client ends the session at ${JSON.stringify(sent)}`, async () => {
    const { clock, peer, ended } = await stageClient();
    await peer.say(sent);
    await clock.advance(1_000);
    assertEquals(await ended, { by: "self", reason: "protocol", text: why });
  });
}

Deno.test("the client ends the session at a confirmation that goes backwards", async () => {
  const { clock, peer, ended } = await stageClient();
  await peer.say("CONFIRM 1\n");
  await clock.advance(5_000);
  await peer.say("CONFIRM 2\nCONFIRM 1\n");
  await clock.advance(1_000);
  assertEquals((await ended).text, "CONFIRM 1; sent up to 2, confirmed up to 2");
});

Deno.test("the client warns when its data_interval is not below the server's data_threshold", async () => {
  const { peer, recorder } = stageUnopenedClient();
  await peer.say('WELCOME 1 s {"data_threshold":5}\n');
  assertEquals(recorder.one("notice").level, "warning");
});

Deno.test("the client does not repeat the warning of before connecting, of its own data_threshold", async () => {
  const timers = { data_threshold_ms: 5_000 };
  const { peer, recorder } = stageUnopenedClient({ timers });
  await peer.say('WELCOME 1 s {"data_threshold":5}\n');
  assertEquals(recorder.all("notice"), []);
});

Deno.test("the client ends at once when its message is larger than the server accepts", async () => {
  const { clock, peer, ended } = stageUnopenedClient({ payload: "123456" });
  await peer.say('WELCOME 1 s {"max_message_bytes":5}\n');
  await clock.advance(1_000);
  assertEquals(await ended, {
    by: "self",
    reason: "refused",
    text: "the next data message has 6 bytes; the server accepts 5",
  });
});
