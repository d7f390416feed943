/**
 * A load run: when its sessions start, what their total counts, and its exit status.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Client } from "../../lib/client/client.ts";
import { LoadRun, type LoadSession } from "../../lib/client/load.ts";
import { eventText } from "../../lib/output/event_text.ts";
import { Server } from "../../lib/server/server.ts";
import type { ExitStatus } from "../../lib/session/close_reason.ts";
import { type EventSink, EventSource } from "../../lib/session/events.ts";
import { clientOptions } from "../support/client_options.ts";
import { terminatedOf } from "../support/events.ts";
import { MemoryNetwork } from "../support/memory_network.ts";
import { serverOptions } from "../support/server_options.ts";
import { DEFAULT_TIMERS, Recorder } from "../support/stage.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

/** Many clients at a server that has room for three. */
function stage(sessions: number, options: { ramp_ms?: number; count?: number } = {}) {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock, { latency_ms: 1 });
  let ids = 0;
  const random = (bytes: Uint8Array) => new DataView(bytes.buffer).setUint32(0, ++ids);
  const quiet = { wantsMessages: false, emit: () => {} };
  const over = { maxSessions: 3, original: false, random, transport: network, clock, sink: quiet };
  const server = Server.listen(serverOptions(over));
  server.run();
  const recorder = new Recorder(clock);
  const { count } = options;
  const load = new LoadRun({
    sessions,
    ramp_ms: options.ramp_ms ?? 0,
    newSession: (sink, roundTrips) =>
      new Client(clientOptions({ transport: network, clock, sink, count, random, roundTrips })),
    clock,
    sink: recorder,
  });
  return { clock, load, network, recorder, server, status: load.run() };
}

Deno.test("LoadRun.run() spreads the starts evenly over the ramp", async () => {
  const { clock, load, recorder } = stage(3, { ramp_ms: 300 });
  await clock.advance(1_000);
  assertEquals(recorder.all("connected").map(({ at_ms }) => at_ms), [2, 102, 202]);
  assertEquals(recorder.all("notice").map(({ text }) => text), ["all 3 sessions have been opened"]);
  load.stop("done");
  await clock.advance(1_000);
});

Deno.test("LoadRun.stop() in the ramp starts no more, and ends those that run", async () => {
  const { clock, load, recorder, status } = stage(3, { ramp_ms: 3_000 });
  await clock.advance(1_500);
  load.stop("shutdown");
  await clock.advance(1_000);
  assertEquals(await status, 0);
  const { ended_as_asked, opened, phases, sessions, started } = recorder.one("total");
  assertEquals([sessions, started, opened, ended_as_asked], [3, 2, 2, 2]);
  assertEquals(phases, { connecting: 0, data: 2, heartbeat: 0, terminated: 0 });
});

Deno.test("the total of sessions that are done counts them all, and their round trips", async () => {
  const { clock, recorder, status } = stage(3, { count: 4 });
  await clock.advance(20_000);
  assertEquals(await status, 0);
  const total = recorder.one("total");
  assertEquals(recorder.all("summary").length, 3);
  assertEquals(
    [total.session, total.data_sent, total.data_confirmed, total.in_doubt, total.deaths],
    [null, 12, 12, 0, 0],
  );
  assertEquals(total.round_trips, { p50_ms: 2, p99_ms: 2, max_ms: 2 });
  assertEquals(total.phases, { connecting: 0, data: 0, heartbeat: 0, terminated: 3 });
});

Deno.test("the total counts the refused, the lost, their deaths and how late these were detected", async () => {
  const { clock, network, recorder, status } = stage(4);
  await clock.advance(1_000);
  for (const path of network.paths.slice(0, 3)) path.silence("to_client", "to_server");
  await clock.advance(100_000);
  assertEquals(await status, 1);
  const total = recorder.one("total");
  assertEquals(
    [total.opened, total.refused, total.lost, total.deaths, total.silences, total.in_doubt],
    [3, 1, 3, 3, 3, 3],
  );
  assertEquals(total.overshoots, { p50_ms: 0, p99_ms: 0, max_ms: 0 });
  assertEquals(total.phases, { connecting: 0, data: 0, heartbeat: 0, terminated: 4 });
  assertEquals(clock.pending, 0);
});

Deno.test("the total is a warning, which --quiet leaves, unless all ended as asked", async () => {
  const { clock, recorder, status } = stage(4, { count: 1 });
  await clock.advance(20_000);
  const { at_ms: _at, ...total } = recorder.one("total");
  assertEquals([await status, total.refused, total.in_doubt, total.deaths], [4, 1, 0, 0]);
  const none = { refused: 0, lost: 0, unconnected: 0 };
  for (const more of [{}, { refused: 1 }, { lost: 1 }, { unconnected: 1 }]) {
    const told = eventText({ ...total, ...none, ...more }, "client", DEFAULT_TIMERS);
    assertEquals(told?.level, Object.keys(more).length === 0 ? "info" : "warning");
  }
});

for (
  const [statuses, expected] of [
    [[0, 0], 0],
    [[0, 3], 3],
    [[3, 4], 4],
    [[0, 4, 1, 3], 1],
  ] as [ExitStatus[], ExitStatus][]
) {
  Deno.test(`LoadRun.run() of sessions that end with ${statuses} ends with ${expected}`, async () => {
    const clock = new VirtualClock();
    const left = [...statuses];
    const newSession = (sink: EventSink): LoadSession => {
      const status = left.shift()!;
      new EventSource(sink, clock, "s").emit("notice", { level: "info", text: "here" });
      return { run: () => Promise.resolve(status), stop: () => {} };
    };
    const sink = new Recorder(clock);
    const load = new LoadRun({ sessions: statuses.length, ramp_ms: 0, newSession, clock, sink });
    assertEquals(await load.run(), expected);
    assertEquals(sink.all("notice").length, statuses.length);
  });
}

Deno.test("the total counts no server as dead that only never answered a reconnect", async () => {
  const clock = new VirtualClock();
  const newSession = (sink: EventSink): LoadSession => {
    const end = {
      reason: "silent",
      text: "no WELCOME within 5 s",
      detected_after_ms: 90_000,
    } as const;
    const fields = terminatedOf({ ...end, detected_since: "last_sign_of_life", silent_ms: 90_000 });
    new EventSource(sink, clock, "s").emit("terminated", fields);
    return { run: () => Promise.resolve(1), stop: () => {} };
  };
  const sink = new Recorder(clock);
  await new LoadRun({ sessions: 1, ramp_ms: 0, newSession, clock, sink }).run();
  const { deaths, lost, overshoots } = sink.one("total");
  assertEquals([deaths, lost, overshoots.max_ms], [0, 1, null]);
});
