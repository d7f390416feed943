/**
 * What a server keeps of idle sessions: for whom, for how long, and how much at the most.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { EventSource } from "../../../lib/session/events.ts";
import {
  IDLE_RESULTS_KEPT_MS,
  IdleResults,
  MAX_IDLE_RESULTS,
} from "../../../lib/session/idle/idle_results.ts";
import { Recorder } from "../../support/stage.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

function stage() {
  const clock = new VirtualClock();
  const recorder = new Recorder(clock);
  const results = new IdleResults(clock, new EventSource(recorder, clock));
  const note = (session: string, more: { who?: string; left_ms?: number } = {}) =>
    results.note({ session, state: "alive", after_ms: 5, from: "192.0.2.1", left_ms: 0, ...more });
  return { clock, note, recorder, results };
}

Deno.test("results are given to whoever opened the sessions, by search", () => {
  const { note, results } = stage();
  note("q-1");
  note("q-2", { who: "mill" });
  note("p-3");
  assertEquals(results.of("q", undefined), [{ number: 1, state: "alive", after_ms: 5 }]);
  assertEquals(results.of("q", "mill").map(({ number }) => number), [2]);
  assertEquals(results.of("q", "pump"), []);
});

Deno.test("a search is reported once", () => {
  const { note, recorder } = stage();
  for (const session of ["q-1", "q-2", "p-1", "q-1"]) note(session);
  assertEquals(recorder.all("notice").map(({ text }) => text.slice(0, 22)), [
    "idle-timeout search q ",
    "idle-timeout search p ",
  ]);
});

Deno.test("the oldest results give way, and all are forgotten in time", async () => {
  const { clock, note, results } = stage();
  for (let n = 1; n <= MAX_IDLE_RESULTS + 1; n++) note(`q-${n}`);
  const numbers = results.of("q", undefined).map(({ number }) => number);
  assertEquals([numbers.length, numbers[0]], [MAX_IDLE_RESULTS, 2]);
  note("p-1", { left_ms: 60_000 });
  await clock.advance(IDLE_RESULTS_KEPT_MS);
  assertEquals(results.of("q", undefined), []);
  assertEquals(results.of("p", undefined).length, 1);
  await clock.advance(60_000);
  assertEquals(results.of("p", undefined), []);
});
