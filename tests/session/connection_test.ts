/**
 * How a connection is closed: within its limits, whatever the peer and its writes do.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { stageClient, stageServer } from "../support/stage.ts";

Deno.test("a confirmation that crosses the client's own TERMINATE still counts", async () => {
  const { clock, peer, session, recorder } = await stageClient();
  session.stop("shutdown");
  await peer.say("CONFIRM 1\n");
  await peer.hangUp();
  await clock.advance(1_000);
  assertEquals(recorder.one("summary").in_doubt, []);
});

Deno.test("the server confirms what it has before it says TERMINATE", async () => {
  const { clock, peer, session, ended } = await stageServer();
  await peer.say("DATA 1 1\nx\n");
  session.stop("shutdown");
  await clock.advance(1_000);
  await ended;
  assertEquals(peer.heard.slice(1), ["0 CONFIRM 1", "0 TERMINATE shutdown"]);
});

Deno.test("a polite end waits for the peer to close, but not longer than 500 ms", async () => {
  const polite = await stageServer();
  polite.session.stop("done");
  await polite.clock.advance(499);
  assertEquals([polite.path.server.closed, polite.peer.sawEnd], [false, true]);
  await polite.clock.advance(1);
  assertEquals(polite.path.server.closed, true);
  const quick = await stageServer();
  quick.session.stop("done");
  await quick.clock.advance(10);
  await quick.peer.hangUp();
  assertEquals(quick.path.server.closed, true);
});

for (const [side, stage] of [["client", stageClient], ["server", stageServer]] as const) {
  Deno.test(`blocked writes of the ${side} hold up neither heartbeats, nor death, nor the end`, async () => {
    const { clock, path, session, recorder, ended } = await stage({ capacity: 200 });
    path.silence("to_client", "to_server");
    // Far more than the path takes: the write never returns.
    for (let n = 1; n <= 100; n++) session.onMessage({ type: "HEARTBEAT", n });
    await clock.advance(60_000);
    const sent_ms = recorder.all("heartbeat_sent").map(({ at_ms }) => at_ms);
    assertEquals(sent_ms, [20_000, 30_000, 40_000, 50_000]);
    assertEquals(recorder.one("terminated").at_ms, 60_000);
    await clock.advance(20);
    assertEquals((await ended).reason, "silent");
    assertEquals(clock.pending, 0);
  });

  Deno.test(`a shutdown of the ${side} takes 500 ms at the most when writes are blocked`, async () => {
    const { clock, path, session, ended } = await stage({ capacity: 200 });
    path.silence("to_client", "to_server");
    for (let n = 1; n <= 100; n++) session.onMessage({ type: "HEARTBEAT", n });
    session.stop("shutdown");
    await clock.advance(500);
    assertEquals((await ended).reason, "shutdown");
    assertEquals(clock.pending, 0);
  });

  Deno.test(`a write of the ${side} that outlives the close of its connection holds up no end`, async () => {
    const { clock, path, session, ended } = await stage({ capacity: 200, stuckWrites: true });
    path.silence("to_client", "to_server");
    for (let n = 1; n <= 100; n++) session.onMessage({ type: "HEARTBEAT", n });
    await clock.advance(60_000 + 2 * 20);
    assertEquals((await ended).reason, "silent");
    assertEquals(clock.pending, 0);
  });
}
