/**
 * A resume in the client: the fields of its HELLO, and how it handles the server's WELCOME.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { ClientOptions } from "../../lib/client/client.ts";
import { QueueSource } from "../../lib/client/source.ts";
import {
  type Answering,
  cameTo,
  ID,
  mute,
  type Outcome,
  remembering,
  resumptions,
  serving,
  stageDialling,
  welcoming,
} from "../support/scripted_network.ts";

/** Lines to send; the test may end them. */
function lines(count: number): QueueSource {
  const source = new QueueSource();
  for (let n = 1; n <= count; n++) source.put(new TextEncoder().encode(`line ${n}`));
  return source;
}

/** A server that confirms up to a sequence number, and nothing beyond. */
function confirming(upTo: number): Answering {
  return (line) => {
    if (line.startsWith("HELLO")) return serving()(line);
    return Number(/^DATA (\d+)/.exec(line)?.[1] ?? Infinity) <= upTo ? serving()(line) : undefined;
  };
}

/** A client that has 2 of 5 lines confirmed, loses its connection at 1 s, and reconnects. */
async function reconnecting(
  welcome: Outcome,
  lose?: (staged: ReturnType<typeof stageDialling>) => unknown,
  more: Partial<ClientOptions> = {},
) {
  const source = lines(5);
  const staged = stageDialling([confirming(2), welcome], { source, window: 5, ...more });
  await staged.clock.advance(1_000);
  await (lose ?? (({ network }) => network.last.path.reset()))(staged);
  await staged.clock.advance(500);
  return { ...staged, source, received: () => receivedBy(staged) };
}

/** What the last server received, without times and payloads. */
function receivedBy({ network }: ReturnType<typeof stageDialling>): string[] {
  return network.last.peer.heard.map((line) => line.replace(/^\d+ /, "")).filter((line) =>
    !line.startsWith("line ")
  );
}

/** The fields of a HELLO that describe the session. */
function sessionFields(line: string): Record<string, unknown> {
  const [, id, json] = /^HELLO 1 (\S+) (.*)$/.exec(line)!;
  const { confirmed, reconnect, sent, settled } = JSON.parse(json!);
  return { id, reconnect, confirmed, sent, settled };
}

const NEVER_OPEN = { id: ID, reconnect: true, confirmed: undefined, sent: 0, settled: undefined };

Deno.test("HELLO of a client that does not reconnect has no fields of the session", async () => {
  const staged = stageDialling([mute], { reconnect: undefined });
  await staged.clock.advance(0);
  const nothing = { ...NEVER_OPEN, reconnect: undefined, sent: undefined };
  assertEquals(sessionFields(receivedBy(staged)[0]!), nothing);
});

Deno.test("HELLO announces that the client reconnects, and no more before the session was open", async () => {
  const staged = stageDialling([mute]);
  for (const _ of [1, 2, 3]) {
    await staged.clock.advance(0);
    assertEquals(sessionFields(receivedBy(staged)[0]!), NEVER_OPEN);
    await staged.clock.advance(5_500);
  }
});

Deno.test("HELLO of a resume has what was sent and what is confirmed", async () => {
  const { received } = await reconnecting(mute);
  assertEquals(sessionFields(received()[0]!), { ...NEVER_OPEN, confirmed: 2, sent: 5 });
});

Deno.test("HELLO of a resume has both though nothing was ever confirmed", async () => {
  const staged = stageDialling([welcoming(), mute]);
  await staged.clock.advance(1_000);
  staged.network.last.path.reset();
  await staged.clock.advance(500);
  assertEquals(sessionFields(receivedBy(staged)[0]!), { ...NEVER_OPEN, confirmed: 0, sent: 1 });
});

for (
  const [what, sent, settled] of [
    ["TERMINATE shutdown", "TERMINATE shutdown\n", true],
    ["TERMINATE silent", "TERMINATE silent\n", undefined],
    ["a FIN", "", undefined],
    ["half a TERMINATE shutdown", "TERMINATE shutdown", undefined],
  ] as const
) {
  Deno.test(`HELLO after ${what} has ${settled ? "" : "no "}settled`, async () => {
    const { received } = await reconnecting(mute, async ({ network }) => {
      await network.last.peer.say(sent);
      await network.last.peer.hangUp();
    });
    assertEquals(sessionFields(received()[0]!), { ...NEVER_OPEN, confirmed: 2, sent: 5, settled });
  });
}

Deno.test("HELLO has settled for as long as no connection was open since", async () => {
  const staged = stageDialling([confirming(1), mute, "refused", mute, remembering(), mute]);
  const { clock, network } = staged;
  await clock.advance(6_000);
  await network.last.peer.say("TERMINATE shutdown\n");
  await clock.advance(500);
  const settled = { ...NEVER_OPEN, confirmed: 1, sent: 2, settled: true };
  assertEquals(sessionFields(receivedBy(staged)[0]!), settled);
  // Given up after 5 s; refused; and given up after 5 s again.
  await clock.advance(5_500 + 500);
  assertEquals([network.dials_ms.length, sessionFields(receivedBy(staged)[0]!)], [4, settled]);
});

Deno.test("HELLO has no settled when a connection was open since", async () => {
  const staged = stageDialling([confirming(1), serving(1), mute]);
  const { clock, network } = staged;
  await clock.advance(6_000);
  await network.last.peer.say("TERMINATE shutdown\n");
  await clock.advance(1_000);
  assertEquals(sessionFields(receivedBy(staged)[0]!).settled, true);
  network.last.path.reset();
  await clock.advance(500);
  const { confirmed, sent, settled } = sessionFields(receivedBy(staged)[0]!);
  assertEquals({ confirmed, sent, settled }, { confirmed: 2, sent: 2, settled: undefined });
});

for (
  const [arrived, resent, again] of [
    [2, 3, ["DATA 3 6", "DATA 4 6", "DATA 5 6"]],
    [4, 1, ["DATA 5 6"]],
    [5, 0, []],
  ] as [number, number, string[]][]
) {
  Deno.test(`WELCOME with ${arrived} received: the client sends ${resent} again, in order`, async () => {
    const { received, recorder } = await reconnecting(welcoming(`{"received":${arrived}}`));
    assertEquals(received().slice(1), again);
    const already = arrived - 2;
    const resumption = `1500: gap 1500, resent ${resent}, already there ${already}`;
    assertEquals(resumptions(recorder), [resumption]);
    const sent = recorder.story("data_sent").slice(5);
    assertEquals(sent, again.map((line) => `1500 data_sent ${line.slice(5)} true`));
    // What had arrived counts as confirmed without a CONFIRM, and is an event, too.
    const settled = Array.from({ length: already }, (_, n) => [n + 3, null]);
    const confirmed = recorder.all("data_confirmed").map(({ rtt_ms, seq }) => [seq, rtt_ms]);
    assertEquals(confirmed, [[1, 0], [2, 0], ...settled]);
  });
}

Deno.test("new data messages follow the resent ones, within the window", async () => {
  const { clock, received, network, source } = await reconnecting(welcoming('{"received":3}'));
  for (const n of [6, 7, 8, 9]) source.put(new TextEncoder().encode(`line ${n}`));
  await clock.advance(0);
  const first = ["DATA 4 6", "DATA 5 6", "DATA 6 6", "DATA 7 6", "DATA 8 6"];
  assertEquals(received().slice(1), first);
  await network.last.peer.say("CONFIRM 4\n");
  await clock.advance(0);
  assertEquals(received().slice(1), [...first, "DATA 9 6"]);
});

Deno.test("what is resent has its full time to be confirmed", async () => {
  const { clock, recorder } = await reconnecting(welcoming('{"received":2}'));
  await clock.advance(20_000 - 1);
  assertEquals(recorder.story("phase").at(-1), "1500 phase connecting data 0");
  await clock.advance(1);
  assertEquals(recorder.story("phase").at(-1), "21500 phase data heartbeat 20000");
});

Deno.test("the round trip of what was resent counts from when it was resent", async () => {
  const { clock, network, recorder } = await reconnecting(welcoming('{"received":2}'));
  await clock.advance(25);
  await network.last.peer.say("CONFIRM 5\n");
  const rtts = recorder.all("data_confirmed").slice(2).map(({ rtt_ms, seq }) => [seq, rtt_ms]);
  assertEquals(rtts, [[3, 25], [4, 25], [5, 25]]);
});

for (
  const [greeting, why] of [
    ['{"received":1}', "received 1"],
    ['{"received":6}', "received 6"],
    ['{"received":2.5}', "without what it has received"],
    ['{"received":"3"}', "without what it has received"],
    ['{"received":-1}', "without what it has received"],
    ["{}", "without what it has received"],
  ] as const
) {
  Deno.test(`WELCOME ${greeting} to a resume is a protocol error, and ends the session`, async () => {
    const { clock, network, recorder, status } = await reconnecting(welcoming(greeting));
    assertEquals<unknown>(await cameTo(status, clock, 500), 1);
    const { by, reason, text } = recorder.one("terminated");
    const expected = `WELCOME ${why}; sent up to 5, confirmed up to 2`;
    assertEquals({ by, reason, text }, { by: "self", reason: "protocol", text: expected });
    assertEquals(network.last.peer.heard.at(-1), `1500 TERMINATE protocol ${expected}`);
    assertEquals([recorder.all("resumed"), recorder.one("summary").in_doubt], [[], [[3, 5]]]);
  });
}

Deno.test("WELCOME with received of a session that sent nothing is a protocol error", async () => {
  const { clock, recorder, status } = stageDialling([welcoming('{"received":3}')]);
  assertEquals<unknown>(await cameTo(status, clock, 500), 3);
  const { by, reason } = recorder.one("terminated");
  assertEquals({ by, reason }, { by: "self", reason: "protocol" });
});

Deno.test("a resume that is refused ends the client with 4, and its summary has what is in doubt", async () => {
  const { clock, recorder, status } = await reconnecting((line) =>
    line.startsWith("HELLO") ? "TERMINATE refused it expired\n" : undefined
  );
  assertEquals<unknown>(await cameTo(status, clock, 500), 4);
  const { by, reason, text } = recorder.one("terminated");
  assertEquals({ by, reason, text }, { by: "peer", reason: "refused", text: "it expired" });
  assertEquals(recorder.one("summary").in_doubt, [[3, 5]]);
});

Deno.test("a server that now accepts smaller messages only ends the session", async () => {
  const welcome = '{"received":2,"max_message_bytes":5}';
  const { clock, received, recorder, status } = await reconnecting(welcoming(welcome));
  assertEquals<unknown>(await cameTo(status, clock, 500), 1);
  const text = "the next data message has 6 bytes; the server accepts 5";
  assertEquals(recorder.one("terminated").text, text);
  assertEquals(received().filter((line) => line.startsWith("DATA")), []);
});

Deno.test("the client's summary has what was sent and confirmed on each connection", async () => {
  const { clock, network, recorder, source, status } = await reconnecting(
    welcoming('{"received":3}'),
  );
  source.put(new TextEncoder().encode("line 6"));
  await clock.advance(100);
  await network.last.peer.say("CONFIRM 5\n");
  source.end();
  await network.last.peer.say("CONFIRM 6\n");
  assertEquals<unknown>(await cameTo(status, clock, 500), 0);
  const { by_connection, connections, data_confirmed, data_resent, data_sent, in_doubt } = recorder
    .one("summary");
  assertEquals(by_connection, [
    { sent: 5, received: 0, confirmed: 2, resent: 0, in_doubt: 3, age_ms: 1_000, idle_ms: 1_000 },
    { sent: 3, received: 0, confirmed: 3, resent: 2, in_doubt: 0, age_ms: 100, idle_ms: 0 },
  ]);
  assertEquals([connections, data_confirmed, data_resent, data_sent], [2, 6, 2, 6]);
  assertEquals(in_doubt, []);
});

Deno.test("a confirmation that arrives with WELCOME leaves less to resend", async () => {
  const { clock, received, recorder, client, status } = await reconnecting((line) =>
    line.startsWith("HELLO") ? welcoming('{"received":2}')(line) + "CONFIRM 4\n" : undefined
  );
  assertEquals(received().slice(1), ["DATA 5 6"]);
  client.stop("shutdown");
  await cameTo(status, clock, 500);
  // Of what was sent on this connection, nothing is confirmed.
  const [, second] = recorder.one("summary").by_connection;
  assertEquals([second!.sent, second!.resent, second!.in_doubt], [1, 1, 1]);
});
