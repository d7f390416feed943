/**
 * Sessions that several runs of servers had, and clocks that cannot be compared, or that were set.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { pageOf } from "../../lib/report/page/page.ts";
import { reportText } from "../../lib/report/text.ts";
import {
  RecordedConnection,
  RecordedRun,
  reportOfRuns,
  START_MS,
} from "../support/recorded_runs.ts";

function timeOf(at_ms: number): string {
  return new Date(START_MS + at_ms).toISOString();
}

Deno.test("makeReport() of a server that was started again has each run's times by its own clock", () => {
  const client = new RecordedRun("client", "c");
  const [first, second] = [
    new RecordedRun("server", "s1"),
    new RecordedRun("server", "s2", 600_000),
  ];
  new RecordedConnection(client, first).open(1_000).data(1, 5, 2_000);
  // The first run is killed.
  new RecordedConnection(client, second, 2).open(601_000).data(6, 9, 602_000);
  second.reset(606_000);
  new RecordedConnection(client, second, 3, 2).open(608_000).data(10, 12, 609_000);
  second.end(612_000, "peer", 12);
  const { outages, sessions: [session] } = reportOfRuns(first, second).document;
  assertEquals([session!.from, session!.to], [timeOf(1_001), timeOf(612_000)]);
  assertEquals(session!.connections, 3);
  assertEquals(outages.map(({ from, to }) => [from, to]), [[timeOf(605_000), timeOf(608_001)]]);
  assertEquals(outages[0]!.noticed.server, timeOf(606_000));
});

/** A path that is cut after 6 s; the server's process is killed meanwhile, and another run of it goes on. */
function killedWhileSilent() {
  const client = new RecordedRun("client", "c");
  const first = new RecordedRun("server", "s1");
  const second = new RecordedRun("server", "s2", 12_000);
  new RecordedConnection(client, first).open(1).data(1, 5, 1_000)
    .frame("client", 6_000, "DATA", 6, Infinity);
  first.phase(8_001, "data", "heartbeat", 3_000);
  client.phase(9_000, "data", "heartbeat", 3_000);
  client.add(14_000, "disconnected", { by: "network", reason: "reset", silent_ms: 9_000 });
  client.phase(14_000, "heartbeat", "connecting", 9_000);
  new RecordedConnection(client, second, 2).open(15_000).data(6, 9, 16_000);
  client.end(20_000, "self", 9);
  second.end(20_001, "peer", 9);
  return { client, first, second };
}

Deno.test("makeReport() takes an outage for over whose server was killed and went on in another run", () => {
  const { client, first, second } = killedWhileSilent();
  const { outages, sessions: [session] } = reportOfRuns(client, first, second).document;
  assertEquals(outages.map(({ from, to }) => [from, to]), [[timeOf(5_000), timeOf(15_002)]]);
  assertEquals(session!.gaps.count, 1);
  assert(session!.gaps.total_ms < 10_003, `${session!.gaps.total_ms}`);
});

Deno.test("makeReport() takes an outage for over when the session goes on, whoever noticed it", () => {
  const client = new RecordedRun("client", "c");
  const first = new RecordedRun("server", "s1");
  const second = new RecordedRun("server", "s2", 12_000);
  new RecordedConnection(client, first).open(1).data(1, 5, 1_000);
  // Only the server finds it silent, and is told to stop.
  first.phase(8_001, "data", "heartbeat", 3_000).end(10_000, "self", 5);
  // The second run takes the session for lost until its client comes back, and is killed.
  const expired = { by: "self", reason: "silent", text: "", detected_after_ms: 1_000 };
  second.add(13_000, "terminated", { ...expired, predicted_ms: 1_000, silent_ms: 8_000 });
  new RecordedConnection(client, second, 2).open(15_000).data(6, 9, 16_000);
  client.end(60_000, "self", 9);
  const { outages, sessions: [session] } = reportOfRuns(client, first, second).document;
  assertEquals(outages.map(({ noticed, to }) => [noticed.client, to]), [[null, timeOf(15_001)]]);
  assertEquals(session!.ended, { client: "done (self)", server: null });
});

Deno.test("makeReport() matches connections where a server was stopped and found several dials at once", () => {
  const client = new RecordedRun("client", "c");
  const server = new RecordedRun("server", "s");
  new RecordedConnection(client, server).open(1).data(1, 5, 1_000)
    .frame("client", 6_000, "DATA", 6, 34_000);
  client.phase(9_000, "data", "heartbeat", 3_000);
  client.add(15_000, "disconnected", { by: "self", reason: "silent", text: "" });
  client.phase(15_000, "heartbeat", "connecting", 9_000);
  server.add(40_000, "local_stall", { ms: 34_000, kind: "stopped" });
  // The host has accepted the connections on which the client waited 5 s for an answer each.
  for (const [at, sent_ms] of [16_000, 23_000, 30_000].entries()) {
    new RecordedConnection(client, server, 2 + at, 2 + at)
      .frame("client", sent_ms, "HELLO", undefined, 40_000 - sent_ms)
      .frame("client", sent_ms + 5_000, "TERMINATE", undefined, 35_001 - sent_ms)
      .frame("server", 40_000, "WELCOME", undefined, Infinity);
    const end = { by: "peer", reason: "silent", text: "", silent_ms: 0 };
    server.add(40_001 + at, "disconnected", end).phase(40_001 + at, "data", "connecting");
    server.add(40_001 + at, "resumed").phase(40_001 + at, "connecting", "data");
  }
  new RecordedConnection(client, server, 5, 5).open(41_000).data(6, 9, 42_000);
  const { clocks, outages } =
    reportOfRuns(client.end(50_000, "self", 9), server.end(50_001, "peer", 9)).document;
  assert(clocks[0]!.frames > 10 && !clocks[0]!.contradictory);
  assertEquals(outages.length, 1);
  assertEquals([outages[0]!.cause, outages[0]!.at], ["local_stall", "server"]);
});

Deno.test("makeReport() has an outage for each time that a server lost a session which came back", () => {
  const client = new RecordedRun("client", "c");
  const server = new RecordedRun("server", "s");
  new RecordedConnection(client, server).open(1).data(1, 5, 1_000);
  // A server that keeps no session without a connection.
  const lost = { by: "peer", reason: "closed", text: "", predicted_ms: 9_000, silent_ms: 1_000 };
  server.add(6_000, "terminated", lost);
  new RecordedConnection(client, server, 2).open(8_000).data(6, 9, 9_000);
  server.add(13_000, "terminated", lost);
  new RecordedConnection(client, server, 3).open(16_000).data(10, 12, 17_000);
  const { outages, sessions: [session] } = reportOfRuns(server).document;
  assertEquals(outages.map(({ lasted_ms }) => lasted_ms), [3_001, 4_001]);
  assertEquals(session!.gaps.total_ms, 7_002);
});

Deno.test("makeReport() takes a silence and what the client lost in it for one, though the server was killed", () => {
  const client = new RecordedRun("client", "c");
  const first = new RecordedRun("server", "s1");
  const second = new RecordedRun("server", "s2", 12_000);
  new RecordedConnection(client, first).open(1).data(1, 5, 1_000);
  first.phase(8_001, "data", "heartbeat", 3_000);
  // The client has nothing to send, and hears of it later than the server is killed.
  client.reset(9_500);
  new RecordedConnection(client, second, 2).open(15_000).data(6, 9, 16_000);
  client.end(20_000, "self", 9);
  second.end(20_001, "peer", 9);
  const { outages } = reportOfRuns(client, first, second).document;
  assertEquals(outages.map(({ lasted_ms }) => lasted_ms !== null), [true]);
  assertEquals(Object.values(outages[0]!.noticed).map((each) => each !== null), [true, true]);
});

Deno.test("makeReport() does not say that only one side noticed an outage where the clocks are not known", () => {
  const client = new RecordedRun("client", "c");
  const server = new RecordedRun("server", "s");
  // Frames of which some would have been received before they were sent.
  new RecordedConnection(client, server).open(1).data(1, 5, 1_000)
    .frame("client", 6_000, "HEARTBEAT", 1, -5_000);
  for (const each of [client, server]) each.phase(9_000, "data", "heartbeat", 3_000);
  for (const each of [client, server]) each.phase(12_000, "heartbeat", "data", 6_000);
  client.end(20_000, "self", 5);
  server.end(20_001, "peer", 5);
  const report = reportOfRuns(client, server);
  const { clocks, outages } = report.document;
  assert(clocks[0]!.contradictory);
  assertEquals(outages.map(({ noticed }) => Object.values(noticed)), [
    [timeOf(9_000), null],
    [null, timeOf(9_000)],
  ]);
  for (const { first_noticed_by, to, verdict } of outages) {
    assertEquals([first_noticed_by, to], [null, timeOf(12_000)]);
    assert(!verdict.includes("noticed"), verdict);
  }
  // Each has the lines of the side that noticed it.
  const lines = pageOf(report).match(/Lines of the \w+/g);
  assertEquals(lines, ["Lines of the client", "Lines of the server"]);
});

Deno.test("an outage lasts as long as it did, whatever the wall clock was set to meanwhile", () => {
  const wall = (at_ms: number) => START_MS + at_ms - (at_ms >= 10_000 ? 3_600_000 : 0);
  const client = new RecordedRun("client", "c", 0, { wall });
  const server = new RecordedRun("server", "s");
  new RecordedConnection(client, server).open(1).data(1, 5, 1_000)
    .frame("client", 6_000, "DATA", 6, 9_000).frame("server", 15_000, "CONFIRM", 6)
    .data(7, 12, 16_000);
  client.phase(9_000, "data", "heartbeat", 3_000).phase(15_001, "heartbeat", "data", 9_000);
  client.end(25_000, "self", 12);
  server.end(25_001, "peer", 12);
  const report = reportOfRuns(client, server);
  const { clock_steps, outages: [outage], sessions: [session] } = report.document;
  assertEquals(clock_steps.map(({ by_ms }) => by_ms), [-3_600_000]);
  assertEquals(outage!.lasted_ms, 9_001);
  assertEquals(session!.gaps, { count: 1, longest_ms: 9_001, total_ms: 9_001 });
  for (const text of [reportText(report.document), pageOf(report)]) {
    assert(
      text.includes("9.001 s") && !/-\d+(?:\.\d+)? m?s\b/.test(text.replaceAll("-3600000", "")),
    );
  }
});

/** A session that moves from one server to another, whose wall clock is two hours behind. */
function movedBetweenServers() {
  const client = new RecordedRun("client", "c");
  const wall = (at_ms: number) => START_MS + 7_200_000 + at_ms;
  const first = new RecordedRun("server", "s1", 0, { wall });
  const second = new RecordedRun("server", "s2", 500);
  new RecordedConnection(client, first).open(1).data(1, 5, 1_000);
  for (const each of [client, first]) each.reset(6_000);
  new RecordedConnection(client, second, 2).open(9_000).data(6, 20, 10_000);
  return { client, first, second };
}

Deno.test("makeReport() puts servers in the order of what they received, not of their wall clocks", () => {
  const { client, first, second } = movedBetweenServers();
  first.add(9_001, "terminated", { by: "peer", reason: "superseded", text: "" });
  second.end(30_001, "peer", 20);
  const { clocks, outages, sessions: [session] } =
    reportOfRuns(client.end(30_000, "self", 20), second, first).document;
  const offsets = new Map(clocks.map(({ offset_ms, server }) => [server.host, offset_ms]));
  for (const [host, true_ms] of [["s1", 7_200_000], ["s2", 0]] as const) {
    const [low_ms, high_ms] = offsets.get(host)!;
    assert(low_ms! <= true_ms && true_ms <= high_ms!, `${host}: ${low_ms} to ${high_ms}`);
  }
  assertEquals(session!.ended.server, "done (peer)");
  assertEquals(outages.length, 1);
  assertEquals(outages[0]!.began, "unknown");
  assert(outages[0]!.noticed.server !== null);
});

Deno.test("makeReport() does not trust the order of wall clocks that were set", () => {
  const wall = (at_ms: number) => START_MS + at_ms + (at_ms >= 100 ? 3_600_000 : 0);
  const client = new RecordedRun("client", "c");
  const first = new RecordedRun("server", "s1", 0, { wall });
  const second = new RecordedRun("server", "s2", 500);
  new RecordedConnection(client, first).open(1_000).data(1, 5, 2_000);
  for (const each of [client, first]) each.reset(7_000);
  // The second run has no data messages by which it could be told that it came later.
  const last = new RecordedConnection(client, second, 2).open(9_000);
  for (let n = 1; n <= 5; n++) {
    last.frame("client", 10_000 * n, "HEARTBEAT", n)
      .frame("server", 10_000 * n + 1, "HEARTBEAT_REPLY", n);
  }
  const { clocks, notes } =
    reportOfRuns(client.end(60_000, "self", 5), first, second.end(60_001, "peer", 5)).document;
  assertEquals([clocks.map(({ frames }) => frames), notes], [[0, 0], []]);
});

Deno.test("makeReport() does not compare clocks by connections that cannot be the same", () => {
  const { client, first, second } = movedBetweenServers();
  // The session returns to the first server, and both number their connections.
  second.reset(25_000);
  client.reset(25_000);
  new RecordedConnection(client, first, 3, 2).open(26_000).data(21, 25, 27_000);
  const { clocks, outages } =
    reportOfRuns(client.end(40_000, "self", 25), first.end(40_001, "peer", 25), second).document;
  assertEquals(clocks.map(({ frames }) => frames), [0, 0]);
  for (const { began } of outages) assertEquals(began, "unknown");
});

Deno.test("a report names the day of a moment that is not on the day on which something began", () => {
  const wall = (at_ms: number) => START_MS + 64_790_000 + at_ms;
  const client = new RecordedRun("client", "c", 0, { wall });
  const server = new RecordedRun("server", "s", 0, { wall });
  new RecordedConnection(client, server).open(1).data(1, 5, 1_000);
  client.phase(9_000, "data", "heartbeat", 3_000).phase(15_001, "heartbeat", "data", 9_000);
  new RecordedConnection(client, server).data(6, 9, 16_000);
  const late_ms = 2 * 86_400_000;
  const report = reportOfRuns(client.end(late_ms, "self", 9), server.end(late_ms, "peer", 9));
  const text = reportText(report.document).replace(/\n +/g, " ");
  assert(text.includes("recorded     2026-11-27 23:59:50.001 to 2026-11-29 23:59:50.000,"), text);
  assert(text.includes("2026-11-27 23:59:56.000 to 2026-11-28 00:00:05.001, 9.001 s"), text);
  assert(text.includes("noticed      client: 23:59:59.000; server: no"), text);
  assert(pageOf(report).includes("<dt>client noticed</dt><dd>23:59:59.000</dd>"));
});
