/**
 * A server for one session waits for the return of that session, and for nobody else.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { BACK, data, refusalOf, welcomeOf } from "../support/callers.ts";
import { HeldStore } from "../support/held_delivery.ts";
import { stageRawServer } from "../support/raw_server.ts";
import { cameTo } from "../support/scripted_network.ts";

const ONLY_ONE = "no room for session t: this server serves one session only, and has it";

/** A server for one session, which has lost its connection with 1 delivered. */
async function lost() {
  const staged = stageRawServer({ once: true, sessionLifetime_ms: 10_000 });
  const first = await staged.hello("s", BACK);
  await first.peer.say(data(1));
  first.path.reset();
  await staged.clock.advance(1_000);
  return staged;
}

Deno.test("a server for one session takes it back, and ends when that is done", async () => {
  const { clock, resume, status } = await lost();
  const back = await resume("s", { confirmed: 1, sent: 1 });
  assertEquals(welcomeOf(back)["received"], 1);
  await back.peer.say("TERMINATE done\n");
  await back.peer.hangUp();
  assertEquals<unknown>(await cameTo(status, clock, 100), 0);
  assertEquals(clock.pending, 0);
});

Deno.test("a server for one session refuses any other while that is away", async () => {
  const { hello, resume } = await lost();
  assertEquals(refusalOf(await hello("t")), ONLY_ONE);
  assertEquals(refusalOf(await resume("t", { confirmed: 1, sent: 1, settled: true })), ONLY_ONE);
  welcomeOf(await resume("s", { confirmed: 1, sent: 1 }));
});

Deno.test("a server for one session takes over its half-dead connection", async () => {
  const { hello, resume } = stageRawServer({ once: true });
  const first = await hello("s", BACK);
  welcomeOf(await resume("s"));
  assertEquals(first.path.server.closed, true);
});

Deno.test("a server for one session has lost it when it does not come back: 1", async () => {
  const { clock, recorder, status } = await lost();
  assertEquals<unknown>(await cameTo(status, clock, 8_999), "pending");
  assertEquals<unknown>(await cameTo(status, clock, 1), 1);
  assertEquals(recorder.one("terminated").at_ms, 10_000);
});

Deno.test("a server for one session whose client does not come back ends with its loss: 1", async () => {
  const { clock, hello, status } = stageRawServer({ once: true });
  const first = await hello("s");
  first.path.reset();
  assertEquals<unknown>(await cameTo(status, clock, 100), 1);
});

Deno.test("a defect ends a session for good: it is told of, and its place is free", async () => {
  for (const once of [false, true]) {
    const staged = stageRawServer({ once, maxSessions: 1 });
    const { clock, hello, recorder, server, status } = staged;
    const emit = recorder.emit.bind(recorder);
    recorder.emit = (event) => {
      if (event.event === "data_received" && event.seq === 2) throw new TypeError("a defect");
      emit(event);
    };
    const first = await hello("s", BACK);
    await first.peer.say(data(1, 2));
    await first.peer.hangUp();
    await clock.advance(1_000);
    assertEquals(recorder.one("terminated").reason, "failed");
    assertEquals(recorder.all("summary").length, 1);
    if (!once) {
      welcomeOf(await hello("t"));
      server.stop("shutdown");
    }
    assertEquals<unknown>(await cameTo(status, clock, 1_000), once ? 1 : 0);
  }
});

for (const reconnects of [true, false]) {
  const how = reconnects ? "could come back" : "does not come back";
  Deno.test(`a server for one session serves the next when the first was never stored, and ${how}`, async () => {
    const store = new HeldStore();
    const staged = stageRawServer({ once: true, store, sessionLifetime_ms: 1_000 });
    const { clock, hello, status } = staged;
    const gone = await hello("s", reconnects ? BACK : {});
    gone.path.reset();
    await clock.advance(100);
    store.held = false;
    await store.letThrough();
    await clock.advance(2_000);
    const second = await hello("t");
    welcomeOf(second);
    await second.peer.say("TERMINATE done\n");
    assertEquals<unknown>(await cameTo(status, clock, 600), 0);
  });
}
