/**
 * Reporting events: in order, a moment later, with the time at which they happened.
 *
 * @module
 */
import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import type { LoggedSummary } from "../../lib/output/log.ts";
import { LineOutput } from "../../lib/output/line_output.ts";
import { Reporter, type ReporterOptions } from "../../lib/output/reporter.ts";
import type { Event } from "../../lib/session/events.ts";
import { summaryOf, terminatedOf } from "../support/events.ts";
import { DEFAULT_TIMERS } from "../support/stage.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

const TIME = "2026-11-22T06:43:42.686Z";

function sent(seq: number, session: string | null = "s"): Event {
  return { time: TIME, event: "data_sent", session, seq, bytes: 1 };
}

function notice(text: string): Event {
  return { time: TIME, event: "notice", session: null, level: "warning", text };
}

/** Of many sessions only a few lines are logged. */
const MANY = { many: true, mostSimilar: 3 };

/** A reporter, what it has logged, and what it has written as JSON. */
function stage(options: Partial<ReporterOptions> = {}) {
  const logged: string[] = [];
  const summaries: LoggedSummary[] = [];
  const written: Uint8Array[] = [];
  const write = (bytes: Uint8Array) => Promise.resolve(written.push(bytes) && bytes.length);
  const reporter = new Reporter({
    role: "client",
    timers: DEFAULT_TIMERS,
    log: {
      line: (level, text, session, time) => logged.push([level, text, session, time].join(" | ")),
      summary: (summary) => summaries.push(summary),
      reopen: () => false,
      close: () => {},
    },
    level: "detail",
    json: new LineOutput({ write }, () => {}),
    many: false,
    mostSimilar: Infinity,
    showsSummaries: true,
    clock: new VirtualClock(),
    ...options,
  });
  const lines = async () => {
    await settle();
    const text = written.map((bytes) => new TextDecoder().decode(bytes)).join("");
    return text.split("\n").filter((line) => line !== "");
  };
  const json = async () => (await lines()).map((line) => JSON.parse(line));
  return { reporter, logged, summaries, json, lines };
}

Deno.test("Reporter writes events in order when the turn is over, of their own time", async () => {
  const { reporter, logged, json } = stage();
  reporter.emit(sent(1));
  reporter.emit(sent(2));
  assertEquals(logged, []);
  await settle();
  assertEquals(logged, [
    `detail | data message 1 sent, 1 byte | s | ${TIME}`,
    `detail | data message 2 sent, 1 byte | s | ${TIME}`,
  ]);
  assertEquals((await json()).map(({ seq }) => seq), [1, 2]);
});

Deno.test("Reporter.flush() writes at once what waits, and nothing twice", async () => {
  const { reporter, logged } = stage();
  reporter.emit(sent(1));
  reporter.flush();
  assertEquals(logged.length, 1);
  await settle();
  assertEquals(logged.length, 1);
});

Deno.test("Reporter writes many events in portions, with what has arrived in between", async () => {
  const clock = new VirtualClock();
  const { reporter, logged } = stage({ clock, json: undefined });
  for (let seq = 1; seq <= 1_300; seq++) reporter.emit(sent(seq));
  const written = [];
  for (await settle(); logged.length < 1_300; await clock.advance(0)) {
    written.push(logged.length);
    clock.after(0, () => written.push("input"));
  }
  assertEquals(written, [128, "input"]);
  assertEquals(logged[1_299]!.includes("data message 1300 sent"), true);
  reporter.emit(sent(1_301));
  await settle();
  assertEquals(logged.length, 1_301);
});

Deno.test("Reporter puts in words and queues only what somebody takes", async () => {
  const { reporter, logged } = stage({ json: undefined, level: "warning" });
  const unworded: Event = { time: TIME, event: "connected", session: "s" } as Event;
  Object.defineProperty(unworded, "peer", { get: () => assertEquals("taken", "by nobody") });
  reporter.emit(unworded);
  reporter.emit(notice("taken"));
  await settle();
  assertEquals(logged, [`warning | taken |  | ${TIME}`]);
});

const LEVELS_LOGGED = [["detail", 4], ["info", 3], ["warning", 2]] as const;

for (const [level, count] of LEVELS_LOGGED) {
  Deno.test(`Reporter logs what is at or above ${level}, and the last summary in any case`, async () => {
    for (const many of [true, false]) {
      const { reporter, logged, summaries } = stage({ json: undefined, level, many });
      reporter.emit(sent(1, null));
      reporter.emit({ time: TIME, event: "listening", session: null, host: "127.0.0.1", port: 1 });
      reporter.emit(notice("look here"));
      const stopped = { level: "info", text: "stopped", final: true } as const;
      reporter.emit({ time: TIME, event: "notice", session: null, ...stopped });
      await settle();
      assertEquals(logged.length + summaries.length, count);
      assertEquals(summaries, [{
        level: "info",
        text: "stopped",
        lines: ["stopped"],
        isAmongOthers: false,
      }]);
    }
  });
}

/** What is logged of one session that ends. */
async function endOfOne(
  { lost = false, ...options }: Partial<ReporterOptions> & { lost?: boolean },
) {
  const { reporter, summaries } = stage({ json: undefined, ...options });
  const reason = lost ? "silent" : "done";
  const about = { time: TIME, session: "s" };
  reporter.emit({ ...about, event: "terminated", ...terminatedOf({ reason }) });
  const fields = { ...summaryOf({ connections: 1 }), by: "self", reason } as const;
  reporter.emit({ ...about, event: "summary", ...fields });
  await settle();
  return summaries.map(({ isAmongOthers, lines }) => [lines[0], lines.at(-1), isAmongOthers]);
}

Deno.test("Reporter shows the whole summary of a session, with whom it was", async () => {
  const [first] = await endOfOne({ level: "info" });
  const last = "ended as asked: 0 of 0 data messages confirmed, none in doubt";
  assertEquals(first, [
    "--- pulsewire client: session s with 192.0.2.1:4000 ---",
    last,
    false,
  ]);
  const [[, shown, among]] = await endOfOne({ level: "warning" }) as [[string, string, boolean]];
  assertEquals([shown, among], [last, false]);
});

Deno.test("Reporter shows of a session among others the last line, where its level is logged", async () => {
  const among = { showsSummaries: false };
  const [[, , isAmongOthers]] = await endOfOne({ ...among, level: "info" }) as [unknown[]];
  assertEquals(isAmongOthers, true);
  assertEquals(await endOfOne({ ...among, level: "warning" }), []);
  const [[, last]] = await endOfOne({ ...among, level: "warning", lost: true }) as [unknown[]];
  assertEquals(last, "lost (silent): 0 of 0 data messages confirmed, none in doubt");
  assertEquals(await endOfOne({ ...among, level: "info", many: true }), []);
});

Deno.test("Reporter shortens what it shows of the summaries of many lost sessions", async () => {
  const { reporter, summaries } = stage({ json: undefined, ...MANY, showsSummaries: false });
  const fields = { ...summaryOf({ connections: 1 }), by: "self", reason: "silent" } as const;
  for (let n = 1; n <= 9; n++) {
    reporter.emit({ time: TIME, session: `s${n}`, event: "summary", ...fields });
  }
  reporter.flush();
  await settle();
  const last = "lost (silent): 0 of 0 data messages confirmed, none in doubt";
  assertEquals(summaries.map(({ lines }) => lines.at(-1)), [
    ...Array(3).fill(last),
    `and 6 more, the last of them: ${last}`,
  ]);
});

Deno.test("Reporter keeps no more than 65,536 events waiting, and writes of more as many as in a turn", () => {
  const { reporter, logged } = stage({ json: undefined });
  for (let seq = 1; seq < 65_536; seq++) reporter.emit(sent(seq));
  assertEquals(logged.length, 0);
  reporter.emit(sent(65_536));
  assertEquals(logged.length, 128);
  for (let seq = 65_537; seq <= 131_072; seq++) reporter.emit(sent(seq));
  assertEquals(logged.length, 65_536 + 128);
});

Deno.test("Reporter writes an event as one line of JSON whatever a reader takes for a line end", async () => {
  const { reporter, json, lines } = stage();
  const session = "a\u2028b\u2029c\u202ed\u0085e\u007ff\u{e0041}\n\u200b";
  reporter.emit(sent(1, session));
  assertEquals((await json()).map((event) => event.session), [session]);
  const [line, ...more] = await lines();
  assertEquals([more, line!.match(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)], [[], null]);
});

Deno.test("Reporter writes no notice as JSON, and logs it", async () => {
  const { reporter, logged, json } = stage();
  reporter.emit(notice("look here"));
  assertEquals(await json(), []);
  assertEquals(logged, [`warning | look here |  | ${TIME}`]);
});

Deno.test("Reporter logs what the kernel shows of a silence only when it changes; JSON has all of it", async () => {
  const { reporter, logged, json } = stage();
  const common = { time: TIME, session: "s", unread_bytes: 0 };
  const silent = () =>
    reporter.emit({ ...common, event: "phase", from: "data", to: "heartbeat", silent_ms: 1 });
  const kernel = (unacked_bytes: number, retransmissions: number, session = "s") => {
    const timer = unacked_bytes ? "retransmit" : "none";
    const figures = { unacked_bytes, unread_bytes: 0, retransmissions, timer } as const;
    reporter.emit({ ...common, event: "kernel", at: "heartbeat_missed", session, ...figures });
  };
  silent();
  kernel(0, 0);
  kernel(0, 0);
  kernel(0, 0, "other");
  kernel(42, 2);
  kernel(54, 3);
  kernel(0, 0);
  silent();
  kernel(0, 0);
  await settle();
  const all = "the kernel: all is acknowledged by the server's host, or a proxy in front of it";
  const said = logged.filter((line) => line.includes("kernel")).map((line) => line.split(" | "));
  assertEquals(said.map(([, text, session]) => [text, session]), [
    [all, "s"],
    [all, "other"],
    ["the kernel: 42 bytes unacknowledged after 2 retransmissions", "s"],
    [all, "s"],
    [all, "s"],
  ]);
  assertEquals((await json()).filter(({ event }) => event === "kernel").length, 7);
});

Deno.test("Reporter logs of each of many sessions only what is not as it should be", async () => {
  const { reporter, logged, json } = stage({ many: true });
  reporter.emit(sent(1));
  reporter.emit({ time: TIME, event: "heartbeat_missed", session: "s", n: 1, missed: 1, left: 3 });
  reporter.emit(notice("look here"));
  assertEquals((await json()).length, 2);
  assertEquals(logged.map((line) => line.split(" | ")[0]), ["warning", "warning"]);
});

/** Heartbeats are missed, one by each of so many sessions. */
function missEach(reporter: Reporter, sessions: number): void {
  for (let n = 1; n <= sessions; n++) {
    const missed = { n: 1, missed: 1, left: 3 };
    reporter.emit({ time: TIME, event: "heartbeat_missed", session: `s${n}`, ...missed });
  }
}

/** When it is logged, by the clock of the reporter. */
const NOW = "2026-11-22T00:00:00.000Z";
const MISSED = "heartbeat 1 missed, 1 in a row; dead after 3 more";

Deno.test("Reporter logs of what many sessions have in common a part, and writes all of it as JSON", async () => {
  const { reporter, logged, json } = stage(MANY);
  missEach(reporter, 100);
  reporter.emit(notice("that was all"));
  await settle();
  assertEquals(logged, [
    ...["s1", "s2", "s3"].map((session) => `warning | ${MISSED} | ${session} | ${TIME}`),
    `warning | and 97 more, the last of them: ${MISSED} | s100 | ${NOW}`,
    `warning | that was all |  | ${TIME}`,
  ]);
  assertEquals((await json()).map(({ session }) => session).slice(-2), ["s99", "s100"]);
});

Deno.test("Reporter logs so many lines that differ in figures, and puts no others in words", async () => {
  const some = { level: "info", mostSimilar: 20, role: "server", json: undefined } as const;
  const { reporter, logged } = stage(some);
  const worded = new Set<string>();
  for (let n = 1; n <= 100; n++) {
    const session = `s${n}`;
    const about = { session, local: "192.0.2.1:4000", predicted_detection_s: 60 };
    const event: Event = { time: TIME, event: "connected", peer: "", ...about };
    Object.defineProperty(event, "peer", {
      enumerable: true,
      get: () => worded.add(session) && `192.0.2.2:${n}`,
    });
    reporter.emit(event);
  }
  reporter.emit(sent(1));
  await settle();
  reporter.flush();
  const shown = [...Array.from({ length: 20 }, (_, at) => `s${at + 1}`), "s100"];
  assertEquals(logged.map((line) => line.split(" | ")[2]), shown);
  assertStringIncludes(
    logged.at(-1)!,
    "and 80 more, the last of them: session open with 192.0.2.2:100,",
  );
  assertEquals([...worded], shown);
});

Deno.test("Reporter.flush() logs all that it has held back; of one session it holds back nothing", () => {
  const many = stage(MANY);
  missEach(many.reporter, 5);
  many.reporter.flush();
  assertEquals(many.logged.length, 4);
  const one = stage();
  missEach(one.reporter, 5);
  one.reporter.flush();
  assertEquals(one.logged.length, 5);
});

for (
  const [level, hasJson, many, wants] of [
    ["detail", true, false, true],
    ["detail", false, false, true],
    ["info", false, false, false],
    ["info", true, false, true],
    ["warning", false, false, false],
    ["detail", false, true, false],
    ["detail", true, true, true],
  ] as const
) {
  const how = `log from ${level}, JSON ${hasJson}, many ${many}`;
  Deno.test(`Reporter wants the events of data messages: ${wants} with ${how}`, () => {
    const json = hasJson ? {} : { json: undefined };
    assertEquals(stage({ level, many, ...json }).reporter.wantsMessages, wants);
  });
}

Deno.test("Reporter keeps ends for a slow reader, and says in the last event how much it left out", async () => {
  let stopped: PromiseWithResolvers<void> | undefined = Promise.withResolvers();
  let text = "";
  const sink = {
    write: async (bytes: Uint8Array) => {
      await stopped?.promise;
      text += new TextDecoder().decode(bytes);
      return bytes.length;
    },
  };
  const losses: string[] = [];
  const { reporter } = stage({ json: new LineOutput(sink, (each) => losses.push(each)) });
  const about = { time: TIME, session: "s" };
  const MESSAGES = 100_000;
  for (let seq = 1; seq <= MESSAGES; seq++) reporter.emit(sent(seq));
  reporter.emit({ ...about, event: "phase", from: "data", to: "heartbeat", silent_ms: 20_000 });
  reporter.emit({ ...about, event: "terminated", ...terminatedOf({ reason: "silent" }) });
  reporter.emit({ ...about, event: "summary", ...summaryOf({}) });
  reporter.flush();
  stopped.resolve();
  stopped = undefined;
  await settle();
  const events = text.trimEnd().split("\n").map((line) => JSON.parse(line));
  const [phase, terminated, summary] = events.slice(-3);
  assertEquals([phase, terminated, summary].map(({ event }) => event), [
    "phase",
    "terminated",
    "summary",
  ]);
  assertGreater(summary.left_out, 0);
  assertEquals(summary.left_out, MESSAGES + 3 - events.length);
  assertEquals(losses.at(-1), `lines left out: ${summary.left_out}`);
});

Deno.test("Reporter says nothing of lines left out where none was", async () => {
  const { json, reporter } = stage();
  reporter.emit({ time: TIME, session: "s", event: "summary", ...summaryOf({}) });
  const [summary] = await json();
  assertEquals("left_out" in summary, false);
});

/** An event of a client that did not reach a server. */
const UNREACHED = { by: "network", predicted_ms: null, peer: "192.0.2.1:4000" } as const;

/** Which lines about events of one run end with the hint. */
async function hinted(
  events: Record<string, unknown>[],
  options: Partial<ReporterOptions> = {},
): Promise<number[]> {
  const { reporter, logged } = stage({ json: undefined, ...options });
  for (const event of events) reporter.emit({ time: TIME, session: "s", ...event } as Event);
  await settle();
  const hint = /[?;] docs\/firewalls\.md has the commands that open TCP port 4000 \| /;
  return logged.flatMap((line, at) => hint.test(line) ? [at] : []);
}

Deno.test("Reporter says once a run where the commands for a server's firewall are", async () => {
  const refused = { event: "terminated", ...terminatedOf({ ...UNREACHED, reason: "refused" }) };
  const silent = { event: "terminated", ...terminatedOf({ ...UNREACHED, reason: "silent" }) };
  assertEquals(await hinted([refused, refused]), [0]);
  assertEquals(await hinted([silent, refused]), [0]);
  assertEquals(await hinted([refused, refused], { many: true }), [0]);
  assertEquals(await hinted([refused], { role: "server" }), []);
  const connected = { event: "connected", peer: UNREACHED.peer, local: "192.0.2.2:50000" };
  assertEquals(await hinted([{ ...connected, predicted_detection_s: 60 }, refused]), []);
  assertEquals(await hinted([connected, refused], { level: "warning" }), []);
  const dial = { event: "reconnecting", attempt: 1, delay_ms: 1, peer: UNREACHED.peer };
  assertEquals(await hinted([{ ...dial, cause: "refused" }, refused]), [0]);
  const unanswered = { ...dial, cause: "silent", text: "no answer within 10 s" };
  assertEquals(await hinted([unanswered, unanswered]), [0]);
  const expired = { ...dial, cause: "refused", text: "the server is not trusted: it has expired" };
  assertEquals(await hinted([expired, { ...dial, cause: "refused" }]), [1]);
});

Deno.test("Reporter says nothing of a firewall where the server was reached", async () => {
  const dial = { event: "reconnecting", attempt: 1, delay_ms: 1, peer: UNREACHED.peer };
  const ended = (fields: Parameters<typeof terminatedOf>[0]) => ({
    event: "terminated",
    ...terminatedOf({ ...UNREACHED, ...fields }),
  });
  const events = [
    { ...dial, cause: "silent" },
    { ...dial, cause: "silent", text: "accepted, but nothing came" },
    { ...dial, cause: "reset" },
    ended({ by: "peer", reason: "refused" }),
    ended({ by: "self", reason: "silent", text: "no WELCOME" }),
    ended({ reason: "silent", predicted_ms: 60_000 }),
    ended({ reason: "name_not_found" }),
    ended({ reason: "reset" }),
  ];
  assertEquals(await hinted(events), []);
});
