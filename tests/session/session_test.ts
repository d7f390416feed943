/**
 * What ends a session, once and at once, leaving nothing behind; and that this process's own absence does
 * not.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { CloseReason } from "../../lib/session/close_reason.ts";
import type { Session } from "../../lib/session/session.ts";
import { STALL_TOLERANCE_MS } from "../../lib/session/timers.ts";
import { assertEventAfter } from "../support/instants.ts";
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

/** What ends a session, and its close reason. */
const ENDS: [string, (stage: Staged) => unknown, CloseReason][] = [
  [
    "being stopped",
    ({ session }) => session.stop("shutdown"),
    { by: "self", reason: "shutdown", text: "" },
  ],
  [
    "the peer's TERMINATE",
    ({ peer }) => peer.say("TERMINATE shutdown for the night\n"),
    { by: "peer", reason: "shutdown", text: "for the night" },
  ],
  ["the peer's FIN", ({ peer }) => peer.hangUp(), { by: "peer", reason: "closed", text: "" }],
  ["a FIN in the middle of a frame", async ({ peer }) => {
    await peer.say("TERMI");
    await peer.hangUp();
  }, { by: "peer", reason: "closed", text: "in the middle of a frame" }],
  ["a reset", ({ path }) => path.reset(), { by: "network", reason: "reset", text: "reset" }],
  [
    "nonsense",
    ({ peer }) => peer.say("nonsense\n"),
    { by: "self", reason: "protocol", text: 'unknown frame "nonsense"' },
  ],
];

for (const [when, stage] of Object.entries(STAGES)) {
  for (const [what, end, expected] of ENDS) {
    Deno.test(`${what} ends the ${when} at once and leaves nothing behind`, async () => {
      const staged = await stage();
      const { clock, path, recorder, ended } = staged;
      const before = clock.now();
      await end(staged);
      await clock.advance(0);
      // Whoever sent no HELLO is no client whose end is worth an event of its own.
      const last = when === "server before HELLO" ? "strangers" : "terminated";
      assertEquals(recorder.one(last).at_ms, before);
      await clock.advance(500);
      assertEquals(await ended, expected);
      assertEquals(path.client.closed || path.server.closed, true);
      const open = !when.includes("before");
      assertEquals(recorder.all("summary").length, open ? 1 : 0);
      assertEquals(clock.pending, 0);
      await clock.advance(1_000_000);
      assertEquals(recorder.events.at(-1)!.event, open ? "summary" : last);
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
    Deno.test(`nothing is emitted by the ${side} once it has ended in the instant of a deadline, ${at_ms}`, async () => {
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

Deno.test("bytes after the peer's TERMINATE are ignored", async () => {
  const { clock, peer, recorder, ended } = await stageServer();
  await peer.say("TERMINATE done\nDATA 1 1\nx\nnonsense\n");
  await clock.advance(1_000);
  assertEquals((await ended).reason, "done");
  assertEquals(recorder.all("data_received"), []);
});

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
  const text = "too many answers left unread";
  assertEquals(await ended, { by: "self", reason: "protocol", text });
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

Deno.test("a defect while a frame is received ends this session only, and is not swallowed", async () => {
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

Deno.test("a stalled server gives data its full time once more", async () => {
  const { clock, recorder } = await stageServer();
  await clock.advance(15_000);
  clock.stall(30_000);
  await clock.advance(19_999);
  assertEquals(recorder.story("local_stall", "phase"), [
    "0 phase connecting data 0",
    "45000 local_stall 25000 stopped",
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
    "21000 local_stall 1000 stopped",
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
    await assertEventAfter({ clock, recorder }, 10_000, "3665000 terminated");
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
    await assertEventAfter({ clock, recorder }, 10_000, "heartbeat_missed");
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
