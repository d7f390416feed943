/**
 * The server confirms what is delivered, and only that: with a store and an output that take their
 * time, and with some that fail.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { BACK, data, heardAfter, type IncomingConnection } from "../support/callers.ts";
import { HeldOutput, HeldStore } from "../support/held_delivery.ts";
import { stageRawServer } from "../support/raw_server.ts";
import { cameTo } from "../support/scripted_network.ts";

/** A server with a store and an output, both with nothing to do, and the open session `s`. */
async function stage() {
  const [store, output] = [new HeldStore({ held: false }), new HeldOutput({ held: false })];
  const staged = stageRawServer({ store, output });
  const only = await staged.hello("s", BACK);
  return { ...staged, store, output, only };
}

/** Holds up the store. */
async function stageHeld() {
  const staged = await stage();
  staged.store.held = true;
  return staged;
}

/** What a server says whose store or output has failed. */
const UNKEPT = "TERMINATE shutdown the disk is full";

Deno.test("CONFIRM comes when the store has committed and the output has written", async () => {
  const { clock, only, output, store } = await stageHeld();
  output.held = true;
  await only.peer.say(data(1, 3));
  await clock.advance(700);
  await store.letThrough();
  assertEquals([heardAfter(only), output.texts], [[], [["x", "x", "x"]]]);
  await clock.advance(300);
  await output.letThrough();
  assertEquals(only.peer.heard.at(-1), "1000 CONFIRM 3");
});

Deno.test("a server without a store and an output confirms at once", async () => {
  const { hello } = stageRawServer();
  const only = await hello("s", BACK);
  await only.peer.say(data(1, 3));
  assertEquals(heardAfter(only), ["CONFIRM 3"]);
});

Deno.test("the store is told of a session's course in order, its messages between", async () => {
  const { clock, hello, only, resume, store } = await stage();
  await only.peer.say(data(1, 2));
  await clock.advance(1_000);
  only.path.reset();
  await clock.advance(1_000);
  const second = await resume("s", { confirmed: 1, sent: 4 });
  await second.peer.say(data(3, 4) + "TERMINATE done all is said\n");
  const other = await hello("t");
  await clock.advance(0);
  const entries = store.calls.flat().map(({ at, session, ...fields }) => {
    if ("payload" in fields) fields.payload = new Uint8Array();
    return { ms: at - Date.UTC(2026, 10, 22), session, ...fields };
  });
  const common = { session: "s", kind: "message", payload: new Uint8Array() };
  const message = (ms: number, seq: number) => ({ ms, seq, ...common });
  const peer = "client:50000";
  assertEquals<unknown>(entries, [
    { ms: 0, session: "s", kind: "opened", peer, received: 0 },
    message(0, 1),
    message(0, 2),
    { ms: 1_000, session: "s", kind: "lost", by: "network", reason: "reset", text: "reset" },
    { ms: 2_000, session: "s", kind: "resumed", peer, gap_ms: 2_000, resent: 2, already_there: 1 },
    message(2_000, 3),
    message(2_000, 4),
    { ms: 2_000, session: "s", kind: "ended", by: "peer", reason: "done", text: "all is said" },
    { ms: 2_000, session: "t", kind: "opened", peer, received: 0 },
    // Its client does not reconnect: nobody may return to it.
    { ms: 2_000, session: "t", kind: "claimed", token_hash: "" },
  ]);
  assertEquals(other.path.server.closed, false);
});

Deno.test("a half-dead connection that is taken over is told to the store as an outage", async () => {
  const { resume, store } = await stage();
  await resume("s", { confirmed: 0, sent: 0 });
  assertEquals(store.told.flat(), ["opened", "lost", "resumed"]);
});

Deno.test("a session is welcomed when it is stored, and not if it cannot be", async () => {
  const { hello, store } = await stage();
  store.held = true;
  const other = await hello("t");
  assertEquals(other.peer.heard, []);
  await store.letThrough();
  assertEquals(other.peer.heard.length, 1);
  const third = await hello("u");
  await store.fail("the disk is full");
  assertEquals(third.peer.heard, ["0 TERMINATE shutdown the disk is full"]);
});

Deno.test("WELCOME is the first word to a session that another server has settled, too", async () => {
  const { hello, store } = await stage();
  store.held = true;
  const other = await hello("t", { ...BACK, confirmed: 7, sent: 9, settled: true });
  await other.peer.say("HEARTBEAT");
  assertEquals(other.peer.heard, []);
  await store.letThrough();
  assertEquals(other.peer.heard.map((line) => line.split(" ")[1]), ["WELCOME"]);
});

Deno.test("what comes while a commit is under way is committed together, of all sessions", async () => {
  const { hello, only, store } = await stage();
  const other = await hello("t");
  store.held = true;
  await only.peer.say(data(1));
  await other.peer.say(data(1, 2));
  await only.peer.say(data(2, 9));
  assertEquals(store.told.slice(2), [["message 1"]]);
  await store.letThrough();
  assertEquals([heardAfter(only), heardAfter(other)], [["CONFIRM 1"], []]);
  assertEquals(store.told[3]!.length, 2 + 8);
  await store.letThrough();
  assertEquals([heardAfter(only), heardAfter(other)], [["CONFIRM 1", "CONFIRM 9"], ["CONFIRM 2"]]);
});

Deno.test("a delivery that takes its time holds up no heartbeat", async () => {
  const { clock, only, recorder } = await stageHeld();
  await only.peer.say(data(1) + "HEARTBEAT 1\n");
  await clock.advance(25_000);
  // The first is a sign of life while data is unconfirmed, the second that of the heartbeat phase.
  assertEquals(heardAfter(only), ["HEARTBEAT_REPLY 1", "HEARTBEAT 1", "HEARTBEAT 2"]);
  assertEquals(recorder.story("phase").at(-1), "20000 phase data heartbeat 20000 store");
});

Deno.test("what is delivered after the connection was lost is there at the return", async () => {
  const { clock, only, resume, store } = await stageHeld();
  await only.peer.say(data(1, 4));
  only.path.reset();
  await clock.advance(1_000);
  await store.letThrough();
  const second = await resume("s", { confirmed: 0, sent: 4 });
  assertEquals(second.peer.heard[0]!.includes('"received":4'), true);
});

Deno.test("a client that leaves before all is delivered leaves the rest in doubt, and delivered", async () => {
  const { clock, only, recorder, store } = await stageHeld();
  await only.peer.say(data(1, 2) + "TERMINATE shutdown\n");
  await clock.advance(1_000);
  const { confirmed_up_to, data_received, in_doubt } = recorder.one("summary");
  assertEquals([confirmed_up_to, data_received, in_doubt], [0, 2, [[1, 2]]]);
  await store.letThrough();
  assertEquals(store.told.slice(1), [["message 1", "message 2"], ["ended"]]);
});

/** The last things that were said to a client. */
function lastWords({ peer }: IncomingConnection): string[] {
  return peer.heard.slice(1);
}

Deno.test("a polite shutdown confirms what is under way before it says TERMINATE", async () => {
  const { clock, only, server, status, store } = await stageHeld();
  await only.peer.say(data(1, 2));
  server.stop("shutdown");
  await clock.advance(999);
  assertEquals(lastWords(only), []);
  await store.letThrough();
  assertEquals(lastWords(only), ["999 CONFIRM 2", "999 TERMINATE shutdown"]);
  await only.peer.hangUp();
  store.held = false;
  await store.letThrough();
  assertEquals<unknown>(await cameTo(status, clock, 0), 0);
  assertEquals(clock.pending, 0);
});

Deno.test("a shutdown that cannot confirm all within a second closes without a word", async () => {
  const { clock, only, output, recorder, server, status, store } = await stageHeld();
  await only.peer.say(data(1, 2));
  server.stop("shutdown");
  await clock.advance(1_000);
  assertEquals([lastWords(only), only.peer.sawEnd], [[], true]);
  await only.peer.hangUp();
  await clock.advance(0);
  // What is under way is not cut off at once.
  assertEquals([store.closed, output.closed], [false, false]);
  store.held = false;
  await store.letThrough();
  assertEquals<unknown>(await cameTo(status, clock, 0), 0);
  assertEquals([lastWords(only), store.closed, output.closed], [[], true, true]);
  assertEquals(recorder.one("summary").in_doubt, [[1, 2]]);
});

for (const which of ["store", "output"] as const) {
  Deno.test(`a server whose ${which} never finishes is gone within 2 s of its stop`, async () => {
    const staged = await stage();
    const { clock, only, server, status } = staged;
    staged[which].held = true;
    await only.peer.say(data(1, 2));
    server.stop("shutdown");
    assertEquals<unknown>(await cameTo(status, clock, 2_000), 0);
    assertEquals([lastWords(only), clock.pending], [[], 0]);
  });

  Deno.test(`a server whose ${which} fails confirms nothing more, and ends with 1`, async () => {
    const staged = await stage();
    const { clock, hello, only, recorder, status } = staged;
    const settled = await hello("t", BACK);
    await settled.peer.say(data(1));
    const mute = await staged.connect();
    await clock.advance(10);
    staged[which].held = true;
    await only.peer.say(data(1, 2));
    await clock.advance(10);
    await staged[which].fail("the disk is full");
    assertEquals<unknown>(await cameTo(status, clock, 1_000), 1);
    assertEquals([lastWords(only), only.peer.sawEnd], [[], true]);
    // Who has all confirmed can be told so; who has said nothing yet, too.
    assertEquals(lastWords(settled), ["0 CONFIRM 1", `20 ${UNKEPT}`]);
    assertEquals(mute.peer.heard, ["20 TERMINATE shutdown"]);
    const errors = recorder.all("notice").filter(({ level }) => level === "error");
    assertEquals(errors.map(({ text }) => text), ["the disk is full"]);
    assertEquals(clock.pending, 0);
  });
}

Deno.test("a store that fails while a shutdown waits for it ends that wait", async () => {
  const { clock, only, server, status, store } = await stageHeld();
  await only.peer.say(data(1));
  server.stop("shutdown");
  await clock.advance(100);
  await store.fail("the disk is full");
  await clock.advance(0);
  assertEquals([lastWords(only), only.peer.sawEnd], [[], true]);
  assertEquals<unknown>(await cameTo(status, clock, 500), 1);
});

Deno.test("a client that sends more than may be unconfirmed is ended for it", async () => {
  const { clock, only, recorder } = await stageHeld();
  for (let first = 1; first <= 16_384; first += 1_024) {
    await only.peer.say(data(first, first + 1_023));
    await clock.advance(0);
  }
  assertEquals([recorder.all("data_received").length, recorder.all("terminated")], [16_384, []]);
  await only.peer.say(data(16_385));
  assertEquals(recorder.one("terminated").text, "more data messages than may be unconfirmed");
});
