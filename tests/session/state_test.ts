/**
 * The phases of a session across its connections, and what happens only once.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import type { CloseReason } from "../../lib/session/close_reason.ts";
import { EventSource } from "../../lib/session/events.ts";
import { SessionState } from "../../lib/session/state.ts";
import { DEFAULT_TIMERS, Recorder } from "../support/stage.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const RESET: CloseReason = { by: "network", reason: "reset", text: "" };
const DONE: CloseReason = { by: "self", reason: "done", text: "" };

function stage() {
  const clock = new VirtualClock();
  const recorder = new Recorder(clock);
  const events = new EventSource(recorder, clock, "s");
  return { clock, recorder, state: new SessionState({ clock, timers: DEFAULT_TIMERS, events }) };
}

Deno.test("SessionState emits each change of phase, with the silence before it", async () => {
  const { clock, recorder, state } = stage();
  state.open("peer");
  state.data();
  await clock.advance(20_000);
  state.silent(0);
  await clock.advance(5_000);
  state.data();
  state.lastSignOfLife_ms = clock.now();
  await clock.advance(1_000);
  state.disconnect(RESET, "peer");
  await clock.advance(2_000);
  assertEquals(state.gap_ms, 3_000);
  state.open("peer");
  state.data();
  state.end(DONE, "peer");
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
  assertThrows(() => state.disconnect(RESET, "peer"), Error, "disconnect in phase connecting");
  state.open("peer");
  state.data();
  assertThrows(() => state.data(), Error, "data in phase data");
  state.end(DONE, "peer");
  assertThrows(() => state.silent(0), Error, "silence in phase terminated");
});

Deno.test("SessionState.end() counts once; a session that was never open has no phases or summary", () => {
  const { recorder, state } = stage();
  state.end(RESET, "peer");
  state.end(DONE, "peer");
  state.summarize();
  assertEquals(recorder.events.map(({ event }) => event), ["terminated"]);
  assertEquals([state.closeReason, state.phase], [RESET, "terminated"]);
});
