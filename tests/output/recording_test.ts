/**
 * What stands in the files of a recording, and how long they last.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { lastingText, openRecording } from "../../lib/output/recording.ts";
import { recordingFiles } from "../../lib/output/recording_file.ts";
import { EventSource } from "../../lib/session/events.ts";
import { Folder } from "../support/folder.ts";
import { linesOf } from "../support/recording.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

const MIB = 1_048_576;

const STARTED = {
  version: "0.1.0",
  role: "client" as const,
  host: "a",
  pid: 7,
  zone: "UTC",
  settings: { message: "x".repeat(5_000), port: 4000 },
};

async function open(path: string, clock: VirtualClock, maxBytes = MIB) {
  const said: string[] = [];
  const opened = await openRecording({
    path,
    maxBytes,
    started: STARTED,
    report: (text) => void said.push(text),
    clock,
    random: (bytes) => void bytes.fill(0xab),
  });
  return { ...opened, said };
}

Deno.test("a recording begins with what the process is, by which all its files are known", async () => {
  using folder = new Folder();
  const path = `${folder.path}/a`;
  const clock = new VirtualClock();
  await clock.advance(1.25);
  const { file, said } = await open(path, clock);
  await file.close();
  const [line, ...more] = linesOf(Deno.readTextFileSync(path));
  assertEquals([more, said], [[], []]);
  const { time, settings, ...others } = line!;
  assertEquals(time, "2026-11-22T00:00:00.001Z");
  assertEquals(others, {
    event: "started",
    session: null,
    wall_ms: Date.UTC(2026, 10, 22) + 1,
    mono_us: 1_250,
    version: "0.1.0",
    role: "client",
    host: "a",
    pid: 7,
    zone: "UTC",
    run: "abababababababab",
    file: 1,
  });
  assertEquals(settings, { message: `${"x".repeat(1_024)}…`, port: 4000 });
  assertEquals(Object.keys(line!).slice(0, 5), ["time", "event", "session", "wall_ms", "mono_us"]);
});

Deno.test("the files hold a night of as many healthy sessions as their size is made for", async () => {
  using folder = new Folder();
  const path = `${folder.path}/a`;
  const clock = new VirtualClock();
  // A hundredth of the default size, for a hundredth of 10,000 sessions.
  const { file, recording, said } = await open(path, clock, Math.round(0.64 * MIB));
  const sink = { wantsMessages: false, recording, emit: () => {} };
  const sessions = Array.from({ length: 100 }, (_, i) => new EventSource(sink, clock, `s${i}`));
  for (const { trace } of sessions) trace!.connect();
  for (let seq = 1; seq <= 12 * 720; seq++) {
    clock.stall(5_000);
    for (const events of sessions) {
      if (events.wantsMessage(seq)) events.emit("data_sent", { seq, bytes: 19 });
      events.trace!.frame(true, { type: "DATA", seq, payload: new Uint8Array() }, 1, clock.now());
      events.trace!.frame(false, { type: "CONFIRM", seq }, 1, clock.now());
      if (events.wantsConfirmation(seq)) events.emit("data_confirmed", { seq, rtt_ms: 0.001 });
    }
    recording.flush();
    if (seq % 100 === 0) await settle();
  }
  await file.close();
  assertEquals(said, []);
  const there = [...Deno.readDirSync(folder.path)].map(({ name }) => `${folder.path}/${name}`);
  const files = recordingFiles(path).filter((name) => there.includes(name));
  const lines = files.toReversed().flatMap((name) => linesOf(Deno.readTextFileSync(name)));
  assertEquals(lines[0]!.file, 1, "nothing is gone");
  const own = lines.filter(({ session }) => session === "s42");
  assert(own.length > 40, `${own.length} lines of a session`);
  assertEquals(own.at(-1)!.wall_ms > clock.wallTime() - 2 * 3_600_000, true, "to the end");
});

Deno.test("lastingText() says how long the files last, a night at least", () => {
  const text = (sessions: number, interval_s?: number, mib = 64) =>
    lastingText({ maxBytes: mib * MIB, sessions, interval_s }).replace(/^.*about /, "");
  assertEquals(
    lastingText({ maxBytes: MIB, sessions: 1 }).slice(0, 30),
    "its 5 files of 1 MiB last abou",
  );
  assertEquals(
    [text(1, 5), text(1, 1), text(1, 1_000), text(100, 5), text(10_000, 5), text(10_000, 600)],
    ["29 days", "6 days", "more than a year", "27 hours", "35 hours", "33 hours"],
  );
  assertEquals([text(1), text(10_000), text(1, 5, 1)], ["20 hours", "20 hours", "21 hours"]);
});
