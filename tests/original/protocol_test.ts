/**
 * Both protocols together, in memory: which clients are refused, what ends one session and leaves the
 * others alone; and a client that meets the other protocol.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { ORIGINAL_TEXT as TEXT } from "../../lib/original/wire.ts";
import {
  stageOriginalClient,
  stageOriginalServer,
  startClient,
} from "../support/original_stage.ts";

for (
  const [what, says, text] of [
    ["nonsense", `${TEXT.data}nonsense`, /^"nonsense" is no message of the original program$/],
    ["a confirmation", TEXT.data + TEXT.reply, /^SERVER_DATA_REPLY from the client$/],
  ] as const
) {
  Deno.test(`an original client that says ${what} loses its session, and only that`, async () => {
    const stage = stageOriginalServer();
    const { call, clock, recorder } = stage;
    const healthy = await call(TEXT.data, "healthy");
    const wrong = await call(says);
    await clock.advance(100);
    const end = recorder.one("terminated");
    assertEquals([end.by, end.reason, end.peer], ["self", "protocol", "client:50000"]);
    assertMatch(end.text, text);
    assertEquals(wrong.over, "0 closed");
    await healthy.say(TEXT.data);
    assertEquals(healthy.heard.length, 2);
  });
}

Deno.test("an original client that says TERMINATE has ended its session as asked", async () => {
  const { call, clock, recorder, status } = stageOriginalServer({ once: true });
  const end = await call(TEXT.data + TEXT.terminate);
  await clock.advance(100);
  const { by, reason } = recorder.one("terminated");
  assertEquals([by, reason, end.over, await status], ["peer", "done", "0 closed", 0]);
});

for (const stuckWrites of [false, true]) {
  const stuck = stuckWrites ? ", though its writes never end" : "";
  Deno.test(`a client that reads nothing is read no further, and dies on time${stuck}`, async () => {
    const options = { capacity: 4_000, stuckWrites };
    const { call, clock, recorder, server, status } = stageOriginalServer(options);
    const end = await call(TEXT.data);
    end.pause();
    // The answers to these fill what the network holds: nobody reads the rest.
    for (let n = 0; n < 5; n++) end.say(TEXT.data.repeat(100));
    await clock.advance(60_100);
    const { at_ms, reason } = recorder.one("terminated");
    assertEquals([at_ms, reason], [60_000, "silent"]);
    const { data_received, confirmed_up_to } = recorder.one("summary");
    assertEquals(data_received < 501, true, `${data_received} data messages read`);
    assertEquals(confirmed_up_to < data_received, true, `${confirmed_up_to} confirmed`);
    server.stop("done");
    await clock.advance(1);
    assertEquals([await status, clock.pending], [0, 0]);
  });
}

Deno.test("--no-original refuses an original client with TERMINATE, and the log says why", async () => {
  for (const says of [TEXT.data, TEXT.heartbeat]) {
    const { call, clock, recorder, status, server } = stageOriginalServer({ original: false });
    const end = await call(says);
    assertEquals(end.heard, [`0 ${TEXT.terminate}`]);
    const { by, reason, text, session } = recorder.one("terminated");
    assertEquals([by, reason, session], ["self", "refused", null]);
    assertMatch(text, /^it is an original client, and this server takes none \(--no-original\)$/);
    await clock.advance(500);
    assertEquals([end.over, recorder.all("connected")], ["500 closed", []]);
    server.stop("done");
    await clock.advance(1);
    assertEquals([await status, clock.pending], [0, 0]);
  }
});

Deno.test("a fragment of an original message takes no session, and not that of a server for one", async () => {
  for (const message of [TEXT.data, TEXT.heartbeat]) {
    for (const length of [1, message.length - 1]) {
      const { call, clock, recorder, server, status } = stageOriginalServer({ once: true });
      const end = await call(message.slice(0, length));
      await end.hangUp();
      await clock.advance(100);
      assertEquals(recorder.one("strangers").sent, [`"${message.slice(0, length)}"`]);
      assertEquals([recorder.all("connected"), recorder.all("terminated")], [[], []]);
      await call(TEXT.data);
      assertEquals(recorder.all("connected").length, 1);
      server.stop("done");
      await clock.advance(100);
      assertEquals(await status, 0);
    }
  }
});

Deno.test("a server that sends one letter of the original's is not taken for one", async () => {
  const { clock, recorder, status } = await stageOriginalClient({
    original: false,
    answer: () => TEXT.reply.slice(0, 1),
  });
  await clock.advance(30_000);
  const { by, reason, text } = recorder.one("terminated");
  assertEquals([by, reason, await status], ["self", "silent", 3]);
  assertEquals(text.includes("original"), false);
});

Deno.test("a server for one session serves an original client to its end, and no other", async () => {
  const stage = stageOriginalServer({ once: true });
  const { call, clock, recorder, status } = stage;
  const only = await call(TEXT.data);
  const pulsewire = await startClient(stage, { original: false });
  const another = await call(TEXT.data, "elsewhere");
  await clock.advance(1_000);
  assertEquals([another.heard, await pulsewire.status], [[`0 ${TEXT.terminate}`], 4]);
  assertEquals(pulsewire.recorder.one("terminated").reason, "refused");
  await only.hangUp();
  const beats = await call(TEXT.heartbeat);
  await beats.hangUp();
  await clock.advance(40_000);
  assertEquals([recorder.all("connected").length, await status, clock.pending], [1, 1, 0]);
});

Deno.test("a connection that says nothing is closed after 5 s, as without original clients", async () => {
  const { call, clock, recorder } = stageOriginalServer();
  const end = await call();
  await clock.advance(4_999);
  assertEquals([end.heard, end.over], [[], undefined]);
  await clock.advance(1_000);
  assertEquals(end.heard, ["5000 TERMINATE silent no HELLO within 5 s\n"]);
  assertEquals(end.over, "5000 closed");
  assertEquals(recorder.one("strangers").sent, ["nothing"]);
});

Deno.test("stopping the server ends original sessions with TERMINATE on every connection", async () => {
  const { call, clock, recorder, server, status } = stageOriginalServer();
  const data = await call(TEXT.data);
  await clock.advance(25_000);
  const beats = await call(TEXT.heartbeat);
  server.stop("shutdown");
  await clock.advance(100);
  assertEquals(data.heard.at(-1), `25000 ${TEXT.terminate}`);
  assertEquals(beats.heard.at(-1), `25000 ${TEXT.terminate}`);
  assertEquals([data.over, beats.over], ["25000 closed", "25000 closed"]);
  assertEquals(recorder.one("terminated").reason, "shutdown");
  assertEquals([await status, clock.pending], [0, 0]);
});

Deno.test("a PW/1 client recognizes an original server by its first answer, and names --original", async () => {
  for (let at = 1; at <= TEXT.reply.length; at++) {
    const answer = () => TEXT.reply.slice(0, at);
    const stage = await stageOriginalClient({ original: false, answer });
    const { clock, ends, recorder, status } = stage;
    // A fragment does not prove it, the whole does.
    if (at < TEXT.reply.length) assertEquals(recorder.all("terminated"), []);
    await ends[0]!.say(TEXT.reply.slice(at));
    await clock.advance(500);
    const { at_ms, by, reason, text } = recorder.one("terminated");
    assertEquals([at_ms, by, reason, await status], [0, "self", "protocol", 3]);
    assertEquals(text, "it answers as the original program does; use --original");
  }
});
