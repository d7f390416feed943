/**
 * What a monitor keeps is bounded, however long it runs and however much happens.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { MAX_OUTAGES } from "../../lib/monitor/outages.ts";
import { RoundTrips, samplesOf } from "../../lib/monitor/round_trips.ts";
import { MAX_ENDED } from "../../lib/monitor/session_tracks.ts";
import { stretchesOf } from "../../lib/monitor/track.ts";
import { EventSource } from "../../lib/session/events.ts";
import { SessionState } from "../../lib/session/state.ts";
import { monitored } from "../support/monitored.ts";
import { DEFAULT_TIMERS } from "../support/stage.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const AT = Date.UTC(2026, 10, 22);

Deno.test("round trips are kept by the second at first, and for a day at least", () => {
  const trips = new RoundTrips();
  for (const [n, rtt_ms] of [3, 1, 2].entries()) trips.add(rtt_ms, AT + 1_500 + 200 * n, 100);
  trips.add(7, AT + 4_000, 100);
  assertEquals(trips.samples, [
    [AT + 1_000, 1, 3],
    [AT + 2_000, null, null],
    [AT + 3_000, null, null],
    [AT + 4_000, 7, 7],
  ]);
  assertEquals([trips.sample_ms, trips.last_ms, trips.percentiles().max_ms], [1_000, 7, 7]);
  trips.add(5, AT + 101_000, 100);
  assertEquals(trips.sample_ms, 2_000);
  assertEquals(trips.samples.slice(0, 3), [
    [AT + 1_000, 1, 3],
    [AT + 3_000, 7, 7],
    [AT + 5_000, null, null],
  ]);
  assertEquals(trips.samples.at(-1), [AT + 101_000, 5, 5]);
});

for (const sessions of [1, 10_000]) {
  Deno.test(`a month of round trips of one of ${sessions} sessions is a bounded number of samples`, () => {
    const trips = new RoundTrips();
    const limit = samplesOf(sessions);
    for (let at = 0; at < 30 * 86_400_000; at += 20_000) trips.add(1, AT + at, limit);
    const { sample_ms, samples } = trips;
    assert(samples.length <= limit);
    assert(samples.length * sample_ms >= 86_400_000);
    assertEquals(sample_ms, sessions === 1 ? 32_000 : 1_024_000);
    assert(samples.at(-1)![0] + sample_ms > AT + 30 * 86_400_000 - 20_000);
    assert(samples.every(([, least, most]) => least === 1 && most === 1));
  });
}

/** Sessions of a monitor, and a way to make all of them silent, and to have data heard again. */
function sessions(count: number) {
  const clock = new VirtualClock();
  const { monitor } = monitored(clock, "server");
  const states = Array.from({ length: count }, (_, n) => {
    const events = new EventSource(monitor.sink, clock, `s${n}`);
    const state = new SessionState({ clock, timers: DEFAULT_TIMERS, events });
    monitor.add({ state, peer: "192.0.2.1:4", confirmedUpTo: 0 });
    state.open({ peer: "192.0.2.1:4", local: "192.0.2.2:4000" });
    state.data();
    return state;
  });
  return { clock, monitor, states };
}

Deno.test("of many states and outages the last ones are kept", async () => {
  const { clock, monitor, states: [state] } = sessions(1);
  const most = stretchesOf(1);
  for (let n = 0; n < 2 * most; n++) {
    await clock.advance(10);
    state!.silent(clock.now());
    await clock.advance(10);
    state!.data();
  }
  const { states } = (await monitor.history("s0"))!;
  assert(states.length >= most && states.length <= 1.25 * most + 1);
  assertEquals(states.at(-1), { from_ms: AT + clock.now(), state: "ok" });
  assertEquals(states.at(-2), { from_ms: AT + clock.now() - 10, state: "silent" });
  const outages = monitor.outages();
  assert(outages.length >= MAX_OUTAGES && outages.length <= 1.1 * MAX_OUTAGES);
  assertEquals(outages[0]!.ended_ms, AT + clock.now());
});

Deno.test("of sessions that have ended the last ones are kept, for an hour", async () => {
  const { clock, monitor, states } = sessions(3 * MAX_ENDED);
  for (const state of states) {
    state.end({ by: "peer", reason: "done", text: "" }, { peer: "192.0.2.1:4" });
    state.summarize();
  }
  const { matched, rows } = await monitor.list({ count: 1 });
  assert(matched >= MAX_ENDED && matched <= 1.25 * MAX_ENDED);
  assertEquals([rows[0]!.session, rows[0]!.state], [`s${3 * MAX_ENDED - 1}`, "ended"]);
  assertEquals((await monitor.totals()).ended, [
    { by: "peer", reason: "done", count: 3 * MAX_ENDED },
  ]);
  await clock.advance(3_600_001);
  assertEquals((await monitor.list()).matched, 0);
});

Deno.test("the counters of many sessions are summed up once a second", async () => {
  for (const count of [2, 1_001]) {
    const { clock, monitor, states: [state] } = sessions(count);
    await monitor.totals();
    await clock.advance(100);
    state!.ledger.received(1, 7);
    assertEquals((await monitor.totals()).data_bytes, count === 2 ? 7 : 0);
    await clock.advance(900);
    assertEquals((await monitor.totals()).data_bytes, 7);
  }
});

Deno.test("a session of 10,000 has fewer states than one alone", () => {
  assertEquals([stretchesOf(1), stretchesOf(10_000)], [10_000, 100]);
  assertEquals([samplesOf(1), samplesOf(10_000)], [3_600, 100]);
});
