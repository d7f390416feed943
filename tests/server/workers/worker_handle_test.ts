/**
 * The main thread's side of a worker: which messages it handles, sends and passes on.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { TransportError } from "../../../lib/platform/net/transport.ts";
import type { Thread } from "../../../lib/platform/thread_link.ts";
import type { FromWorker, ToWorker } from "../../../lib/server/workers/messages.ts";
import { WorkerHandle } from "../../../lib/server/workers/worker_handle.ts";
import { settle } from "../../support/virtual_clock.ts";

/** The handle of a thread whose messages the test sends. */
function stage() {
  const sent: ToWorker[] = [];
  const heard: FromWorker[] = [];
  let isEnded = false;
  const thread: Thread = {
    onmessage: null,
    onerror: null,
    postMessage: (messages) => void sent.push(...messages as ToWorker[]),
    terminate: () => isEnded = true,
  };
  let deliveries = 0;
  const worker = new WorkerHandle(thread, {
    onMessage: (message) => heard.push(message),
    onDelivered: () => deliveries++,
  });
  const say = async (...data: FromWorker[]) => {
    thread.onmessage!(new MessageEvent("message", { data }));
    await settle();
  };
  return { worker, thread, sent, heard, say, isEnded: () => isEnded, deliveries: () => deliveries };
}

Deno.test("WorkerHandle.listening resolves when the port is open, and rejects with why it is not", async () => {
  const open = stage();
  await open.say({ kind: "listening" });
  await open.worker.listening;
  const failed = stage();
  const rejecting = assertRejects(() => failed.worker.listening, TransportError, "it is taken");
  await failed.say({
    kind: "listen_failed",
    failure: { kind: "address_in_use", text: "it is taken", code: "EADDRINUSE" },
  });
  const { code, kind } = await rejecting;
  assertEquals([kind, code], ["address_in_use", "EADDRINUSE"]);
  assertEquals([open.heard, failed.heard], [[], []]);
});

Deno.test("WorkerHandle.stopped rejects when its thread is ended before: nobody waits for an answer", async () => {
  const { isEnded, worker } = stage();
  worker.ask({ read: "totals" });
  worker.terminate();
  assertEquals(isEnded(), true);
  await assertRejects(() => worker.stopped, Error, "a worker was ended");
});

Deno.test("WorkerHandle.loaded resolves when the worker can be started", async () => {
  const { say, worker } = stage();
  let isLoaded = false;
  worker.loaded.then(() => isLoaded = true);
  await settle();
  assertEquals(isLoaded, false);
  await say({ kind: "loaded" });
  assertEquals(isLoaded, true);
});

Deno.test("WorkerHandle.acknowledgeEvent() sends the number of events, once a turn", async () => {
  const { sent, worker } = stage();
  for (let n = 0; n < 3; n++) worker.acknowledgeEvent();
  assertEquals(sent, []);
  await settle();
  await settle();
  worker.acknowledgeEvent();
  await settle();
  await settle();
  assertEquals(sent, [{ kind: "acknowledged", count: 3 }, { kind: "acknowledged", count: 1 }]);
});

Deno.test("WorkerHandle.stopped resolves with the worker's counts", async () => {
  const { heard, say, worker } = stage();
  assertEquals(worker.counts, undefined);
  await say({ kind: "stopped", counts: { served: 3, lost: 1, away: 2 } });
  await worker.stopped;
  assertEquals([worker.counts, heard], [{ served: 3, lost: 1, away: 2 }, []]);
});

Deno.test("WorkerHandle passes on all other messages, in order", async () => {
  const { heard, say } = stage();
  const messages: FromWorker[] = [
    { kind: "session_ended", session: "a" },
    { kind: "placement_settled", session: "b", isKept: true },
    { kind: "flush", call: 1 },
  ];
  await say(...messages);
  assertEquals(heard, messages);
});

Deno.test("WorkerHandle.makeRoom() gives the answer to each question, in any order", async () => {
  const { say, sent, worker } = stage();
  const both = Promise.all([worker.makeRoom(), worker.makeRoom()]);
  await settle();
  const calls = sent.flatMap((each) => each.kind === "make_room" ? [each.call] : []);
  assertEquals(new Set(calls).size, 2);
  await say({ kind: "make_room_result", call: calls[1]!, isMade: false });
  await say({ kind: "make_room_result", call: calls[0]!, isMade: true });
  assertEquals(await both, [true, false]);
});

Deno.test("WorkerHandle.longestAway_ms() gives the worker's reply, if it has such a session", async () => {
  const { say, sent, worker } = stage();
  const both = Promise.all([worker.longestAway_ms(), worker.longestAway_ms()]);
  await settle();
  const [first, second] = sent.flatMap((each) => each.kind === "longest_away" ? [each.call] : []);
  await say({ kind: "longest_away_result", call: first!, away_ms: 7 });
  await say({ kind: "longest_away_result", call: second! });
  assertEquals(await both, [7, undefined]);
});

Deno.test("WorkerHandle.recipient() is one for each number, until the next delivery", async () => {
  const { deliveries, sent, worker } = stage();
  const a = worker.recipient(1);
  assertEquals([worker.recipient(1) === a, worker.recipient(2) === a], [true, false]);
  a.delivered(6, 20);
  const next = worker.recipient(1);
  assertEquals(next === a, false);
  next.delivered(7, 1);
  await settle();
  const about = { kind: "delivered", recipient: 1 };
  assertEquals<unknown>(sent, [{ ...about, seq: 6, bytes: 20 }, { ...about, seq: 7, bytes: 1 }]);
  assertEquals(deliveries(), 2);
});

Deno.test("WorkerHandle rejects listening and stopped when its thread fails, and handles the error", async () => {
  const { thread, worker } = stage();
  const event = new ErrorEvent("error", { message: "a defect", cancelable: true });
  const rejecting = [worker.listening, worker.stopped].map((each) =>
    assertRejects(() => each, Error, "a worker failed: a defect")
  );
  thread.onerror!(event);
  assert(event.defaultPrevented);
  await Promise.all(rejecting);
});

Deno.test("WorkerHandle.terminate() ends the thread", () => {
  const { isEnded, worker } = stage();
  assertEquals(isEnded(), false);
  worker.terminate();
  assertEquals(isEnded(), true);
});
