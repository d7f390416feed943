/**
 * For how long, and how many, sessions are kept: by this process, and by those before it on one store.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { ServerOptions } from "../../lib/server/options.ts";
import type { StoredSession } from "../../lib/store/store.ts";
import { BACK, data, heardAfter, refusalOf, welcomeOf } from "../support/callers.ts";
import { HeldStore } from "../support/held_delivery.ts";
import { stageRawServer } from "../support/raw_server.ts";
import { cameTo } from "../support/scripted_network.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { assertEventAfter } from "../support/instants.ts";

const NOW = Date.UTC(2026, 10, 22);

/** A server that keeps sessions for 10 s, and the session `s`, lost at 1,000 with 2 delivered. */
async function lost(more: Partial<ServerOptions> = {}) {
  const staged = stageRawServer({ sessionLifetime_ms: 10_000, ...more });
  const first = await staged.hello("s", BACK);
  await first.peer.say(data(1, 2));
  await staged.clock.advance(1_000);
  first.path.reset();
  await staged.clock.advance(0);
  return { ...staged, first };
}

Deno.test("a session is kept for session_lifetime, to the millisecond", async () => {
  const { clock, recorder } = await lost();
  await assertEventAfter({ clock, recorder }, 10_000, "terminated");
  const { at_ms: _, time: _time, event: _event, ...closeReport } = recorder.one("terminated");
  assertEquals(closeReport, {
    session: "s",
    by: "self",
    reason: "silent",
    text: "did not reconnect within session_lifetime 10 s",
    peer: "client:50000",
    detected_after_ms: 10_000,
    detected_since: "connection_lost",
    predicted_ms: 10_000,
    silent_ms: 11_000,
    idle_ms: null,
    age_ms: null,
  });
  assertEquals(recorder.story("phase", "terminated").map((line) => line.slice(0, 32)), [
    "0 phase connecting data 0",
    "1000 phase data connecting 1000",
    "11000 phase connecting terminate",
    "11000 terminated self silent did",
  ]);
  assertEquals([recorder.one("summary").in_doubt, clock.pending], [[], 0]);
});

Deno.test("a session comes back until the last millisecond of its lifetime, and not after", async () => {
  const inTime = await lost();
  await inTime.clock.advance(9_999);
  const back = await inTime.resume("s", { confirmed: 2, sent: 2 });
  assertEquals(welcomeOf(back)["received"], 2);
  await inTime.clock.advance(15_000);
  assertEquals(inTime.recorder.all("terminated"), []);
  const late = await lost();
  await late.clock.advance(10_000);
  const refused = await late.resume("s", { confirmed: 2, sent: 3 });
  const away =
    "it has ended, was away for longer than session_lifetime 10 s, the server has been restarted " +
    "without --store, or a load balancer has brought the client to another server";
  assertEquals(refusalOf(refused), `this server does not know session s: ${away}`);
});

Deno.test("a return that arrives in the very instant of the expiry is in time", async () => {
  const { clock, connect, recorder } = await lost();
  await clock.advance(9_000);
  const { peer } = await connect();
  clock.after(1_000, () => peer.say('HELLO 1 s {"reconnect":true,"confirmed":2,"sent":2}\n'));
  await clock.advance(1_000);
  assertEquals([recorder.all("terminated"), recorder.all("resumed").length], [[], 1]);
});

Deno.test("a server that did not run gives a session its full lifetime once more", async () => {
  const { clock, recorder, resume } = await lost();
  await clock.advance(1_000);
  clock.stall(60_000);
  await clock.advance(0);
  const back = await resume("s", { confirmed: 2, sent: 2 });
  assertEquals([recorder.all("terminated"), welcomeOf(back)["received"]], [[], 2]);
});

Deno.test("each lost session has its own lifetime, and each loss begins a new one", async () => {
  const { clock, hello, recorder, resume } = await lost();
  const other = await hello("t", BACK);
  await clock.advance(4_000);
  other.path.reset();
  await clock.advance(5_000);
  const back = await resume("s", { confirmed: 2, sent: 2 });
  await clock.advance(500);
  back.path.reset();
  await clock.advance(20_000);
  const ended = recorder.all("terminated").map(({ at_ms, session }) => [session, at_ms]);
  assertEquals(ended, [["t", 15_000], ["s", 20_500]]);
});

Deno.test("a session whose client does not come back ends with its connection", async () => {
  const { clock, hello, recorder, resume } = stageRawServer();
  const first = await hello("s");
  await first.peer.say(data(1));
  await first.peer.hangUp();
  await clock.advance(0);
  assertEquals([recorder.one("terminated").reason, recorder.all("disconnected")], ["closed", []]);
  refusalOf(await resume("s", { confirmed: 1, sent: 2 }));
});

for (const word of ["done", "shutdown", "protocol bad"] as const) {
  Deno.test(`a session whose client says TERMINATE ${word} is not kept`, async () => {
    const { clock, hello, recorder } = stageRawServer();
    const first = await hello("s", BACK);
    await first.peer.say(`TERMINATE ${word}\n`);
    await clock.advance(0);
    assertEquals([recorder.all("terminated").length, recorder.all("disconnected")], [1, []]);
  });
}

Deno.test("a session whose client declares the server dead, or dies, is kept", async () => {
  const { clock, hello, recorder, resume } = stageRawServer();
  const first = await hello("s", BACK);
  await first.peer.say("TERMINATE silent\n");
  await clock.advance(1_000);
  const second = await resume("s");
  second.path.silence("to_client", "to_server");
  await clock.advance(61_000);
  const told = recorder.all("disconnected").map(({ by, reason }) => [by, reason]);
  assertEquals([told, recorder.all("terminated")], [[["peer", "silent"], ["self", "silent"]], []]);
  assertEquals(welcomeOf(await resume("s"))["received"], 0);
});

Deno.test("max_sessions counts those that are lost, refuses one more, and recovers", async () => {
  const { clock, hello, resume } = await lost({ maxSessions: 2 });
  const second = await hello("t");
  const full = (id: string) =>
    `no room for session ${id}: this server has as many sessions as it may have (max_sessions 2)`;
  assertEquals(refusalOf(await hello("u", BACK)), full("u"));
  // Who comes back is no new session.
  const back = await resume("s", { confirmed: 2, sent: 2 });
  assertEquals(welcomeOf(back)["received"], 2);
  await second.peer.say("TERMINATE done\n");
  await clock.advance(10);
  welcomeOf(await hello("u", BACK));
  assertEquals(refusalOf(await hello("v")), full("v"));
  back.path.reset();
  await clock.advance(10_000);
  welcomeOf(await hello("v"));
});

Deno.test("a server that stops ends the sessions that it keeps", async () => {
  const store = new HeldStore({ held: false });
  const { clock, recorder, server, status } = await lost({ store });
  server.stop("shutdown");
  assertEquals<unknown>(await cameTo(status, clock, 500), 0);
  const { by, peer, reason, session } = recorder.one("terminated");
  assertEquals([session, by, reason, peer], ["s", "self", "shutdown", "client:50000"]);
  assertEquals([recorder.all("summary").length, clock.pending], [1, 0]);
  // To the store it is lost, not ended: the next server takes it up.
  assertEquals(store.told.flat().includes("ended"), false);
});

const lostAt = (at: number) => ({ seen_at: at, lost_at: at });

/** A server on a store with these sessions, that keeps them for 10 s. */
function restored(...stored: StoredSession[]) {
  const clock = new VirtualClock();
  clock.stall(20_000);
  const store = new HeldStore({ held: false, sessions: stored });
  return { store, ...stageRawServer({ sessionLifetime_ms: 10_000, store }, clock) };
}

Deno.test("a session of an earlier process is resumed from the store", async () => {
  const session = { id: "s", received: 7, seen_at: NOW + 15_000 };
  const { clock, recorder, resume, store } = restored(session);
  const back = await resume("s", { confirmed: 5, sent: 9 });
  assertEquals(welcomeOf(back)["received"], 7);
  await back.peer.say(data(8, 9) + "TERMINATE done\n");
  await clock.advance(0);
  const { already_there, gap_ms, resent } = recorder.one("resumed");
  assertEquals([already_there, gap_ms, resent], [2, 5_000, 2]);
  assertEquals(store.told.flat(), ["resumed", "message 8", "message 9", "ended"]);
  assertEquals(heardAfter(back), ["CONFIRM 9"]);
  const { confirmed_up_to, connections, in_doubt } = recorder.one("summary");
  assertEquals([confirmed_up_to, connections, in_doubt], [9, 1, []]);
});

Deno.test("the summary of a restored session counts what this process received, messages and bytes", async () => {
  const session = { id: "s", received: 7, ...lostAt(NOW + 15_000) };
  const { clock, recorder, resume } = restored(session);
  const back = await resume("s", { confirmed: 7, sent: 8 });
  await back.peer.say(data(8) + "TERMINATE done\n");
  await clock.advance(0);
  const { confirmed_up_to, data_bytes, data_confirmed, data_received, in_doubt } = recorder
    .one("summary");
  assertEquals({ confirmed_up_to, data_bytes, data_confirmed, data_received, in_doubt }, {
    confirmed_up_to: 8,
    data_bytes: 1,
    data_confirmed: 1,
    data_received: 1,
    in_doubt: [],
  });
});

Deno.test("sessions of an earlier process expire by when they were lost, and say so", async () => {
  const sessions = [
    { id: "late", received: 1, ...lostAt(NOW + 19_000) },
    { id: "early", received: 2, ...lostAt(NOW + 12_500) },
    { id: "expired", received: 3, ...lostAt(NOW + 9_000) },
    { id: "future", received: 4, ...lostAt(NOW + 99_000) },
  ];
  const { clock, recorder, resume, store } = restored(...sessions);
  assertEquals(recorder.all("terminated").map(({ session }) => session), ["expired"]);
  await clock.advance(60_000);
  const ended = recorder.all("terminated").map(({ at_ms, session }) => [session, at_ms]);
  const expected = [["expired", 20_000], ["early", 22_500], ["late", 29_000], ["future", 30_000]];
  assertEquals(ended, expected);
  const { by, detected_since, predicted_ms, reason } = recorder.all("terminated")[2]!;
  assertEquals([by, reason], ["self", "silent"]);
  assertEquals([detected_since, predicted_ms], ["connection_lost", 10_000]);
  assertEquals(store.told.flat(), Array(4).fill("ended"));
  refusalOf(await resume("early", { confirmed: 2, sent: 3 }));
});

Deno.test("a session whose server was killed is kept from the next one's start", async () => {
  const { clock, recorder } = restored({ id: "s", received: 3, seen_at: NOW + 1_000 });
  await assertEventAfter({ clock, recorder }, 10_000, "30000 terminated");
});

Deno.test("a server that stops leaves in the store what never came to it", async () => {
  const session = { id: "s", received: 1, seen_at: NOW + 19_000 };
  const { clock, recorder, server, status, store } = restored(session);
  server.stop("shutdown");
  assertEquals<unknown>(await cameTo(status, clock, 500), 0);
  assertEquals([recorder.all("terminated"), store.told, clock.pending], [[], [], 0]);
});

Deno.test("a session that expired with messages delivered does not begin anew", async () => {
  const store = new HeldStore({ held: false });
  const { clock, resume } = await lost({ store });
  await clock.advance(10_000);
  // No confirmation ever reached this client: what it sends again is in the store already.
  const refused = await resume("s", { confirmed: 0, sent: 2 });
  assertStringIncludes(refusalOf(refused), "this server does not know session s");
});

Deno.test("a full server gives up a lost session that has sent nothing for a new one", async () => {
  const { clock, hello, recorder } = stageRawServer({ maxSessions: 2, sessionLifetime_ms: 10_000 });
  const busy = await hello("busy", BACK);
  await busy.peer.say(data(1));
  const empty = await hello("empty", BACK);
  for (const { path } of [busy, empty]) path.reset();
  await clock.advance(100);
  welcomeOf(await hello("new"));
  const { session, text } = recorder.one("terminated");
  const why = "made room for a new session: it had sent no data (max_sessions)";
  assertEquals([session, text], ["empty", why]);
  // What has sent something is kept, and the next one refused.
  refusalOf(await hello("late"));
  assertEquals(recorder.all("terminated").length, 1);
  assertEquals(recorder.one("strangers").limits, { max_sessions: 1 });
});
