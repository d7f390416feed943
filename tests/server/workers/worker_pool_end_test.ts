/**
 * How a server of several workers ends: by `stop`, a delivery that fails, or a thread that fails.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { BACK, data, heardAfter } from "../../support/callers.ts";
import { HeldOutput, HeldStore } from "../../support/held_delivery.ts";
import { type PoolStage, stagePool } from "../../support/pool_stage.ts";
import { cameTo } from "../../support/scripted_network.ts";

const WORKERS = 3;
/** Opens sessions, one at each worker. */
function openAll({ hello }: Pick<PoolStage, "hello">) {
  return Promise.all(["a", "b", "c"].map((id) => hello(id, BACK)));
}

/** The notices, as `level text`. */
function notices({ recorder }: PoolStage): string[] {
  return recorder.all("notice").map(({ level, text }) => `${level} ${text}`);
}

/** Checks that nothing is left of a server that has ended. */
function assertNothingLeft({ clock, network, recorder, server, threads }: PoolStage): void {
  assertEquals([clock.pending, network.listening], [0, 0]);
  assert(network.paths.every((path) => path.server.closed), "a connection is open");
  assertEquals(threads.map(({ isEnded }) => isEnded), [true, true, true]);
  const told = recorder.events.length;
  server.stop("shutdown");
  assertEquals(recorder.events.length, told);
}

Deno.test("WorkerPool.stop() terminates every session, with one final notice for all", async () => {
  const [store, output] = [new HeldStore({ held: false }), new HeldOutput({ held: false })];
  const stage = await stagePool(WORKERS, { store, output });
  const { clock, connect, hello, network, recorder, resume, server, status } = stage;
  const callers = await openAll(stage);
  for (const { peer } of callers) await peer.say(data(1, 2));
  callers[0]!.path.reset();
  await clock.advance(1_000);
  network.turn = 1;
  const lent = await resume("a", { confirmed: 2, sent: 2 });
  // One more that was lost, one that is disconnected, and one that has sent nothing yet.
  const lost = await hello("d");
  lost.path.reset();
  (await hello("e", BACK)).path.reset();
  const mute = await connect();
  await clock.advance(1_000);
  const before = store.calls.flat().length;
  server.stop("shutdown");
  await clock.advance(0);
  for (const { path, peer } of [lent, mute, ...callers.slice(1)]) {
    assertEquals(peer.heard.at(-1), "2000 TERMINATE shutdown");
    path.client.close();
  }
  assertEquals<unknown>(await cameTo(status, clock, 0), 0);
  const ends = recorder.all("summary").map(({ session }) => session).toSorted();
  assertEquals(ends, ["a", "b", "c", "d", "e"]);
  assertEquals(notices(stage), [
    "warning stopped; sessions served: 5, of them lost: 1, disconnected and not resumed: 1",
  ]);
  assertEquals(recorder.events.at(-1)!.event, "notice");
  assertEquals([store.closed, output.closed], [true, true]);
  const stored = store.calls.flat().slice(before).map(({ kind, session }) => `${kind} ${session}`);
  assertEquals(stored.toSorted(), ["lost a", "lost b", "lost c", "lost e"]);
  assertNothingLeft(stage);
});

Deno.test("WorkerPool.stop() confirms what is under way before TERMINATE, and then closes", async () => {
  const [store, output] = [new HeldStore({ held: false }), new HeldOutput({ held: false })];
  const stage = await stagePool(WORKERS, { store, output });
  const { clock, server, status } = stage;
  const callers = await openAll(stage);
  store.held = true;
  for (const { peer } of callers) await peer.say(data(1, 2));
  server.stop("shutdown");
  await clock.advance(900);
  assertEquals(callers.map((each) => heardAfter(each)), [[], [], []]);
  store.held = false;
  await store.letThrough();
  for (const caller of callers) {
    assertEquals(heardAfter(caller), ["CONFIRM 2", "TERMINATE shutdown"]);
    assertEquals([store.closed, output.closed], [false, false]);
    caller.path.client.close();
    await clock.advance(10);
  }
  assertEquals<unknown>(await cameTo(status, clock, 0), 0);
  assertEquals([store.closed, output.closed], [true, true]);
  assertEquals(output.texts.flat(), Array(6).fill("x"));
  assertNothingLeft(stage);
});

Deno.test("WorkerPool.run() resolves within 2 s of stop(), though its clients and store never finish", async () => {
  const store = new HeldStore({ held: false });
  const { clock, server, status, threads, ...stage } = await stagePool(WORKERS, { store });
  const callers = await openAll(stage);
  store.held = true;
  await callers[0]!.peer.say(data(1));
  server.stop("shutdown");
  await clock.advance(1_000);
  // A second call does not restart the limit.
  server.stop("shutdown");
  assertEquals<unknown>(await cameTo(status, clock, 999), 0);
  assertEquals(clock.pending, 0);
  assertEquals(threads.map(({ isEnded }) => isEnded), [true, true, true]);
});

Deno.test("WorkerPool.run() resolves within 2 s of a failure, though its output never closes", async () => {
  const store = new HeldStore({ held: false });
  const output = new HeldOutput();
  output.close = () => new Promise(() => {});
  const stage = await stagePool(WORKERS, { store, output });
  const callers = await openAll(stage);
  store.held = true;
  await callers[0]!.peer.say(data(1));
  await store.fail("the disk is full");
  assertEquals<unknown>(await cameTo(stage.status, stage.clock, 1_999), 1);
  assertEquals(stage.clock.pending, 0);
});

Deno.test("whoever connects during the stop gets TERMINATE shutdown, from every worker", async () => {
  for (let turn = 0; turn < WORKERS; turn++) {
    const stage = await stagePool(WORKERS);
    const { clock, connect, lent, network, recorder, server, status } = stage;
    await openAll(stage);
    network.turn = turn;
    const [back, fresh] = [await connect(), await connect()];
    back.peer.say('HELLO 1 a {"reconnect":true,"confirmed":0}\n');
    fresh.peer.say("HELLO 1 new {}\n");
    server.stop("shutdown");
    assertEquals<unknown>(await cameTo(status, clock, 2_000), 0);
    for (const { peer } of [back, fresh]) {
      assertEquals(peer.heard.at(-1)?.slice(0, 20), "0 TERMINATE shutdown");
    }
    assertEquals(recorder.all("terminated").filter(({ reason }) => reason !== "shutdown"), []);
    assertEquals(lent(), 0);
    assertNothingLeft(stage);
  }
});

for (const which of ["store", "output"] as const) {
  Deno.test(`WorkerPool whose ${which} fails reports it once, ends all sessions, and exits with 1`, async () => {
    const [store, output] = [new HeldStore({ held: false }), new HeldOutput({ held: false })];
    const files = { store, output };
    const stage = await stagePool(WORKERS, files);
    const { clock, recorder, status } = stage;
    const callers = await openAll(stage);
    await callers[1]!.peer.say(data(1));
    await clock.advance(10);
    files[which].held = true;
    await callers[0]!.peer.say(data(1, 2));
    await clock.advance(10);
    await files[which].fail("the disk is full");
    await clock.advance(0);
    // Only a client whose data is all confirmed gets the reason.
    const unkept = "TERMINATE shutdown the disk is full";
    assertEquals(callers.map((each) => heardAfter(each)), [[], ["CONFIRM 1", unkept], [unkept]]);
    assertEquals<unknown>(await cameTo(status, clock, 1_000), 1);
    assertEquals(callers.map(({ peer }) => peer.sawEnd), [true, true, true]);
    assertEquals(notices(stage), [
      "error the disk is full",
      "warning stopped; sessions served: 3, of them lost: 3",
    ]);
    assertEquals(recorder.all("summary").length, 3);
    assertNothingLeft(stage);
  });
}

Deno.test("a session that waits to be stored hears the same when it cannot be", async () => {
  const store = new HeldStore();
  const stage = await stagePool(WORKERS, { store });
  const callers = await openAll(stage);
  await store.fail("the disk is full");
  assertEquals<unknown>(await cameTo(stage.status, stage.clock, 1_000), 1);
  for (const { peer } of callers) {
    assertEquals(peer.heard, ["0 TERMINATE shutdown the disk is full"]);
  }
});

Deno.test("WorkerPool.run() rejects when a thread fails", async () => {
  const stage = await stagePool(WORKERS);
  const { status, threads } = stage;
  await openAll(stage);
  const message = "Uncaught Error: a defect";
  const event = new ErrorEvent("error", { message, cancelable: true });
  threads[1]!.thread.onerror!(event);
  await assertRejects(() => status, Error, `a worker failed: ${message}`);
  // It would end the whole process otherwise, before the error is reported.
  assert(event.defaultPrevented);
});
