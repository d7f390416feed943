/**
 * One worker, as the main thread knows it: what it hears of it, and what becomes of those who wait.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { TransportError } from "../../../lib/platform/net/transport.ts";
import type { Thread } from "../../../lib/platform/thread_link.ts";
import type { FromWorker, ToWorker } from "../../../lib/server/workers/messages.ts";
import { WorkerHandle } from "../../../lib/server/workers/worker_handle.ts";
import { settle } from "../../support/virtual_clock.ts";

/** A worker whose thread says what the test says. */
function stage() {
  const told: ToWorker[] = [];
  const heard: FromWorker[] = [];
  let isEnded = false;
  const thread: Thread = {
    onmessage: null,
    onerror: null,
    postMessage: (messages) => void told.push(...messages as ToWorker[]),
    terminate: () => isEnded = true,
  };
  let deliveries = 0;
  const worker = new WorkerHandle(thread, {
    onMessage: (message) => heard.push(message),
    delivered: () => deliveries++,
  });
  const say = async (...data: FromWorker[]) => {
    thread.onmessage!(new MessageEvent("message", { data }));
    await settle();
  };
  return { worker, thread, told, heard, say, isEnded: () => isEnded, deliveries: () => deliveries };
}

Deno.test("WorkerHandle.listening resolves when the port is open, and rejects with why it is not", async () => {
  const open = stage();
  await open.say({ kind: "listening" });
  await open.worker.listening;
  const failed = stage();
  const rejecting = assertRejects(() => failed.worker.listening, TransportError, "it is taken");
  await failed.say({ kind: "failed", error: "address_in_use", text: "it is taken" });
  assertEquals([(await rejecting).kind, open.heard, failed.heard], ["address_in_use", [], []]);
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

Deno.test("WorkerHandle.tell() tells the worker how many events have been told, once a turn", async () => {
  const { told, worker } = stage();
  for (let n = 0; n < 3; n++) worker.tell();
  assertEquals(told, []);
  await settle();
  await settle();
  worker.tell();
  await settle();
  await settle();
  assertEquals(told, [{ kind: "told", count: 3 }, { kind: "told", count: 1 }]);
});

Deno.test("WorkerHandle.over resolves with the worker's last word", async () => {
  const { heard, say, worker } = stage();
  assertEquals(worker.counts, undefined);
  await say({ kind: "over", served: 3, lost: 1 });
  await worker.over;
  assertEquals([worker.counts, heard], [{ served: 3, lost: 1 }, []]);
});

Deno.test("WorkerHandle hands on what is said of others, in order", async () => {
  const { heard, say } = stage();
  const messages: FromWorker[] = [
    { kind: "ended", session: "a" },
    { kind: "settled", session: "b", isKept: true },
    { kind: "flush", call: 1 },
  ];
  await say(...messages);
  assertEquals(heard, messages);
});

Deno.test("WorkerHandle.makeRoom() gives the answer to each question, in any order", async () => {
  const { say, told, worker } = stage();
  const both = Promise.all([worker.makeRoom(), worker.makeRoom()]);
  await settle();
  const calls = told.flatMap((each) => each.kind === "make_room" ? [each.call] : []);
  assertEquals(new Set(calls).size, 2);
  await say({ kind: "made_room", call: calls[1]!, isMade: false });
  await say({ kind: "made_room", call: calls[0]!, isMade: true });
  assertEquals(await both, [true, false]);
});

Deno.test("WorkerHandle.longestAway_ms() gives what the worker says, if it has such a session", async () => {
  const { say, told, worker } = stage();
  const both = Promise.all([worker.longestAway_ms(), worker.longestAway_ms()]);
  await settle();
  const [first, second] = told.flatMap((each) => each.kind === "longest_away" ? [each.call] : []);
  await say({ kind: "away", call: first!, away_ms: 7 }, { kind: "away", call: second! });
  assertEquals(await both, [7, undefined]);
});

Deno.test("WorkerHandle.recipient() is one for each number, until all of its own is delivered", async () => {
  const { deliveries, told, worker } = stage();
  const a = worker.recipient(1, 6);
  assertEquals([worker.recipient(1, 7) === a, worker.recipient(2, 1) === a], [true, false]);
  a.delivered(6, 20);
  assertEquals(worker.recipient(1, 7) === a, true);
  a.delivered(7, 1);
  assertEquals(worker.recipient(1, 8) === a, false);
  await settle();
  const delivered = (seq: number, bytes: number) => ({
    kind: "delivered",
    recipient: 1,
    seq,
    bytes,
  });
  assertEquals<unknown>(told, [delivered(6, 20), delivered(7, 1)]);
  assertEquals(deliveries(), 2);
});

Deno.test("WorkerHandle rejects listening and over when its thread fails, and handles the error", async () => {
  const { thread, worker } = stage();
  const event = new ErrorEvent("error", { message: "a defect", cancelable: true });
  const rejecting = [worker.listening, worker.over].map((each) =>
    assertRejects(() => each, Error, "a worker failed: a defect")
  );
  thread.onerror!(event);
  assert(event.defaultPrevented);
  await Promise.all(rejecting);
});

Deno.test("WorkerHandle.end() ends the thread", () => {
  const { isEnded, worker } = stage();
  assertEquals(isEnded(), false);
  worker.end();
  assertEquals(isEnded(), true);
});
