/**
 * What is told of a connection besides its phases: its addresses, the peer's heartbeats, and how long nothing
 * had been sent or received on it before its end.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { QueueSource } from "../../lib/client/source.ts";
import { stageClient, stageServer, stageUnopenedClient } from "../support/stage.ts";

Deno.test("an open session names both addresses of its connection", async () => {
  const server = (await stageServer()).recorder.one("connected");
  const client = (await stageClient()).recorder.one("connected");
  assertEquals([server.peer, server.local], ["client:50000", "server:4000"]);
  assertEquals([client.peer, client.local], ["server:4000", "client:50000"]);
});

Deno.test("each heartbeat of the peer is an event with its number", async () => {
  for (const { peer, recorder, session } of [await stageServer(), await stageClient()]) {
    await peer.say("HEARTBEAT 1\nHEARTBEAT 7\n");
    assertEquals(recorder.story("heartbeat_received"), [
      "0 heartbeat_received 1",
      "0 heartbeat_received 7",
    ]);
    assertEquals(session.ledger.summary(0).heartbeats_received, 2);
  }
});

Deno.test("an end says how long nothing was sent or received, and how old the connection was", async () => {
  const { clock, path, peer, recorder } = await stageServer();
  await clock.advance(3_000);
  await peer.say("DATA 1 1\nx\n");
  await clock.advance(6_000);
  path.reset();
  await clock.advance(0);
  const { age_ms, idle_ms } = recorder.one("terminated");
  assertEquals([idle_ms, age_ms], [6_000, 9_000]);
});

Deno.test("what is sent counts as well as what is received, and a part of a frame as a frame", async () => {
  const sent = await stageClient();
  // The client's second data message, which is not confirmed, after its first.
  await sent.peer.say("CONFIRM 1\n");
  await sent.clock.advance(6_000);
  sent.path.reset();
  await sent.clock.advance(0);
  assertEquals(sent.recorder.one("terminated").idle_ms, 1_000);
  const received = await stageServer();
  await received.clock.advance(2_000);
  await received.peer.say("HEARTB");
  await received.clock.advance(500);
  received.path.reset();
  await received.clock.advance(0);
  assertEquals(received.recorder.one("terminated").idle_ms, 500);
});

Deno.test("the TERMINATE that ends a connection is no traffic before its end", async () => {
  const alone = await stageServer();
  await alone.clock.advance(4_000);
  await alone.peer.say("TERMINATE done\n");
  assertEquals(alone.recorder.one("terminated").idle_ms, 4_000);
  const together = await stageServer();
  await together.clock.advance(4_000);
  await together.peer.say("HEARTBEAT 1\nTERMINATE done\n");
  assertEquals(together.recorder.one("terminated").idle_ms, 0);
});

Deno.test("a connection that nothing was received on is idle since the last thing was sent", async () => {
  const { clock, path, recorder } = stageUnopenedClient();
  path.silence("to_server", "to_client");
  await clock.advance(5_000);
  const { age_ms, idle_ms } = recorder.one("terminated");
  // It has sent its HELLO at once.
  assertEquals([idle_ms, age_ms], [5_000, 5_000]);
});

Deno.test("a death says for how long nothing was sent before the first message without an answer", async () => {
  const source = new QueueSource();
  const timers = { data_threshold_ms: 40_000, heart_beat_additional_tries: 0 };
  const { clock, path, peer, recorder } = await stageClient({ source, timers });
  const payload = new Uint8Array(1);
  source.put(payload);
  await peer.say("CONFIRM 1\n");
  await clock.advance(30_000);
  path.silence("to_server", "to_client");
  source.put(payload);
  await clock.advance(50_000);
  const { age_ms, detected_since, idle_ms, pause_ms } = recorder.one("terminated");
  assertEquals([detected_since, age_ms], ["first_unconfirmed_data_sent", 80_000]);
  assertEquals([pause_ms, idle_ms], [30_000, 10_000]);
});

Deno.test("a death after an answered heartbeat names no pause before what was not answered first", async () => {
  const { clock, path, peer, recorder } = await stageClient();
  await peer.say("CONFIRM 1\n");
  await clock.advance(25_000);
  // The heartbeat that followed data message 2 is answered, and no other.
  await peer.say("HEARTBEAT_REPLY 1\n");
  path.silence("to_server", "to_client");
  await clock.advance(60_000);
  const { detected_since, pause_ms } = recorder.one("terminated");
  assertEquals([detected_since, pause_ms], ["first_unanswered_heartbeat_sent", undefined]);
});
