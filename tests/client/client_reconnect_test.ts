/**
 * A client with `reconnect`: after which close reasons it reconnects, when, and when it gives up.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { EndReason } from "../../lib/session/close_reason.ts";
import { CONNECT_LIMIT_MS } from "../../lib/session/timers.ts";
import {
  cameTo,
  mute,
  type Outcome,
  remembering,
  resumptions,
  serving,
  stageDialling,
  welcoming,
} from "../support/scripted_network.ts";

Deno.test("a client emits a lost connection, its resume and its end, event by event", async () => {
  const { client, clock, network, recorder, status } = stageDialling([serving(), serving(2)]);
  await clock.advance(7_000);
  network.last.path.reset();
  await clock.advance(3_500);
  client.stop("shutdown");
  await clock.advance(500);
  assertEquals(await status, 0);
  const names = recorder.events.map(({ event }) => event);
  assertEquals(names.at(-1), "summary");
  const others = [...new Set(names.slice(0, -1))];
  assertEquals(recorder.story(...others), [
    "0 connected server:4000 60 65",
    "0 phase connecting data 0",
    "0 data_sent 1 1",
    "0 data_confirmed 1 0",
    "5000 data_sent 2 1",
    "5000 data_confirmed 2 0",
    "7000 phase data connecting 2000",
    "7000 disconnected network reset reset server:4000 2000 last_sign_of_life 60000 2000 reset",
    "7000 reconnecting 1 500 reset server:4000",
    "7500 connected server:4000 60 65",
    "7500 resumed 2500 0 0",
    "7500 phase connecting data 0",
    '7500 account unknown reset    {"client":null,"server":null} {"client":null,"server":null} 0 0 ' +
    "the connection was reset (RST) who sent the reset: the peer's host, or something on the path " +
    "unknown",
    "10000 data_sent 3 1",
    "10000 data_confirmed 3 0",
    "10500 phase data terminated 500",
    "10500 terminated self shutdown  server:4000   60000 500",
  ]);
  assertEquals(clock.pending, 0);
});

for (
  const [draw, delays_ms] of [
    [0x00, [500, 500, 500, 500, 500, 500, 500, 500]],
    [0xff, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]],
  ] as const
) {
  Deno.test(`a first dial that fails is retried after its delays, drawn with ${draw}`, async () => {
    const { clock, network, recorder } = stageDialling(["refused"], { draw });
    const dials_ms = [0];
    for (const delay_ms of delays_ms) dials_ms.push(dials_ms.at(-1)! + delay_ms);
    await clock.advance(dials_ms.at(-1)!);
    assertEquals(network.dials_ms, dials_ms);
    const expected = delays_ms.map((delay_ms, n) =>
      `${dials_ms[n]} reconnecting ${n + 1} ${delay_ms} refused server:4000`
    );
    assertEquals(recorder.story("reconnecting").slice(0, expected.length), expected);
    assertEquals(recorder.all("terminated"), []);
    assertEquals(network.atOnce, 1);
  });
}

Deno.test("a client whose first dials failed opens a session that is not resumed", async () => {
  const { clock, network, recorder } = stageDialling(["refused", "unreachable", serving()]);
  await clock.advance(1_000);
  assertEquals(
    recorder.story("reconnecting", "connected", "resumed", "disconnected", "data_sent"),
    [
      "0 reconnecting 1 500 refused server:4000",
      "500 reconnecting 2 500 unreachable server:4000 the server is unreachable: unreachable",
      "1000 connected server:4000 60 65",
      "1000 data_sent 1 1",
    ],
  );
  assertEquals(network.last.peer.heard[0]!.includes("confirmed"), false);
});

Deno.test("the delays do not grow while each connection confirms data, however short it is", async () => {
  const { clock, network, recorder } = stageDialling([remembering()], {
    draw: 0xff,
    reconnect: { limit: 2 },
  });
  for (let n = 0; n < 7; n++) {
    await clock.advance(5_000);
    network.last.path.reset();
    await clock.advance(1_000);
  }
  const attempts = recorder.all("reconnecting").map(({ attempt, delay_ms }) => [attempt, delay_ms]);
  assertEquals(attempts, Array(7).fill([1, 1_000]));
});

Deno.test("the delays start anew after a connection that was open for a minute", async () => {
  const { clock, network, recorder } = stageDialling(
    ["refused", "refused", "refused", serving(), serving(12)],
    { draw: 0xff },
  );
  await clock.advance(7_000 + 60_000);
  network.last.path.reset();
  await clock.advance(1_000);
  const attempts = recorder.all("reconnecting").map(({ attempt, delay_ms }) => [attempt, delay_ms]);
  assertEquals(attempts, [[1, 1_000], [2, 2_000], [3, 4_000], [1, 1_000]]);
});

Deno.test("a connection on which nothing was received for most of a minute was not healthy", async () => {
  // Silence is detected after 60 s, in which the server sent nothing but WELCOME.
  const { clock, recorder } = stageDialling([welcoming('{"received":0}')], { draw: 0xff });
  await clock.advance(200_000);
  const attempts = recorder.all("reconnecting").map(({ attempt }) => attempt);
  assertEquals(attempts, [1, 2, 3]);
});

for (
  const [limit, what, outcomes, status] of [
    [1, "a server that refuses", ["refused"], 3],
    [3, "a server that refuses", ["refused"], 3],
    [3, "an address that nobody has", ["name_not_found"], 3],
    [2, "a server that hangs up", [(line: string) => line.startsWith("HELLO") ? "" : undefined], 3],
  ] as [number, string, Outcome[], number][]
) {
  Deno.test(`a client gives up ${what} after ${limit} attempts in a row`, async () => {
    const staged = stageDialling(outcomes, { reconnect: { limit } });
    const { clock, network, recorder } = staged;
    assertEquals<unknown>(await cameTo(staged.status, clock, 60_000), status);
    assertEquals(network.dials_ms.length, limit + 1);
    assertEquals(recorder.all("reconnecting").map(({ attempt }) => attempt).at(-1), limit);
    assertEquals(recorder.all("terminated").length, 1);
    assertEquals(recorder.all("summary"), []);
    const attempts = limit === 1 ? "1 attempt" : `${limit} attempts in a row`;
    assertEquals(recorder.one("notice").text, `given up after ${attempts} (reconnect_limit)`);
    assertEquals(clock.pending, 0);
  });
}

Deno.test("a client that gives up after its session was open exits with 1, and emits a summary", async () => {
  const staged = stageDialling([serving(), "refused"], { reconnect: { limit: 2 } });
  const { clock, network, recorder, status } = staged;
  await clock.advance(1_000);
  network.last.path.reset();
  assertEquals<unknown>(await cameTo(status, clock, 5_000), 1);
  assertEquals(recorder.story("reconnecting", "terminated"), [
    "1000 reconnecting 1 500 reset server:4000",
    "1500 reconnecting 2 500 refused server:4000",
    "2000 terminated network refused refused server:4000 2000 last_sign_of_life 60000 2000",
  ]);
  assertEquals(recorder.one("summary").connections, 1);
});

Deno.test("the limit counts attempts in a row: a healthy minute resets them", async () => {
  const outcomes: Outcome[] = ["refused", serving(), "refused"];
  const { clock, network, status } = stageDialling(outcomes, { reconnect: { limit: 2 } });
  await clock.advance(500 + 60_000);
  network.last.path.reset();
  assertEquals<unknown>(await cameTo(status, clock, 10_000), 1);
  assertEquals(network.dials_ms.length, 2 + 2);
});

Deno.test("a dial that nobody answers is given up and retried, one at a time", async () => {
  const { clock, network, recorder } = stageDialling(["unanswered"]);
  await clock.advance(3 * (CONNECT_LIMIT_MS + 500));
  assertEquals(network.dials_ms, [0, 10_500, 21_000, 31_500]);
  assertEquals([network.underWay, network.atOnce], [1, 1]);
  const { cause, text } = recorder.all("reconnecting")[2]!;
  assertEquals([cause, text], ["silent", "no answer within 10 s"]);
});

Deno.test("a server that never sends WELCOME is dialled again", async () => {
  const { clock, network, recorder } = stageDialling([mute, serving()]);
  await clock.advance(6_000);
  assertEquals(recorder.story("reconnecting", "connected", "disconnected", "terminated"), [
    "5000 reconnecting 1 500 silent server:4000 accepted, but no WELCOME within 5 s",
    "5500 connected server:4000 60 65",
  ]);
  assertEquals(network.opened[0]!.peer.heard.at(-1), "5000 TERMINATE silent no WELCOME within 5 s");
});

Deno.test("a dead server is dialled again, a full detection after its death", async () => {
  const { clock, network, recorder } = stageDialling([serving(), serving(1)]);
  await clock.advance(1_000);
  network.last.path.silence("to_client", "to_server");
  await clock.advance(65_000);
  assertEquals(recorder.story("phase", "disconnected", "reconnecting"), [
    "0 phase connecting data 0",
    "25000 phase data heartbeat 20000",
    "65000 phase heartbeat connecting 60000",
    "65000 disconnected self silent  server:4000 60000 first_unconfirmed_data_sent 60000 65000 unknown",
    "65000 reconnecting 1 500 silent server:4000",
    "65500 phase connecting data 0",
  ]);
  assertEquals(resumptions(recorder), ["65500: gap 65500, resent 1, already there 0"]);
});

/** What ends a connection, whether the client reconnects, and its exit status if not. */
const LOSSES: [string, sent: string, EndReason, survivesDisconnect: boolean, status: number][] = [
  ["TERMINATE shutdown", "TERMINATE shutdown\n", "shutdown", true, 0],
  ["TERMINATE silent", "TERMINATE silent\n", "silent", true, 0],
  ["TERMINATE done", "TERMINATE done\n", "done", false, 1],
  ["TERMINATE full", "TERMINATE full\n", "full", true, 4],
  ["TERMINATE refused", "TERMINATE refused full\n", "refused", false, 4],
  ["TERMINATE protocol", "TERMINATE protocol DATA 7\n", "protocol", false, 1],
  ["nonsense", "nonsense\n", "protocol", false, 1],
  ["a FIN", "", "closed", true, 0],
  ["a FIN within a frame", "CONFI", "closed", true, 0],
];

/** A client at 1 s, and a way to end its connection as said, which gives its status after a while. */
async function stageLoss(outcomes: Outcome[]) {
  const staged = stageDialling(outcomes);
  await staged.clock.advance(1_000);
  const { peer } = staged.network.last;
  const endConnection = async (sent: string, within_ms: number) => {
    if (sent !== "") await peer.say(sent);
    if (!sent.endsWith("\n")) await peer.hangUp();
    return await cameTo(staged.status, staged.clock, within_ms);
  };
  return { ...staged, endConnection };
}

for (const [what, sent, reason, survivesDisconnect, expected] of LOSSES) {
  const outcome = survivesDisconnect ? "reconnects" : "ends";

  Deno.test(`${what} in an open session: the client ${outcome}`, async () => {
    const { network, recorder, endConnection } = await stageLoss([serving(), serving(1)]);
    const status = survivesDisconnect ? "pending" : expected;
    assertEquals<unknown>(await endConnection(sent, 2_000), status);
    assertEquals(network.dials_ms.length, survivesDisconnect ? 2 : 1);
    const [emitted, other] = survivesDisconnect
      ? ["disconnected", "terminated"] as const
      : ["terminated", "disconnected"] as const;
    assertEquals([recorder.one(emitted).reason, recorder.all(other)], [reason, []]);
    const causes = recorder.all("reconnecting").map(({ cause }) => cause);
    assertEquals(causes, survivesDisconnect ? [reason] : []);
    assertEquals(recorder.all("resumed").length, survivesDisconnect ? 1 : 0);
  });

  Deno.test(`${what} before WELCOME: the client ${outcome}`, async () => {
    const { network, recorder, endConnection } = await stageLoss([mute]);
    const status = expected === 4 ? 4 : 3;
    assertEquals<unknown>(await endConnection(sent, 600), survivesDisconnect ? "pending" : status);
    assertEquals(network.dials_ms.length, survivesDisconnect ? 2 : 1);
    const reasons = recorder.all("terminated").map((each) => each.reason);
    assertEquals(reasons, survivesDisconnect ? [] : [reason]);
    assertEquals(recorder.all("disconnected"), []);
  });
}

Deno.test("a client that does not reconnect ends with its first connection, in any way", async () => {
  for (const outcomes of [["refused"], [serving()]] as Outcome[][]) {
    const { clock, network, recorder, status } = stageDialling(outcomes, { reconnect: undefined });
    await clock.advance(100);
    network.last?.path.reset();
    assertEquals<unknown>(await cameTo(status, clock, 100_000), outcomes[0] === "refused" ? 3 : 1);
    assertEquals([network.dials_ms, recorder.all("reconnecting")], [[0], []]);
  }
});

Deno.test("a client says that the server heard nothing, and claims to have noticed nothing itself", async () => {
  const { clock, network, recorder } = stageDialling([serving(), serving(1)]);
  await clock.advance(1_000);
  await network.last.peer.say("TERMINATE silent\n");
  await clock.advance(600);
  const { detected_after_ms, detected_since, silent_ms } = recorder.one("disconnected");
  assertEquals([detected_after_ms, detected_since, silent_ms], [null, null, 0]);
  const { cause, text } = recorder.one("reconnecting");
  assertEquals([cause, text], ["silent", "the server heard nothing from this side in time"]);
});

Deno.test("a client says what ends connections before they are open", async () => {
  const by =
    "before the session was open: by a server that does not let this address in (allow, deny) or has " +
    "no room, by a proxy, tunnel or load balancer whose server does not answer, or by another program";
  const { clock, network, recorder } = stageDialling([mute, mute, serving()]);
  await clock.advance(100);
  await network.last.peer.hangUp();
  await clock.advance(600);
  network.last.path.reset();
  await clock.advance(600);
  network.last.path.reset();
  await clock.advance(100);
  assertEquals(recorder.all("reconnecting").map(({ text }) => text), [
    `accepted, and closed (FIN) ${by}`,
    `accepted, and reset (RST) ${by}`,
    undefined,
  ]);
});

Deno.test("a client whose time is over says so where that cuts something short", async () => {
  const silent = stageDialling([serving()]);
  await silent.clock.advance(1_000);
  silent.network.last.path.silence("to_client", "to_server");
  await silent.clock.advance(30_000);
  silent.client.stop("done");
  await silent.clock.advance(1_000);
  assertEquals(await silent.status, 0);
  assertEquals(
    silent.recorder.one("terminated").text,
    "its time is over, while the path is silent",
  );

  const away = stageDialling([serving(), "refused"]);
  await away.clock.advance(1_000);
  away.network.last.path.reset();
  await away.clock.advance(2_000);
  away.client.stop("done");
  assertEquals(await away.status, 0);
  assertEquals(
    away.recorder.one("terminated").text,
    "its time is over, while there is no connection",
  );

  const well = stageDialling([serving()]);
  await well.clock.advance(1_000);
  well.client.stop("done");
  await well.clock.advance(1_000);
  assertEquals([await well.status, well.recorder.one("terminated").text], [0, ""]);
});

Deno.test("a death says what was wrong with this host's own link when the silence began", async () => {
  const { clock, network, recorder } = stageDialling([serving(), serving(1)]);
  await clock.advance(1_000);
  network.last.path.client.linkFault = () => Promise.resolve("no link on eth0 (down)");
  network.last.path.silence("to_client", "to_server");
  await clock.advance(64_600);
  assertEquals(recorder.one("disconnected").link, "no link on eth0 (down)");
  // Of another connection, it is not known.
  network.last.path.silence("to_client", "to_server");
  await clock.advance(130_000);
  assertEquals(recorder.all("disconnected").at(-1)!.link, undefined);
});

Deno.test("a client that is stopped at any moment of a dial ends at once", async () => {
  for (let moment = 0; moment < 16; moment++) {
    const { client, clock, recorder, status } = stageDialling([serving()]);
    // A signal may be handled between any two steps of what follows the connect.
    for (let n = 0; n < moment; n++) await undefined;
    client.stop("shutdown");
    await clock.advance(1_000);
    assertEquals(recorder.one("terminated").reason, "shutdown", `stopped after ${moment}`);
    assertEquals([await status, clock.pending], [0, 0]);
  }
});
