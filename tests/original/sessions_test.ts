/**
 * Many original clients at one server, in memory: each is served apart, and which session a connection
 * belongs to is told by address and time, or said to be a guess.
 *
 * @module
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ORIGINAL_TEXT as TEXT } from "../../lib/original/wire.ts";
import {
  type OriginalServerStage as Stage,
  stageOriginalServer,
  startClient,
} from "../support/original_stage.ts";

/** The sessions that heard data, each with how often. */
function dataBySession({ recorder }: Stage): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { session } of recorder.all("data_received")) {
    counts[session!] = (counts[session!] ?? 0) + 1;
  }
  return counts;
}

const notices = ({ recorder }: Stage) => recorder.all("notice").map(({ text }) => text);

Deno.test("200 original and 200 PW/1 clients at once: each is served, exactly and apart", async () => {
  const stage = stageOriginalServer({ latency_ms: 1 });
  const { clock, network, recorder, server, status } = stage;
  const clients: Awaited<ReturnType<typeof startClient>>[] = [];
  for (let n = 0; n < 400; n++) {
    const original = n < 200;
    clients.push(await startClient(stage, { original, host: `host${n}`, id: n }));
  }
  await clock.advance(60_500);
  // These connections are dead from here on; what opens new ones can go on, what cannot dies.
  for (const n of [7, 207]) network.paths[n]!.silence("to_client", "to_server");
  await clock.advance(65_500);
  const phases = (n: number) => clients[n]!.recorder.story("phase").slice(1);
  // Unconfirmed since 65 s; then a second connection, and a third one, each at once.
  assertEquals(phases(7), ["85000 phase data heartbeat 20000", "85004 phase heartbeat data 20004"]);
  assertEquals(phases(207), [
    "85002 phase data heartbeat 20000",
    "125002 phase heartbeat terminated 60000",
  ]);
  for (const [n, { recorder }] of clients.entries()) {
    const due = { 7: 22, 207: 13 }[n] ?? 26;
    assertEquals(recorder.all("data_confirmed").length, due, `client ${n}`);
    assertEquals(recorder.all("heartbeat_sent").length > 0, n === 7 || n === 207, `client ${n}`);
  }
  const connected = recorder.all("connected");
  assertEquals([connected.length, connected.filter(({ original }) => original).length], [400, 200]);
  const silences = recorder.story("phase").filter((each) =>
    /data heartbeat|heartbeat data/.test(each)
  );
  assertEquals(silences, [
    "80001 phase data heartbeat 20000",
    "80003 phase data heartbeat 20000",
    "85003 phase heartbeat data 25002",
  ]);
  assertEquals(recorder.one("terminated").at_ms, 120_003);
  assertEquals(recorder.all("notice").map(({ level }) => level), ["info", "info", "info"]);
  server.stop("shutdown");
  await clock.advance(2_000);
  assertEquals([await status, clock.pending], [0, 0]);
  assertEquals(recorder.all("summary").length, 400);
  const reasons = clients.map(({ recorder }) => recorder.one("terminated").reason);
  assertEquals(reasons.filter((reason) => reason === "shutdown").length, 399);
});

Deno.test("200 clients at one address: those silent alone are told by that, others are a guess", async () => {
  const stage = stageOriginalServer({ latency_ms: 1 });
  const { clock, network } = stage;
  for (let n = 0; n < 200; n++) await startClient(stage, { original: true, host: "nat", id: n });
  await clock.advance(1_000);
  const silence = async (...clients: number[]) => {
    for (const n of clients) network.paths[n]!.silence("to_client", "to_server");
    await clock.advance(30_000);
  };
  for (let n = 0; n < 10; n++) await silence(n);
  const told = (how: string) => notices(stage).filter((text) => text.includes(how)).length;
  assertEquals([told("matched by its address"), told("a guess")], [20, 0]);
  await silence(10, 11, 12);
  // Of three, of two, and then there is but one: for the second connections, and for the return.
  assertEquals([told("matched by its address"), told("a guess")], [22, 4]);
  assertEquals(Object.keys(dataBySession(stage)).length, 200);
  assertEquals(stage.recorder.all("terminated"), []);
});

Deno.test("which of several silent clients at one address is back is said to be a guess", async () => {
  const stage = stageOriginalServer();
  const { call, clock, recorder } = stage;
  const clients = [];
  for (let n = 0; n < 3; n++) {
    clients.push(await call(TEXT.data, "nat"));
    await clock.advance(1_000);
  }
  const elsewhere = await call(TEXT.data, "elsewhere");
  await clock.advance(1_000);
  for (const client of [...clients, elsewhere]) await client.hangUp();
  await call(TEXT.heartbeat, "nat");
  const { level, text, session } = recorder.all("notice").at(-1)!;
  assertMatch(text, /from nat:50000; a guess: 3 sessions of that address could be meant, and this/);
  const longest = recorder.all("connected")[0]!.session;
  assertEquals([level, session], ["warning", longest]);
  await call(TEXT.heartbeat, "elsewhere");
  assertStringIncludes(notices(stage).at(-1)!, "from elsewhere:50000; matched by its address");
  await call(TEXT.heartbeat, "nat");
  await call(TEXT.heartbeat, "nat");
  assertStringIncludes(notices(stage).at(-1)!, "matched by its address");
  await call(TEXT.data, "nat");
  const guess = "sends data again, from nat:50000; a guess: 3 sess";
  assertStringIncludes(notices(stage).at(-1)!, guess);
  assertEquals(recorder.all("connected").length, 4);
});

Deno.test("a second connection that comes before the silence is taken for the overdue session's", async () => {
  const stage = stageOriginalServer();
  const { call, clock, recorder } = stage;
  await call(TEXT.data);
  // The client's threshold is lower, and its close does not get through.
  await clock.advance(5_001);
  const another = await call(TEXT.data);
  const beats = await call(TEXT.heartbeat);
  assertEquals(beats.heard, [`5001 ${TEXT.heartbeat}`]);
  assertEquals(recorder.all("connected").length, 2, "data may well be another client's");
  const { level, session, text } = recorder.one("notice");
  assertMatch(text, /a guess: this session is not silent here, but may be so for its client$/);
  assertEquals([level, session], ["warning", recorder.all("connected")[0]!.session]);
  await another.say(TEXT.data);
  await call(TEXT.heartbeat);
  assertEquals(recorder.all("connected").length, 3, "it has its second connection");
  await clock.advance(14_999);
  assertEquals(recorder.story("phase").at(-1), "20000 phase data heartbeat 20000");
});

for (const [what, late] of [["comes before", true], ["comes behind", false]] as const) {
  Deno.test(`a client is in its session though a late message ${what} its second connection`, async () => {
    const { call, clock, recorder } = stageOriginalServer();
    const data = await call(TEXT.data);
    await clock.advance(25_000);
    // What the client has sent before it gave up; its close is still on its way.
    if (late) await data.say(TEXT.data);
    await call(TEXT.heartbeat);
    if (!late) await data.say(TEXT.data);
    await data.hangUp();
    await call(TEXT.data);
    assertEquals(recorder.all("connected").length, 1);
    assertEquals(recorder.story("phase").slice(1), [
      "20000 phase data heartbeat 20000",
      "25000 phase heartbeat data 25000",
      "25000 phase data heartbeat 0 true",
      "25000 phase heartbeat data 0",
    ]);
  });
}

Deno.test("heartbeats from an address whose client sends its data in time are another session's", async () => {
  const stage = stageOriginalServer();
  const { call, clock, recorder } = stage;
  await call(TEXT.data);
  await clock.advance(5_000);
  const beats = await call(TEXT.heartbeat);
  assertEquals(beats.heard, [`5000 ${TEXT.heartbeat}`]);
  assertEquals(recorder.all("connected").length, 2);
  const { session, text } = recorder.one("notice");
  assertMatch(text, /session is not known here: it has ended, or this server/);
  assertEquals(recorder.story("phase").at(-1), "5000 phase connecting heartbeat 0 true");
  await call(TEXT.data, "client");
  assertEquals(recorder.story("phase").at(-1), "5000 phase heartbeat data 0");
  assertEquals(recorder.all("data_received").at(-1)!.session, session);
});

Deno.test("a newcomer at the address of a silent client takes nothing of its session", async () => {
  const { call, clock, recorder } = stageOriginalServer();
  const slow = await call(TEXT.data, "nat");
  // Silent to the server, which waits less long than this client does between two messages.
  await clock.advance(21_000);
  await call(TEXT.data, "nat");
  await clock.advance(1_000);
  await slow.say(TEXT.data);
  const sessions = recorder.all("data_received").map(({ session }) => session);
  const [first, second] = recorder.all("connected").map(({ session }) => session);
  assertEquals(sessions, [first, second, first]);
});

Deno.test("clients that come and go at one address are sessions of their own", async () => {
  const { call, clock, recorder } = stageOriginalServer();
  for (let n = 0; n < 5; n++) {
    const client = await call(TEXT.data, "nat");
    await clock.advance(1_000);
    await client.hangUp();
  }
  assertEquals(recorder.all("connected").length, 5);
  await clock.advance(60_000);
  const ends = recorder.all("terminated").map(({ by, reason }) => `${by} ${reason}`);
  assertEquals(ends, Array(5).fill("peer closed"));
});
