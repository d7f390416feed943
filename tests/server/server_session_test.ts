/**
 * A server's session on one connection: opening, data phase and end, to the millisecond.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { eventText } from "../../lib/output/event_text.ts";
import { EXIT, exitStatus } from "../../lib/session/close_reason.ts";
import { OPEN_LIMIT_MS } from "../../lib/session/timers.ts";
import { HeldStore } from "../support/held_delivery.ts";
import { stageRawServer } from "../support/raw_server.ts";
import { assertEventAfter } from "../support/instants.ts";
import { DEFAULT_TIMERS, stageServer, stageUnopenedServer } from "../support/stage.ts";

Deno.test("the server welcomes, and confirms each data message at once", async () => {
  const { clock, peer, recorder } = await stageServer();
  await peer.say("DATA 1 5\nhello\n");
  await clock.advance(5_000);
  await peer.say("DATA 2 0\n\n");
  assertEquals(peer.heard.slice(1), ["0 CONFIRM 1", "5000 CONFIRM 2"]);
  assertEquals(recorder.story("connected", "phase", "data_received"), [
    "0 connected client:50000 60",
    "0 phase connecting data 0",
    "0 data_received 1 5",
    "5000 data_received 2 0",
  ]);
});

Deno.test("the server confirms all data messages of one read with one CONFIRM", async () => {
  const { peer, recorder } = await stageServer();
  await peer.say("DATA 1 1\na\nDATA 2 1\nb\nDATA 3 1\nc\n");
  assertEquals(peer.heard.slice(1), ["0 CONFIRM 3"]);
  assertEquals(recorder.all("data_received").map((each) => each.seq), [1, 2, 3]);
});

Deno.test("the server confirms the first sixteen data messages of a read before it looks at the others", async () => {
  const { peer, recorder } = await stageServer();
  await peer.say(Array.from({ length: 24 }, (_, at) => `DATA ${at + 1} 0\n\n`).join(""));
  assertEquals(peer.heard.slice(1), ["0 CONFIRM 16", "0 CONFIRM 24"]);
  assertEquals(recorder.all("data_received").length, 24);
});

Deno.test("the server welcomes before it confirms what came along with HELLO", async () => {
  const { peer } = stageUnopenedServer();
  await peer.say("HELLO 1 s {}\nDATA 1 1\na\n");
  assertEquals(peer.heard.map((line) => line.split(" ")[1]), ["WELCOME", "CONFIRM"]);
});

Deno.test("a session without any data message is silent data_threshold after its start", async () => {
  const { clock, recorder } = await stageServer();
  await clock.advance(19_999);
  assertEquals(recorder.all("heartbeat_sent"), []);
  await clock.advance(1);
  assertEquals(recorder.story("phase", "heartbeat_sent"), [
    "0 phase connecting data 0",
    "20000 phase data heartbeat 20000",
    "20000 heartbeat_sent 1",
  ]);
  const unopened = stageUnopenedServer();
  await unopened.clock.advance(300);
  assertEquals(unopened.recorder.all("phase"), []);
});

Deno.test("each data message moves the deadline to data_threshold after itself", async () => {
  const { clock, peer, recorder } = await stageServer();
  for (const [seq, wait_ms] of [[1, 19_999], [2, 15_000], [3, 1], [4, 7_000]]) {
    await clock.advance(wait_ms!);
    await peer.say(`DATA ${seq} 1\nx\n`);
  }
  assertEquals(clock.now(), 42_000);
  await assertEventAfter({ clock, recorder }, 20_000, "62000 phase data heartbeat 20000");
});

Deno.test("a data message in the very instant of the deadline is in time", async () => {
  const { clock, peer, recorder } = await stageServer();
  clock.after(20_000, () => peer.say("DATA 1 1\nx\n"));
  await clock.advance(39_999);
  assertEquals(recorder.story("phase", "data_received"), [
    "0 phase connecting data 0",
    "20000 data_received 1 1",
  ]);
});

Deno.test("heartbeats of the client's are no data", async () => {
  const { clock, peer, recorder } = await stageServer();
  await clock.advance(19_000);
  await peer.say("HEARTBEAT 1\n");
  await clock.advance(1_000);
  assertEquals(recorder.story("phase").at(-1), "20000 phase data heartbeat 20000");
});

Deno.test("a dead client is declared at the predicted moment after its last data message", async () => {
  const { clock, peer, recorder, ended } = await stageServer();
  await clock.advance(5_000);
  await peer.say("DATA 1 1\nx\n");
  await clock.advance(60_000);
  assertEquals(recorder.story("phase", "heartbeat_missed", "terminated"), [
    "0 phase connecting data 0",
    "25000 phase data heartbeat 20000",
    "35000 heartbeat_missed 1 1 3",
    "45000 heartbeat_missed 2 2 2",
    "55000 heartbeat_missed 3 3 1",
    "65000 heartbeat_missed 4 4 0",
    "65000 phase heartbeat terminated 60000",
    "65000 terminated self silent  client:50000 60000 last_data_heard 60000 60000 unknown",
  ]);
  assertEquals(peer.heard.at(-1), "65000 TERMINATE silent");
  await clock.advance(1_000);
  assertEquals(await ended, { by: "self", reason: "silent", text: "" });
  assertEquals(recorder.one("summary").data_confirmed, 1);
});

Deno.test("a client that never says HELLO is given up after 5 s, in no session's name", async () => {
  const { clock, recorder, ended } = stageUnopenedServer();
  await clock.advance(4_999);
  assertEquals(recorder.events, []);
  await clock.advance(1);
  assertEquals(recorder.events.map(({ event, session }) => [event, session]), [[
    "strangers",
    null,
  ]]);
  await clock.advance(1_000);
  assertEquals(await ended, { by: "self", reason: "silent", text: "no HELLO within 5 s" });
});

Deno.test("the server refuses another version, and what it is told to refuse", async () => {
  const other = stageUnopenedServer();
  await other.peer.say("HELLO 2 s {}\n");
  assertEquals(other.peer.heard, ["0 TERMINATE refused this server speaks PW/1, not PW/2"]);
  const full = stageUnopenedServer({ refusal: "enough" });
  await full.peer.say("HELLO 1 s {}\n");
  assertEquals(full.peer.heard, ["0 TERMINATE refused enough"]);
  await full.clock.advance(1_000);
  assertEquals(await full.ended, { by: "self", reason: "refused", text: "enough" });
});

const UNEXPECTED =
  "from the client in an open session; expected DATA, HEARTBEAT, HEARTBEAT_REPLY, ACCOUNT or TERMINATE";

for (
  const [said, why] of [
    ["DATA 2 1\nx\n", "DATA 2 where DATA 1 was due"],
    ["DATA 1 1\nx\nDATA 1 1\nx\n", "DATA 1 where DATA 2 was due"],
    ["DATA 1 6\n", "DATA 1 announces 6 bytes; at most 5 are accepted"],
    ["HELLO 1 s {}\n", `HELLO ${UNEXPECTED}`],
    ["CONFIRM 1\n", `CONFIRM ${UNEXPECTED}`],
  ] as const
) {
  Deno.test(`the server ends the session over ${JSON.stringify(said)}`, async () => {
    const { clock, peer, ended } = await stageServer({ maxMessageBytes: 5 });
    await peer.say(said);
    assertEquals(peer.heard.at(-1), `0 TERMINATE protocol ${why}`);
    await clock.advance(1_000);
    assertEquals(await ended, { by: "self", reason: "protocol", text: why });
  });
}

Deno.test("what the server received but could not confirm is in doubt", async () => {
  const { clock, path, peer, recorder } = await stageServer({ capacity: 300 });
  await peer.say("DATA 1 1\nx\n");
  path.silence("to_client");
  await clock.advance(1);
  // Fills what the path holds, so that no further confirmation can be written.
  for (let n = 1; n <= 40; n++) await peer.say(`HEARTBEAT ${n}\n`);
  await peer.say("DATA 2 1\nx\n");
  path.reset();
  await clock.advance(1_000);
  const { data_received, data_confirmed, in_doubt } = recorder.one("summary");
  assertEquals([data_received, data_confirmed, in_doubt], [2, 1, [[2, 2]]]);
});

Deno.test("a session that waits for the store is opened when that answers, and has its full time then", async () => {
  const store = new HeldStore();
  const { clock, hello, recorder } = stageRawServer({ store });
  const { peer } = await hello("s");
  await clock.advance(12 * OPEN_LIMIT_MS);
  assertEquals([peer.heard, recorder.all("terminated")], [[], []]);
  await store.letThrough();
  assertMatch(peer.heard[0]!, /^60000 WELCOME 1 s /);
  await clock.advance(DEFAULT_TIMERS.data_threshold_ms - 1);
  assertEquals(recorder.all("phase").length, 1);
  await clock.advance(1);
  assertEquals(recorder.all("phase").at(-1)!.to, "heartbeat");
});

Deno.test("a client that had given up before its HELLO arrived is no lost session", async () => {
  const { clock, peer, recorder } = stageUnopenedServer();
  await clock.advance(100);
  await peer.say("HELLO 1 s {}\nTERMINATE silent no WELCOME within 5 s\n");
  await clock.advance(1_000);
  const end = recorder.one("terminated");
  assertEquals([end.by, end.reason, end.unheard], ["peer", "silent", true]);
  assertEquals(exitStatus(end, "server", true), EXIT.unconnected);
  assertEquals(eventText(end, "server", DEFAULT_TIMERS), {
    level: "warning",
    text:
      "the client had given up before its HELLO arrived here (no WELCOME within 5 s); it was answered " +
      "at once; the connection was 0.100 s old, idle for 0.000 s. Look next: does a proxy or load balancer " +
      "on the path hold connections in a queue, or take long to connect here; or was this process or host stopped?",
  });
  const later = await stageServer();
  await later.peer.say("DATA 1 1\na\nTERMINATE silent\n");
  await later.clock.advance(1_000);
  assertEquals(later.recorder.one("terminated").unheard, undefined);
});
