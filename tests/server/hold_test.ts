/**
 * What holds up confirmations is named within 2 s, at the server and at a client that understands it.
 *
 * @module
 */
import { assertEquals, assertLess } from "@std/assert";
import { coordinatorOf } from "../support/coordinator.ts";
import { BACK, data, heardAfter } from "../support/callers.ts";
import { HeldOutput, HeldStore } from "../support/held_delivery.ts";
import { stagePool } from "../support/pool_stage.ts";
import { stageRawServer } from "../support/raw_server.ts";
import { stageClient, stageServer } from "../support/stage.ts";

const KNOWING = { ...BACK, knows: ["hold"] };

/** A server with a store and an output, and the open session `s`, whose client knows `HOLD` or not. */
async function stage(greeting = KNOWING) {
  const [store, output] = [new HeldStore({ held: false }), new HeldOutput({ held: false })];
  const staged = stageRawServer({ store, output });
  const only = await staged.hello("s", greeting);
  return { ...staged, store, output, only };
}

for (const what of ["store", "output"] as const) {
  Deno.test(`a server whose ${what} stands still says so within 2 s, and no more once it goes on`, async () => {
    const staged = await stage();
    const { clock, only, recorder } = staged;
    staged[what].held = true;
    await clock.advance(700);
    await only.peer.say(data(1));
    await clock.advance(2_000);
    assertEquals(recorder.all("hold").map(({ reason, session }) => [reason, session]), [[
      what,
      "s",
    ]]);
    assertLess(recorder.one("hold").at_ms, 2_700);
    assertEquals(heardAfter(only), [`HOLD ${what}`]);
    await only.peer.say(data(2));
    await clock.advance(10_000);
    // Besides, a sign of life after a quarter of the smallest threshold.
    assertEquals(heardAfter(only), [`HOLD ${what}`, "HEARTBEAT 1"]);
    staged[what].held = false;
    await staged[what].letThrough();
    assertEquals(heardAfter(only).at(-1), "CONFIRM 2");
    // From then on there is nothing to say: not of what comes next, nor of a silence.
    await only.peer.say(data(3));
    await clock.advance(20_000);
    assertEquals(heardAfter(only).slice(-2), ["CONFIRM 3", "HEARTBEAT 2"]);
    assertEquals(recorder.all("phase").at(-1)?.held, undefined);
    assertEquals(recorder.all("hold").length, 1);
  });
}

Deno.test("a store and an output that are slow, but go on, hold up nobody", async () => {
  const { clock, only, recorder, store } = await stage();
  store.held = true;
  for (let seq = 1; seq <= 20; seq++) {
    await only.peer.say(data(seq));
    await clock.advance(900);
    await store.letThrough();
  }
  assertEquals(recorder.all("hold"), []);
});

Deno.test("a client that does not know HOLD gets none; the server knows of it all the same", async () => {
  const { clock, only, recorder, store } = await stage(BACK as typeof KNOWING);
  store.held = true;
  await only.peer.say(data(1));
  await clock.advance(19_000);
  assertEquals(heardAfter(only).filter((line) => line.startsWith("HOLD")), []);
  assertEquals(recorder.one("hold").reason, "store");
});

Deno.test("a client that comes back while its messages wait is told at once what for", async () => {
  const { clock, hello, only, output, recorder } = await stage();
  output.held = true;
  await only.peer.say(data(1));
  await clock.advance(5_000);
  only.path.reset();
  await clock.advance(0);
  assertEquals(recorder.one("disconnected").held, "output");
  const again = await hello("s", { ...KNOWING, confirmed: 0, sent: 1 });
  assertEquals(heardAfter(again), ["HOLD output"]);
});

Deno.test("the phase and the end of a session say what its confirmations wait for", async () => {
  const { clock, only, recorder, store } = await stage({ ...KNOWING, reconnect: false });
  store.held = true;
  await only.peer.say(data(1));
  await clock.advance(25_000);
  assertEquals(recorder.story("phase").at(-1), "20000 phase data heartbeat 20000 store");
  await only.peer.hangUp();
  await clock.advance(2_000);
  assertEquals(recorder.one("terminated").held, "store");
  assertEquals([recorder.one("summary").held, recorder.one("summary").in_doubt], ["store", [[
    1,
    1,
  ]]]);
});

Deno.test("a session that is not read for want of room says so within 2 s, until it is read again", async () => {
  const room = Promise.withResolvers<void>();
  const delivery = {
    isDurable: false,
    share: 0,
    hasFailed: false,
    message: () => {},
    note: () => {},
    keep: () => Promise.resolve(),
    flushed: () => Promise.resolve(),
    room: () => room.promise,
  };
  const coordinator = coordinatorOf(delivery);
  const { clock, hello, recorder } = stageRawServer({ coordinator });
  const only = await hello("s", KNOWING);
  await only.peer.say(data(1));
  await clock.advance(1_999);
  assertEquals(recorder.story("hold"), ["1000 hold room"]);
  assertEquals(heardAfter(only).filter((line) => line.startsWith("HOLD")), ["HOLD room"]);
  delivery.share = Infinity;
  room.resolve();
  await clock.advance(30_000);
  assertEquals(recorder.all("phase").at(-1)?.to, "heartbeat");
  assertEquals(recorder.all("phase").at(-1)?.held, undefined);
});

Deno.test("a session that is not read for want of room is read soon enough to say nothing", async () => {
  const output = new HeldOutput();
  // Room for one message: the session that sends the second one is over its share at once.
  const staged = stageRawServer({ output, maxPendingBytes: 300 });
  const only = await staged.hello("s", KNOWING);
  await only.peer.say(data(1, 2));
  await staged.clock.advance(900);
  output.held = false;
  await output.letThrough();
  await staged.clock.advance(10_000);
  assertEquals(staged.recorder.all("hold"), []);
});

Deno.test("sessions of every worker are told what they wait for", async () => {
  const [store, output] = [new HeldStore({ held: false }), new HeldOutput({ held: false })];
  const { clock, hello, recorder } = await stagePool(3, { store, output });
  const clients = [];
  for (const id of ["a", "b", "c", "d"]) clients.push(await hello(id, KNOWING));
  output.held = true;
  for (const { peer } of clients) await peer.say(data(1));
  await clock.advance(2_000);
  for (const client of clients) assertEquals(heardAfter(client), ["HOLD output"]);
  assertEquals(recorder.all("hold").map(({ session }) => session).sort(), ["a", "b", "c", "d"]);
});

Deno.test("a client says what its server says, until the next confirmation", async () => {
  const { clock, peer, recorder } = await stageClient();
  assertEquals(JSON.parse(peer.heard[0]!.split(" ").slice(4).join(" ")).knows, [
    "hold",
    "account",
    "full",
    "token",
  ]);
  await clock.advance(1_200);
  await peer.say("HOLD output\n");
  assertEquals(recorder.story("hold"), ["1200 hold output"]);
  await peer.say("HOLD output\nHOLD store\n");
  assertEquals(recorder.story("hold").slice(1), ["1200 hold store"]);
  await clock.advance(20_000);
  assertEquals(recorder.story("phase").at(-1), "20000 phase data heartbeat 20000 store");
  await peer.say("CONFIRM 1\n");
  assertEquals(recorder.story("phase").at(-1), "21200 phase heartbeat data 21200 store");
  await clock.advance(20_000);
  assertEquals(recorder.all("phase").at(-1)?.held, undefined);
  assertEquals(recorder.all("phase").at(-1)?.to, "heartbeat");
});

Deno.test("a client that ends during a hold says what for in its end and its summary", async () => {
  const { clock, peer, recorder } = await stageClient();
  await peer.say("HOLD room\n");
  await peer.hangUp();
  await clock.advance(1_000);
  assertEquals([recorder.one("terminated").held, recorder.one("summary").held], ["room", "room"]);
});

Deno.test("HOLD from a client is a protocol error", async () => {
  const { clock, ended, peer } = await stageServer();
  await peer.say("HOLD store\n");
  await clock.advance(1_000);
  assertEquals((await ended).reason, "protocol");
});
