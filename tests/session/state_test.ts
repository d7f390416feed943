/**
 * The phases of a session across its connections, and what happens only once.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import type { CloseReason } from "../../lib/session/close_reason.ts";
import { EventSource } from "../../lib/session/events.ts";
import { ConnectionUse } from "../../lib/evidence/cuts.ts";
import { SessionState } from "../../lib/session/state.ts";
import { DEFAULT_TIMERS, Recorder } from "../support/stage.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const RESET: CloseReason = { by: "network", reason: "reset", text: "" };
const DONE: CloseReason = { by: "self", reason: "done", text: "" };

const ADDRESSES = { peer: "peer", local: "here" };

function stage() {
  const clock = new VirtualClock();
  const recorder = new Recorder(clock);
  const events = new EventSource(recorder, clock, "s");
  return { clock, recorder, state: new SessionState({ clock, timers: DEFAULT_TIMERS, events }) };
}

Deno.test("SessionState emits each change of phase, with the silence before it", async () => {
  const { clock, recorder, state } = stage();
  state.open(ADDRESSES);
  state.data();
  await clock.advance(20_000);
  state.silent(0);
  await clock.advance(5_000);
  state.data();
  state.lastSignOfLife_ms = clock.now();
  await clock.advance(1_000);
  state.disconnect(RESET, ADDRESSES);
  await clock.advance(2_000);
  assertEquals(state.gap_ms, 3_000);
  state.open(ADDRESSES);
  state.data();
  state.end(DONE, ADDRESSES);
  assertEquals(recorder.story("phase"), [
    "0 phase connecting data 0",
    "20000 phase data heartbeat 20000",
    "25000 phase heartbeat data 25000",
    "26000 phase data connecting 1000",
    "28000 phase connecting data 0",
    "28000 phase data terminated 3000",
  ]);
});

Deno.test("SessionState throws on a change that its phase does not allow", () => {
  const { state } = stage();
  assertThrows(() => state.disconnect(RESET, ADDRESSES), Error, "disconnect in phase connecting");
  state.open(ADDRESSES);
  state.data();
  assertThrows(() => state.data(), Error, "data in phase data");
  state.end(DONE, ADDRESSES);
  assertThrows(() => state.silent(0), Error, "silence in phase terminated");
});

Deno.test("SessionState.end() counts once; a session that was never open has no phases or summary", () => {
  const { recorder, state } = stage();
  state.end(RESET, ADDRESSES);
  state.end(DONE, ADDRESSES);
  state.summarize();
  assertEquals(recorder.events.map(({ event }) => event), ["terminated"]);
  assertEquals([state.closeReason, state.phase], [RESET, "terminated"]);
});

Deno.test("SessionState emits how long its connection was idle before its end, and how old it was", async () => {
  const { clock, recorder, state } = stage();
  state.open(ADDRESSES);
  state.data();
  await clock.advance(7_000);
  const use = new ConnectionUse(1_000);
  use.onTraffic(4_500);
  state.disconnect(RESET, { peer: "peer", use });
  const { age_ms, idle_ms } = recorder.one("disconnected");
  assertEquals([idle_ms, age_ms], [2_500, 6_000]);
  // One that was never opened again has neither.
  state.end(RESET, ADDRESSES);
  const terminated = recorder.one("terminated");
  assertEquals([terminated.idle_ms, terminated.age_ms], [null, null]);
});
