/**
 * What is recorded of a session, on a virtual clock: frames are thinned while all is well, and the last
 * ones before an outage are recorded when it has begun.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { MemoryRecording } from "../support/recording.ts";
import {
  stageClient,
  type StageOptions,
  stageServer,
  stageUnopenedClient,
  stageUnopenedServer,
} from "../support/stage.ts";
import { settle } from "../support/virtual_clock.ts";

/** Two lines a second: of a session that sends each second, every second exchange. */
const FEW = 2;

/** A client whose peer confirms up to a number, and answers heartbeats if it is to. */
async function client(
  confirms: number,
  { beats = false, lines_per_s, ...options }: StageOptions & {
    beats?: boolean;
    lines_per_s?: number;
  } = {},
) {
  let memory: MemoryRecording | undefined;
  const record: StageOptions["record"] = (clock) =>
    (memory = new MemoryRecording(clock, lines_per_s)).recording;
  const stage = stageUnopenedClient({ timers: { data_interval_ms: 1_000 }, ...options, record });
  const mute = { after: confirms };
  stage.peer.answer = (line) => {
    if (line.startsWith("HELLO")) return "WELCOME 1 s {}\n";
    const [, type, n] = /^(\w+) (\d+)/.exec(line) ?? [];
    if (type === "HEARTBEAT") return beats ? `HEARTBEAT_REPLY ${n}\n` : undefined;
    return type === "DATA" && Number(n) <= mute.after ? `CONFIRM ${n}\n` : undefined;
  };
  await settle();
  return { ...stage, memory: memory!, mute };
}

Deno.test("a recording has every event and every frame of a session that sends each second", async () => {
  const { clock, memory, peer, session, ended } = await client(Infinity);
  await clock.advance(1_500);
  session.stop("done");
  await clock.advance(0);
  await peer.hangUp();
  await clock.advance(0);
  await ended;
  assertEquals(memory.story, [
    "0 > HELLO",
    "0 < WELCOME",
    "0 connected",
    "0 phase",
    "0 data_sent 1",
    "0 > DATA 1",
    "0 < CONFIRM 1",
    "0 data_confirmed 1",
    "1000 data_sent 2",
    "1000 > DATA 2",
    "1000 < CONFIRM 2",
    "1000 data_confirmed 2",
    "1500 phase",
    "1500 terminated",
    "1500 > TERMINATE",
    "1500 summary",
  ]);
});

Deno.test("a line of a recording has its times behind the session, and the rest as in --json", async () => {
  const { clock, memory, recorder } = await client(Infinity);
  await clock.advance(1_000);
  const line = memory.lines.find(({ event, seq }) => event === "data_confirmed" && seq === 2);
  const { at_ms: _, event, session, time, ...fields } = recorder.all("data_confirmed")[1]!;
  const wall_ms = Date.parse(time);
  const expected = { time, event, session, wall_ms, mono_us: 1_000_000, ...fields };
  assertEquals(JSON.stringify(line), JSON.stringify(expected));
  const frame = memory.lines.find(({ event, n }) => event === "frame_sent" && n === 2);
  assertEquals(frame, {
    time,
    event: "frame_sent",
    session: "s",
    wall_ms,
    mono_us: 1_000_000,
    frame: "DATA",
    n: 2,
    connection: 1,
  });
});

Deno.test("both sides of a session thin their frames alike, and so their events", async () => {
  const few = (memory: MemoryRecording) =>
    memory.lines.flatMap(({ event, n, seq }) => {
      const number = n ?? seq;
      return number === undefined || number <= 4 ? [] : [`${event} ${number}`];
    });
  const { clock, memory } = await client(Infinity, { lines_per_s: FEW });
  await clock.advance(10_500);
  const numbers = [6, 8, 10];
  assertEquals(
    few(memory),
    numbers.flatMap((n) => [
      `data_sent ${n}`,
      `frame_sent ${n}`,
      `frame_received ${n}`,
      `data_confirmed ${n}`,
    ]),
  );

  let other: MemoryRecording | undefined;
  const server = await stageServer({
    record: (clock) => (other = new MemoryRecording(clock, FEW)).recording,
  });
  for (let seq = 1; seq <= 11; seq++) {
    await server.peer.say(`DATA ${seq} 1\nx\n`);
    await server.clock.advance(1_000);
  }
  assertEquals(
    few(other!),
    numbers.flatMap((n) => [`frame_received ${n}`, `data_received ${n}`, `frame_sent ${n}`]),
  );
  assertEquals(other!.frames.slice(0, 2), ["0 < HELLO", "0 > WELCOME"]);
});

Deno.test("when a session falls silent, the frames before it are recorded, with their own times", async () => {
  const { clock, memory, recorder } = await client(30, { lines_per_s: 0.05 });
  await clock.advance(49_900);
  const before = memory.lines.length;
  assertEquals(memory.frames.filter((line) => /> DATA [12]\d/.test(line)), []);
  await clock.advance(100);
  assertEquals(recorder.all("phase").at(-1)!.to, "heartbeat");
  const expected = [
    ...Array.from({ length: 16 }, (_, i) => i + 15).flatMap((n) => [
      ...n === 15 ? [] : [`${n * 1_000 - 1_000} > DATA ${n}`],
      `${n * 1_000 - 1_000} < CONFIRM ${n}`,
    ]),
    "30000 > DATA 31",
    "50000 > HEARTBEAT 1",
  ];
  const added = memory.lines.slice(before).filter(({ event }) => event.startsWith("frame"));
  assertEquals(added.length, expected.length);
  assertEquals(memory.frames.slice(-expected.length), expected);
  // Each once, whatever follows.
  await clock.advance(100_000);
  const frames = memory.frames;
  assertEquals(new Set(frames).size, frames.length);
});

Deno.test("in an outage no heartbeat is left out, and after it the next frames are not", async () => {
  const { clock, memory, mute, peer, recorder } = await client(3, {
    beats: true,
    lines_per_s: 0.01,
  });
  await clock.advance(60_000);
  const beats = memory.frames.filter((line) => / > HEARTBEAT /.test(line));
  assertEquals(beats.length, recorder.all("heartbeat_sent").length);
  assertEquals(beats.length, 8);
  mute.after = Infinity;
  await peer.say("CONFIRM 4\n");
  await clock.advance(10_000);
  const after = memory.frames.filter((line) => / > DATA /.test(line)).map((line) =>
    line.split(" ")[3]
  );
  assertEquals(after, ["1", "2", "3", "4", "5", "6", "7", "8"]);
  await clock.advance(100_000);
  assert(!memory.frames.some((line) => / > DATA (2[5-9]|[3-5]\d) ?$/.test(line)), "thinned again");
});

Deno.test("an outage without end does not fill the files", async () => {
  const { clock, memory } = await client(3, { beats: true, lines_per_s: 0.01 });
  await clock.advance(12 * 3_600_000);
  const { length } = memory.lines;
  assert(length < 700, `${length} lines of ${12 * 720} heartbeats`);
});

Deno.test("a heartbeat of the peer, which may be silent, has the last frames recorded", async () => {
  const { clock, memory, peer } = await client(Infinity, { lines_per_s: 0.01 });
  await clock.advance(40_000);
  const before = memory.frames;
  await peer.say("HEARTBEAT 1\n");
  const added = memory.frames.filter((line) => !before.includes(line));
  assertEquals(added.length, 33, added.join("\n"));
  assert(added.includes("39000 > DATA 40"), added.join("\n"));
  // Not again at once: a peer that has nothing else to send does so all the time.
  const now = memory.frames.length;
  await clock.advance(5_000);
  await peer.say("HEARTBEAT 2\n");
  assert(memory.frames.length < now + 4);
});

Deno.test("a peer that floods a session with frames does not fill the files", async () => {
  const { clock, memory, peer } = await client(Infinity, { lines_per_s: 1 });
  await clock.advance(10_000);
  const before = memory.lines.length;
  for (let i = 0; i < 1_000; i++) await peer.say("HEARTBEAT 0\n");
  await clock.advance(1_000);
  assert(memory.lines.length < before + 150, `${memory.lines.length - before} lines`);
});

Deno.test("a refused HELLO, whose session this server does not know, has no frames", async () => {
  let memory: MemoryRecording | undefined;
  const record: StageOptions["record"] = (clock) => (memory = new MemoryRecording(clock)).recording;
  const { clock, peer } = stageUnopenedServer({ record, refusal: "no" });
  await peer.say("HELLO 1 s {}\n");
  await clock.advance(2_000);
  assertEquals(peer.heard.length, 1);
  assertEquals(memory!.story.map((line) => line.split(" ")[1]), ["terminated"]);
});

Deno.test("what comes after the end is recorded: the peer was not silent", async () => {
  const { clock, memory, peer, session } = await client(Infinity);
  session.stop("done");
  await clock.advance(10);
  await peer.say("HEARTBEAT 1\n");
  assertEquals(memory.frames.at(-1), "10 < HEARTBEAT 1");
});

Deno.test("a session that nobody records makes no trace", async () => {
  const { recorder, session } = await stageClient();
  assertEquals(recorder.recording, undefined);
  assert(!("trace" in session.state.events));
  assert(!("connectionNumber" in session));
});
