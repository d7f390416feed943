/**
 * The server's side of a resume, frame by frame: whom it takes back, and what it takes from them.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { BACK, data, heardAfter, refusalOf, type Resuming, welcomeOf } from "../support/callers.ts";
import { HeldStore } from "../support/held_delivery.ts";
import { stageRawServer } from "../support/raw_server.ts";

type Staged = ReturnType<typeof stageRawServer>;

/** A server that has lost the connection of session `s`, with so many data messages delivered. */
async function lost(delivered: number, more: Parameters<typeof stageRawServer>[0] = {}) {
  const staged = stageRawServer(more);
  const first = await staged.hello("s", BACK);
  if (delivered > 0) await first.peer.say(data(1, delivered));
  await staged.clock.advance(1_000);
  first.path.reset();
  await staged.clock.advance(500);
  return { ...staged, first };
}

/** How the server's sessions have ended. */
function endings({ recorder }: Staged): string[] {
  return recorder.all("terminated").map(({ session, by, reason, text }) =>
    `${session} ${by} ${reason} ${text}`
  );
}

Deno.test("WELCOME to a new session says that nothing was received, and how long it is kept", async () => {
  const { hello } = stageRawServer({ sessionLifetime_ms: 90_000 });
  const back = welcomeOf(await hello("a", BACK));
  assertEquals([back["received"], back["session_lifetime"]], [0, 90]);
  const gone = welcomeOf(await hello("b"));
  assertEquals([gone["received"], gone["session_lifetime"]], [0, undefined]);
});

Deno.test("a session that comes back is resumed: events, WELCOME and what follows", async () => {
  const staged = await lost(2);
  const { clock, recorder, resume } = staged;
  const second = await resume("s", { confirmed: 1, sent: 4 });
  assertEquals(welcomeOf(second)["received"], 2);
  await second.peer.say(data(3, 5));
  assertEquals(heardAfter(second), ["CONFIRM 5"]);
  await second.peer.say("TERMINATE done\n");
  await clock.advance(0);
  const { already_there, gap_ms, resent } = recorder.one("resumed");
  assertEquals({ already_there, gap_ms, resent }, { already_there: 1, gap_ms: 1_500, resent: 2 });
  assertEquals(recorder.story("connected", "phase", "data_received", "disconnected"), [
    "0 connected client:50000 60",
    "0 phase connecting data 0",
    "0 data_received 1 1",
    "0 data_received 2 1",
    "1000 phase data connecting 1000",
    "1000 disconnected network reset reset client:50000 1000 last_sign_of_life 60000 1000 reset",
    "1500 connected client:50000 60",
    "1500 phase connecting data 0",
    "1500 data_received 3 1",
    "1500 data_received 4 1",
    "1500 data_received 5 1",
    "1500 phase data terminated 0",
  ]);
  assertEquals(endings(staged), ["s peer done "]);
  const { by_connection, data_confirmed, data_received, data_resent } = recorder.one("summary");
  assertEquals([data_received, data_confirmed, data_resent], [5, 5, 2]);
  assertEquals(by_connection, [
    { sent: 0, received: 2, confirmed: 2, resent: 0, in_doubt: 0, age_ms: 1_000, idle_ms: 1_000 },
    { sent: 0, received: 3, confirmed: 3, resent: 2, in_doubt: 0, age_ms: 0, idle_ms: 0 },
  ]);
});

const BACK_UNCONFIRMED = { ...BACK, confirmed: 0, sent: 1 };

/** What a client says of a session that the server does not know, and what comes of it. */
const UNKNOWN: [what: string, said: Resuming, received: number | undefined, durable?: true][] = [
  ["is new", {}, 0],
  ["is new and will come back", BACK, 0],
  ["was open, with nothing confirmed", { ...BACK, confirmed: 0, sent: 1 }, undefined],
  ["was open", { ...BACK, confirmed: 7, sent: 9 }, undefined],
  ["was open and settled", { ...BACK, confirmed: 7, sent: 9, settled: true }, 7],
  ["was open, with nothing unconfirmed", { ...BACK, confirmed: 7, sent: 7 }, 7],
  ["was open, and sent nothing", { ...BACK, confirmed: 0, sent: 0 }, 0],
  ["was open, with nothing unconfirmed, to a store", { ...BACK, confirmed: 7, sent: 7 }, 7, true],
  ["was open, with one unconfirmed", { ...BACK, confirmed: 7, sent: 8 }, undefined],
  ["was open and settled at 0", { ...BACK, confirmed: 0, sent: 2, settled: true }, 0],
  // It had been welcomed, and so stored: it has been forgotten since, with what it had sent.
  ["was open, with nothing confirmed, to a store", BACK_UNCONFIRMED, undefined, true],
  ["was open, to a store", { ...BACK, confirmed: 7, sent: 9 }, undefined, true],
];

for (const [what, said, received, durable] of UNKNOWN) {
  const outcome = received === undefined ? "refuses" : `begins at ${received}`;
  Deno.test(`the server ${outcome} a session unknown to it that ${what}`, async () => {
    const store = durable && new HeldStore({ held: false });
    const { clock, hello, recorder } = stageRawServer({ store });
    const connection = await hello("s", said);
    if (received === undefined) {
      assertStringIncludes(refusalOf(connection), "this server does not know session s: ");
      assertStringIncludes(refusalOf(connection), "session_lifetime 3600 s");
      assertStringIncludes(refusalOf(connection), "without --store");
      assertEquals([recorder.one("terminated").session, store?.calls ?? []], [null, []]);
      return;
    }
    assertEquals(welcomeOf(connection)["received"], received);
    const next = received + 1;
    await connection.peer.say(data(next, next + 1));
    await clock.advance(0);
    assertEquals(heardAfter(connection).at(-1), `CONFIRM ${next + 1}`);
    assertEquals(recorder.all("resumed").length, said.confirmed === undefined ? 0 : 1);
  });
}

/** What a client says of a session that the server keeps, with 3 delivered, and what comes of it. */
const KEPT: [what: string, said: Resuming, why?: string][] = [
  ["has heard all confirmed", { ...BACK, confirmed: 3, sent: 3 }],
  ["has heard nothing confirmed", { ...BACK, confirmed: 0, sent: 5 }],
  ["says that it is settled", { ...BACK, confirmed: 2, sent: 5, settled: true }],
  ["will not come back again", { confirmed: 3 }, "session s is already connected"],
  ["says nothing of itself", {}, "session s is already connected"],
  ["begins anew", BACK, "session s has begun already, and this HELLO does not resume it"],
  [
    "has heard more confirmed than was delivered",
    { ...BACK, confirmed: 4, sent: 9 },
    "this server has session s up to data message 3 only; for the client, 4 is confirmed",
  ],
];

for (const [what, said, why] of KEPT) {
  for (const isConnected of [false, true]) {
    const state = isConnected ? "half-dead" : "kept";
    Deno.test(`the server ${why ? "refuses" : "resumes"} a ${state} session whose client ${what}`, async () => {
      const staged = isConnected ? await halfDead(3) : await lost(3);
      const second = await staged.hello("s", said);
      const { first } = staged;
      if (!why) {
        assertEquals([welcomeOf(second)["received"], first.path.server.closed], [3, true]);
        assertEquals(staged.recorder.one("resumed").already_there, 3 - said.confirmed!);
        return;
      }
      const record = "session s is held until its client reconnects";
      const isOther = why === "session s is already connected" && !isConnected;
      assertEquals(refusalOf(second), isOther ? record : why);
      // Whoever is refused does no harm to the session.
      assertEquals([first.path.server.closed, staged.recorder.all("resumed")], [!isConnected, []]);
      await staged.clock.advance(1_000);
      assertEquals(welcomeOf(await staged.resume("s", { confirmed: 3 }))["received"], 3);
    });
  }
}

/** A server whose client's host is gone, with so many data messages delivered. */
async function halfDead(delivered: number, more: Parameters<typeof stageRawServer>[0] = {}) {
  const staged = stageRawServer(more);
  const first = await staged.hello("s", BACK);
  await first.peer.say(data(1, delivered));
  await staged.clock.advance(1_500);
  return { ...staged, first };
}

Deno.test("a session begins anew for a client that never heard its WELCOME", async () => {
  const staged = await lost(0);
  const second = await staged.hello("s", BACK);
  assertEquals(welcomeOf(second)["received"], 0);
  await second.peer.say(data(1));
  assertEquals(heardAfter(second), ["CONFIRM 1"]);
  assertEquals(staged.recorder.all("resumed"), []);
});

Deno.test("the half-dead connection of a session is closed without a word", async () => {
  const { clock, first, recorder, resume } = await halfDead(2);
  const second = await resume("s", { confirmed: 2, sent: 2 });
  await clock.advance(1_000);
  assertEquals([heardAfter(first), first.path.server.closed], [["CONFIRM 2"], true]);
  // What is still said on it is not heard.
  await first.peer.say(data(3));
  await second.peer.say(data(3));
  assertEquals([heardAfter(first), heardAfter(second)], [["CONFIRM 2"], ["CONFIRM 3"]]);
  assertEquals(recorder.all("data_received").map(({ seq }) => seq), [1, 2, 3]);
  const { at_ms, by, reason, text } = recorder.one("disconnected");
  assertEquals([at_ms, by, reason, text], [1_500, "peer", "superseded", ""]);
  assertEquals([recorder.one("resumed").gap_ms, recorder.all("terminated")], [1_500, []]);
});

Deno.test("a HELLO that its client has given up takes no session from the newer connection", async () => {
  const { connect, recorder, resume } = await halfDead(2);
  const newer = await resume("s", { confirmed: 2, sent: 2 });
  const older = await connect();
  const hello = 'HELLO 1 s {"reconnect":true,"confirmed":2,"sent":2}\n';
  await older.peer.say(`${hello}TERMINATE silent no WELCOME within 5 s\n`);
  assertEquals([older.peer.heard, older.path.server.closed], [[], true]);
  await newer.peer.say(data(3));
  assertEquals(heardAfter(newer), ["CONFIRM 3"]);
  assertEquals([recorder.all("resumed").length, recorder.all("disconnected").length], [1, 1]);
  // Whatever else follows a HELLO at once belongs to the session that it takes over.
  const newest = await connect();
  await newest.peer.say(`${hello.replaceAll(":2", ":3")}${data(4)}`);
  assertEquals(heardAfter(newest), ["CONFIRM 4"]);
});

Deno.test("a session whose connection is just being closed is resumed at once", async () => {
  const { clock, hello, recorder, resume } = stageRawServer();
  const first = await hello("s", BACK);
  await first.peer.say(data(1));
  // The server says goodbye for up to 20 ms when the peer does not read.
  first.path.server.write = () => new Promise(() => {});
  first.path.silence("to_client", "to_server");
  await clock.advance(60_000 + 5);
  assertEquals([recorder.one("disconnected").at_ms, first.path.server.closed], [60_000, false]);
  const second = await resume("s", { confirmed: 1, sent: 2 });
  await second.peer.say(data(2));
  await clock.advance(1_000);
  assertEquals(heardAfter(second), ["CONFIRM 2"]);
  assertEquals([recorder.all("disconnected").length, recorder.all("terminated")], [1, []]);
});

Deno.test("a session that has ended is not resumed while its last words are said", async () => {
  const { clock, hello, recorder, resume } = stageRawServer();
  const first = await hello("s", BACK);
  await first.peer.say("nonsense\n");
  assertEquals(recorder.one("terminated").reason, "protocol");
  const second = await resume("s", { confirmed: 0, sent: 1 });
  refusalOf(second);
  await clock.advance(1_000);
  assertEquals(recorder.all("connected").length, 1);
  assertEquals(recorder.all("summary").length, 1);
});

Deno.test("with session_lifetime 0 a session ends with its connection, and none is taken over", async () => {
  const { clock, first, recorder, resume } = await halfDead(1, { sessionLifetime_ms: 0 });
  const second = await resume("s", { confirmed: 1, sent: 1 });
  refusalOf(second);
  await first.peer.hangUp();
  await clock.advance(1_000);
  // The one who was refused, and the session itself, which is told of once.
  assertEquals(recorder.all("terminated").map(({ session }) => session), [null, "s"]);
  assertEquals([recorder.all("connected").length, recorder.all("disconnected")], [1, []]);
});

Deno.test("a client that says less than it has sent is not owed less than nothing", async () => {
  const { hello, recorder } = await lost(3);
  await hello("s", { ...BACK, confirmed: 1, sent: 1 });
  const { already_there, resent } = recorder.one("resumed");
  assertEquals({ already_there, resent }, { already_there: 2, resent: 0 });
});

Deno.test("a connection on which nothing could be written takes back no confirmation", async () => {
  const { clock, connect, recorder, server } = await lost(2);
  const second = await connect();
  second.path.server.write = () => new Promise(() => {});
  await second.peer.say('HELLO 1 s {"reconnect":true,"confirmed":0,"sent":2}\n');
  second.path.reset();
  await clock.advance(100);
  server.stop("shutdown");
  await clock.advance(2_000);
  const { confirmed_up_to, connections, in_doubt } = recorder.one("summary");
  assertEquals([confirmed_up_to, connections, in_doubt], [2, 2, []]);
});
