/**
 * What is recorded of a session, event by event and frame by frame.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { KEPT_FRAMES } from "../../../lib/evidence/recording/last_frames.ts";
import { SessionTrace, type TracedEvent } from "../../../lib/evidence/recording/session_trace.ts";
import type { Frame } from "../../../lib/wire/protocol.ts";
import { MemoryRecording } from "../../support/recording.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

/** A trace with so little room that next to nothing is recorded while all is well; time passes by hand. */
function stage(lines_per_s = 0.001) {
  const clock = new VirtualClock();
  const memory = new MemoryRecording(clock, lines_per_s);
  const trace = new SessionTrace(memory.recording, { session: "s" });
  const frame = (way: "<" | ">", frame: Frame) => {
    clock.stall(1_000);
    trace.frame(way === ">", frame, 1, clock.now());
  };
  const exchange = (seq: number) => {
    frame(">", { type: "DATA", seq, payload: new Uint8Array() });
    frame("<", { type: "CONFIRM", seq });
  };
  const emit = (event: string, fields: Partial<TracedEvent> = {}) => {
    trace.event({ event, ...fields }, clock.wallTime(), clock.now());
  };
  /** How many lines this adds. */
  const added = (act: () => void) => {
    const before = memory.lines.length;
    act();
    return memory.lines.length - before;
  };
  return { clock, memory, trace, frame, exchange, emit, added };
}

/** A session of which so many exchanges have passed. */
function healthy(exchanges: number) {
  const staged = stage();
  for (let seq = 1; seq <= exchanges; seq++) staged.exchange(seq);
  return staged;
}

const ALL = 2 * KEPT_FRAMES;

for (
  const [event, fields, frames] of [
    ["phase", { to: "heartbeat" }, ALL],
    ["phase", { to: "heartbeat", idle: true }, 0],
    ["heartbeat_missed", { n: 1 }, ALL],
    ["disconnected", {}, ALL],
    ["terminated", { reason: "silent" }, ALL],
    ["terminated", { reason: "reset" }, ALL],
    ["terminated", { reason: "done" }, 4],
    ["terminated", { reason: "shutdown" }, 4],
    ["local_stall", {}, 0],
    ["hold", {}, 0],
  ] as const
) {
  Deno.test(`SessionTrace adds ${frames} frames to ${event} ${JSON.stringify(fields)}`, () => {
    const { added, emit } = healthy(40);
    assertEquals(added(() => emit(event, fields)), frames + 1);
    assertEquals(added(() => emit(event, fields)), 1);
  });
}

for (const [event, fields] of [["resumed", {}], ["phase", { to: "data" }]] as const) {
  Deno.test(`SessionTrace records the frames before and after ${event} at the end of an outage`, () => {
    const { added, emit, exchange } = healthy(40);
    emit("disconnected");
    for (let seq = 41; seq <= 240; seq++) exchange(seq);
    // The last of the outage are thinned again; the very last are not.
    assertEquals(added(() => emit(event, fields)), ALL + 1);
    assertEquals(added(() => [241, 242].forEach(exchange)), 4);
    assert(added(() => [251, 252, 253, 254, 255, 257, 258, 259].forEach(exchange)) >= 12);
    assertEquals(added(() => [261, 262].forEach(exchange)), 0);
  });
}

Deno.test("SessionTrace records so much of an outage and no more, be it told ever so often", () => {
  const { added, emit, exchange } = healthy(40);
  const lines = added(() => {
    for (let n = 1; n <= 1_000; n++) {
      emit("phase", { to: "heartbeat" });
      exchange(n + 40);
    }
  });
  // With the last frames at each, which are the two that came since.
  assert(lines <= 3_000 + ALL);
  const more = added(() => {
    for (let n = 1_041; n <= 2_000; n++) exchange(n);
  });
  assert(more < 10, `${more}`);
});

Deno.test("SessionTrace records no notice, which --json does not have", () => {
  const { added, emit } = stage();
  assertEquals(added(() => emit("notice")), 0);
});

Deno.test("SessionTrace thins a long row of attempts to reconnect", () => {
  const { added, clock, emit } = stage();
  const lines = added(() => {
    for (let attempt = 1; attempt <= 1_000; attempt++) {
      clock.stall(30_000);
      emit("reconnecting", { attempt });
    }
  });
  assert(lines >= 2 && lines < 30, `${lines}`);
  const { added: all, clock: later, emit: again } = stage(1_000);
  const few = all(() => {
    for (let attempt = 1; attempt <= 20; attempt++) {
      later.stall(30_000);
      again("reconnecting", { attempt });
    }
  });
  assertEquals(few, 20);
});

Deno.test("SessionTrace thins the events of a session that has no frames, too", () => {
  const { added, clock, emit, memory, trace } = stage();
  memory.recording.thinning.sessions = 1;
  const lines = added(() => {
    for (let seq = 1; seq <= 1_000; seq++) {
      clock.stall(1_000);
      if (trace.wantsMessage(seq, clock)) emit("data_sent", { seq });
      if (trace.wantsConfirmation(seq)) emit("data_confirmed", { seq });
    }
  });
  assert(lines >= 4 && lines < 10, `${lines}`);
});

Deno.test("SessionTrace counts its session while it lasts", () => {
  const { emit, exchange, memory: { recording: { thinning } } } = stage();
  const counts = [thinning.sessions];
  emit("connected");
  exchange(1);
  exchange(2);
  counts.push(thinning.sessions);
  emit("disconnected");
  emit("terminated");
  counts.push(thinning.sessions);
  exchange(3);
  emit("summary");
  counts.push(thinning.sessions);
  assertEquals(counts, [0, 1, 0, 0]);
});

Deno.test("SessionTrace bounds what a peer can have recorded by numbers of its choice", () => {
  const { added, frame, memory } = stage(1);
  const lines = added(() => {
    for (let i = 0; i < 10_000; i++) {
      frame("<", { type: "HEARTBEAT", n: 2 ** 20 * (1 + i) });
      frame(">", { type: "HEARTBEAT_REPLY", n: 2 ** 20 * (1 + i) });
    }
  });
  const seconds = 20_000;
  const intervals = seconds * 1_000_000 / memory.recording.thinning.interval_us;
  assert(lines <= 32 * (intervals + 1) + ALL * (seconds / 60 + 1), `${lines}`);
  assert(lines > 1_000);
  const { added: more, clock, trace } = stage(1);
  const flood = more(() => {
    for (let i = 0; i < 10_000; i++) {
      trace.frame(false, { type: "HOLD", reason: "store" }, 1, clock.now());
    }
  });
  assertEquals(flood, 32);
});

Deno.test("connect() counts on where a session had ended at this side, which its client brings back", () => {
  const { clock, emit, memory, trace } = stage();
  assertEquals([trace.connect(), trace.connect()], [1, 2]);
  emit("terminated", { reason: "closed" });
  const back = new SessionTrace(memory.recording, { session: "s" });
  const other = new SessionTrace(memory.recording, { session: "t" });
  assertEquals([back.connect(), back.connect(), other.connect()], [3, 4, 1]);
  back.event({ event: "terminated", reason: "closed" }, clock.wallTime(), clock.now());
  assertEquals(new SessionTrace(memory.recording, { session: "s" }).connect(), 5);
  // Of many sessions, only the last ones that have ended are remembered.
  for (let at = 0; at < 10_000; at++) memory.recording.ended(`${at}`, 1);
  assertEquals(new SessionTrace(memory.recording, { session: "s" }).connect(), 1);
});
