/**
 * How a session ends: politely, by the peer, by the network, with writes blocked; once, and leaving
 * nothing behind.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { CloseReason } from "../../lib/session/close_reason.ts";
import type { Session } from "../../lib/session/session.ts";
import {
  type Stage,
  stageClient,
  stageServer,
  stageUnopenedClient,
  stageUnopenedServer,
} from "../support/stage.ts";

type Staged = Stage<Session>;

const STAGES = {
  "client before WELCOME": () => Promise.resolve<Staged>(stageUnopenedClient()),
  "server before HELLO": () => Promise.resolve<Staged>(stageUnopenedServer()),
  "client in the data phase": async (): Promise<Staged> => await stageClient(),
  "server in the data phase": async (): Promise<Staged> => await stageServer(),
  "client in the heartbeat phase": () => inHeartbeatPhase(stageClient),
  "server in the heartbeat phase": () => inHeartbeatPhase(stageServer),
};

async function inHeartbeatPhase(stage: () => Promise<Staged>): Promise<Staged> {
  const staged = await stage();
  await staged.clock.advance(25_000);
  return staged;
}

/** What ends a session, and the ending that it must give. */
const ENDS: [string, (stage: Staged) => unknown, CloseReason][] = [
  ["being stopped", ({ session }) => session.stop("shutdown"), {
    by: "self",
    reason: "shutdown",
    text: "",
  }],
  ["the peer's TERMINATE", ({ peer }) => peer.say("TERMINATE shutdown for the night\n"), {
    by: "peer",
    reason: "shutdown",
    text: "for the night",
  }],
  ["the peer's FIN", ({ peer }) => peer.hangUp(), { by: "peer", reason: "closed", text: "" }],
  ["a FIN in the middle of a frame", async ({ peer }) => {
    await peer.say("TERMI");
    await peer.hangUp();
  }, { by: "peer", reason: "closed", text: "in the middle of a frame" }],
  ["a reset", ({ path }) => path.reset(), { by: "network", reason: "reset", text: "reset" }],
  ["nonsense", ({ peer }) => peer.say("nonsense\n"), {
    by: "self",
    reason: "protocol",
    text: 'unknown frame "nonsense"',
  }],
];

for (const [when, stage] of Object.entries(STAGES)) {
  for (const [what, end, expected] of ENDS) {
    Deno.test(`${what} ends the ${when} at once and leaves nothing behind`, async () => {
      const staged = await stage();
      const { clock, path, recorder, ended } = staged;
      const before = clock.now();
      await end(staged);
      await clock.advance(0);
      assertEquals(recorder.one("terminated").at_ms, before);
      await clock.advance(500);
      assertEquals(await ended, expected);
      assertEquals(path.client.closed || path.server.closed, true);
      const open = !when.includes("before");
      assertEquals(recorder.all("summary").length, open ? 1 : 0);
      assertEquals(clock.pending, 0);
      await clock.advance(1_000_000);
      assertEquals(recorder.events.at(-1)!.event, open ? "summary" : "terminated");
    });
  }
}

Deno.test("the first reason is the one, whatever comes after it", async () => {
  const { clock, path, peer, session, recorder, ended } = await stageServer();
  session.stop("shutdown");
  await peer.say("TERMINATE done\nnonsense\n");
  session.stop("done");
  path.reset();
  await clock.advance(1_000);
  assertEquals(await ended, { by: "self", reason: "shutdown", text: "" });
  assertEquals(recorder.all("terminated").length, 1);
  assertEquals(peer.heard.filter((line) => line.includes("TERMINATE")).length, 1);
});

for (const [side, stage] of [["client", stageClient], ["server", stageServer]] as const) {
  for (const at_ms of [20_000, 30_000, 60_000]) {
    Deno.test(`nothing is told of the ${side} once it has ended in the instant of a deadline, ${at_ms}`, async () => {
      const { clock, session, recorder, ended } = await stage();
      const afterInput = clock.afterInput.bind(clock);
      // In the very turn in which the deadline passes, before the loop that waits for it goes on.
      clock.afterInput = (callback) =>
        afterInput(() => {
          callback();
          if (clock.now() === at_ms) session.stop("shutdown");
        });
      await clock.advance(200_000);
      assertEquals((await ended).reason, "shutdown");
      const names = recorder.events.map((each) => each.event);
      assertEquals(names.slice(names.indexOf("terminated")), ["terminated", "summary"]);
    });
  }
}

Deno.test("bytes after the peer's TERMINATE are not looked at", async () => {
  const { clock, peer, recorder, ended } = await stageServer();
  await peer.say("TERMINATE done\nDATA 1 1\nx\nnonsense\n");
  await clock.advance(1_000);
  assertEquals((await ended).reason, "done");
  assertEquals(recorder.all("data_received"), []);
});

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
    assertEquals(recorder.all("heartbeat_sent").map((each) => each.at_ms), [
      20_000,
      30_000,
      40_000,
      50_000,
    ]);
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
}

for (const [side, stage] of [["client", stageClient], ["server", stageServer]] as const) {
  Deno.test(`a write of the ${side} that outlives the close of its connection holds up no end`, async () => {
    const { clock, path, session, ended } = await stage({ capacity: 200, stuckWrites: true });
    path.silence("to_client", "to_server");
    for (let n = 1; n <= 100; n++) session.onMessage({ type: "HEARTBEAT", n });
    await clock.advance(60_000 + 2 * 20);
    assertEquals((await ended).reason, "silent");
    assertEquals(clock.pending, 0);
  });
}

Deno.test("a peer that asks for answers and reads none is ended for it", async () => {
  const { clock, peer, ended } = await stageServer({ capacity: 1_000 });
  peer.pause();
  let n = 0;
  for (let round = 0; round < 400; round++) {
    let heartbeats = "";
    while (heartbeats.length < 900) heartbeats += `HEARTBEAT ${++n}\n`;
    await peer.say(heartbeats);
  }
  await clock.advance(1_000);
  assertEquals(await ended, {
    by: "self",
    reason: "protocol",
    text: "too many answers left unread",
  });
});

Deno.test("a peer that floods is read again only when others have been", async () => {
  const { clock, peer } = await stageServer();
  let flood = "";
  for (let n = 1; n <= 1_000; n++) flood += `HEARTBEAT ${n}\n`;
  // Two reads' worth and more: the second read waits.
  await peer.say(flood + flood + flood);
  const before = peer.heard.length;
  await clock.advance(0);
  assertEquals(before < 3_000, true, `${before} answers at once`);
  assertEquals(peer.heard.length, 3_001);
});

Deno.test("a defect while hearing a frame ends this session only, and is not swallowed", async () => {
  const { clock, peer, session, ended } = await stageServer();
  Object.defineProperty(session, "lastData_ms", {
    set() {
      throw new TypeError("a defect");
    },
  });
  const failed = ended.then(() => undefined, (error) => error);
  await peer.say("DATA 1 1\nx\n");
  await clock.advance(1_000);
  assertEquals(`${await failed}`, "TypeError: a defect");
  assertEquals(clock.pending, 0);
});
