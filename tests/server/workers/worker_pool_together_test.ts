/**
 * Limits and order that concern all workers together: the same as of a server without workers.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { OPEN_LIMIT_MS } from "../../../lib/session/timers.ts";
import { ORIGINAL_TEXT as TEXT } from "../../../lib/original/wire.ts";
import { BACK, data, heardAfter, refusalOf } from "../../support/callers.ts";
import { HeldOutput, HeldStore } from "../../support/held_delivery.ts";
import { stagePool } from "../../support/pool_stage.ts";
import { settle } from "../../support/virtual_clock.ts";

const LINE_END = Uint8Array.of(0x0a);

for (const workers of [1, 3]) {
  const of = workers === 1 ? "a server" : `a server of ${workers} workers`;

  Deno.test(`${of} confirms to a new session nothing of an ended one of the same id`, async () => {
    const output = new HeldOutput();
    const { clock, hello, network } = await stagePool(workers, { output });
    network.turn = 0;
    const ended = await hello("s");
    await ended.peer.say(data(1, 3) + "TERMINATE shutdown\n");
    await ended.peer.hangUp();
    await clock.advance(2_000);
    network.turn = 0;
    const fresh = await hello("s");
    await fresh.peer.say(data(1));
    await output.letThrough();
    assertEquals(heardAfter(fresh), []);
    await output.letThrough();
    assertEquals(heardAfter(fresh), ["CONFIRM 1"]);
  });

  Deno.test(`${of} that is full serves no original client`, async () => {
    const { clock, connect, hello } = await stagePool(workers, { maxSessions: 2 });
    for (const id of ["a", "b"]) await hello(id);
    const original = await connect();
    await original.peer.say(TEXT.data);
    await clock.advance(10);
    assertEquals(original.text, TEXT.terminate);
  });

  Deno.test(`${of} has no more original clients than it may, though all come at once`, async () => {
    const { clock, connect, connections } = await stagePool(workers, { maxSessions: 2 });
    for (let n = 0; n < 6; n++) await connect();
    for (const { path } of connections) path.client.write(new TextEncoder().encode(TEXT.data));
    await clock.advance(100);
    assertEquals(connections.filter(({ text }) => text === TEXT.terminate).length, 4);
  });

  Deno.test(`${of} counts the sessions of original clients with the others`, async () => {
    const { connect, hello } = await stagePool(workers, { maxSessions: 2 });
    for (let n = 0; n < 2; n++) await (await connect()).peer.say(TEXT.data);
    const text =
      "no room for session a: this server has as many sessions as it may have (max_sessions 2)";
    assertEquals(refusalOf(await hello("a")), text);
  });

  Deno.test(`${of} evicts the session that has been disconnected for longest`, async () => {
    const { clock, hello, recorder } = await stagePool(workers, { maxSessions: 3 });
    const callers = [];
    for (const id of ["a", "b", "c"]) callers.push(await hello(id, BACK));
    for (const { path } of callers.toReversed()) {
      path.reset();
      await clock.advance(1_000);
    }
    await hello("d");
    assertEquals(recorder.one("terminated").session, "c");
  });
}

for (const late_ms of [-1, 0, 1]) {
  Deno.test(`a HELLO that ends ${late_ms} ms after its limit opens a session once, or not at all`, async () => {
    const { clock, connect, connections, recorder } = await stagePool(3);
    for (let n = 0; n < 6; n++) await (await connect()).peer.say("HELLO 1 s {}");
    await clock.advance(OPEN_LIMIT_MS + late_ms - 1);
    for (const { path } of connections) clock.after(1, () => path.client.write(LINE_END));
    await clock.advance(OPEN_LIMIT_MS);
    assertEquals(recorder.all("connected").length, late_ms > 0 ? 0 : 1);
  });
}

Deno.test("a session is opened once, however many turns a HELLO comes after its limit", async () => {
  for (let turns = 0; turns < 12; turns++) {
    const { clock, connect, connections, recorder } = await stagePool(3);
    for (let n = 0; n < 3; n++) await (await connect()).peer.say("HELLO 1 s {}");
    const afterTurns = (left: number, act: () => void): void =>
      left === 0 ? act() : clock.afterInput(() => afterTurns(left - 1, act));
    for (const { path } of connections) {
      clock.at(OPEN_LIMIT_MS, () => afterTurns(turns, () => path.client.write(LINE_END)));
    }
    await clock.advance(OPEN_LIMIT_MS + 1_000);
    const opened = recorder.all("connected").length;
    assertEquals(Math.min(opened, 1), opened, `after ${turns} turns`);
  }
});

for (const workers of [1, 3]) {
  Deno.test(`after a stall ${workers} workers give callers their full time, and place them`, async () => {
    const { clock, connect, recorder } = await stagePool(workers);
    const callers = [];
    for (let n = 0; n < 3; n++) callers.push(await connect());
    clock.stall(OPEN_LIMIT_MS + 1_000);
    await clock.advance(OPEN_LIMIT_MS - 1);
    for (const { peer } of callers) await peer.say("HELLO 1 s {}\n");
    assertEquals(recorder.all("connected").length, 1);
    assertEquals(recorder.all("terminated").map(({ text }) => text), [
      "session s is already connected",
      "session s is already connected",
    ]);
  });
}

Deno.test("a HELLO of another version takes no place of a disconnected session", async () => {
  const { hello, connect, recorder } = await stagePool(3, { maxSessions: 1 });
  const { path } = await hello("away", BACK);
  path.reset();
  for (let n = 0; n < 3; n++) await (await connect()).peer.say(`HELLO 2 v${n} {}\n`);
  assertEquals(recorder.all("terminated").map(({ reason }) => reason), Array(3).fill("refused"));
  assertMatch((await hello("away", { reconnect: true, confirmed: 0 })).text, /^WELCOME /);
});

Deno.test("of more restored sessions than the limit, each new session evicts one", async () => {
  const store = new HeldStore({ held: false });
  const at = Date.UTC(2026, 10, 22);
  const sessions = Array.from({ length: 6 }, (_, n) => {
    return { id: `s${n}`, start: 0, received: 0, seen_at: at, lost_at: at };
  });
  const { hello, recorder } = await stagePool(3, {
    store: { sessions, commit: (entries) => store.commit(entries), close: () => store.close() },
    maxSessions: 3,
  });
  assertMatch((await hello("new")).text, /^WELCOME /);
  assertEquals(recorder.all("terminated").length, 1);
});

for (const workers of [1, 64]) {
  const of = workers === 1 ? "a server" : `a server of ${workers} workers`;

  Deno.test(`${of} lets a session have 5 MB under way`, async () => {
    const store = new HeldStore({ held: false });
    const staged = await stagePool(workers, { store, maxMessageBytes: 1_048_576 });
    const { clock, hello, recorder } = staged;
    const { peer } = await hello("s", BACK);
    store.held = true;
    for (let seq = 1; seq <= 5; seq++) {
      await peer.say(`DATA ${seq} 1048576\n`);
      for (let part = 0; part < 32; part++) {
        await peer.say("x".repeat(32_768));
        await clock.advance(0);
      }
      await peer.say("\n");
    }
    await clock.advance(10);
    assertEquals(recorder.all("data_received").length, 5);
    assertEquals(recorder.all("terminated"), []);
  });
}

Deno.test("a server of 2 workers takes new sessions at every worker while too much is undelivered", async () => {
  const output = new HeldOutput();
  const { hello, threads } = await stagePool(2, { output });
  const payload = new Uint8Array(67_108_864);
  for (let seq = 1; seq <= 5; seq++) {
    const message = { kind: "message", session: "s", at: 0, seq, payload };
    // Straight to the main thread, because a copy of so much is slow.
    const data = [{ kind: "deliver", recipient: 1, message }];
    threads[0]!.thread.onmessage!(new MessageEvent("message", { data }));
  }
  await settle();
  for (const id of ["a", "b"]) assertMatch((await hello(id)).text, /^WELCOME /);
  await output.letThrough();
  for (const id of ["c", "d"]) assertMatch((await hello(id)).text, /^WELCOME /);
});
