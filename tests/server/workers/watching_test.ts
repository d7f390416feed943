/**
 * The main thread's side of a worker's monitor: when it asks, and what it knows after the worker has stopped.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { LedgerTotals, ProcessWatch } from "../../../lib/monitor/watch.ts";
import type { WatchRequest, WatchResults } from "../../../lib/server/workers/messages.ts";
import { type AskedWorker, RemoteThread } from "../../../lib/server/workers/watching.ts";
import { settle } from "../../support/virtual_clock.ts";

/** A promise that counts its reactions, of `await` too. */
class CountedPromise extends Promise<void> {
  reactions = 0;

  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  override then<A, B>(
    onValue?: ((value: void) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.reactions++;
    return super.then(onValue, onError);
  }
}

/** A worker that answers when the test says so. */
function stage() {
  let end!: { stop: () => void; fail: (error: Error) => void };
  const stopped = new CountedPromise((stop, fail) => end = { stop, fail });
  const asked: WatchRequest["read"][] = [];
  const answers: ((answer: WatchResults[keyof WatchResults]) => void)[] = [];
  const worker: AskedWorker & { totals?: LedgerTotals } = {
    stopped,
    ask: (request) => {
      asked.push(request.read);
      return new Promise((resolve) => answers.push(resolve));
    },
  };
  const thread = new RemoteThread(worker, { addThread: () => {} } as Partial<
    ProcessWatch
  > as ProcessWatch);
  return { ...end, answers, asked, stopped, thread, worker };
}

const SENT_3 = { data_sent: 3 } as LedgerTotals;
const SENT_4 = { data_sent: 4 } as LedgerTotals;

Deno.test("RemoteThread adds nothing to a worker's promise with each question", async () => {
  const { answers, asked, stopped, thread } = stage();
  for (let n = 0; n < 100; n++) {
    const doubt = thread.inDoubt();
    answers[n]!([["s", n]]);
    assertEquals(await doubt, [["s", n]]);
  }
  assertEquals([asked.length, stopped.reactions], [100, 1]);
});

for (const how of ["stops", "fails"] as const) {
  Deno.test(`RemoteThread waits no longer for a worker that ${how}, and asks it no more`, async () => {
    const { answers, asked, fail, stop, thread, worker } = stage();
    const first = thread.totals();
    answers[0]!(SENT_3);
    assertEquals(await first, SENT_3);
    const waiting = [thread.read(["a", "b"]), thread.totals(), thread.inDoubt()];
    await settle();
    if (how === "stops") {
      worker.totals = SENT_4;
      stop();
    } else fail(new Error("a worker failed"));
    const known = how === "stops" ? SENT_4 : SENT_3;
    assertEquals(await Promise.all(waiting), [[undefined, undefined], known, []]);
    assertEquals(asked, ["totals", "sessions", "totals", "in_doubt"]);
    assertEquals(await thread.read(["a"]), [undefined]);
    assertEquals(await thread.totals(), known);
    assertEquals(await thread.inDoubt(), []);
    assertEquals(asked.length, 4);
  });
}
